"""Meetings that tests search, and an in-memory twin of the store that is plain enough to be the expectation."""

import asyncio
import unicodedata
from collections import Counter
from collections.abc import AsyncIterator, Callable, Container, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import date
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from filter_rules import MeetingFacts, passes

from sagwan_runtime.deadline import Deadline
from sagwan_search.domain.answer import MeetingSummary, StoredChunk, Surroundings
from sagwan_search.domain.candidates import Selection
from sagwan_search.domain.facets import FACET_VALUES_MAX, RankedMeeting, RankedSpeaker
from sagwan_search.domain.filters import Filter
from sagwan_search.domain.fusion import Candidate, Leg
from sagwan_search.domain.lexical import TermStatistics, WeightedTerm
from sagwan_search.domain.lines import Span, Utterance, cut_to_span
from sagwan_search.domain.neighbors import Place
from sagwan_search.domain.suggestions import Suggestion
from sagwan_search.ports import Model, SearchSession, SpokenLine, UtterancePage, Vector
from sagwan_text.analysis import Analyzer, Term
from sagwan_text.bm25 import Bm25
from sagwan_text.completion import completion_keys
from sagwan_text.korean import load_tagger
from sagwan_text.speakers import speaker_key
from sagwan_text.term_offsets import TermOffsets, packed_terms
from sagwan_text.terms import term_id
from sagwan_text.tiers import index_keys

DIMENSION = 8


@dataclass(frozen=True, slots=True)
class SampleChunk:
    chunk_id: int
    span: Span
    text: str
    speaker_keys: tuple[str, ...]
    document_weights: dict[int, float]
    vector: Vector


@dataclass(frozen=True, slots=True)
class SampleMeeting:
    summary: MeetingSummary
    facts: MeetingFacts
    utterances: tuple[Utterance, ...]
    chunks: tuple[SampleChunk, ...]

    def touched_by(self, chunk: SampleChunk) -> Sequence[Utterance]:
        """The utterances that a chunk holds something of."""
        return [each for each in _touched(self.utterances, chunk.span) if each.text.strip()]

    def chunk_passes(self, condition: Filter, chunk: SampleChunk) -> bool:
        return passes(condition, self.facts, self.touched_by(chunk), chunk.text, chunk.document_weights)


class MeetingSampler:
    """Makes meetings as ingest would have cut and indexed them: chunks of a number of turns, or of given spans."""

    def __init__(self, analyze: Callable[[str], Sequence[Term]]) -> None:
        self._analyze = analyze
        self._chunk_count = 0

    def __call__(
        self,
        meeting_id: str,
        turns: Sequence[tuple[str, str]] | Sequence[Utterance],
        *,
        held_on: date | None = None,
        turns_per_chunk: int = 1,
        spans: Sequence[Span] = (),
        vectors: Sequence[Vector] = (),
        **facts: Any,
    ) -> SampleMeeting:
        utterances = tuple(
            turn if isinstance(turn, Utterance) else self._said(ordinal, *turn) for ordinal, turn in enumerate(turns)
        )
        spans = spans or [
            Span(first.ordinal, 0, last.ordinal, len(last.text))
            for part in (utterances[i : i + turns_per_chunk] for i in range(0, len(utterances), turns_per_chunk))
            for first, last in [(part[0], part[-1])]
        ]
        chunks = [
            self._chunk(utterances, span, vectors[index] if vectors else self.vector(index))
            for index, span in enumerate(spans)
        ]
        summary = MeetingSummary(meeting_id, f"Title of {meeting_id}", held_on)
        return SampleMeeting(summary, MeetingFacts(meeting_id, held_on, **facts), utterances, tuple(chunks))

    @staticmethod
    def vector(seed: int) -> Vector:
        """A unit vector that depends on nothing but its seed."""
        numbers = np.random.default_rng(seed).normal(size=DIMENSION)
        return (numbers / np.linalg.norm(numbers)).astype(np.float32)

    def _said(self, ordinal: int, speaker: str, text: str) -> Utterance:
        packed = packed_terms(self._analyze(text))
        offsets = None if packed is None else TermOffsets(packed)
        return Utterance(ordinal, speaker, ordinal * 1_000, ordinal * 1_000 + 900, text, term_offsets=offsets)

    def _chunk(self, utterances: Sequence[Utterance], span: Span, vector: Vector) -> SampleChunk:
        self._chunk_count += 1
        touched = _touched(utterances, span)
        text = "\n".join(part.text for part in cut_to_span(touched, span))
        return SampleChunk(
            chunk_id=self._chunk_count,
            span=span,
            text=text,
            speaker_keys=tuple(dict.fromkeys(speaker_key(each.speaker) for each in touched if each.text.strip())),
            document_weights=Bm25().document_weights([term_id(term.text) for term in self._analyze(text)]),
            vector=vector,
        )


class MemoryMeetingStore:
    """Keeps meetings by tenant and answers by looking at every one of them.

    Chunks in `deleted_while_ranking` are found by the legs and gone when the page is read. Legs in `late` end
    with their deadline.
    """

    def __init__(self) -> None:
        self.model: Model | None = Model("sha-of-model", "hashes@1/none", 8)
        self.deleted_while_ranking: set[int] = set()
        self.late: set[Leg] = set()
        self.looks_open = 0
        self._meetings: dict[UUID, list[SampleMeeting]] = {}

    def add(self, tenant_id: UUID, *meetings: SampleMeeting) -> None:
        self._meetings.setdefault(tenant_id, []).extend(meetings)

    @asynccontextmanager
    async def look(self, tenant_id: UUID, deadline: Deadline) -> AsyncIterator[SearchSession]:
        self.looks_open += 1
        try:
            meetings = self._meetings.get(tenant_id, [])
            yield _MemorySession(meetings, self.model, self.deleted_while_ranking, self.late, deadline)
        finally:
            self.looks_open -= 1

    async def utterances(
        self,
        tenant_id: UUID,
        condition: Filter,
        *,
        after: tuple[str, int] | None,
        lines_max: int,
        deadline: Deadline,
    ) -> UtterancePage:
        said = [
            # Nothing is marked in a list of lines.
            SpokenLine(meeting.summary, replace(each, term_offsets=None))
            for meeting in sorted(self._meetings.get(tenant_id, []), key=lambda each: each.summary.meeting_id)
            for each in meeting.utterances
            if passes(condition, meeting.facts, [each], each.text)
        ]
        counts: dict[str, int] = {}
        for line in said:
            counts[line.meeting.meeting_id] = counts.get(line.meeting.meeting_id, 0) + 1
        left = [each for each in said if after is None or (each.meeting.meeting_id, each.utterance.ordinal) > after]
        most_first = sorted(counts.items(), key=lambda count: (-count[1], count[0]))
        return UtterancePage(left[:lines_max], len(said), [] if after else most_first)


class _MemorySession:
    def __init__(
        self,
        meetings: Sequence[SampleMeeting],
        model: Model | None,
        deleted: Container[int],
        late: Container[Leg],
        deadline: Deadline,
    ) -> None:
        self._meetings = meetings
        self._late = late
        self._deadline = deadline
        self._deleted = deleted
        self._model = model
        self._condition = Filter()

    async def narrow(self, condition: Filter) -> None:
        self._condition = condition

    async def few_pass(self, most: int) -> bool:
        return self._condition != Filter() and len(list(self._passing())) <= most

    async def term_statistics(self, keys: Sequence[int]) -> TermStatistics:
        chunks = [chunk for meeting in self._meetings for chunk in meeting.chunks]
        counts = Counter(key for chunk in chunks for key in index_keys(chunk.document_weights))
        return TermStatistics(len(chunks), {key: counts[key] for key in keys if counts[key]})

    async def lexical(self, selection: Selection, scored: Sequence[WeightedTerm], depth: int) -> list[Candidate]:
        await self._wait_for(Leg.LEXICAL)
        keys = set(selection.keys)
        found = [
            Candidate(chunk.chunk_id, sum(chunk.document_weights.get(t.term_id, 0.0) * t.weight for t in scored))
            for chunk in self._passing()
            if not keys.isdisjoint(index_keys(chunk.document_weights))
        ]
        return _best(found[: selection.scored_max], depth)

    async def serving_model(self) -> Model | None:
        return self._model

    async def _wait_for(self, leg: Leg) -> None:
        while leg in self._late:
            self._deadline.remaining_s()
            await asyncio.sleep(0.005)

    async def nearest(self, vector: Vector, depth: int) -> list[Candidate]:
        await self._wait_for(Leg.VECTOR)
        return _best([Candidate(each.chunk_id, float(each.vector @ vector)) for each in self._passing()], depth)

    async def newest(self, depth: int) -> list[int]:
        passing = {chunk.chunk_id for chunk in self._passing()}
        order = sorted(
            enumerate(self._meetings), key=lambda each: (each[1].summary.held_on or date.min, each[0]), reverse=True
        )
        return [chunk.chunk_id for _, each in order for chunk in each.chunks if chunk.chunk_id in passing][:depth]

    async def choice(self, leg: Leg) -> str:
        return f"{leg.value}: every chunk was looked at"

    async def names_of(self, keys: Sequence[str]) -> list[Suggestion]:
        return [each for each in self._names() if set(keys) & set(completion_keys(each.value))]

    async def names_near(self, heads: Sequence[str], tails: Sequence[str]) -> list[Suggestion]:
        def is_near(word: str) -> bool:
            letters = unicodedata.normalize("NFD", word)
            return letters[: len(letters) // 2] in heads or letters[len(letters) // 2 :] in tails

        return [each for each in self._names() if any(map(is_near, completion_keys(each.value).values()))]

    def _names(self) -> list[Suggestion]:
        speakers = Counter(each.speaker for meeting in self._meetings for each in meeting.utterances)
        titles = Counter(meeting.summary.title for meeting in self._meetings)
        return [
            Suggestion(kind, value, count)
            for kind, values in (("speaker", speakers), ("title", titles))
            for value, count in values.items()
        ]

    async def stored_vector(self, meeting_id: str, chunk_id: int) -> Vector | None:
        found = [each for meeting in self._of(meeting_id) for each in meeting.chunks if each.chunk_id == chunk_id]
        return found[0].vector if found else None

    async def chunk_of_utterance(self, meeting_id: str, ordinal: int) -> int | None:
        held = {
            chunk.chunk_id: len(part.text)
            for meeting in self._of(meeting_id)
            for chunk in meeting.chunks
            for part in cut_to_span(meeting.utterances, chunk.span)
            if part.ordinal == ordinal and chunk.span.first_utterance <= ordinal <= chunk.span.last_utterance
        }
        return max(held, key=lambda chunk_id: (held[chunk_id], -chunk_id), default=None)

    def _of(self, meeting_id: str) -> list[SampleMeeting]:
        return [each for each in self._meetings if each.summary.meeting_id == meeting_id]

    async def chunks(self, chunk_ids: Sequence[int]) -> dict[int, StoredChunk]:
        return {
            chunk.chunk_id: StoredChunk(
                chunk.chunk_id,
                meeting.summary,
                chunk.span,
                _touched(meeting.utterances, chunk.span),
            )
            for meeting in self._meetings
            for chunk in meeting.chunks
            if chunk.chunk_id in chunk_ids and chunk.chunk_id not in self._deleted
        }

    async def places(self, chunk_ids: Sequence[int]) -> dict[int, Place]:
        return {
            chunk.chunk_id: Place(key, ordinal)
            for key, meeting in enumerate(self._meetings)
            for ordinal, chunk in enumerate(meeting.chunks)
            if chunk.chunk_id in chunk_ids and chunk.chunk_id not in self._deleted
        }

    async def ranked_meetings(self, chunk_ids: Sequence[int]) -> list[RankedMeeting]:
        places = await self.places(chunk_ids)
        counts = Counter(place.meeting_key for place in places.values())
        return [
            RankedMeeting(summary.meeting_id, summary.held_on, tuple(self._meetings[key].facts.tags), count)
            for key, count in counts.items()
            for summary in [self._meetings[key].summary]
        ]

    async def ranked_speakers(self, chunk_ids: Sequence[int]) -> list[RankedSpeaker]:
        written: dict[str, Counter[str]] = {}
        speaks_in: dict[str, set[int]] = {}
        for chunk in (await self.chunks(chunk_ids)).values():
            for each in chunk.utterances:
                if key := speaker_key(each.speaker):
                    written.setdefault(key, Counter())[each.speaker] += 1
                    speaks_in.setdefault(key, set()).add(chunk.chunk_id)
        speakers = [
            RankedSpeaker(min(names, key=lambda name: (-names[name], name)), len(speaks_in[key]))
            for key, names in written.items()
        ]
        return sorted(speakers, key=lambda each: (-each.chunk_count, each.name))[:FACET_VALUES_MAX]

    async def surroundings(self, chunk_ids: Sequence[int], neighbor_count: int) -> dict[int, Surroundings]:
        found = {}
        for meeting in self._meetings:
            for place, chunk in enumerate(meeting.chunks):
                if chunk.chunk_id in chunk_ids and chunk.chunk_id not in self._deleted:
                    run = meeting.chunks[max(place - neighbor_count, 0) : place + neighbor_count + 1]
                    first, last = run[0].span, run[-1].span
                    touched = meeting.utterances[first.first_utterance : last.last_utterance + 1]
                    inside = range(chunk.span.first_utterance + 1, chunk.span.last_utterance)
                    found[chunk.chunk_id] = Surroundings(
                        Span(first.first_utterance, first.first_character, last.last_utterance, last.last_character),
                        [each for each in touched if each.ordinal not in inside],
                    )
        return found

    def _passing(self) -> Iterator[SampleChunk]:
        for meeting in self._meetings:
            yield from (each for each in meeting.chunks if meeting.chunk_passes(self._condition, each))


def _touched(utterances: Sequence[Utterance], span: Span) -> Sequence[Utterance]:
    return utterances[span.first_utterance : span.last_utterance + 1]


def _best(candidates: list[Candidate], depth: int) -> list[Candidate]:
    return sorted(candidates, key=lambda each: (-each.score, each.chunk_id))[:depth]


@pytest.fixture(scope="session")
def analyze() -> Callable[[str], list[Term]]:
    """The analysis of index and queries, with the real Korean dictionary."""
    return Analyzer(load_tagger()).terms


@pytest.fixture
def sample_meeting(analyze) -> MeetingSampler:
    return MeetingSampler(analyze)


@pytest.fixture
def memory_store() -> MemoryMeetingStore:
    return MemoryMeetingStore()
