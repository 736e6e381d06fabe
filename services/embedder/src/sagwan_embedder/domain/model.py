"""Which model wrote a vector. Vectors of two models never meet, so its identity travels with every vector."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What a text is for."""

    QUERY = "query"
    PASSAGE = "passage"


class Pooling(StrEnum):
    """How the vectors of a text's tokens become one, by the names that sentence-transformers gives them."""

    MEAN = "mean"
    CLS = "cls"
    MAX = "max"
    MEAN_SQRT_LEN_TOKENS = "mean_sqrt_len_tokens"
    WEIGHTED_MEAN = "weightedmean"
    LAST_TOKEN = "lasttoken"  # noqa: S105  # no secret: the last token of a text


class Quantization(StrEnum):
    """How an exported model's weights are stored: int8 for the kernels of a kind of CPU, or as they are."""

    INT8_AVX2 = "int8-avx2"
    INT8_AVX512_VNNI = "int8-avx512-vnni"
    INT8_ARM64 = "int8-arm64"
    FLOAT32 = "float32"


class ModelUnusable(Exception):
    """The model that was asked for cannot be loaded or built here. The message says what to do instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCard:
    """The identity of a model, and what a caller must know to use it.

    Attributes:
        name: Public name.
        revision: Where its weights came from, with the version: a package, a commit of a hub, or a hash of their files.
        quantization: How its weights are stored.
        sha256: `identity(files)`.
        dimension: Length of its vectors, which are of unit length.
        tokens_max: Most tokens it takes, its markers included.
        pooling: How the vectors of tokens become that of the text.
        prompts: What goes before a text of each kind.
        files: SHA-256 of each of its files, hexadecimal, by its path in the model's folder.
    """

    name: str
    revision: str
    quantization: str
    sha256: str
    dimension: int
    tokens_max: int
    pooling: Pooling
    prompts: Mapping[Kind, str]
    files: Mapping[str, str]


def identity(files: Mapping[str, str]) -> str:
    """One SHA-256 over the hashes of a model's files: of the lines `<hash>  <name>`, sorted by name."""
    lines = "".join(f"{files[name]}  {name}\n" for name in sorted(files))
    return hashlib.sha256(lines.encode()).hexdigest()
