"""Words of a question that occur nowhere: which they are, and how compounds of them may be written otherwise.

An unspaced Korean compound is cut into terms that occur, and words that were written apart are put together. A word
that occurs is never touched. Names are in `near_names`.
"""

import enum
import math
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from sagwan_search.domain.phrases import without_particle
from sagwan_text.analysis import Term

_WORD: Final = re.compile(r"\S+")
_LETTERS: Final = re.compile(r"\w+")
_HANGUL_RUN: Final = re.compile("[가-힣]+")
# Longer runs are no compound that anybody types.
_COMPOUND_SYLLABLES: Final = range(4, 21)
_PIECE_SYLLABLES_MAX: Final = 10


class Nearness(enum.Enum):
    """In what a word, and what is looked for in its place, differ."""

    SPLIT = "split"
    JOINED = "joined"
    SPELLING = "spelling"


@dataclass(frozen=True, slots=True)
class Correction:
    """What was looked for in place of something that is not there.

    Attributes:
        written: As in the question: a word, two neighbouring ones, or the value of a condition.
        replacement: What was looked for, or may have been meant.
        nearness: How the one became the other.
        applied: Whether it was looked for. Values of conditions are never replaced.
    """

    written: str
    replacement: str
    nearness: Nearness
    applied: bool = True


@dataclass(frozen=True, slots=True)
class QuestionWord:
    """What stands between two spaces.

    Attributes:
        text: Without the punctuation around it.
        terms: Of analysis, a compound and its parts both.
        pieces: Those terms that have no parts.
    """

    text: str
    terms: tuple[str, ...]
    pieces: tuple[str, ...]

    def is_missing(self, absent: Collection[str]) -> bool:
        """Whether all of it is absent, or it is Korean, in pieces, and one of them is."""
        if all(term in absent for term in self.terms):
            return bool(self.terms)
        is_shattered = len(self.pieces) > 1 and _HANGUL_RUN.search(self.text) is not None
        return is_shattered and any(piece in absent for piece in self.pieces)


def question_words(text: str, terms: Sequence[Term]) -> list[QuestionWord]:
    """The words of a question with the terms that begin in each.

    Args:
        text: The question.
        terms: Of analysis, in the order in which they begin.
    """
    words = []
    first = 0
    for match in _WORD.finditer(text):
        last = first
        while last < len(terms) and terms[last].start < match.end():
            last += 1
        inside = terms[first:last]
        first = last
        runs = list(_LETTERS.finditer(match[0]))
        trimmed = match[0][runs[0].start() : runs[-1].end()] if runs else ""
        words.append(QuestionWord(trimmed, tuple(t.text for t in inside), tuple(t.text for t in _leaves(inside))))
    return words


def compound_terms(word: str) -> set[str]:
    """Every term that an unspaced Korean compound could be made of; none for what is no such compound."""
    return {
        run[first:last]
        for run in _compound_runs(word)
        for first in range(len(run))
        for last in range(first + 1, min(first + _PIECE_SYLLABLES_MAX, len(run)) + 1)
    }


def compound_split(word: str, occurring: Collection[str]) -> list[str] | None:
    """The fewest terms that occur and together are the word, or all of it but its particle; None when there are none.

    A single syllable is a term of too many words: only the last piece may be one, as the 안 of 예산삭감안 is.
    """
    splits = [split for run in _compound_runs(word) if (split := _fewest_pieces(run, occurring)) is not None]
    return min(splits, key=lambda pieces: (len(pieces), len(pieces[-1]) == 1), default=None)


def _fewest_pieces(run: str, occurring: Collection[str]) -> list[str] | None:
    # The best cut of each beginning of the run, as far as there is one.
    best: dict[int, list[str]] = {0: []}
    for last in range(2, len(run) + 1):
        ways = [
            [*best[first], run[first:last]]
            for first in range(max(0, last - _PIECE_SYLLABLES_MAX), last - (last < len(run)))
            if first in best and run[first:last] in occurring
        ]
        if ways:
            best[last] = min(ways, key=lambda pieces: (len(pieces), len(pieces[-1]) == 1))
    return best.get(len(run))


def joined_neighbors(words: Sequence[QuestionWord], missing: Collection[QuestionWord]) -> Iterator[tuple[int, str]]:
    """Where two neighbouring words, one of them missing, could be one: the place of the first, and both as one.

    Two words that are neighbours several times are given once.
    """
    seen = set()
    for place, (one, other) in enumerate(pairwise(words)):
        if (one, other) in seen or not (one in missing or other in missing):
            continue
        seen.add((one, other))
        joined = one.text + other.text
        if joined.isalpha() and (_HANGUL_RUN.fullmatch(joined) or joined.isascii()):
            yield place, joined


def is_one(terms: Sequence[Term], border: int) -> bool:
    """Whether analysis takes two words that were put together for one: a term lies across their border."""
    return any(term.start < border < term.end for term in terms)


def _compound_runs(word: str) -> list[str]:
    """The word as a compound, with its particle and without; nothing for what is too short, too long or not Korean."""
    runs = [word, *without_particle(word)] if _HANGUL_RUN.fullmatch(word) else []
    return [run for run in runs if len(run) in _COMPOUND_SYLLABLES]


def _leaves(terms: Sequence[Term]) -> list[Term]:
    """Those in which no shorter one lies. A word may be as long as a question: not each is compared with each."""
    leaves = set()
    # From the last beginning back, the shortest first: what ends behind one that was met holds that one.
    nearest_end: float = math.inf
    for begin, end in sorted({(each.start, each.end) for each in terms}, key=lambda span: (-span[0], span[1])):
        if end < nearest_end:
            leaves.add((begin, end))
            nearest_end = end
    return [each for each in terms if (each.start, each.end) in leaves]
