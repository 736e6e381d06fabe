"""The graphs that were tried, made from the model's int8 graph or its float32 one by changing one thing."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from sagwan_embedder.build.graph import save_graph, write_graph
from sagwan_embedder.build.weights import Weights

_MICROSOFT = "com.microsoft"
_BLOCK = 32
# MatMulNBits quantizes the rows too, in the blocks of the weights.
_INT8_ACTIVATIONS = 4

Rewrite = Callable[[onnx.ModelProto], None]


def float32_graph(folder: Path) -> Path:
    """The model's own graph in float32."""
    file = folder / "float32.onnx"
    write_graph(Weights.from_installed_package(), file, quantized=False)
    return file


def rewritten(graph: Path, file: Path, rewrite: Rewrite) -> Path:
    """A copy of a graph with something changed."""
    model = onnx.load(str(graph))
    rewrite(model)
    save_graph(model, file)
    return file


def fuse_norms(model: onnx.ModelProto) -> None:
    """Residual, bias and normalisation in the one operator that the runtime's own fusion makes of them."""
    sums = {node.output[0]: node for node in model.graph.node if node.op_type == "Sum"}
    for node in model.graph.node:
        if node.op_type == "LayerNormalization" and node.input[0] in sums:
            output, residual, bias = sums[node.input[0]].input
            _, scale, shift = node.input
            node.op_type, node.domain = "SkipLayerNormalization", _MICROSOFT
            node.input[:] = [output, residual, scale, shift, bias]
    _replace_nodes(model, (node for node in model.graph.node if node.output[0] not in sums))


def exact_gelu(model: onnx.ModelProto) -> None:
    """GELU by the error function, as the model was trained with."""
    for node in model.graph.node:
        if node.op_type == "FastGelu":
            node.op_type = "BiasGelu"


def no_mask(model: onnx.ModelProto) -> None:
    """Attention without its mask, by the flash kernel: right only where nothing is padded."""
    for node in model.graph.node:
        if node.op_type == "MultiHeadAttention":
            del node.input[4:]


def in_blocks(bits: int) -> Rewrite:
    """The float32 graph's weights in blocks of 32, through MatMulNBits. With 4 bits they are as the source has them."""

    def rewrite(model: onnx.ModelProto) -> None:
        matrices = {each.name: each for each in model.graph.initializer if each.name.endswith(".w")}
        for node in model.graph.node:
            if node.op_type == "MatMul" and node.input[1] in matrices:
                tensor = matrices[node.input[1]]
                packed, scales = _packed(numpy_helper.to_array(tensor).T, bits)
                rows, columns = len(packed), packed.shape[1] * _BLOCK
                tensor.CopyFrom(numpy_helper.from_array(packed, tensor.name))
                model.graph.initializer.append(numpy_helper.from_array(scales, f"{tensor.name}.scales"))
                node.op_type, node.domain = "MatMulNBits", _MICROSOFT
                node.input.append(f"{tensor.name}.scales")
                _set_attributes(node, K=columns, N=rows, bits=bits, block_size=_BLOCK, accuracy_level=_INT8_ACTIVATIONS)

    return rewrite


def _packed(weights: NDArray[np.float32], bits: int) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Unsigned values around 2^(bits - 1), [rows, blocks, bytes], and the scale of each block."""
    blocks = weights.reshape(len(weights), -1, _BLOCK)
    middle = 1 << (bits - 1)
    furthest = np.take_along_axis(blocks, np.abs(blocks).argmax(axis=2, keepdims=True), axis=2)
    # The value that lies furthest out becomes the lowest one, as in the source's own format.
    scales = (furthest / -middle).astype(np.float32)
    scales[scales == 0] = 1
    values = np.clip(np.rint(blocks / scales) + middle, 0, 2 * middle - 1).astype(np.uint8)
    if bits < 8:
        values = values[..., 0::2] | (values[..., 1::2] << bits)
    return values, scales[..., 0]


def _set_attributes(node: onnx.NodeProto, **attributes: Any) -> None:
    node.attribute.extend(helper.make_attribute(name, value) for name, value in attributes.items())


def _replace_nodes(model: onnx.ModelProto, nodes: Iterable[onnx.NodeProto]) -> None:
    kept = list(nodes)
    del model.graph.node[:]
    model.graph.node.extend(kept)
