"""Words of the scripts that put spaces between them, with numbers and identifiers."""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from sagwan_text.english import CLITICS, English
from sagwan_text.terms import Term

WORD_CHARS_MAX: Final = 128
"""Longer ones are machine noise (encoded data, rules drawn with letters) that nobody searches."""

WORDS_CACHED_MAX: Final = 4_096
"""Which 96 of 100 words of a large corpus of meetings are among, in some 2 MB; a stem costs 60 us."""

# These read shapes, not text: see shapes.py.
_PIECE: Final = r"[a0](?:[a0m]|'(?=a)|(?<=0)\.(?=0)|(?<=0),(?=000(?!0)))*"
_WORD: Final = re.compile(rf"{_PIECE}(?:(?:-|_+){_PIECE})*")
_NUMBER_CHAIN: Final = re.compile(r"(?<![a0.])0+(?:\.0+){2,}(?![a0.])")
_PART: Final = re.compile(r"[^-_]+")


class Words:
    """Cuts words and normalises each. For one thread at a time, as the stemmer is."""

    def __init__(self) -> None:
        self._english = English()
        self._terms_of_word = lru_cache(WORDS_CACHED_MAX)(self._analyse)

    def terms(self, text: str, shape: str) -> Iterator[Term]:
        """Yield the terms of folded text, given its shape.

        A hyphenated or underscored word gives its closed form and its parts, so COVID-19, COVID19
        and COVID 19 find one another. Dates, versions and addresses give only their numbers.
        """
        for match in _WORD.finditer(shape):
            start, end = match.span()
            word = text[start:end]
            is_clitic = shape[start - 1 : start] == "'" and word.lower() in CLITICS
            if is_clitic or len(word) > WORD_CHARS_MAX:
                continue
            for term in self._terms_of_word(word, match[0]):
                yield Term(term.text, start + term.start, start + term.end)

    def _analyse(self, word: str, shape: str) -> list[Term]:
        # 2026.03.04 and 192.168.0.1 are no decimals: their dots part numbers, as hyphens do.
        hyphenated = _NUMBER_CHAIN.sub(lambda chain: chain[0].replace(".", "-"), shape)
        parts = [(word[slice(*part.span())], *part.span()) for part in _PART.finditer(hyphenated)]
        if len(parts) > 1 and not all(_is_number(part) for part, _, _ in parts):
            parts.insert(0, ("".join(part for part, _, _ in parts), 0, len(word)))
        normalised = ((self._normalise(part), start, end) for part, start, end in parts)
        return [Term(text, start, end) for text, start, end in normalised if text]

    def _normalise(self, word: str) -> str | None:
        plain = word.replace(",", "").replace("\u2019", "'").replace("\u02bc", "'")
        if _is_number(plain):
            return plain if "." in plain else plain.lstrip("0") or "0"
        if plain.isascii() and plain.replace("'", "").isalpha():
            return self._english.term(plain)
        return plain.casefold()


def _is_number(word: str) -> bool:
    return word.replace(",", "").replace(".", "").isdecimal()
