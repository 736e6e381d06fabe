"""The lines of a hit: cut to the chunk, with the question's terms marked and the best one named."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from sagwan_text.analysis import Term
from sagwan_text.term_offsets import TermOffsets
from sagwan_text.terms import term_id


@dataclass(frozen=True, slots=True)
class Utterance:
    """One stored turn.

    Attributes:
        ordinal: From 0 within its meeting.
        speaker: As written.
        start_ms: From the start of the recording, if known.
        end_ms: From the start of the recording, if known.
        text: What was said.
        kind: `speech`, `decision` or `action`.
        term_offsets: Where its terms stand; None where that is not kept.
    """

    ordinal: int
    speaker: str
    start_ms: int | None
    end_ms: int | None
    text: str
    kind: str = "speech"
    term_offsets: TermOffsets | None = None


@dataclass(frozen=True, slots=True)
class Span:
    """A run of utterances, from a character of the first to a character of the last.

    Attributes:
        first_character: Code point of the first utterance where the run begins.
        last_utterance: Ordinal of the last utterance.
        last_character: Code point of the last utterance before which it ends.
        first_utterance: Ordinal of the first utterance.
    """

    first_utterance: int
    first_character: int
    last_utterance: int
    last_character: int


@dataclass(frozen=True, slots=True)
class Line:
    """An utterance, or the part of one that lies in a chunk.

    Attributes:
        utterance: The turn, its text cut to the part.
        highlights: Start and end (exclusive) code points of the question's terms, in order, without overlap.
        terms: The question's terms that it holds.
    """

    utterance: Utterance
    highlights: tuple[tuple[int, int], ...]
    terms: frozenset[str]


def cut_to_span(utterances: Sequence[Utterance], span: Span) -> list[Utterance]:
    """The part of each utterance that lies in a span; parts of white space alone are left out."""
    parts = []
    for each in utterances:
        begin = span.first_character if each.ordinal == span.first_utterance else 0
        end = span.last_character if each.ordinal == span.last_utterance else len(each.text)
        text = each.text[begin:end].strip()
        if text:
            parts.append(each if text == each.text else _part(each, text, begin=each.text.index(text, begin)))
    return parts


def cut_around(utterances: Sequence[Utterance], span: Span, wider: Span) -> tuple[list[Utterance], list[Utterance]]:
    """The parts of a wider span before and after a span, of the utterances that the wider one touches."""
    before = Span(wider.first_utterance, wider.first_character, span.first_utterance, span.first_character)
    after = Span(span.last_utterance, span.last_character, wider.last_utterance, wider.last_character)
    return (
        cut_to_span([each for each in utterances if each.ordinal <= span.first_utterance], before),
        cut_to_span([each for each in utterances if each.ordinal >= span.last_utterance], after),
    )


class LineMarker:
    """Marks the terms of one question in lines.

    Args:
        wanted: The question's terms.
        analyze: The analysis that indexed the text, for lines that do not say where their terms stand.
    """

    def __init__(self, wanted: Iterable[str], analyze: Callable[[str], Sequence[Term]]) -> None:
        self._wanted = {term_id(term): term for term in wanted}
        self._texts = frozenset(self._wanted.values())
        self._analyze = analyze

    def marked(self, utterance: Utterance) -> Line:
        """A line with the question's terms marked."""
        found = self._found(utterance) if self._wanted else []
        return Line(
            utterance,
            tuple(_merged([(term.start, term.end) for term in found])),
            frozenset(term.text for term in found),
        )

    def _found(self, utterance: Utterance) -> list[Term]:
        if utterance.term_offsets is None:
            return [term for term in self._analyze(utterance.text) if term.text in self._texts]
        offsets = utterance.term_offsets.of(self._wanted)
        return [Term(self._wanted[found_id], start, end) for found_id, start, end in offsets]


def best_line(lines: Sequence[Line], weights: Mapping[str, float], asked_for: Callable[[Utterance], bool]) -> int:
    """Index of the line whose terms weigh most together; of the longest among equals; 0 without lines.

    Args:
        lines: The lines of a hit.
        weights: What each term of the question weighs.
        asked_for: Which utterances the question asked for, by speaker for example: their lines come before others.
    """

    def merit(index: int) -> tuple[bool, float, int]:
        line = lines[index]
        return asked_for(line.utterance), sum(weights[term] for term in line.terms), len(line.utterance.text)

    return max(range(len(lines)), key=merit, default=0)


def _part(utterance: Utterance, text: str, *, begin: int) -> Utterance:
    offsets = utterance.term_offsets
    return replace(utterance, text=text, term_offsets=offsets and offsets.within(begin, begin + len(text)))


def _merged(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Overlapping spans as one: a compound and its parts are marked together."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged
