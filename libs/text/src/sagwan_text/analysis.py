"""The front door: any text -> its terms, in any mix of scripts."""

import re
from collections.abc import Iterator
from typing import Final

from sagwan_text.folding import fold
from sagwan_text.korean import MorphemeTagger
from sagwan_text.shapes import Shapes
from sagwan_text.terms import Term
from sagwan_text.words import Words

__all__ = ["Analyzer", "Term"]

_UNSPACED_RUN: Final = re.compile("c+")


class Analyzer:
    """Turns text into terms, the same way for chunks and for queries.

    For one thread at a time, as the tagger and the stemmer that it holds.
    """

    def __init__(self, morphemes: MorphemeTagger) -> None:
        self._morphemes = morphemes
        self._words = Words()
        self._shapes = Shapes()

    def terms(self, text: str) -> list[Term]:
        """Return the terms of a text in the order they are written, a compound before its parts.

        Offsets count code points of `text` as given and cut the word that the term was made from.
        No text is refused: what is no part of a word, NUL and lone surrogates too, separates words.
        """
        folded = fold(text)
        shape = folded.text.translate(self._shapes)
        found = [
            *self._morphemes.terms(folded.text),
            *self._words.terms(folded.text, shape),
            *_bigrams(folded.text, shape),
        ]
        found.sort(key=lambda term: (term.start, -term.end))
        return [Term(term.text, folded.starts[term.start], folded.ends[term.end - 1]) for term in found]


def _bigrams(text: str, shape: str) -> Iterator[Term]:
    """Yield each pair of neighbours in scripts without spaces; a lone character is itself a term.

    Pairs need no dictionary and still tell 東京 from 京東.
    """
    for run in _UNSPACED_RUN.finditer(shape):
        for start in range(run.start(), max(run.end() - 1, run.start() + 1)):
            end = min(start + 2, run.end())
            yield Term(text[start:end].casefold(), start, end)
