"""Puts a model's folder in place: all of it or nothing, and never over something else."""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from sagwan_embedder.adapters.model_folder import CARD_FILE, ModelFolderInvalid, read_card, sha256_of, write_card
from sagwan_embedder.domain.model import Kind, ModelCard, ModelUnusable, Pooling, identity


class FolderInTheWay(ModelUnusable):
    """The output folder holds something that is not this model."""


def standing_card(folder: Path) -> ModelCard | None:
    """The card of a folder that holds a sound model; None of any other."""
    try:
        return read_card(folder)
    except ModelFolderInvalid:
        return None


@contextmanager
def placed(folder: Path, *, name: str, quantization: str) -> Iterator[Path]:
    """A fresh folder beside `folder` that takes its place when the block ends well.

    A damaged or older folder of the same model is replaced.

    Raises:
        FolderInTheWay: `folder` holds another model, or something that is no model.
    """
    standing = standing_card(folder)
    if standing and (standing.name, standing.quantization) != (name, quantization):
        raise FolderInTheWay(f"{folder} holds {standing.name} ({standing.quantization}); name another folder")
    if folder.exists() and any(folder.iterdir()) and not (folder / CARD_FILE).exists():
        raise FolderInTheWay(f"{folder} is not empty and holds no {CARD_FILE}; name another folder")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as temporary:
        fresh = Path(temporary) / "fresh"
        fresh.mkdir()
        yield fresh
        if folder.exists():
            folder.rename(Path(temporary) / "replaced")
        fresh.rename(folder)


def finish(
    folder: Path,
    *,
    name: str,
    revision: str,
    quantization: str,
    dimension: int,
    tokens_max: int,
    pooling: Pooling,
    prompts: Mapping[Kind, str],
) -> ModelCard:
    """Writes the card beside the files of a model, all of which are there."""
    paths = [path for path in folder.rglob("*") if path.is_file()]
    for path in paths:
        # Some writers make files that only their owner can read; a container serves as another user.
        path.chmod(0o644)
    files = {path.relative_to(folder).as_posix(): sha256_of(path) for path in sorted(paths)}
    card = ModelCard(
        name=name,
        revision=revision,
        quantization=quantization,
        sha256=identity(files),
        dimension=dimension,
        tokens_max=tokens_max,
        pooling=pooling,
        prompts=prompts,
        files=files,
    )
    write_card(card, folder)
    return card
