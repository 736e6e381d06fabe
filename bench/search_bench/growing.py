"""Meetings are added while searches go on: whether the nearest are still found, with nothing but the upkeep at work."""

import asyncio
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import asyncpg
import grpc
from scale_data.adding import Adding, Addition, adding
from scale_data.recombining import meeting_sizes
from scale_data.server import HOME, MODEL, core_name, database_name, grown
from stack import Stack, running

from sagwan.search.v1 import index_admin_pb2, index_admin_pb2_grpc, search_pb2
from sagwan_bench import pages
from sagwan_bench.results import Figure, at_least, exactly
from sagwan_client.local.postgres import EmbeddedPostgres
from sagwan_search.adapters.index_sql import index_name
from sagwan_search.domain.indexes import IndexKind
from search_bench.latencies import latency_figures
from search_bench.load import closed_loop, failure_figures
from search_bench.neighbors import Vector, Vectors, connected, question_vectors
from search_bench.run import QUERIES, Client, Run, client_of, warm_up

STEPS = {"1_percent": 101, "10_percent": 110, "doubled": 200}
"""How many chunks there are after each step, in percent of those at the beginning."""

_RECALL = at_least(0.93)
_COUNT = 10
_QUESTIONS = 100
# A minute by default, in which the smaller sizes would have doubled unseen.
_UPKEEP_INTERVAL_S = 5
_TIMEOUT_S = 30.0
# Comparing all of a million vectors with a hundred questions takes minutes, an index of them as long again.
_UPKEEP_AWAITED_S = 3_600.0
_LOOK_INTERVAL_S = 1.0
_ACTIONS = ("measure", "tune", "build")
# What the server keeps of its log besides the tables: its max_wal_size.
_LOG_BYTES_MAX = 8 << 30

Serve = Callable[[Stack, str], Run]


def growing_figures(
    kind: IndexKind, server: EmbeddedPostgres, chunks: int, served: Serve, tell: Callable[[str], None]
) -> Iterator[Figure]:
    """Recall@10 of the vector leg as a copy of a database grows, and the latency of one client's searches meanwhile.

    Args:
        kind: What the services index vectors by. What is not there yet, their upkeep builds before the first step.
        server: Where the databases are. Nobody may be connected to the one that is copied.
        chunks: Its size.
        served: The run on a stack and its database.
        tell: Takes a remark that belongs to the figures.
    """
    name = f"growing_{kind.value}"
    size_bytes = asyncio.run(_extent(server.dsn(database_name(chunks))))["size_bytes"]
    if not _fits(size_bytes):
        tell(f"{name}: no room for a copy of {size_bytes >> 20:,} MB")
        yield Figure(f"{name}_before_recall", None, "of 10", _RECALL)
        return
    with grown(server, chunks) as dsn:
        if kind is not IndexKind.HNSW:
            asyncio.run(_remove_index(dsn))
        home = HOME / "stack-growing"
        settings = {
            "SAGWAN_DATABASE_URL": dsn,
            "SAGWAN_SEARCH_INDEX_KIND": kind.value,
            "SAGWAN_SEARCH_INDEX_UPKEEP": "true",
            "SAGWAN_SEARCH_INDEX_UPKEEP_INTERVAL_S": str(_UPKEEP_INTERVAL_S),
        }
        with running(home, model_dir=MODEL, **settings) as stack, adding(server.dsn(core_name()), dsn) as process:
            run = served(stack, dsn)
            warm_up(run)
            with client_of(stack) as client:
                yield from _Growth(run, client, process, name).figures()


def recall(found: Sequence[set[int]], exact: Sequence[set[int]]) -> float | None:
    """Share of the exact neighbours of all questions that were found; None where there are none."""
    due = sum(len(each) for each in exact)
    return sum(len(one & other) for one, other in zip(found, exact, strict=True)) / due if due else None


@dataclass(frozen=True, slots=True)
class _Upkeep:
    """What the upkeep has done so far, by action, and how the index is."""

    done: dict[str, float]
    failed: float
    status: index_admin_pb2.IndexStatus

    @property
    def has_nothing_to_do(self) -> bool:
        return self.status.advice.startswith("nothing") and not self.status.build_phase

    def __str__(self) -> str:
        kind = index_admin_pb2.IndexKind.Name(self.status.kind).removeprefix("INDEX_KIND_").lower()
        built = f"built for {self.status.built_row_count:,}" if self.status.built_row_count else "not built"
        searched = f"lists {self.status.lists}, probes {self.status.probes}, ef_search {self.status.ef_search}"
        return f"{kind} of {self.status.row_count:,} rows, {built}, {searched}; {self.status.advice}"


class _Growth:
    """One database that grows."""

    def __init__(self, run: Run, client: Client, process: Adding, name: str) -> None:
        self._run = run
        self._client = client
        self._process = process
        self._name = name
        self._questions = run.questions.take(min(run.searches, _QUESTIONS))
        self._vectors = question_vectors(run, self._questions)

    def figures(self) -> Iterator[Figure]:
        """Those of the beginning, then those of each step."""
        exact = self._exact()
        self._settle(f"{self._name} at first", exact)
        yield Figure(f"{self._name}_before_recall", recall(self._found(), exact), "of 10", _RECALL)
        for step, percent in STEPS.items():
            extent = asyncio.run(_extent(self._run.dsn))
            more = self._run.chunks * percent // 100 - extent["chunks"]
            grows_bytes = extent["size_bytes"] * more // extent["chunks"]
            if not _fits(grows_bytes):
                self._run.tell(f"{self._name}: no room for {grows_bytes >> 20:,} MB more, so not {step}")
                yield Figure(f"{self._name}_{step}_recall", None, "of 10", _RECALL)
                return
            yield from self._step(f"{self._name}_{step}", extent, more)

    def _step(self, name: str, extent: asyncpg.Record, more: int) -> Iterator[Figure]:
        before = self._upkeep()
        self._process.begin(Addition(extent["meetings"], meeting_sizes(more)))
        searched = closed_loop(self._run, clients=1, keep_on=lambda: not self._process.has_ended)
        added = self._process.added()
        # Before all vectors are read, which takes minutes in which the upkeep goes on.
        at_once = self._found()
        exact = self._exact()
        yield Figure(f"{name}_recall", recall(at_once, exact), "of 10", _RECALL)
        new = [{each for each in nearest if each > extent["chunk_id"]} for nearest in exact]
        yield Figure(f"{name}_new_share", sum(map(len, new)) / sum(map(len, exact)), "of 10")
        yield Figure(f"{name}_new_recall", recall(at_once, new), "of new")
        yield Figure(f"{name}_found_at_once", added.found / added.sought, "of chunks")
        yield Figure(f"{name}_rows_per_s", added.chunks / added.seconds, "1/s")
        yield Figure(f"{name}_searches", len(searched.seconds), "searches")
        yield from latency_figures(f"{name}_search", searched.seconds)
        yield from failure_figures(f"{name}_search", searched)
        after, lowest = self._settle(name, exact)
        for action in _ACTIONS:
            yield Figure(f"{name}_upkeep_{action}", after.done[action] - before.done[action], "times")
        yield Figure(f"{name}_upkeep_failed", after.failed - before.failed, "times", exactly(0))
        yield Figure(f"{name}_lowest_recall", lowest, "of 10", _RECALL)
        yield Figure(f"{name}_settled_recall", recall(self._found(), exact), "of 10", _RECALL)

    def _found(self) -> list[set[int]]:
        """The nearest to each question, by the service."""
        return [
            self._client.ask(text, mode=search_pb2.SEARCH_MODE_VECTOR, page_size=_COUNT).chunk_ids
            for text in self._questions
        ]

    def _exact(self) -> list[set[int]]:
        return asyncio.run(_exact(self._run.dsn, self._vectors))

    def _settle(self, when: str, exact: Sequence[set[int]]) -> tuple[_Upkeep, float | None]:
        """Waits until the upkeep has nothing to do; how it is then, and the lowest recall on the way there."""
        self._run.tell(f"{when}: {self._upkeep()}")
        give_up = time.monotonic() + _UPKEEP_AWAITED_S
        begun = time.perf_counter()
        recalls = [recall(self._found(), exact)]
        while not (upkeep := self._upkeep()).has_nothing_to_do and time.monotonic() < give_up:
            time.sleep(_LOOK_INTERVAL_S)
            recalls.append(recall(self._found(), exact))
        self._run.tell(f"{when}, {time.perf_counter() - begun:.0f} s later: {upkeep}")
        return upkeep, min((each for each in recalls if each is not None), default=None)

    def _upkeep(self) -> _Upkeep:
        stack = self._run.stack
        page = pages.read(f"http://{stack.metrics_address('search')}/metrics")
        done = {action: _actions(page, action=action, outcome="done") for action in _ACTIONS}
        with grpc.insecure_channel(stack.address("search")) as channel:
            status = index_admin_pb2_grpc.IndexAdminServiceStub(channel).GetIndexStatus(
                index_admin_pb2.GetIndexStatusRequest(),
                metadata=(("authorization", f"Bearer {stack.api_key}"),),
                timeout=_TIMEOUT_S,
            )
        return _Upkeep(done, _actions(page, outcome="failed"), status)


def _actions(page: pages.Page, **labels: str) -> float:
    return page.total("sagwan_index_upkeep_total", lambda found: labels.items() <= found.items())


def _fits(size_bytes: int) -> bool:
    """Whether the disk has room for more in the databases, and for the log of writing it."""
    return size_bytes + min(size_bytes, _LOG_BYTES_MAX) < shutil.disk_usage(HOME).free


async def _exact(dsn: str, vectors: Sequence[Vector]) -> list[set[int]]:
    connection, table = await connected(dsn)
    try:
        return (await Vectors.read(connection, table)).nearest(vectors, _COUNT)
    finally:
        await connection.close()


async def _extent(dsn: str) -> asyncpg.Record:
    connection, _ = await connected(dsn)
    try:
        return await connection.fetchrow(QUERIES["chunk_extent"].sql)
    finally:
        await connection.close()


async def _remove_index(dsn: str) -> None:
    """Leaves the vectors as they were before the upkeep had looked at them."""
    connection, table = await connected(dsn)
    try:
        async with connection.transaction():
            await connection.execute(QUERIES["drop_index"].on_table("index", index_name(table, IndexKind.HNSW)).sql)
            await connection.execute(QUERIES["forget_indexes"].sql)
    finally:
        await connection.close()
