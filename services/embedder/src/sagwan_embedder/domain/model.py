"""Which model wrote a vector. Vectors of two models never meet, so its identity travels with every vector."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What a text is for."""

    QUERY = "query"
    PASSAGE = "passage"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCard:
    """The identity of a model, and what a caller must know to use it.

    Attributes:
        name: Public name.
        revision: Where its weights came from, with the version.
        quantization: How its weights are stored.
        sha256: `identity(files)`.
        dimension: Length of its vectors, which are of unit length.
        tokens_max: Most tokens it takes, its markers included.
        pooling: How the vectors of tokens become that of the text.
        prompts: What goes before a text of each kind.
        files: SHA-256 of each of its files by name, hexadecimal.
    """

    name: str
    revision: str
    quantization: str
    sha256: str
    dimension: int
    tokens_max: int
    pooling: str
    prompts: Mapping[Kind, str]
    files: Mapping[str, str]


def identity(files: Mapping[str, str]) -> str:
    """One SHA-256 over the hashes of a model's files: of the lines `<hash>  <name>`, sorted by name."""
    lines = "".join(f"{files[name]}  {name}\n" for name in sorted(files))
    return hashlib.sha256(lines.encode()).hexdigest()
