"""Meetings in PostgreSQL."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import groupby
from typing import Any
from uuid import UUID

from sagwan_runtime.deadline import Deadline
from sagwan_runtime.postgres.database import Database, Session
from sagwan_runtime.postgres.queries import Query
from sagwan_search.adapters.legs import Legs
from sagwan_search.adapters.narrowing import Narrowing
from sagwan_search.adapters.vectors import (
    ServingTable,
    serving_model,
    serving_table,
)
from sagwan_search.domain.answer import MeetingSummary, StoredChunk, Surroundings
from sagwan_search.domain.candidates import Selection
from sagwan_search.domain.facets import FACET_VALUES_MAX, RankedMeeting, RankedSpeaker
from sagwan_search.domain.filters import Filter
from sagwan_search.domain.fusion import Candidate, Leg
from sagwan_search.domain.lexical import TermStatistics, WeightedTerm
from sagwan_search.domain.lines import Span, Utterance
from sagwan_search.domain.narrowing import USUAL_LIMITS, NarrowingLimits
from sagwan_search.domain.neighbors import Place
from sagwan_search.domain.suggestions import Suggestion
from sagwan_search.ports import Model, SearchSession, SpokenLine, UtterancePage, Vector
from sagwan_text.term_offsets import TermOffsets

_MEETING_COUNTS_MAX = 1_000
_NEAR_WORDS_MAX = 5_000
_NAMES_MAX = 500


class PostgresSearchSession:
    """One transaction of a search."""

    def __init__(self, session: Session, queries: Mapping[str, Query], legs: Legs) -> None:
        self._session = session
        self._queries = queries
        self._legs = legs
        self._serving: ServingTable | None = None

    async def narrow(self, condition: Filter) -> None:
        """Restricts the legs to what passes a filter."""
        await self._legs.narrow(condition)

    async def few_pass(self, most: int) -> bool:
        """Whether there is a filter that no more than so many chunks pass."""
        return await self._legs.few_pass(most)

    async def term_statistics(self, keys: Sequence[int]) -> TermStatistics:
        """How many chunks there are, and how many under each of these index keys: terms, or tiers of terms."""
        rows = await self._session.fetch(self._queries["term_statistics"], list(keys))
        return TermStatistics(
            corpus_count=rows[0]["corpus_count"] if rows else 0,
            chunk_counts={row["term_id"]: row["chunk_count"] for row in rows if row["term_id"] is not None},
        )

    async def lexical(self, selection: Selection, scored: Sequence[WeightedTerm], depth: int) -> list[Candidate]:
        """Chunks that are candidates, by BM25 over the scored terms, best first."""
        return await self._legs.lexical(selection, scored, depth)

    async def serving_model(self) -> Model | None:
        """The model whose vectors are complete; None before the first ingest."""
        row = await self._session.fetch_row(serving_model(self._queries))
        if row is None:
            return None
        self._serving = serving_table(row)
        label = f"{row['name']}@{row['revision']}/{row['model_quantization']}"
        return Model(row["sha256"], label, row["dimension"])

    async def nearest(self, vector: Vector, depth: int) -> list[Candidate]:
        """Chunks of the serving model nearest to a vector, by cosine, best first."""
        return await self._legs.nearest(self._table(), vector, depth)

    def _table(self) -> ServingTable:
        if self._serving is None:
            raise RuntimeError("the serving model was not asked for")
        return self._serving

    async def newest(self, depth: int) -> list[int]:
        """Chunks that pass the filter, those of the newest meetings first, then as they were said."""
        return await self._legs.newest(depth)

    async def choice(self, leg: Leg) -> str:
        """How a leg found what it did and why, in words; empty for a leg that took no part."""
        chosen = await self._legs.choice(leg)
        return "" if chosen is None else str(chosen)

    async def stored_vector(self, meeting_id: str, chunk_id: int) -> Vector | None:
        """The vector of a chunk by the serving model; None when the meeting has no such chunk."""
        query = self._queries["stored_vector"].on_table("vectors", self._table().name)
        row = await self._session.fetch_row(query, meeting_id, chunk_id)
        return None if row is None else row["embedding"].to_numpy()

    async def chunk_of_utterance(self, meeting_id: str, ordinal: int) -> int | None:
        """The chunk that holds an utterance, or most of it; None when none does."""
        row = await self._session.fetch_row(self._queries["chunk_of_utterance"], meeting_id, ordinal)
        return None if row is None else row["chunk_id"]

    async def chunks(self, chunk_ids: Sequence[int]) -> dict[int, StoredChunk]:
        """The chunks that still exist, by id, with their utterances."""
        rows = await self._session.fetch(self._queries["page_chunks"], list(chunk_ids))
        found: dict[int, StoredChunk] = {}
        for chunk_id, group in groupby(rows, key=lambda row: int(row["chunk_id"])):
            lines = list(group)
            first = lines[0]
            found[chunk_id] = StoredChunk(
                chunk_id=chunk_id,
                meeting=_meeting(first),
                span=_span(first),
                utterances=[_shown_utterance(row) for row in lines],
            )
        return found

    async def names_of(self, keys: Sequence[str]) -> list[Suggestion]:
        """Speakers, tags and titles that keys lead to."""
        rows = await self._session.fetch(self._queries["names_of"], list(keys), _NAMES_MAX)
        return [Suggestion(row["property"], row["value"], row["total"]) for row in rows]

    async def names_near(self, heads: Sequence[str], tails: Sequence[str]) -> list[Suggestion]:
        """Speakers, tags and titles with a word of which one half or the other is given, the most frequent ones."""
        limits = (_NEAR_WORDS_MAX, _NAMES_MAX)
        rows = await self._session.fetch(self._queries["names_near"], list(heads), list(tails), *limits)
        return [Suggestion(row["property"], row["value"], row["total"]) for row in rows]

    async def places(self, chunk_ids: Sequence[int]) -> dict[int, Place]:
        """Where each chunk stands, for the chunks that still exist."""
        rows = await self._session.fetch(self._queries["chunk_places"], list(chunk_ids))
        return {row["chunk_id"]: Place(row["meeting_key"], row["ordinal"]) for row in rows}

    async def ranked_meetings(self, chunk_ids: Sequence[int]) -> list[RankedMeeting]:
        """The meetings of the chunks that still exist."""
        rows = await self._session.fetch(self._queries["ranked_meetings"], list(chunk_ids))
        return [
            RankedMeeting(row["meeting_id"], row["held_on"], tuple(row["tags"]), row["ranked_count"]) for row in rows
        ]

    async def ranked_speakers(self, chunk_ids: Sequence[int]) -> list[RankedSpeaker]:
        """Who speaks in the chunks that still exist, the most frequent first; speakers without a name are left out."""
        rows = await self._session.fetch(self._queries["ranked_speakers"], list(chunk_ids), FACET_VALUES_MAX)
        return [RankedSpeaker(row["speaker"], row["ranked_count"]) for row in rows]

    async def surroundings(self, chunk_ids: Sequence[int], neighbor_count: int) -> dict[int, Surroundings]:
        """What lies around the chunks that still exist, by id: up to so many chunks of the meeting on either side."""
        rows = await self._session.fetch(self._queries["page_surroundings"], list(chunk_ids), neighbor_count)
        found: dict[int, Surroundings] = {}
        for chunk_id, group in groupby(rows, key=lambda row: int(row["chunk_id"])):
            lines = list(group)
            found[chunk_id] = Surroundings(_span(lines[0]), [_shown_utterance(row) for row in lines])
        return found


class PostgresMeetingStore:
    """Where meetings are kept."""

    def __init__(
        self,
        database: Database,
        queries: Mapping[str, Query],
        *,
        limits: NarrowingLimits = USUAL_LIMITS,
    ) -> None:
        self._database = database
        self._queries = queries
        self._narrowing = Narrowing(queries, limits)
        self._limits = limits

    @asynccontextmanager
    async def look(self, tenant_id: UUID, deadline: Deadline) -> AsyncIterator[SearchSession]:
        """Opens a session."""
        async with self._database.tenant(tenant_id, deadline, read_only=True) as session:
            yield PostgresSearchSession(session, self._queries, self._legs(session))

    def _legs(self, session: Session) -> Legs:
        return Legs(session, self._queries, self._narrowing, self._limits)

    async def utterances(
        self,
        tenant_id: UUID,
        condition: Filter,
        *,
        after: tuple[str, int] | None,
        lines_max: int,
        deadline: Deadline,
    ) -> UtterancePage:
        """Utterances that pass a filter, by meeting id and ordinal, from the one after `after`."""
        async with self._database.tenant(tenant_id, deadline, read_only=True) as session:
            passes = await self._narrowing.utterances(session, condition)
            page, count = (
                self._queries[name].with_condition("passes", passes) for name in ("utterances_page", "utterance_counts")
            )
            rows = await session.fetch(page, *(after or (None, None)), lines_max)
            counts = await session.fetch(count)
        return UtterancePage(
            lines=[SpokenLine(_meeting(row), _utterance(row)) for row in rows],
            total=sum(row["utterance_count"] for row in counts),
            meeting_counts=[]
            if after
            else [(row["meeting_id"], row["utterance_count"]) for row in counts[:_MEETING_COUNTS_MAX]],
        )

    async def completions(
        self,
        tenant_id: UUID,
        ranges: Sequence[tuple[str, str]],
        *,
        words_max: int,
        values_max: int,
        deadline: Deadline,
    ) -> list[Suggestion]:
        """Values with a word whose key lies in a range, by spelling, the most frequent first."""
        (low, high), (other_low, other_high) = (*ranges, (None, None))[:2]
        limits = (low, high, other_low, other_high, words_max, values_max)
        async with self._database.tenant(tenant_id, deadline, read_only=True) as session:
            rows = await session.fetch(self._queries["completions"], *limits)
        return [Suggestion(row["property"], row["value"], row["total"]) for row in rows]

    async def serving_sha256(self) -> str | None:
        """The model that serves; None before the first. Succeeds when the database answers and is migrated."""
        async with self._database.untenanted(Deadline.after(2)) as session:
            row = await session.fetch_row(serving_model(self._queries))
        return None if row is None else row["sha256"]


def _meeting(row: Mapping[str, Any]) -> MeetingSummary:
    return MeetingSummary(row["meeting_id"], row["title"], row["held_on"])


def _span(row: Mapping[str, Any]) -> Span:
    return Span(row["first_utterance"], row["first_character"], row["last_utterance"], row["last_character"])


def _utterance(row: Mapping[str, Any]) -> Utterance:
    return Utterance(row["ordinal"], row["speaker"], row["start_ms"], row["end_ms"], row["text"], row["kind"])


def _shown_utterance(row: Mapping[str, Any]) -> Utterance:
    """An utterance in which terms are to be marked."""
    packed = row["term_offsets"]
    return replace(_utterance(row), term_offsets=None if packed is None else TermOffsets(packed))
