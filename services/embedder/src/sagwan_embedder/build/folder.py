"""Puts a model's folder in place: all of it or nothing, and only where it is not there yet."""

import tempfile
from importlib import metadata
from pathlib import Path

from sagwan_embedder.adapters.model_folder import (
    CARD_FILE,
    GRAPH_FILE,
    TOKENIZER_FILE,
    ModelFolderInvalid,
    read_card,
    sha256_of,
    write_card,
)
from sagwan_embedder.build.graph import EXTERNAL_DATA_SUFFIX, write_graph
from sagwan_embedder.build.vocabulary import write_tokenizer
from sagwan_embedder.build.weights import SOURCE_PACKAGE, Weights
from sagwan_embedder.domain.model import Kind, ModelCard, identity

_NAME = "intfloat/multilingual-e5-small"
_PROMPTS = {Kind.QUERY: "query: ", Kind.PASSAGE: "passage: "}
# Changes whenever the files that this package writes change, so that folders of earlier versions are built again.
_LAYOUT = 1


class FolderInTheWay(Exception):
    """The output folder holds something that is not a model."""


def current_card(folder: Path) -> ModelCard | None:
    """The card of a folder that already holds what would be built; None where it does not."""
    card = _sound_card(folder)
    return card if card and (card.name, card.revision) == (_NAME, source_revision()) else None


def source_revision() -> str:
    """The package that the weights come from, its version, and the version of what is made of them."""
    try:
        return f"{SOURCE_PACKAGE}-{metadata.version(SOURCE_PACKAGE)}+{_LAYOUT}"
    except metadata.PackageNotFoundError:
        return ""


def build_folder(folder: Path) -> ModelCard:
    """Builds the model beside `folder` and moves it there. A damaged or older build in its place is replaced.

    Raises:
        UnreadableWeights: The source package is missing or damaged.
        FolderInTheWay: `folder` holds another model, or something that is no model.
    """
    standing = _sound_card(folder)
    if standing and standing.name != _NAME:
        raise FolderInTheWay(f"{folder} holds {standing.name}; name another folder")
    if folder.exists() and any(folder.iterdir()) and not (folder / CARD_FILE).exists():
        raise FolderInTheWay(f"{folder} is not empty and holds no {CARD_FILE}; name another folder")
    weights = Weights.from_installed_package()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as name:
        fresh = Path(name) / "fresh"
        fresh.mkdir()
        card = _write_model(weights, fresh)
        if folder.exists():
            folder.rename(Path(name) / "replaced")
        fresh.rename(folder)
    return card


def _sound_card(folder: Path) -> ModelCard | None:
    try:
        return read_card(folder)
    except ModelFolderInvalid:
        return None


def _write_model(weights: Weights, folder: Path) -> ModelCard:
    write_graph(weights, folder / GRAPH_FILE, quantized=True)
    write_tokenizer(weights.vocabulary, folder / TOKENIZER_FILE)
    names = [GRAPH_FILE, GRAPH_FILE + EXTERNAL_DATA_SUFFIX, TOKENIZER_FILE]
    for name in names:
        # Some writers make files that only their owner can read; a container serves as another user.
        (folder / name).chmod(0o644)
    files = {name: sha256_of(folder / name) for name in names}
    card = ModelCard(
        name=_NAME,
        revision=source_revision(),
        quantization="int8",
        sha256=identity(files),
        dimension=weights.shape.hidden,
        tokens_max=weights.shape.positions,
        pooling="mean",
        prompts=_PROMPTS,
        files=files,
    )
    write_card(card, folder)
    return card
