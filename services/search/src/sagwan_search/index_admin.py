"""The use cases of administering the serving model's index: look, build, tune."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass

from sagwan_runtime.deadline import Deadline
from sagwan_runtime.errors import Conflict, DependencyUnavailable
from sagwan_search.domain.index_upkeep import NextStep
from sagwan_search.domain.indexes import IndexKind, Quantization, build_memory_bytes, plan_after
from sagwan_search.following import Run
from sagwan_search.index_building import IndexBuilding
from sagwan_search.index_ports import BuildProgress, IndexBuilder, IndexedTable, IndexStore
from sagwan_search.index_tuning import IndexTuning, TuningStep
from sagwan_search.index_upkeep import IndexUpkeep


@dataclass(frozen=True, slots=True)
class IndexReport:
    """How the serving model's index is.

    Attributes:
        table: The table and its figures.
        next: What it needs.
        buffered_share: Share of it in shared buffers; None when that is not known.
        build: Where this process's build is; None when it runs none.
        build_memory_bytes: Memory that building it again would take.
    """

    table: IndexedTable
    next: NextStep
    buffered_share: float | None
    build: BuildProgress | None
    build_memory_bytes: int


@dataclass(frozen=True, slots=True)
class _Tuning:
    asked: tuple[float, bool, tuple[Quantization, ...]]
    run: Run[TuningStep]


class IndexAdmin:
    """Administers the serving model's index."""

    def __init__(
        self,
        store: IndexStore,
        builder: IndexBuilder,
        building: IndexBuilding,
        tuning: IndexTuning,
        upkeep: IndexUpkeep,
    ) -> None:
        self._store = store
        self._builder = builder
        self._building = building
        self._tuning = tuning
        self._upkeep = upkeep
        self._tuned: _Tuning | None = None

    async def status(self, deadline: Deadline) -> IndexReport:
        """How the index is.

        Raises:
            PreconditionFailed: There is none before the first ingest.
        """
        table = await self._building.serving_table()
        tables = await self._store.tables(deadline)
        try:
            share = await self._builder.buffered_share(table)
        except DependencyUnavailable:
            # The rest is worth telling where the builder's login is wrong.
            share = None
        state = table.state
        plan = state.plan
        if plan.kind is IndexKind.EXACT:
            plan = plan_after(plan, state.row_count)
        memory = build_memory_bytes(plan, state.row_count, state.dimension)
        return IndexReport(table, self._upkeep.step(table, tables), share, self._building.progress, memory)

    def rebuild(self, kind: IndexKind | None, quantization: Quantization | None) -> AsyncGenerator[BuildProgress, None]:
        """Builds the index anew, or goes along with the build that runs. Errors as `IndexBuilding.rebuild`."""
        return self._building.rebuild(kind, quantization)

    async def tune(
        self, target: float, *, apply: bool, quantizations: Sequence[Quantization]
    ) -> AsyncGenerator[TuningStep, None]:
        """Tunes the index, or goes along with the run that was asked for likewise. Errors as `IndexTuning.tune`.

        Raises:
            Conflict: Another run is under way.
        """
        asked = (target, apply, tuple(quantizations))
        running = self._tuned
        if running is None or running.run.is_done:
            table = await self._building.serving_table()
            steps = self._tuning.tune(table, target, apply=apply, quantizations=quantizations)
            running = self._tuned = _Tuning(asked, Run(steps))
        elif running.asked != asked:
            raise Conflict("the index is being tuned for something else")
        async for step in running.run.follow():
            yield step

    async def close(self) -> None:
        """Ends what runs; what is left of a build is removed."""
        if self._tuned is not None:
            await self._tuned.run.close()
        await self._building.close()
