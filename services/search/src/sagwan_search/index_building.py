"""The use case of building an index: one at a time, beside the one in use, and going on when whoever asked has left."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field

import structlog

from sagwan_runtime.deadline import Deadline
from sagwan_runtime.errors import Conflict, PreconditionFailed, SagwanError
from sagwan_search.domain.index_upkeep import TooLittleMemory, fitting, megabytes
from sagwan_search.domain.indexes import (
    IndexKind,
    IndexPlan,
    Quantization,
    build_memory_bytes,
    plan_after,
    settings_after,
)
from sagwan_search.index_ports import BuildProgress, IndexBuilder, IndexedTable, IndexStore, IndexWork

_log = structlog.get_logger(__name__)
_LOOK_INTERVAL_S = 0.5
_DEADLINE_S = 30.0
# The server needs some of what it has for everything else.
_MEMORY_SHARE = 0.8


@dataclass(slots=True)
class _Build:
    table: IndexedTable
    plan: IndexPlan
    progress: BuildProgress
    task: "asyncio.Task[None]" = field(init=False)


class IndexBuilding:
    """Builds indexes.

    Args:
        store: What there is.
        builder: Who may build.
        memory_bytes_max: Memory that a build may take.
    """

    def __init__(self, store: IndexStore, builder: IndexBuilder, *, memory_bytes_max: int) -> None:
        self._store = store
        self._builder = builder
        self._memory_bytes_max = memory_bytes_max
        self._build: _Build | None = None

    @property
    def progress(self) -> BuildProgress | None:
        """Where this process's build is; None when it builds nothing."""
        return self._build.progress if self._build else None

    async def serving_table(self) -> IndexedTable:
        """The table of the model that serves.

        Raises:
            PreconditionFailed: There is none before the first ingest.
        """
        tables = await self._store.tables(Deadline.after(_DEADLINE_S))
        if not tables or not tables[0].serves:
            raise PreconditionFailed("the index", "does not exist before the first ingest")
        return tables[0]

    async def rebuild(
        self, kind: IndexKind | None = None, quantization: Quantization | None = None
    ) -> AsyncGenerator[BuildProgress, None]:
        """Builds the serving model's index anew, or goes along with the build that runs.

        It goes on when nobody listens any more.

        Args:
            kind: What to build; as it is when None, and HNSW where there is none.
            quantization: What it keeps of a vector; as it is when None, or half floats where there is no index yet or
                no more fits into memory.

        Raises:
            Conflict: Another index is being built, here or by another process.
            PreconditionFailed: It would take more memory than it may, or there is no table yet.
            DependencyUnavailable: The database cannot be reached or does not let this service build.
        """
        build = self._build
        if build is None:
            table = await self.serving_table()
            plan = plan_after(table.state.plan, table.state.row_count, kind=kind, quantization=quantization)
            build = self._start(table, plan, chosen=quantization is not None)
        elif kind not in (None, build.plan.kind) or quantization not in (None, build.plan.quantization):
            now = f"{build.plan.kind.value} over {build.plan.quantization.value}"
            raise Conflict(f"an index of another kind, {now}, is being built")
        while not build.task.done():
            yield build.progress
            await asyncio.wait([build.task], timeout=_LOOK_INTERVAL_S)
        await build.task
        yield build.progress

    async def build(self, table: IndexedTable, plan: IndexPlan) -> None:
        """Builds an index of a table, and puts it in place. Errors as `rebuild`."""
        await asyncio.shield(self._start(table, plan, chosen=False).task)

    async def sweep(self, table: IndexedTable) -> None:
        """Removes what builds that were cut off have left of a table's indexes."""
        async with self._builder.alone() as work:
            await work.sweep(table)

    async def close(self) -> None:
        """Ends a build that runs; what is left of it is removed."""
        if self._build is not None:
            task = self._build.task
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def _start(self, table: IndexedTable, plan: IndexPlan, *, chosen: bool) -> _Build:
        if self._build is not None:
            raise Conflict("an index is being built already")
        build = self._build = _Build(table, plan, BuildProgress("starting", 0.0))
        build.task = asyncio.create_task(self._run(build, chosen))
        # A failure is told to whoever waits; when nobody does, it is in the log, and not a second time at exit.
        build.task.add_done_callback(lambda task: task.cancelled() or task.exception())
        return build

    async def _run(self, build: _Build, chosen: bool) -> None:
        try:
            async with self._builder.alone() as work:
                await work.sweep(build.table)
                if build.plan.kind is not IndexKind.EXACT:
                    build.plan = await self._fitting(work, build, chosen)
                    await self._built(work, build)
                build.progress = BuildProgress("swapping", 0.95)
                old = build.table.state
                settings = settings_after(old.plan, old.settings, build.plan)
                await work.promote(build.table, build.plan, settings)
                build.progress = BuildProgress("done", 1.0)
                _log.info(
                    "index built", table=build.table.name, kind=build.plan.kind.value, rows=build.table.state.row_count
                )
        except SagwanError as error:
            _log.warning("index not built", table=build.table.name, reason=str(error), cause=repr(error.__cause__))
            raise
        finally:
            self._build = None

    async def _fitting(self, work: IndexWork, build: _Build, chosen: bool) -> IndexPlan:
        available = await work.memory_bytes(build.table)
        limit = self._memory_bytes_max
        if available is not None:
            limit = min(limit, round(available * _MEMORY_SHARE))
        state = build.table.state
        needed = build_memory_bytes(build.plan, state.row_count, state.dimension)
        if chosen and needed > limit:
            raise PreconditionFailed(
                "the index", f"would take {megabytes(needed)} to build and may take {megabytes(limit)}"
            )
        try:
            return fitting(build.plan, state, limit)
        except TooLittleMemory as error:
            raise PreconditionFailed("the index", f"is not built: {error}") from error

    async def _built(self, work: IndexWork, build: _Build) -> None:
        state = build.table.state
        memory = build_memory_bytes(build.plan, state.row_count, state.dimension)
        building = asyncio.create_task(work.build(build.table, build.plan, memory))
        try:
            while not building.done():
                await asyncio.wait([building], timeout=_LOOK_INTERVAL_S)
                build.progress = await work.progress() or build.progress
        finally:
            building.cancel()
            await asyncio.gather(building, return_exceptions=True)
        await building
