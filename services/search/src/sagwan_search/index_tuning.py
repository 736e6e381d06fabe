"""The use case of tuning an index: ask it questions whose true answers are known, with one setting after the other."""

import random
import statistics
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from sagwan_runtime.deadline import Deadline
from sagwan_runtime.errors import PreconditionFailed
from sagwan_search.domain.index_upkeep import megabytes
from sagwan_search.domain.indexes import (
    EXACT,
    IndexKind,
    IndexPlan,
    Quantization,
    SearchSettings,
    build_memory_bytes,
    plan_for,
)
from sagwan_search.domain.tuning import RECALL_DEPTH, Point, cheapest, is_enough, recall, trials
from sagwan_search.index_ports import IndexBuilder, IndexedTable, IndexStore, Sampled
from sagwan_search.ports import Vector

_STATEMENT_TIMEOUT_S = 30.0


class QuestionSample:
    """Some of the questions that were asked of this process, each as likely as any other to be among them.

    Their vectors stay in memory: they are written nowhere, and leave this process only in statements of the tenant who
    asked. Reservoir sampling (Vitter 1985, algorithm R).

    Args:
        count_max: How many are kept; none when 0.
    """

    def __init__(self, count_max: int) -> None:
        self._count_max = count_max
        self._seen = 0
        self._kept: list[tuple[str, Sampled]] = []

    def add(self, tenant_id: UUID, model_label: str, vector: Vector) -> None:
        """A question was asked of the vectors of a model."""
        self._seen += 1
        question = (model_label, Sampled(tenant_id, vector))
        if len(self._kept) < self._count_max:
            self._kept.append(question)
            return
        place = random.randrange(self._seen)  # noqa: S311  # a sample keeps no secret
        if place < self._count_max:
            self._kept[place] = question

    def of_model(self, label: str) -> list[Sampled]:
        """The questions that were asked of a model's vectors."""
        return [question for model_label, question in self._kept if model_label == label]


@dataclass(frozen=True, slots=True)
class TuningStep:
    """Where a tuning run is.

    Attributes:
        share: How much is done, 0 to 1.
        point: What was measured last; None while the true answers are looked for.
        chosen: The choice, at the end.
        asked_count: Questions that callers had asked, among those of the run.
        drawn_count: Vectors of chunks that stand in for questions.
    """

    share: float
    point: Point | None
    chosen: Point | None
    asked_count: int
    drawn_count: int


@dataclass(frozen=True, slots=True)
class _Question:
    """A question with the scores of its true nearest."""

    sampled: Sampled
    true_scores: Sequence[float]


class _Run:
    """The points of a tuning run, and how far it is."""

    def __init__(self, index_count: int, counts: tuple[int, int]) -> None:
        self.tried: list[Point] = []
        self._index_count = index_count
        self._counts = counts
        self._indexes_done = 0
        self._points = 0

    def begin(self) -> None:
        """The next index is tried."""
        self._indexes_done += 1
        self._points = 0

    def step(self, point: Point) -> TuningStep:
        """The step that a point is. How many more come is not known: each stands for half of what is left."""
        self.tried.append(point)
        self._points += 1
        share = (self._indexes_done + 1 - 0.5**self._points) / self._index_count
        return TuningStep(min(share, 0.99), point, None, *self._counts)


class IndexTuning:
    """Measures and tunes indexes.

    Args:
        store: How they answer.
        questions: What was asked lately. Vectors of chunks, drawn at random, make up for what is missing.
        builder: Builds what is tried besides.
        depth: Candidates that a search asks the leg for.
        questions_max: Questions of a run.
        memory_bytes_max: Memory that a build may take.
    """

    def __init__(
        self,
        store: IndexStore,
        questions: QuestionSample,
        builder: IndexBuilder,
        *,
        depth: int,
        questions_max: int,
        memory_bytes_max: int,
    ) -> None:
        self._store = store
        self._builder = builder
        self._memory_bytes_max = memory_bytes_max
        self._questions = questions
        self._depth = depth
        self._questions_max = questions_max

    async def measure(self, table: IndexedTable) -> float:
        """Recall@10 of an index as it is searched now, which is kept.

        Raises:
            PreconditionFailed: There is nothing to ask for.
        """
        questions = await self._answered(table, await self._sampled(table))
        point = await self._point(table, questions, table.state.plan, table.state.settings)
        await self._store.record_recall(table, point.recall, _soon())
        return point.recall

    async def tune(
        self, table: IndexedTable, target: float, *, apply: bool, quantizations: Sequence[Quantization] = ()
    ) -> AsyncGenerator[TuningStep, None]:
        """Tries settings, and says what each gave and which to keep.

        Args:
            table: Whose index.
            target: Recall@10 to reach.
            apply: Whether searches use the choice from now on.
            quantizations: Built beside the index, one after the other, and tried too; what is not chosen is removed.

        Raises:
            PreconditionFailed: There is nothing to ask for, or one of them would take more memory to build than it may.
            Conflict: An index is being built already.
            DependencyUnavailable: The database cannot be reached, or does not let this service build.
        """
        others = self._others(table, quantizations)
        sampled = await self._sampled(table)
        counts = (sum(each.chunk_id is None for each in sampled), sum(each.chunk_id is not None for each in sampled))
        yield TuningStep(0.0, None, None, *counts)
        questions = await self._answered(table, sampled)
        run = _Run(1 + len(others), counts)
        async for point in self._points(table, questions, table.state.plan):
            yield run.step(point)
        chosen = cheapest(run.tried, target)
        if apply:
            await self._keep(table, chosen, target)
        if others:
            async with self._builder.alone() as work:
                await work.sweep(table)
                for plan in others:
                    run.begin()
                    await work.build(table, plan, self._memory(table, plan))
                    async for point in self._points(table, questions, plan):
                        yield run.step(point)
                    better = cheapest(run.tried, target)
                    if apply and better.plan == plan:
                        await work.promote(table, plan, better.settings)
                        table = replace(table, state=replace(table.state, plan=plan))
                        await self._keep(table, better, target)
                    else:
                        await work.discard(table)
                    chosen = better
        yield TuningStep(1.0, None, chosen, *counts)

    async def _keep(self, table: IndexedTable, chosen: Point, target: float) -> None:
        await self._store.record_settings(table, chosen.settings, target=target, recall=chosen.recall, deadline=_soon())

    def _others(self, table: IndexedTable, quantizations: Sequence[Quantization]) -> list[IndexPlan]:
        """The indexes to try besides the one that is there."""
        now = table.state.plan
        kind = IndexKind.HNSW if now.kind is IndexKind.EXACT else now.kind
        plans = [plan_for(kind, table.state.row_count, each) for each in dict.fromkeys(quantizations)]
        plans = [each for each in plans if (each.kind, each.quantization) != (now.kind, now.quantization)]
        for each in plans:
            needed = self._memory(table, each)
            if needed > self._memory_bytes_max:
                limit = megabytes(self._memory_bytes_max)
                raise PreconditionFailed(
                    "the index",
                    f"of {each.quantization.value} would take {megabytes(needed)} to build and may take {limit}",
                )
        return plans

    @staticmethod
    def _memory(table: IndexedTable, plan: IndexPlan) -> int:
        return build_memory_bytes(plan, table.state.row_count, table.state.dimension)

    async def _points(
        self, table: IndexedTable, questions: Sequence[_Question], plan: IndexPlan
    ) -> AsyncIterator[Point]:
        """What each setting gives, from those that look least on, until looking further would give no more."""
        for settings in trials(plan, self._depth):
            point = await self._point(table, questions, plan, settings)
            yield point
            if is_enough(point):
                return

    async def _sampled(self, table: IndexedTable) -> list[Sampled]:
        asked = self._questions.of_model(table.label)[: self._questions_max]
        missing = self._questions_max - len(asked)
        drawn = await self._store.sampled(table, missing, _soon()) if missing else []
        if not asked and not drawn:
            raise PreconditionFailed("the index", "holds nothing that could be asked for")
        return [*asked, *drawn]

    async def _answered(self, table: IndexedTable, sampled: Sequence[Sampled]) -> list[_Question]:
        """The questions with their true answers. One more is asked for, because a chunk is nearest to itself."""
        return [
            _Question(each, await self._scores(table, each, EXACT, table.state.settings, RECALL_DEPTH + 1))
            for each in sampled
        ]

    async def _point(
        self, table: IndexedTable, questions: Sequence[_Question], plan: IndexPlan, settings: SearchSettings
    ) -> Point:
        recalls, seconds = [], []
        for each in questions:
            found = await self._store.searched(table, each.sampled, plan, settings, self._depth, _soon())
            seconds.append(found.seconds)
            recalls.append(recall(_others(found.chunk_ids, found.scores, each.sampled), each.true_scores))
        return Point(plan, settings, statistics.fmean(recalls), statistics.median(seconds))

    async def _scores(
        self, table: IndexedTable, question: Sampled, plan: IndexPlan, settings: SearchSettings, depth: int
    ) -> list[float]:
        found = await self._store.searched(table, question, plan, settings, depth, _soon())
        return _others(found.chunk_ids, found.scores, question)[:RECALL_DEPTH]


def _others(chunk_ids: Sequence[int], scores: Sequence[float], question: Sampled) -> list[float]:
    """The scores of all chunks but the one whose vector is the question."""
    return [score for chunk_id, score in zip(chunk_ids, scores, strict=True) if chunk_id != question.chunk_id]


def _soon() -> Deadline:
    return Deadline.after(_STATEMENT_TIMEOUT_S)
