"""Unicode folding that remembers where each character came from.

Full-width letters, ligatures, squared units and decomposed Hangul become the plain characters that
dictionaries and stop lists know, while offsets still cut the text that the caller holds.
"""

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

CLUSTER_CHARS_MAX: Final = 32
"""Longer runs of marks are cut: sorting them is quadratic, and no language writes them.

The Stream-Safe Text Format of UAX #15 draws the line at 30 marks for the same reason.
"""

_ZERO_WIDTH_SPACE: Final = "\u200b"
_HALFWIDTH_SOUND_MARKS: Final = frozenset("\uff9e\uff9f")


@dataclass(frozen=True, slots=True)
class FoldedText:
    """Folded text, and for each of its characters the span of the original it was made from."""

    text: str
    starts: Sequence[int]
    ends: Sequence[int]


def fold(text: str) -> FoldedText:
    """Return the text in NFKC without format characters (soft hyphens, joiners, byte order marks).

    A zero-width space becomes a space, since it exists to separate words. Compatibility jamo such
    as ㅋ stay as they are: NFKC would make of them halves of syllables that were never written.
    """
    if _is_folded(text):
        return FoldedText(text, range(len(text)), range(1, len(text) + 1))
    pieces: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    for start, end in _clusters(text):
        piece = _fold_cluster(text[start:end])
        pieces.append(piece)
        starts += [start] * len(piece)
        ends += [end] * len(piece)
    return FoldedText("".join(pieces), starts, ends)


def _is_folded(text: str) -> bool:
    # Format characters are not printable, and nor are a few others that then take the slow path.
    return text.isascii() or (unicodedata.is_normalized("NFKC", text) and text.replace("\n", " ").isprintable())


def _clusters(text: str) -> Iterator[tuple[int, int]]:
    """Cut before each character that cannot compose with the one on its left."""
    start = 0
    for index in range(1, len(text)):
        if index - start == CLUSTER_CHARS_MAX or not _joins_left(text[index]):
            yield start, index
            start = index
    if text:
        yield start, len(text)


def _joins_left(char: str) -> bool:
    return char >= "\u0300" and (
        unicodedata.category(char).startswith("M")
        or "\u1160" <= char <= "\u11ff"  # vowels and final consonants of decomposed Hangul
        or char in _HALFWIDTH_SOUND_MARKS
    )


def _fold_cluster(cluster: str) -> str:
    if "\u3131" <= cluster <= "\u318e" or cluster.isascii():
        return cluster
    if cluster == _ZERO_WIDTH_SPACE:
        return " "
    folded = unicodedata.normalize("NFKC", cluster)
    return "".join(char for char in folded if unicodedata.category(char) != "Cf")
