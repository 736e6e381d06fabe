"""Looks at the indexes once a while, and does what they need."""

import asyncio
import random

import structlog

from sagwan_runtime.deadline import Deadline
from sagwan_runtime.errors import Conflict, SagwanError
from sagwan_runtime.metrics import IndexMetrics
from sagwan_search.domain.index_upkeep import Action, NextStep, UpkeepRules, next_step
from sagwan_search.domain.indexes import IndexKind
from sagwan_search.index_building import IndexBuilding
from sagwan_search.index_ports import IndexBuilder, IndexedTable, IndexStore
from sagwan_search.index_tuning import IndexTuning

_log = structlog.get_logger(__name__)
_LOOK_TIMEOUT_S = 30.0
_UNKNOWN = -1.0
_INTERVALS_MAX = 60


class IndexUpkeep:
    """Keeps indexes as they should be.

    Of several processes one works at a time, and the others find it done.

    Args:
        store: What there is.
        builder: Who may build.
        building: Builds.
        tuning: Measures and tunes.
        rules: What to aim at.
        metrics: The figures of the serving model's index.
    """

    def __init__(
        self,
        store: IndexStore,
        builder: IndexBuilder,
        building: IndexBuilding,
        tuning: IndexTuning,
        rules: UpkeepRules,
        metrics: IndexMetrics,
    ) -> None:
        self._store = store
        self._builder = builder
        self._building = building
        self._tuning = tuning
        self._rules = rules
        self._metrics = metrics

    async def watch(self, interval_s: float, *, act: bool) -> None:
        """Looks again and again, until it is cancelled.

        Args:
            interval_s: Time between two looks.
            act: Whether to do what is needed, or only to measure what metrics show.
        """
        failures = 0
        while True:
            # Processes that started together should not all look at once, and what fails is not tried as often.
            longer = min(2**failures, _INTERVALS_MAX)
            await asyncio.sleep(interval_s * longer * random.uniform(0.8, 1.2))  # noqa: S311  # nothing secret in it
            failures += 1
            try:
                await self.look(act=act)
                failures = 0
            except Conflict:
                failures = 0
                _log.debug("another process looks after the indexes")
            except SagwanError as error:
                _log.warning("indexes not looked after", reason=str(error), cause=repr(error.__cause__))
            except Exception:  # noqa: BLE001  # whatever it is, the next look may fare better, and searches go on
                _log.exception("indexes not looked after")

    async def look(self, *, act: bool = True) -> list[NextStep]:
        """Looks at each index once, does what it needs, and returns what that was.

        Raises:
            Conflict: Another process is at it.
            SagwanError: It could not be done.
        """
        tables = await self._tables()
        if act:
            steps = [await self._tend(table, tables) for table in tables]
            tables = await self._tables()
        else:
            steps = [self.step(table, tables) for table in tables]
        if tables and tables[0].serves:
            await self._show(tables[0])
        return steps

    def step(self, table: IndexedTable, tables: list[IndexedTable]) -> NextStep:
        """What an index needs next, among those there are."""
        serving = next((each.state.row_count for each in tables if each.serves), None)
        step = next_step(table.state, self._rules, serving_rows=None if table.serves else serving)
        if not table.serves and step.action in {Action.MEASURE, Action.TUNE}:
            return NextStep(Action.NONE, "nobody searches it yet")
        return step

    async def _tend(self, table: IndexedTable, tables: list[IndexedTable]) -> NextStep:
        if await self._store.leftovers(table, _soon()):
            await self._building.sweep(table)
        step = self.step(table, tables)
        if step.action is Action.NONE:
            return step
        _log.info("looking after an index", table=table.name, action=step.action.value, reason=step.reason)
        outcome = "failed"
        try:
            await self._do(step, table)
            outcome = "done"
        finally:
            self._metrics.upkeep.labels(step.action.value, outcome).inc()
        return step

    async def _do(self, step: NextStep, table: IndexedTable) -> None:
        if step.action is Action.BUILD and step.plan is not None:
            await self._building.build(table, step.plan)
            return
        # Not while an index is built, and by one process only.
        async with self._builder.alone():
            if step.action is Action.MEASURE:
                await self._tuning.measure(table)
            else:
                target = table.state.recall_target or self._rules.recall
                async for _ in self._tuning.tune(table, target, apply=True):
                    pass

    async def _tables(self) -> list[IndexedTable]:
        return await self._store.tables(_soon())

    async def _show(self, table: IndexedTable) -> None:
        state, metrics = table.state, self._metrics
        for kind in IndexKind:
            metrics.kind.labels(kind.value).set(kind is state.plan.kind)
        metrics.rows.set(state.row_count)
        metrics.size_bytes.set(table.size_bytes)
        metrics.scans.set(table.scan_count)
        metrics.tuples.set(table.tuple_count)
        metrics.lists.set(state.plan.lists)
        metrics.probes.set(state.settings.probes)
        metrics.ef_search.set(state.settings.ef_search)
        metrics.recall.set(_UNKNOWN if state.recall is None else state.recall)
        metrics.recall_target.set(state.recall_target or self._rules.recall)
        share = await self._builder.buffered_share(table)
        metrics.buffered_share.set(_UNKNOWN if share is None else share)


def _soon() -> Deadline:
    return Deadline.after(_LOOK_TIMEOUT_S)
