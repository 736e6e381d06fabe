"""Writes any sentence-transformers model as a folder that the service runs without torch.

Export and quantization are those of sentence-transformers; the rest of the model, pooling for one, goes into the graph.
What came out is compared with torch before it is put in place.
"""

import gc
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from sentence_transformers import SentenceTransformer
from sentence_transformers.backend import export_dynamic_quantized_onnx_model
from sentence_transformers.base.modules import Dense
from sentence_transformers.sentence_transformer.modules import Normalize
from sentence_transformers.sentence_transformer.modules import Pooling as PoolingModule

from sagwan_embedder.adapters.model_folder import GRAPH_FILE, JSON_TOKENIZER_FILE
from sagwan_embedder.adapters.onnx_encoder import OnnxEncoder
from sagwan_embedder.adapters.sentence_transformers_model import SentenceTransformersModel, TorchEncoder
from sagwan_embedder.build.graph import save_graph
from sagwan_embedder.build.head import Activation, Projection, add_head
from sagwan_embedder.build.placing import finish, placed
from sagwan_embedder.domain.batching import padded
from sagwan_embedder.domain.model import Kind, ModelCard, ModelUnusable, Quantization
from sagwan_embedder.ports import Encoder, Tokenizer

# Of different lengths, so that what padding does shows.
_PROBES = (
    "What was decided about the budget?",
    "예산안은 다음 회의에서 다시 논의하기로 했습니다.",
    "Okay.",
    "The committee agreed to postpone the vote until the third quarter, because figures were missing. " * 2,
)
# int8 of small or unusual models may lose some of it; a head that does not fit loses nearly all.
_COSINE_MIN = 0.9


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written, and the least cosine of its vectors to those of torch."""

    card: ModelCard
    cosine_min: float


def export_model(model: str, folder: Path, quantization: Quantization) -> Exported:
    """Writes the folder, all of it or nothing.

    Args:
        model: Name on a hub, or folder of sentence-transformers.
        folder: What is written.
        quantization: How the weights are stored.

    Raises:
        ModelUnusable: The model is not to be had, or a part of it cannot be carried over.
        FolderInTheWay: `folder` holds another model, or something that is no model.
    """
    source = SentenceTransformersModel(model, device="cpu")
    projections = _projections(source.modules)
    card = source.card
    with placed(folder, name=card.name, quantization=quantization) as fresh:
        graph = _exported_graph(source.folder, quantization)
        add_head(graph, card.pooling, projections, dimension=card.dimension)
        save_graph(graph, fresh / GRAPH_FILE)
        description = source.transformer.tokenizer.backend_tokenizer.to_str()
        (fresh / JSON_TOKENIZER_FILE).write_text(description, encoding="utf-8")
        cosine_min = _agreement(source, OnnxEncoder(fresh))
        if cosine_min < _COSINE_MIN:
            raise ModelUnusable(f"the exported model does not do what the original does (cosine {cosine_min:.3f})")
        exported = finish(
            fresh,
            name=card.name,
            revision=card.revision,
            quantization=quantization,
            dimension=card.dimension,
            tokens_max=card.tokens_max,
            pooling=card.pooling,
            prompts=card.prompts,
        )
    return Exported(exported, cosine_min)


def _projections(modules: SentenceTransformer) -> list[Projection]:
    """The linear layers after pooling."""
    projections = []
    normalized = False
    for module in list(modules)[1:]:
        if isinstance(module, Dense) and not normalized:
            projections.append(_projection(module))
        elif not isinstance(module, (PoolingModule, Normalize)):
            raise ModelUnusable(f"a module {type(module).__name__} at this place cannot be exported")
        normalized = normalized or isinstance(module, Normalize)
    return projections


def _projection(module: Dense) -> Projection:
    activation = type(module.activation_function).__name__
    if activation not in {each.value for each in Activation}:
        raise ModelUnusable(f"a Dense module with the activation {activation} cannot be exported")
    weight = module.linear.weight.detach().float().numpy()
    bias = module.linear.bias.detach().float().numpy() if module.bias else np.zeros(len(weight), np.float32)
    return Projection(weight, bias, Activation(activation))


def _exported_graph(source: Path, quantization: Quantization) -> onnx.ModelProto:
    with tempfile.TemporaryDirectory() as temporary, _quiet():
        _write_graph(source, quantization, temporary)
        # The exporter leaves its own temporary folder to the collector.
        gc.collect()
        (path,) = Path(temporary).rglob("*.onnx")
        return onnx.load(path)


def _write_graph(source: Path, quantization: Quantization, folder: str) -> None:
    options = {"provider": "CPUExecutionProvider", "export": True}
    modules = SentenceTransformer(str(source), device="cpu", backend="onnx", model_kwargs=options)
    if quantization is Quantization.FLOAT32:
        modules.transformers_model.save_pretrained(folder)
    else:
        preset = quantization.removeprefix("int8-").replace("-", "_")
        export_dynamic_quantized_onnx_model(modules, preset, folder)


@contextmanager
def _quiet() -> Iterator[None]:
    """The tracer warns of every shape that it keeps as a constant; what came of it is compared afterwards."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _agreement(source: SentenceTransformersModel, encoder: Encoder) -> float:
    prompted = [source.card.prompts[kind] + text for kind in Kind for text in _PROBES]
    batch = padded(_rows(source.tokenizer(), prompted, source.card.tokens_max))
    expected = TorchEncoder(source, threads=0).run(batch)
    return float(np.sum(encoder.run(batch) * expected, axis=1).min())


def _rows(tokenizer: Tokenizer, texts: list[str], tokens_max: int) -> list[NDArray[np.int32]]:
    pieces_max = tokens_max - len(tokenizer.prefix) - len(tokenizer.suffix)
    return [
        np.concatenate([tokenizer.prefix, tokens[:pieces_max], tokenizer.suffix]) for tokens in tokenizer.tokens(texts)
    ]
