"""A model's folder: its files, and the card that names them.

The graph takes `input_ids` and `attention_mask` and gives one unit vector a text, whoever wrote it. The tokenizer is
sentencepiece's `tokenizer.model` or the `tokenizer.json` of the `tokenizers` library, whichever the card names.
"""

import hashlib
import json
from pathlib import Path, PurePosixPath
from typing import Any

from sagwan_embedder.domain.model import Kind, ModelCard, ModelUnusable, Pooling, identity

CARD_FILE = "model.json"
GRAPH_FILE = "model.onnx"
TOKENIZER_FILE = "tokenizer.model"
JSON_TOKENIZER_FILE = "tokenizer.json"


class ModelFolderInvalid(ModelUnusable):
    """A folder holds no complete model, or other files than its card says."""


def read_card(folder: Path) -> ModelCard:
    """Reads a folder's card and compares every file with it.

    Raises:
        ModelFolderInvalid: The card is missing or malformed, or a file is missing or not the one that it names.
    """
    try:
        card = _parsed(json.loads((folder / CARD_FILE).read_bytes()))
        found = {name: sha256_of(folder / name) for name in card.files}
    except OSError as error:
        raise ModelFolderInvalid(
            f"{folder} holds no complete model ({error.strerror}: {error.filename}); build it with"
            f" `python -m sagwan_embedder.build --output {folder}`"
        ) from error
    except (KeyError, TypeError, ValueError) as error:
        raise ModelFolderInvalid(f"{folder / CARD_FILE} is not a model's card: {error!r}") from error
    wrong = sorted(name for name, sha256 in card.files.items() if found[name] != sha256)
    if wrong or identity(card.files) != card.sha256:
        raise ModelFolderInvalid(f"{folder} is not the model that its card names: {', '.join(wrong) or CARD_FILE}")
    return card


def write_card(card: ModelCard, folder: Path) -> None:
    """Writes the card of a folder whose files are there."""
    content = {
        "name": card.name,
        "revision": card.revision,
        "quantization": card.quantization,
        "dimension": card.dimension,
        "tokens_max": card.tokens_max,
        "pooling": card.pooling,
        "prompts": dict(card.prompts),
        "files": dict(card.files),
        "sha256": card.sha256,
    }
    (folder / CARD_FILE).write_text(json.dumps(content, indent=2) + "\n")


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _parsed(content: dict[str, Any]) -> ModelCard:
    files = {str(name): str(sha256) for name, sha256 in content["files"].items()}
    if any(PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts for name in files):
        raise ValueError("a file lies outside the folder")
    return ModelCard(
        name=str(content["name"]),
        revision=str(content["revision"]),
        quantization=str(content["quantization"]),
        sha256=str(content["sha256"]),
        dimension=int(content["dimension"]),
        tokens_max=int(content["tokens_max"]),
        pooling=Pooling(content["pooling"]),
        prompts={kind: str(content["prompts"][kind]) for kind in Kind},
        files=files,
    )
