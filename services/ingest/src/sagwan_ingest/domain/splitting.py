"""Cuts a text that is too long into pieces that fit: at sentence ends, else at whitespace, else anywhere."""

import re
import unicodedata
from collections.abc import Callable, Iterator

# A first guess at how long a fitting piece can be is bounded by this, so that a search for its end stays short.
_PIECE_CHARACTERS_MAX = 4_096

_ABBREVIATIONS = ("Mr", "Ms", "Mrs", "Dr", "Prof", "St", "No", "vs", r"e\.g", r"i\.e", "[A-Za-z]")
_NOT_ABBREVIATED = "".join(rf"(?<!\b{each})" for each in _ABBREVIATIONS)
_CLOSING = r"[\"'”’)\]」』]*"
# Korean often goes without the space after 다. 요. 까? and 죠.
_SENTENCE_END = re.compile(
    rf"{_NOT_ABBREVIATED}[.!?…]+{_CLOSING}(?=\s)"
    rf"|(?<=[다요까죠])[.!?]+{_CLOSING}(?=[가-힣])"
    rf"|[。！？]+{_CLOSING}"
    r"|\n"
)

_ZERO_WIDTH_JOINER = "\u200d"


def sentence_spans(text: str) -> Iterator[tuple[int, int]]:
    """Spans (first, last exclusive, code points) of the sentences of `text`, without the whitespace around them."""
    first = 0
    for end in _SENTENCE_END.finditer(text):
        yield from _trimmed(text, first, end.end())
        first = end.end()
    yield from _trimmed(text, first, len(text))


def fitting_spans(text: str, *, stays: Callable[[str], bool], fits: Callable[[str], bool]) -> Iterator[tuple[int, int]]:
    """Spans that cover `text` in order, leaving out only whitespace.

    A sentence that `stays` accepts is one span. Any other is cut after the last whole word that still `fits`, and a
    word that is too long wherever it must be. A single character is yielded even when it does not fit.
    """
    for first, last in sentence_spans(text):
        if stays(text[first:last]):
            yield first, last
        else:
            yield from _fitting_words(text, first, last, fits)


def _fitting_words(text: str, first: int, last: int, fits: Callable[[str], bool]) -> Iterator[tuple[int, int]]:
    while first < last:
        if text[first].isspace():
            first += 1
            continue
        cut = _longest_fitting(text, first, last, fits)
        if cut < last:
            cut = _back_to_whitespace(text, first, cut) or _back_to_whole_character(text, first, cut)
        yield from _trimmed(text, first, cut)
        first = cut


def _longest_fitting(text: str, first: int, last: int, fits: Callable[[str], bool]) -> int:
    """The end of the longest prefix of text[first:last] that fits, at least one character long."""
    known, unknown = first + 1, min(last, first + _PIECE_CHARACTERS_MAX)
    while known < unknown:
        middle = (known + unknown + 1) // 2
        if fits(text[first:middle]):
            known = middle
        else:
            unknown = middle - 1
    return known


def _back_to_whitespace(text: str, first: int, cut: int) -> int | None:
    """The last place at or before `cut` that has whitespace on its right."""
    return next((place for place in range(cut, first, -1) if text[place].isspace()), None)


def _back_to_whole_character(text: str, first: int, cut: int) -> int:
    """`cut`, moved off the inside of what people see as one character, where that leaves anything."""
    place = cut
    while place > first and (_joins(text[place]) or text[place - 1] == _ZERO_WIDTH_JOINER):
        place -= 1
    return place if place > first else cut


def _joins(character: str) -> bool:
    """Whether it is drawn onto the character before it: marks, joiners, the later jamo of a syllable."""
    return (
        character == _ZERO_WIDTH_JOINER
        or "\u1160" <= character <= "\u11ff"
        or unicodedata.category(character).startswith("M")
    )


def _trimmed(text: str, first: int, last: int) -> Iterator[tuple[int, int]]:
    """The span without whitespace at its ends, or nothing when it is blank."""
    piece = text[first:last]
    left = len(piece) - len(piece.lstrip())
    if left < len(piece):
        yield first + left, first + len(piece.rstrip())
