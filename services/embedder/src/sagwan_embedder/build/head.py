"""Makes an exported graph one that the service runs: pooling, projections and normalisation go into the graph.

An exporter's graph ends with one vector a token. With pooling inside, these are not handed out only to be summed, and
every model folder has the same inputs and the same output, whoever wrote it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from sagwan_embedder.domain.model import ModelUnusable, Pooling

_INPUTS = ("input_ids", "attention_mask")
_SEGMENTS = "token_type_ids"
_TOKEN_VECTORS = ("last_hidden_state", "token_embeddings")
_OUTPUT = "embeddings"
# Of the operators below the latest form is that of Squeeze and Unsqueeze, which take their axes as an input.
_OPSET_MIN = 13
_LOWEST = float(np.finfo(np.float32).min)


class Activation(StrEnum):
    """What follows a projection."""

    IDENTITY = "Identity"
    TANH = "Tanh"


@dataclass(frozen=True, slots=True, eq=False)
class Projection:
    """A linear layer after pooling.

    Attributes:
        weight: [outputs, inputs].
        bias: [outputs].
        activation: What follows it.
    """

    weight: NDArray[np.float32]
    bias: NDArray[np.float32]
    activation: Activation


def add_head(model: onnx.ModelProto, pooling: Pooling, projections: Sequence[Projection], *, dimension: int) -> None:
    """Adds what follows the transformer. Texts are padded on the right.

    Args:
        model: The exported graph, which is changed.
        pooling: How the vectors of tokens become one.
        projections: Linear layers after that, in their order.
        dimension: Numbers that are kept of a vector before it gets unit length.

    Raises:
        ModelUnusable: The graph needs more than token ids, or gives no vectors of tokens.
    """
    opset = next(each.version for each in model.opset_import if each.domain == "")
    outputs = [output.name for output in model.graph.output if output.name in _TOKEN_VECTORS]
    if opset < _OPSET_MIN or not outputs:
        raise ModelUnusable(f"the exported graph (opset {opset}) gives no {' or '.join(_TOKEN_VECTORS)}")
    _keep_inputs(model.graph)
    head = _HeadWriter(model.graph)
    vectors = head.pooled(outputs[0], pooling)
    for index, projection in enumerate(projections):
        vectors = head.projected(f"head.projection{index}", vectors, projection)
    head.finish(vectors, dimension)
    del model.graph.output[:]
    model.graph.output.append(helper.make_tensor_value_info(_OUTPUT, TensorProto.FLOAT, ["batch", dimension]))


def _keep_inputs(graph: onnx.GraphProto) -> None:
    """Every text is one segment, so the segments of all tokens are zero; other inputs are not known."""
    unknown = {each.name for each in graph.input} - {*_INPUTS, _SEGMENTS}
    if unknown:
        raise ModelUnusable(f"the exported graph also takes {', '.join(sorted(unknown))}, which is not supported")
    segments = [each for each in graph.input if each.name == _SEGMENTS]
    if segments:
        graph.input.remove(segments[0])
        zero = helper.make_tensor("zero", TensorProto.INT64, [1], [0])
        # First, because a graph lists what is computed before what uses it.
        graph.node.insert(0, helper.make_node("ConstantOfShape", ["head.batch_shape"], [_SEGMENTS], value=zero))
        graph.node.insert(0, helper.make_node("Shape", [_INPUTS[0]], ["head.batch_shape"]))


class _HeadWriter:
    def __init__(self, graph: onnx.GraphProto) -> None:
        self._graph = graph
        self._tensor("head.axis_1", np.array([1], np.int64))

    def pooled(self, tokens: str, pooling: Pooling) -> str:
        """One vector a text: [texts, hidden]."""
        match pooling:
            case Pooling.CLS:
                return self._node("Gather", [tokens, self._tensor("head.first", np.array(0, np.int64))], axis=1)
            case Pooling.MAX:
                return self._largest(tokens)
            case Pooling.MEAN | Pooling.MEAN_SQRT_LEN_TOKENS | Pooling.WEIGHTED_MEAN | Pooling.LAST_TOKEN:
                weights = self._node("Unsqueeze", [self._weights(pooling), "head.axis_1"])
                return self._node("Squeeze", [self._node("MatMul", [weights, tokens]), "head.axis_1"])

    def projected(self, name: str, vectors: str, projection: Projection) -> str:
        weight = self._tensor(f"{name}.weight", projection.weight)
        linear = self._node("Gemm", [vectors, weight, self._tensor(f"{name}.bias", projection.bias)], transB=1)
        return self._node(projection.activation, [linear])

    def finish(self, vectors: str, dimension: int) -> None:
        start = self._tensor("head.start", np.array([0], np.int64))
        end = self._tensor("head.end", np.array([dimension], np.int64))
        kept = self._node("Slice", [vectors, start, end, "head.axis_1"])
        self._graph.node.append(helper.make_node("LpNormalization", [kept], [_OUTPUT], axis=-1, p=2))

    def _weights(self, pooling: Pooling) -> str:
        """How much each token counts: [texts, tokens]."""
        mask = self._node("Cast", [_INPUTS[1]], to=TensorProto.FLOAT)
        count = self._node("ReduceSum", [mask, "head.axis_1"], keepdims=1)
        if pooling is Pooling.MEAN:
            return self._node("Div", [mask, count])
        if pooling is Pooling.MEAN_SQRT_LEN_TOKENS:
            return self._node("Div", [mask, self._node("Sqrt", [count])])
        running = self._node("CumSum", [mask, self._tensor("head.tokens_axis", np.array(1, np.int64))])
        positions = self._node("Mul", [running, mask])
        if pooling is Pooling.LAST_TOKEN:
            return self._node("Cast", [self._node("Equal", [positions, count])], to=TensorProto.FLOAT)
        return self._node("Div", [positions, self._node("ReduceSum", [positions, "head.axis_1"], keepdims=1)])

    def _largest(self, tokens: str) -> str:
        hidden = self._node("Not", [self._node("Cast", [_INPUTS[1]], to=TensorProto.BOOL)])
        lowest = self._tensor("head.lowest", np.array(_LOWEST, np.float32))
        axis = self._tensor("head.hidden_axis", np.array([2], np.int64))
        seen = self._node("Where", [self._node("Unsqueeze", [hidden, axis]), lowest, tokens])
        # Over the last axis, because pooling over it kept its form through all versions of the operators.
        largest = self._node("GlobalMaxPool", [self._node("Transpose", [seen], perm=[0, 2, 1])])
        return self._node("Squeeze", [largest, axis])

    def _tensor(self, name: str, values: NDArray[Any]) -> str:
        self._graph.initializer.append(numpy_helper.from_array(np.asarray(values, order="C"), name))
        return name

    def _node(self, operator: str, inputs: list[str], **attributes: Any) -> str:
        output = f"head.{len(self._graph.node)}"
        self._graph.node.append(helper.make_node(operator, inputs, [output], name=output, **attributes))
        return output
