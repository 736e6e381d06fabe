"""The search use case: plan, ask both legs, fuse, show a page."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from uuid import UUID

from sagwan_runtime.deadline import Deadline
from sagwan_runtime.errors import DeadlineExceeded, DependencyUnavailable, SagwanError
from sagwan_runtime.metrics import SearchMetrics
from sagwan_runtime.spans import current_exemplar
from sagwan_search.domain.answer import Answer
from sagwan_search.domain.conditions import with_terms
from sagwan_search.domain.fusion import Candidate, Fused, Leg, fuse
from sagwan_search.domain.grouping import at_most_per_meeting
from sagwan_search.domain.lexical import match_share
from sagwan_search.domain.neighbors import supported
from sagwan_search.domain.query import Mode, Query
from sagwan_search.domain.ranking import Ranking
from sagwan_search.lexical_leg import LexicalLeg, Words
from sagwan_search.near_misses import NearMisses
from sagwan_search.pages import PageMaker, PageTexts, Stages, read_page
from sagwan_search.ports import (
    ExpectingEmbedder,
    MeetingStore,
    Model,
    QueryEmbedder,
    QueryVector,
    SearchSession,
    Vector,
)
from sagwan_text.analysis import Term


@dataclass(frozen=True, slots=True)
class SearchLimits:
    """Bounds of one search.

    Attributes:
        leg_depth: Candidates asked of each leg; pages reach to the end of both together.
        match_candidates_max: Chunks that the lexical leg scores at most, unless a filter leaves few of them to a search
            by words alone.
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


class _SlowVectorLeg(Exception):
    """The vector leg has had its share of the time, and words have an answer."""


def check_writer(found: QueryVector, serving: Model, embedder: ExpectingEmbedder) -> None:
    """Makes sure that a vector can be compared with those of the index.

    Raises:
        DependencyUnavailable: Another model wrote it: the models were switched. The next call asks the right embedder.
            Or the model that it names gives other vectors there than here.
    """
    if serving.sha256 != found.model.sha256:
        embedder.expect(serving.sha256)
        raise DependencyUnavailable(
            f"the embedder runs {found.model.label}, the index holds vectors of {serving.label}"
        )
    if serving.dimension != found.model.dimension:
        raise DependencyUnavailable(
            f"the embedder's vectors have {found.model.dimension} dimensions, those of the index {serving.dimension}"
        )


class Searching:
    """Answers questions. `asked` is told of each vector that was searched: whose, by which model."""

    def __init__(
        self,
        store: MeetingStore,
        embedder: QueryEmbedder,
        analyze: Callable[[str], Sequence[Term]],
        metrics: SearchMetrics,
        limits: SearchLimits,
        *,
        asked: Callable[[UUID, str, Vector], None] = lambda *_: None,
    ) -> None:
        self._asked = asked
        self._store = store
        self._embedder = embedder
        self._analyze = analyze
        self._metrics = metrics
        self._limits = limits
        self._pages = PageMaker(analyze)
        self._near_misses = NearMisses(analyze, terms_max=limits.terms_max)
        self._lexical_leg = LexicalLeg(
            self._near_misses, depth=limits.leg_depth, candidates_max=limits.match_candidates_max
        )

    async def search(
        self, tenant_id: UUID, query: Query, deadline: Deadline, *, known: QueryVector | SagwanError | None = None
    ) -> Answer:
        """Answers a question: the query is embedded while the lexical leg runs, then the vector leg runs.

        A later page is cut from the ranking that the first one has fixed; it asks neither the embedder nor a leg.

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
        query = replace(query, filter=with_terms(query.filter, query.syntax, self._analyze))
        with stages.timed("total"):
            if query.ranking is not None:
                # Nothing is narrowed: what passes the filter was found by the first page.
                async with self._store.look(tenant_id, deadline) as session:
                    with stages.timed("fetch"):
                        texts = await read_page(session, query, query.ranking)
            else:
                embedding = asyncio.create_task(self._query_vector(query, known, deadline, stages))
                try:
                    texts = await self._ranked(tenant_id, query, deadline, embedding, stages)
                finally:
                    embedding.cancel()
            answer = await self._pages.answer(query, texts, stages)
        self._observe(query, answer)
        return answer

    async def _ranked(
        self,
        tenant_id: UUID,
        query: Query,
        deadline: Deadline,
        embedding: "asyncio.Task[QueryVector | _MissingVector | None]",
        stages: Stages,
    ) -> PageTexts:
        """Fixes the ranking, and reads the first page of it."""
        words = await self._words(tenant_id, query, deadline, stages)
        # No connection is held here: an embedder that hangs must not take the database's from other searches.
        found = await embedding
        try:
            return await self._first_page(tenant_id, query, deadline, words, found, stages)
        except _SlowVectorLeg:
            # Its transaction is over with it, so what the words have found is shown by another one.
            slow = _MissingVector(DeadlineExceeded("the database did not answer in time"))
            return await self._first_page(tenant_id, query, deadline, words, slow, stages)

    async def _words(self, tenant_id: UUID, query: Query, deadline: Deadline, stages: Stages) -> Words:
        """What the lexical leg finds. In a hybrid search it has half of the time: the rest is for vectors alone."""
        if query.mode is Mode.VECTOR or not query.text:
            return Words()
        hybrid = query.mode is Mode.HYBRID
        longest_s = deadline.remaining_s() / 2 if hybrid else deadline.remaining_s()
        try:
            async with self._looking(tenant_id, query, deadline.no_later_than(longest_s)) as session:
                with stages.timed("lexical"):
                    return await self._lexical_leg.find(session, query, deadline)
        except DeadlineExceeded as error:
            if not hybrid:
                raise
            return Words(missing=error)

    async def _first_page(
        self,
        tenant_id: UUID,
        query: Query,
        deadline: Deadline,
        words: Words,
        found: QueryVector | _MissingVector | None,
        stages: Stages,
    ) -> PageTexts:
        rankings = {} if words.candidates is None else {Leg.LEXICAL: words.candidates}
        async with self._looking(tenant_id, query, deadline) as session:
            model, degraded_reason = "", f"lexical leg left out: {words.missing}" if words.missing else ""
            try:
                # Half of what is left stays for an answer from words alone, where words have found their part.
                async with asyncio.timeout(deadline.remaining_s() / 2 if rankings else None):
                    nearest = await self._nearest(session, found, stages)
            except (TimeoutError, DeadlineExceeded) as error:
                if rankings and isinstance(found, QueryVector):
                    raise _SlowVectorLeg from error
                raise
            if isinstance(nearest, _MissingVector):
                if not rankings:
                    raise nearest.error
                degraded_reason = f"vector leg left out: {nearest.error}"
            elif nearest is not None:
                model, rankings[Leg.VECTOR] = nearest
                if isinstance(found, QueryVector):
                    self._asked(tenant_id, model, found.vector)

            share = match_share(words.candidates[0].score, words.terms) if words.candidates else 0.0
            choices = {Leg.LEXICAL: words.choice}
            if query.explain:
                choices[Leg.VECTOR] = await session.choice(Leg.VECTOR)
            suggestions = await self._near_misses.suggestions(session, query.syntax.conditions)
            with stages.timed("fuse"):
                ranking = Ranking(
                    chunks=await self._fused(session, query, rankings, share),
                    terms=words.terms,
                    candidate_counts={leg: len(candidates) for leg, candidates in rankings.items()},
                    model=model,
                    degraded_reason=degraded_reason,
                    partial_reason=words.partial_reason,
                    match_share=share,
                    corrections=[*words.corrections, *suggestions],
                    choices=choices,
                )
            with stages.timed("fetch"):
                return await read_page(session, query, ranking)

    async def _fused(
        self, session: SearchSession, query: Query, rankings: Mapping[Leg, Sequence[Candidate]], share: float
    ) -> list[Fused]:
        """Every candidate, best first, as the question wants them fused, supported and grouped."""
        if query.text:
            fused, support = fuse(rankings, query.fusion, match_share=share), query.fusion.neighbor_support
        else:
            # The newest come first: there are no scores that chunks could lend each other.
            fused, support = [Fused(each, 0.0, ()) for each in await session.newest(self._limits.leg_depth)], 0.0
        if not (support or query.hits_per_meeting_max):
            return fused
        places = await session.places([each.chunk_id for each in fused])
        if support:
            fused = supported(fused, places, support)
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
        if query.mode is Mode.LEXICAL or not query.text:
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

    def _observe(self, query: Query, answer: Answer) -> None:
        for stage, seconds in answer.stage_seconds.items():
            self._metrics.stage_seconds.labels(stage).observe(seconds, current_exemplar())
        if query.ranking is not None:
            # The legs of a later page were counted with the first.
            return
        for leg, count in answer.ranking.candidate_counts.items():
            self._metrics.leg_candidates.labels(leg.value).observe(count)
            if count == 0:
                self._metrics.empty_legs.labels(leg.value).inc()
        if answer.ranking.degraded_reason:
            missing = next(leg for leg in Leg if leg not in answer.ranking.candidate_counts)
            self._metrics.degraded.labels(f"{missing.value}_leg").inc()
