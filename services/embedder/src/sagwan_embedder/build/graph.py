"""Writes the encoder as an ONNX graph, node by node, in int8 or (to compare with) in float32.

A plain BERT encoder: embeddings, then per layer attention and feed-forward with normalisation after each, then the
mean over the tokens and L2 normalisation. The operators are those that ONNX Runtime is fastest with on a CPU: a fused
kernel where it has a quick one, as for attention and GELU.

In int8 each weight matrix is symmetric with one scale an output channel, and each token's activations get a scale of
their own. Dynamic quantization as ONNX Runtime ships it takes one scale for the whole batch: it loses eight times as
much of the cosine, and moves a text's vector by the texts that happen to share its batch. With a scale a token it is
the same to the last bit (AVX2), whatever the company.

The mask is given to attention even where nothing is padded. Without it the runtime takes a flash kernel, 5 % faster on
the longest texts, whose last bits differ; int8 makes of them a cosine of 0.9994 between a text alone and in a batch.
"""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from sagwan_embedder.build.weights import Weights

EXTERNAL_DATA_SUFFIX = ".data"

_MICROSOFT = "com.microsoft"
_OPSET = 20
_IR_VERSION = 10
_INT8_MAX = 127
# A weight's largest value. The AVX2 kernel adds two products of uint8 and int8 in 16 bits and cuts off what does not
# fit: with 127 that is a third of the cosine that int8 loses. With much less, rounding costs more.
_WEIGHT_MAX = 104
# Channels that are two to five times larger than all others after nearly every layer: they would decide each token's
# scale. Divided by this factor, and their weights multiplied by it, int8 loses half as much. They were found in the
# float32 graph's activations on English and Korean meetings.
_OUTLIER_CHANNELS = (15, 35)
_OUTLIER_FACTOR = 4
# Quantized activations are unsigned and lie around this zero point: the kernels of every CPU take uint8 times int8.
_ZERO_POINT = 128
_ROWS_AT_ONCE = 8_192
_EXTERNAL_BYTES_MIN = 1_024


def write_graph(weights: Weights, path: Path, *, quantized: bool) -> None:
    """Writes the graph to `path` and its tensors beside it, where the runtime maps them instead of copying them.

    Inputs are `input_ids` and `attention_mask`, int64 of [batch, tokens]; the output is `embeddings`, float32 of
    [batch, hidden], each of unit length.
    """
    save_graph(_EncoderWriter(weights, quantized=quantized).model(), path)


def save_graph(model: onnx.ModelProto, path: Path) -> None:
    """Writes a graph, and its tensors beside it, where the runtime maps them instead of copying them."""
    onnx.save_model(
        model,
        str(path),
        save_as_external_data=True,
        location=path.name + EXTERNAL_DATA_SUFFIX,
        size_threshold=_EXTERNAL_BYTES_MIN,
    )


def quantized_rows(
    values: NDArray[np.float32], largest: int = _INT8_MAX
) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """int8 values of the same shape, no larger than `largest`, and the scale of each row: value = int8 * scale."""
    scales = np.abs(values).max(axis=1) / np.float32(largest)
    scales[scales == 0] = 1
    return np.rint(values / scales[:, None]).astype(np.int8), scales.astype(np.float32)


class _EncoderWriter:
    def __init__(self, weights: Weights, *, quantized: bool) -> None:
        self._weights = weights
        self._shape = weights.shape
        self._quantized = quantized
        self._nodes: list[onnx.NodeProto] = []
        self._initializers: list[onnx.TensorProto] = []

    def model(self) -> onnx.ModelProto:
        self._constants()
        tokens = self._embeddings()
        for layer in range(self._shape.layers):
            tokens = self._feed_forward(f"l{layer}", self._attention(f"l{layer}", tokens))
        self._pooling(tokens)
        batch = ["batch", "tokens"]
        graph = helper.make_graph(
            self._nodes,
            "sentence_encoder",
            [
                helper.make_tensor_value_info("input_ids", TensorProto.INT64, batch),
                helper.make_tensor_value_info("attention_mask", TensorProto.INT64, batch),
            ],
            [helper.make_tensor_value_info("embeddings", TensorProto.FLOAT, ["batch", self._shape.hidden])],
            self._initializers,
        )
        opsets = [helper.make_opsetid("", _OPSET), helper.make_opsetid(_MICROSOFT, 1)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=_IR_VERSION)

    def _constants(self) -> None:
        """What every layer shares. Tokens are rows of [batch * tokens, width], except inside attention."""
        hidden = self._shape.hidden
        self._tensor("axis_0", np.array([0], np.int64))
        self._tensor("axis_1", np.array([1], np.int64))
        self._tensor("axis_last", np.array([-1], np.int64))
        self._tensor("as_rows", np.array([-1, hidden], np.int64))
        self._node("Shape", ["input_ids"], "batch_shape")
        self._node("Concat", ["batch_shape", "axis_last"], "as_batch", axis=0)
        self._node("Cast", ["attention_mask"], "key_mask", to=TensorProto.INT32)
        if self._quantized:
            self._tensor("one", np.array(1, np.float32))
            self._tensor("inverse_int8_max", np.array(1 / _INT8_MAX, np.float32))
            self._tensor("zero_point", np.array(_ZERO_POINT, np.uint8))
            self._tensor("outlier_shares", 1 / self._outlier_factors())
            self._node("ReduceProd", ["batch_shape"], "row_count", keepdims=1)
            self._node("Expand", ["zero_point", "row_count"], "zero_points")

    def _embeddings(self) -> str:
        shape = self._shape
        positions = self._weights.vector("emb.pos").reshape(shape.positions, shape.hidden)
        # Every token is of type 0, so its embedding is one more constant at each position.
        positions += self._weights.vector("emb.type")[: shape.hidden]
        self._tensor("emb.positions", positions)
        self._node("Shape", ["input_ids"], "token_count", start=1, end=2)
        self._node("Slice", ["emb.positions", "axis_0", "token_count", "axis_0"], "emb.position")
        self._node("Add", [self._words(), "emb.position"], "emb.sum")
        self._node(
            "LayerNormalization",
            ["emb.sum", *self._norm("emb.ln")],
            "emb.batch",
            epsilon=self._shape.layer_norm_epsilon,
        )
        return self._node("Reshape", ["emb.batch", "as_rows"], "emb.out")

    def _words(self) -> str:
        """The rows of the word table. In int8 the table is never widened, only the rows that were asked for."""
        shape = self._shape
        if not self._quantized:
            self._tensor("emb.words", self._weights.matrix("emb.word", shape.hidden))
            return self._node("Gather", ["emb.words", "input_ids"], "emb.word")
        table = np.empty((shape.vocabulary, shape.hidden), np.int8)
        scales = np.empty((shape.vocabulary, 1), np.float32)
        for start in range(0, shape.vocabulary, _ROWS_AT_ONCE):
            rows = slice(start, start + _ROWS_AT_ONCE)
            table[rows], scales[rows, 0] = quantized_rows(self._weights.matrix("emb.word", shape.hidden, rows))
        self._tensor("emb.words", table)
        self._tensor("emb.scales", scales)
        self._node("Gather", ["emb.words", "input_ids"], "emb.word_int8")
        self._node("Cast", ["emb.word_int8"], "emb.word_float", to=TensorProto.FLOAT)
        self._node("Gather", ["emb.scales", "input_ids"], "emb.scale")
        return self._node("Mul", ["emb.word_float", "emb.scale"], "emb.word")

    def _attention(self, layer: str, tokens: str) -> str:
        weights = self._weights
        matrices = [f"{layer}.q.w", f"{layer}.k.w", f"{layer}.v.w"]
        projected = self._linear(f"{layer}.qkv", tokens, matrices, tame_outliers=True)
        self._node("Reshape", [projected, "as_batch"], f"{layer}.qkv_batch")
        parts = [f"{layer}.query", f"{layer}.key", f"{layer}.value"]
        self._nodes.append(
            helper.make_node("Split", [f"{layer}.qkv_batch"], parts, name=f"{layer}.split", axis=-1, num_outputs=3)
        )
        bias = np.concatenate([weights.vector(f"{layer}.{part}.b") for part in "qkv"])
        attended = self._node(
            "MultiHeadAttention",
            [*parts, self._tensor(f"{layer}.qkv.b", bias), "key_mask"],
            f"{layer}.attended",
            domain=_MICROSOFT,
            num_heads=self._shape.heads,
        )
        rows = self._node("Reshape", [attended, "as_rows"], f"{layer}.attended_rows")
        output = self._linear(f"{layer}.ao", rows, [f"{layer}.ao.w"])
        return self._add_and_normalize(f"{layer}.ao", f"{layer}.aln", output, tokens)

    def _feed_forward(self, layer: str, tokens: str) -> str:
        wide = self._linear(f"{layer}.fi", tokens, [f"{layer}.fi.w"])
        bias = self._vector(f"{layer}.fi.b")
        # GELU by tanh: 0.6 of the time of the one by erf, and nearer to it than int8 can tell.
        active = self._node("FastGelu", [wide, bias], f"{layer}.gelu", domain=_MICROSOFT)
        output = self._linear(f"{layer}.fo", active, [f"{layer}.fo.w"], columns=self._shape.feed_forward)
        return self._add_and_normalize(f"{layer}.fo", f"{layer}.oln", output, tokens)

    def _pooling(self, tokens: str) -> None:
        """The sum over a text's tokens: it points where their mean does, and only the direction is kept."""
        self._node("Reshape", [tokens, "as_batch"], "pool.tokens")
        self._node("Cast", ["attention_mask"], "pool.mask", to=TensorProto.FLOAT)
        self._node("Unsqueeze", ["pool.mask", "axis_1"], "pool.weights")
        self._node("MatMul", ["pool.weights", "pool.tokens"], "pool.sums")
        self._node("Squeeze", ["pool.sums", "axis_1"], "pool.sum")
        self._node("LpNormalization", ["pool.sum"], "embeddings", axis=-1, p=2)

    def _linear(
        self, name: str, rows: str, matrices: list[str], *, columns: int | None = None, tame_outliers: bool = False
    ) -> str:
        """Rows times the transpose of the stacked matrices, without a bias: the operator that follows adds it."""
        width = columns or self._shape.hidden
        stacked = np.concatenate([self._weights.matrix(matrix, width) for matrix in matrices])
        if not self._quantized:
            return self._node("MatMul", [rows, self._tensor(f"{name}.w", stacked.T)], f"{name}.out")
        if tame_outliers:
            stacked *= self._outlier_factors()
            rows = self._node("Mul", [rows, "outlier_shares"], f"{name}.tamed")
        values, scales = quantized_rows(stacked, _WEIGHT_MAX)
        self._tensor(f"{name}.w", values.T)
        self._tensor(f"{name}.w_scales", scales)
        self._node("Abs", [rows], f"{name}.abs")
        self._node("ReduceMax", [f"{name}.abs", "axis_1"], f"{name}.max", keepdims=1)
        self._node("Mul", [f"{name}.max", "inverse_int8_max"], f"{name}.scale")
        self._node("Squeeze", [f"{name}.scale", "axis_1"], f"{name}.scales")
        self._node("QuantizeLinear", [rows, f"{name}.scales", "zero_points"], f"{name}.in", axis=0)
        # The kernel takes one scale for all rows, so it gets 1 and each row's own is applied to its result.
        self._node(
            "MatMulIntegerToFloat",
            [f"{name}.in", f"{name}.w", "one", f"{name}.w_scales", "zero_point"],
            f"{name}.product",
            domain=_MICROSOFT,
        )
        return self._node("Mul", [f"{name}.product", f"{name}.scale"], f"{name}.out")

    def _outlier_factors(self) -> NDArray[np.float32]:
        factors = np.ones(self._shape.hidden, np.float32)
        factors[list(_OUTLIER_CHANNELS)] = _OUTLIER_FACTOR
        return factors

    def _add_and_normalize(self, linear: str, norm: str, output: str, residual: str) -> str:
        """Adds bias and residual, then normalizes.

        The fused SkipLayerNormalization takes four times as long a row as these two: its kernel is not vectorized. A
        Sum, because the runtime would fuse an Add with what follows.
        """
        summed = self._node("Sum", [output, residual, self._vector(f"{linear}.b")], f"{norm}.sum")
        return self._node(
            "LayerNormalization", [summed, *self._norm(norm)], f"{norm}.out", epsilon=self._shape.layer_norm_epsilon
        )

    def _norm(self, name: str) -> list[str]:
        return [self._vector(f"{name}.w"), self._vector(f"{name}.b")]

    def _vector(self, name: str) -> str:
        return self._tensor(name, self._weights.vector(name))

    def _tensor(self, name: str, values: NDArray[Any]) -> str:
        self._initializers.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def _node(self, operator: str, inputs: list[str], output: str, *, domain: str = "", **attributes: Any) -> str:
        node = helper.make_node(operator, inputs, [output], name=output, domain=domain, **attributes)
        self._nodes.append(node)
        return output
