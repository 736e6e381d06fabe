"""What was said in the core, line by line, and the terms of each line, analysed once."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sagwan_ingest.domain.splitting import sentence_spans
from sagwan_text.term_offsets import packed_terms
from sagwan_text.terms import Term, term_id
from sagwan_text.tokens import estimate_tokens

# A chunk of the usual size has some ten lines, as in meetings of short and long turns.
_LINE_TOKENS = 40
# Longer than any sentence that somebody says, and far below what the tagger takes at a time.
_SENTENCE_CHARACTERS_MAX = 600

Vector = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Line:
    """Whole sentences of one speaker, on one line.

    Attributes:
        speaker: As written; may be empty.
        text: What was said.
        tokens: About how many tokens it has.
    """

    speaker: str
    text: str
    tokens: int


@dataclass(frozen=True, slots=True)
class CoreChunk:
    """A real chunk.

    Attributes:
        lines: What is said in it.
        vector: The model's vector of it, of unit length.
    """

    lines: tuple[Line, ...]
    vector: Vector


@dataclass(frozen=True, slots=True)
class CoreMeeting:
    """A real meeting.

    Attributes:
        language: Its main one.
        chunks: In order.
    """

    language: str
    chunks: tuple[CoreChunk, ...]


def lines_of(pieces: Iterable[tuple[str, str]]) -> Iterator[Line]:
    """The sentences of pieces of text, each with its speaker; short ones of one piece share a line."""
    for speaker, text in pieces:
        sentences: list[str] = []
        tokens = 0
        for first, last in sentence_spans(text):
            sentence = " ".join(text[first:last].split())
            if len(sentence) > _SENTENCE_CHARACTERS_MAX:
                continue
            sentences.append(sentence)
            tokens += estimate_tokens(sentence)
            if tokens >= _LINE_TOKENS:
                yield Line(speaker, " ".join(sentences), tokens)
                sentences, tokens = [], 0
        if sentences:
            yield Line(speaker, " ".join(sentences), tokens)


class LineTerms:
    """The term ids of texts that are made of known lines, and where the terms of a line stand.

    A line feed parts words and stretches of the tagger alike, so the terms of a text are those of its lines.
    """

    def __init__(self, analyze: Callable[[str], Sequence[Term]]) -> None:
        self._analyze = analyze
        self._lines: dict[str, tuple[int, ...]] = {}
        self._offsets: dict[str, bytes | None] = {}
        # One object a term and not one an occurrence.
        self._ids: dict[str, int] = {}

    def of(self, text: str) -> list[int]:
        """The term ids of a text, repeated as often as they occur."""
        found: list[int] = []
        for line in text.split("\n"):
            known = self._lines.get(line)
            if known is None:
                known = self._lines[line] = self._ids_of(self._analyze(line))
            found += known
        return found

    def offsets_of(self, line: str) -> bytes | None:
        """Where the terms of a line stand, packed."""
        if line not in self._offsets:
            terms = self._analyze(line)
            self._offsets[line] = packed_terms(terms)
            # Where nobody is named before it, the line is part of a chunk's text too.
            self._lines[line] = self._ids_of(terms)
        return self._offsets[line]

    def _ids_of(self, terms: Sequence[Term]) -> tuple[int, ...]:
        return tuple(self._id(term.text) for term in terms)

    def _id(self, term: str) -> int:
        known = self._ids.get(term)
        if known is None:
            known = self._ids[term] = term_id(term)
        return known
