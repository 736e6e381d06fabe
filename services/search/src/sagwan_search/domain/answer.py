"""What a search answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sagwan_search.domain.fusion import Fused, Leg
from sagwan_search.domain.lexical import WeightedTerm
from sagwan_search.domain.lines import Line, Span, Utterance


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
        terms: The question's terms that its lines hold.
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
        more: Whether another page would have hits.
        terms: The question's terms with their weights; empty when the lexical leg took no part.
        candidate_counts: Candidates that each leg gave.
        model: The model whose vectors took part; empty when none did.
        degraded_reason: Why a leg that should have taken part is missing; empty when none is.
        stage_seconds: Time by stage.
        match_share: How much of the question the best chunk of the lexical leg says, from 0 to 1.
        ranked: All that was found, of which the hits are a page.
    """

    hits: Sequence[Hit]
    more: bool
    terms: Sequence[WeightedTerm]
    candidate_counts: Mapping[Leg, int]
    model: str
    degraded_reason: str
    stage_seconds: Mapping[str, float]
    match_share: float = 0.0
    ranked: Sequence[Fused] = ()
