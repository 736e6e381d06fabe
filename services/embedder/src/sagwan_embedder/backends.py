"""What can run a model, and how each is loaded. A new backend is one more member and one more case."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from sagwan_embedder.adapters.json_tokenizer import JsonTokenizer
from sagwan_embedder.adapters.model_folder import CARD_FILE, TOKENIZER_FILE, read_card
from sagwan_embedder.adapters.onnx_encoder import OnnxEncoder
from sagwan_embedder.adapters.sentencepiece_tokenizer import SentencePieceTokenizer
from sagwan_embedder.domain.model import ModelCard, ModelUnusable
from sagwan_embedder.extras import extra
from sagwan_embedder.ports import Encoder, Tokenizer


class Backend(StrEnum):
    """What runs the model."""

    ONNX = "onnx"
    SENTENCE_TRANSFORMERS = "sentence-transformers"


@dataclass(frozen=True, slots=True, eq=False)
class LoadedModel:
    """A model that is ready to be called."""

    card: ModelCard
    tokenizer: Tokenizer
    encoder: Encoder


def load_model(*, backend: Backend, model: str, threads: int, device: str) -> LoadedModel:
    """Loads a model.

    Args:
        backend: What runs it.
        model: For ONNX a folder that `python -m sagwan_embedder.build` or `sagwan-embedder export` wrote; for
            sentence-transformers a name on a hub, or a folder.
        threads: Threads that share the work of a batch on the CPU; 0 for one a core that the process may use.
        device: Where torch computes; empty: it chooses. Without meaning for ONNX.

    Raises:
        ModelUnusable: The model is not there, not of the backend's kind, or the backend is not installed.
    """
    match backend:
        case Backend.ONNX:
            return _onnx(model, threads)
        case Backend.SENTENCE_TRANSFORMERS:
            return _sentence_transformers(model, threads, device)


def _onnx(model: str, threads: int) -> LoadedModel:
    folder = Path(model)
    if _is_for_sentence_transformers(folder) or not (folder / CARD_FILE).exists():
        raise ModelUnusable(_how_to_get_a_folder(model))
    card = read_card(folder)
    if TOKENIZER_FILE in card.files:
        tokenizer: Tokenizer = SentencePieceTokenizer(folder)
    else:
        tokenizer = JsonTokenizer.from_folder(folder)
    return LoadedModel(card, tokenizer, OnnxEncoder(folder, threads=threads))


def _sentence_transformers(model: str, threads: int, device: str) -> LoadedModel:
    with extra("sentence-transformers"):
        from sagwan_embedder.adapters.sentence_transformers_model import SentenceTransformersModel, TorchEncoder
    loaded = SentenceTransformersModel(model, device=device)
    return LoadedModel(loaded.card, loaded.tokenizer(), TorchEncoder(loaded, threads=threads))


def _is_for_sentence_transformers(folder: Path) -> bool:
    return (folder / "modules.json").exists()


def _how_to_get_a_folder(model: str) -> str:
    export = f"`sagwan-embedder export {model} --output DIR` and name DIR"
    if _is_for_sentence_transformers(Path(model)):
        return f"{model} is a sentence-transformers folder, not an exported one: run {export}"
    return (
        f"{model} is no folder with a {CARD_FILE}: for the default model run `python -m sagwan_embedder.build --output"
        f" {model}`, for a model by its name {export}"
    )
