"""What a search answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sagwan_search.domain.facets import Facet
from sagwan_search.domain.fusion import Fused
from sagwan_search.domain.lexical import WeightedTerm
from sagwan_search.domain.lines import Line, Span, Utterance
from sagwan_search.domain.ranking import Ranking


@dataclass(frozen=True, slots=True)
class MeetingSummary:
    """The meeting of a hit.

    Attributes:
        meeting_id: Its id.
        title: What people call it.
        held_on: The day it was held, if known.
    """

    meeting_id: str
    title: str
    held_on: date | None


@dataclass(frozen=True, slots=True)
class StoredChunk:
    """A chunk as the database gives it.

    Attributes:
        chunk_id: Which.
        meeting: The meeting it is from.
        span: Which part of the meeting it is.
        utterances: The whole utterances that it touches, in order.
    """

    chunk_id: int
    meeting: MeetingSummary
    span: Span
    utterances: Sequence[Utterance]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What was said around a chunk.

    Attributes:
        span: From the beginning of the first neighbour to the end of the last; the chunk lies inside.
        utterances: The whole utterances that the span touches outside of the chunk, in order.
    """

    span: Span
    utterances: Sequence[Utterance]


@dataclass(frozen=True, slots=True)
class Hit:
    """A chunk that answers.

    Attributes:
        fused: Its scores.
        meeting: The meeting it is from.
        lines: Its lines, marked.
        best_line: Index of the line that answers best.
        terms: The question's terms that its lines or its meeting's title hold.
        lines_before: Lines of the chunks before it, marked, when asked for.
        lines_after: Lines of the chunks after it, marked, when asked for.
    """

    fused: Fused
    meeting: MeetingSummary
    lines: Sequence[Line]
    best_line: int
    terms: Sequence[WeightedTerm]
    lines_before: Sequence[Line] = ()
    lines_after: Sequence[Line] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """What a search answers.

    Attributes:
        hits: The page's hits, best first.
        ranking: What the page is the beginning of.
        rest: What is left of the ranking for later pages; None on the last page.
        stage_seconds: Time by stage.
        facets: What the ranking's chunks have in common, when asked for, on the first page.
    """

    hits: Sequence[Hit]
    ranking: Ranking
    rest: Ranking | None
    stage_seconds: Mapping[str, float]
    facets: Sequence[Facet] = ()
