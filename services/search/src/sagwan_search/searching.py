"""The search use case: plan, ask both legs, fuse, fetch the page."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import cache
from uuid import UUID

from sagwan_runtime.deadline import Deadline
from sagwan_runtime.errors import DeadlineExceeded, DependencyUnavailable, SagwanError
from sagwan_runtime.metrics import SearchMetrics
from sagwan_search.domain.answer import Answer, Hit, StoredChunk, Surroundings
from sagwan_search.domain.fusion import Candidate, Fused, Leg, fuse
from sagwan_search.domain.grouping import at_most_per_meeting
from sagwan_search.domain.lexical import (
    WeightedTerm,
    distinct_terms,
    match_share,
    matched_terms,
    weighted_terms,
)
from sagwan_search.domain.lines import Line, Utterance, best_line, cut_around, cut_to_span, marked_line
from sagwan_search.domain.neighbors import supported
from sagwan_search.domain.query import Mode, Query
from sagwan_search.ports import ExpectingEmbedder, MeetingStore, Model, QueryEmbedder, QueryVector, SearchSession
from sagwan_text.analysis import Term
from sagwan_text.terms import term_id


@dataclass(frozen=True, slots=True)
class SearchLimits:
    """Bounds of one search.

    Attributes:
        leg_depth: Candidates asked of each leg; pages reach to the end of both together.
        match_candidates_max: Chunks that the matched terms may select together.
        embed_timeout_s: Longest wait for the embedder before the answer is lexical only.
        terms_max: Distinct terms of a question that count; the rest of a pasted page is left out.
    """

    leg_depth: int
    match_candidates_max: int
    embed_timeout_s: float
    terms_max: int


@dataclass(frozen=True, slots=True)
class _MissingVector:
    """Why there is no query vector that the index could be asked with."""

    error: SagwanError


class Stages:
    """Where the time of one search goes."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Adds the time inside the block to a stage."""
        begun = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[stage] = self.seconds.get(stage, 0.0) + time.perf_counter() - begun


def check_writer(found: QueryVector, serving: Model, embedder: ExpectingEmbedder) -> None:
    """Makes sure that a vector can be compared with those of the index.

    Raises:
        DependencyUnavailable: Another model wrote it: the models were switched. The next call asks the right embedder.
    """
    if serving.sha256 != found.model.sha256:
        embedder.expect(serving.sha256)
        raise DependencyUnavailable(
            f"the embedder runs {found.model.label}, the index holds vectors of {serving.label}"
        )


class Searching:
    """Answers questions."""

    def __init__(
        self,
        store: MeetingStore,
        embedder: QueryEmbedder,
        analyze: Callable[[str], Sequence[Term]],
        metrics: SearchMetrics,
        limits: SearchLimits,
    ) -> None:
        self._store = store
        self._embedder = embedder
        self._analyze = analyze
        self._metrics = metrics
        self._limits = limits

    async def search(
        self, tenant_id: UUID, query: Query, deadline: Deadline, *, known: QueryVector | SagwanError | None = None
    ) -> Answer:
        """Answers a question: the query is embedded while the lexical leg runs, then the vector leg runs.

        Args:
            tenant_id: Whose meetings are searched.
            query: The question.
            deadline: When the answer must be there.
            known: The question's vector, or why there is none, where the embedder has been asked already.

        Raises:
            DependencyUnavailable: The database is down, or no other leg was asked for and the embedder is down or runs
                another model than the index holds vectors of.
            DeadlineExceeded: Time ran out.
        """
        stages = Stages()
        with stages.timed("total"):
            embedding = asyncio.create_task(self._query_vector(query, known, deadline, stages))
            try:
                answer = await self._answer(tenant_id, query, deadline, embedding, stages)
            finally:
                embedding.cancel()
        self._observe(answer)
        return answer

    async def _answer(
        self,
        tenant_id: UUID,
        query: Query,
        deadline: Deadline,
        embedding: "asyncio.Task[QueryVector | _MissingVector | None]",
        stages: Stages,
    ) -> Answer:
        rankings: dict[Leg, list[Candidate]] = {}
        terms: list[WeightedTerm] = []
        if query.mode is not Mode.VECTOR:
            async with self._looking(tenant_id, query, deadline) as session:
                with stages.timed("lexical"):
                    terms, rankings[Leg.LEXICAL] = await self._lexical(session, query)

        # No connection is held here: an embedder that hangs must not take the database's from other searches.
        found = await embedding
        async with self._looking(tenant_id, query, deadline) as session:
            model, degraded_reason = "", ""
            nearest = await self._nearest(session, found, stages)
            if isinstance(nearest, _MissingVector):
                if query.mode is Mode.VECTOR:
                    raise nearest.error
                degraded_reason = f"vector leg left out: {nearest.error}"
            elif nearest is not None:
                model, rankings[Leg.VECTOR] = nearest

            words = rankings.get(Leg.LEXICAL)
            share = match_share(words[0].score, terms) if words else 0.0
            with stages.timed("fuse"):
                fused = await self._fused(session, query, rankings, share)
            page = fused[query.offset : query.offset + query.hits_max]
            with stages.timed("fetch"):
                chunks, around = await self._read(session, query, page)
        # Nor here: marking a page takes as long as finding it.
        with stages.timed("fetch"):
            hits = await self._hits(query, page, chunks, around, terms)
        return Answer(
            hits=hits,
            more=len(fused) > query.offset + query.hits_max,
            terms=terms,
            candidate_counts={leg: len(candidates) for leg, candidates in rankings.items()},
            model=model,
            degraded_reason=degraded_reason,
            stage_seconds=stages.seconds,
            match_share=share,
            ranked=fused,
        )

    async def _fused(
        self, session: SearchSession, query: Query, rankings: Mapping[Leg, Sequence[Candidate]], share: float
    ) -> list[Fused]:
        """Every candidate, best first, as the question wants them fused, supported and grouped."""
        fused = fuse(rankings, query.fusion, match_share=share)
        if not (query.fusion.neighbor_support or query.hits_per_meeting_max):
            return fused
        places = await session.places([each.chunk_id for each in fused])
        if query.fusion.neighbor_support:
            fused = supported(fused, places, query.fusion.neighbor_support)
        if query.hits_per_meeting_max:
            fused = at_most_per_meeting(fused, places, query.hits_per_meeting_max)
        return fused

    @asynccontextmanager
    async def _looking(self, tenant_id: UUID, query: Query, deadline: Deadline) -> AsyncIterator[SearchSession]:
        async with self._store.look(tenant_id, deadline) as session:
            await session.narrow(query.filter)
            yield session

    async def _query_vector(
        self, query: Query, known: QueryVector | SagwanError | None, deadline: Deadline, stages: Stages
    ) -> QueryVector | _MissingVector | None:
        if query.mode is Mode.LEXICAL:
            return None
        if known is not None:
            return _MissingVector(known) if isinstance(known, SagwanError) else known
        with stages.timed("embed"):
            # Half of what is left stays for the answer without vectors.
            longest_s = min(self._limits.embed_timeout_s, deadline.remaining_s() / 2)
            try:
                return await self._embedder.embed(query.text, deadline.no_later_than(longest_s))
            except (DependencyUnavailable, DeadlineExceeded) as error:
                return _MissingVector(error)

    async def _lexical(self, session: SearchSession, query: Query) -> tuple[list[WeightedTerm], list[Candidate]]:
        counts = distinct_terms(self._analyze(query.text))
        counts = dict(list(counts.items())[: self._limits.terms_max])
        statistics = await session.term_statistics([term_id(text) for text in counts])
        terms = weighted_terms(counts, statistics)
        matched = matched_terms(terms, candidates_max=self._limits.match_candidates_max)
        if not matched:
            return terms, []
        return terms, await session.lexical(matched, terms, self._limits.leg_depth)

    async def _nearest(
        self, session: SearchSession, found: QueryVector | _MissingVector | None, stages: Stages
    ) -> tuple[str, list[Candidate]] | _MissingVector | None:
        """The model's label and the vector leg, or why it must be left out; None when it was not asked for."""
        if not isinstance(found, QueryVector):
            return found
        with stages.timed("vector"):
            serving = await session.serving_model()
            if serving is None:
                return found.model.label, []
            try:
                check_writer(found, serving, self._embedder)
            except DependencyUnavailable as error:
                return _MissingVector(error)
            return found.model.label, await session.nearest(found.vector, self._limits.leg_depth)

    async def _read(
        self, session: SearchSession, query: Query, page: Sequence[Fused]
    ) -> tuple[Mapping[int, StoredChunk], Mapping[int, Surroundings]]:
        """The page's chunks, and what lies around them where that is asked for."""
        chunk_ids = [each.chunk_id for each in page]
        if not chunk_ids:
            return {}, {}
        chunks = await session.chunks(chunk_ids)
        return chunks, await session.surroundings(chunk_ids, query.neighbor_count) if query.neighbor_count else {}

    async def _hits(
        self,
        query: Query,
        page: Sequence[Fused],
        chunks: Mapping[int, StoredChunk],
        around: Mapping[int, Surroundings],
        terms: Sequence[WeightedTerm],
    ) -> list[Hit]:
        """The hits of a page, in order; chunks that were deleted meanwhile are left out."""
        weights = {term.text: term.weight for term in terms}

        # What lies around one hit often lies in another or around it: each line is marked once.
        @cache
        def mark(utterance: Utterance) -> Line:
            return marked_line(utterance, weights, self._analyze)

        hits = []
        for each in page:
            chunk, surroundings = chunks.get(each.chunk_id), around.get(each.chunk_id)
            if chunk is None:
                continue
            before, after = (
                cut_around(surroundings.utterances, chunk.span, surroundings.span) if surroundings else ((), ())
            )
            lines = [mark(utterance) for utterance in cut_to_span(chunk.utterances, chunk.span)]
            hits.append(
                Hit(
                    fused=each,
                    meeting=chunk.meeting,
                    lines=lines,
                    best_line=best_line(lines, weights, query.filter.speaker_keys),
                    terms=[term for term in terms if any(term.text in line.terms for line in lines)],
                    lines_before=[mark(utterance) for utterance in before],
                    lines_after=[mark(utterance) for utterance in after],
                )
            )
            # Marking the lines of eleven chunks takes milliseconds: other searches get their turn between two hits.
            await asyncio.sleep(0)
        return hits

    def _observe(self, answer: Answer) -> None:
        for stage, seconds in answer.stage_seconds.items():
            self._metrics.stage_seconds.labels(stage).observe(seconds)
        for leg, count in answer.candidate_counts.items():
            self._metrics.leg_candidates.labels(leg.value).observe(count)
            if count == 0:
                self._metrics.empty_legs.labels(leg.value).inc()
        if answer.degraded_reason:
            self._metrics.degraded.labels("vector_leg").inc()
