"""The folder of the default model, in one of two formats."""

from enum import StrEnum
from importlib import metadata
from pathlib import Path

from sagwan_embedder.adapters.model_folder import GRAPH_FILE, TOKENIZER_FILE
from sagwan_embedder.build.graph import write_graph
from sagwan_embedder.build.placing import finish, placed, standing_card
from sagwan_embedder.build.vocabulary import write_tokenizer
from sagwan_embedder.build.weights import SOURCE_PACKAGE, Weights
from sagwan_embedder.domain.model import Kind, ModelCard, Pooling
from sagwan_embedder.extras import extra

_NAME = "intfloat/multilingual-e5-small"
_PROMPTS = {Kind.QUERY: "query: ", Kind.PASSAGE: "passage: "}
# Changes whenever the files that this package writes change, so that folders of earlier versions are built again.
_LAYOUT = 2


class Format(StrEnum):
    """What the folder is for: to be served without torch, or to be loaded by sentence-transformers."""

    ONNX = "onnx"
    SENTENCE_TRANSFORMERS = "sentence-transformers"

    @property
    def quantization(self) -> str:
        """How the weights are stored."""
        return "int8" if self is Format.ONNX else "float32"


def current_card(folder: Path, target: Format = Format.ONNX) -> ModelCard | None:
    """The card of a folder that already holds what would be built; None where it does not."""
    card = standing_card(folder)
    wanted = (_NAME, source_revision(), target.quantization)
    return card if card and (card.name, card.revision, card.quantization) == wanted else None


def source_revision() -> str:
    """The package that the weights come from, its version, and the version of what is made of them."""
    try:
        return f"{SOURCE_PACKAGE}-{metadata.version(SOURCE_PACKAGE)}+{_LAYOUT}"
    except metadata.PackageNotFoundError:
        return ""


def build_folder(folder: Path, target: Format = Format.ONNX) -> ModelCard:
    """Builds the model beside `folder` and moves it there. A damaged or older build in its place is replaced.

    Raises:
        UnreadableWeights: The source package is missing or damaged.
        FolderInTheWay: `folder` holds another model, or something that is no model.
        ModelUnusable: The format needs packages that are not installed.
    """
    with placed(folder, name=_NAME, quantization=target.quantization) as fresh:
        weights = Weights.from_installed_package()
        _write(weights, fresh, target)
        return finish(
            fresh,
            name=_NAME,
            revision=source_revision(),
            quantization=target.quantization,
            dimension=weights.shape.hidden,
            tokens_max=weights.shape.positions,
            pooling=Pooling.MEAN,
            prompts=_PROMPTS,
        )


def _write(weights: Weights, folder: Path, target: Format) -> None:
    match target:
        case Format.ONNX:
            write_graph(weights, folder / GRAPH_FILE, quantized=True)
            write_tokenizer(weights.vocabulary, folder / TOKENIZER_FILE)
        case Format.SENTENCE_TRANSFORMERS:
            with extra("sentence-transformers"):
                from sagwan_embedder.build.reference import write_reference
            write_reference(weights, _PROMPTS, folder)
