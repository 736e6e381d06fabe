"""Building an index while searches go on, and what the search service holds in memory after all."""

import asyncio
import threading
import time
from collections.abc import Iterator

from sagwan_bench.memory import peak_resident_mb, resident_mb
from sagwan_bench.results import Figure, at_most, below, exactly
from sagwan_search.adapters.index_sql import create_index
from sagwan_search.domain.indexes import IndexKind, plan_for
from search_bench.latencies import latency_figures
from search_bench.neighbors import connected
from search_bench.run import Run, client_of

_INDEX = "bench_hnsw"
_MAINTENANCE_MEMORY = "2GB"
# Of floats the statement is the same whatever their number, and a graph's whatever the rows.
_PLAN, _UNUSED_DIMENSION = plan_for(IndexKind.HNSW, 0), 0


def build_figures(run: Run) -> Iterator[Figure]:
    """Time of CREATE INDEX CONCURRENTLY for HNSW in 2 GB, and the latency of one client's searches meanwhile."""
    built_s: list[float] = []
    builder = threading.Thread(target=lambda: built_s.append(asyncio.run(_build(run.dsn))))
    seconds: list[float] = []
    builder.start()
    with client_of(run.stack) as client:
        while builder.is_alive():
            seconds += [client.ask(text).seconds for text in run.questions.take(1)]
    builder.join()
    yield Figure("build_hnsw_s", built_s[0] if built_s else None, "s")
    yield Figure("build_searches", len(seconds), "searches")
    yield from latency_figures("build_search", seconds, p99=at_most(500))
    yield Figure("build_failed", 0 if built_s else 1, "builds", exactly(0))


def memory_figures(run: Run) -> Iterator[Figure]:
    """Resident memory of the search service, now and at its highest."""
    pid = run.stack.pid("search")
    yield Figure("search_rss_mb", resident_mb(pid), "MB")
    yield Figure("search_rss_peak_mb", peak_resident_mb(pid), "MB", below(200))


async def _build(dsn: str) -> float:
    connection, table = await connected(dsn)
    try:
        await connection.execute(f"DROP INDEX IF EXISTS {_INDEX}")
        await connection.execute(f"SET maintenance_work_mem = '{_MAINTENANCE_MEMORY}'")
        begun = time.perf_counter()
        await connection.execute(create_index(_INDEX, table, _PLAN, _UNUSED_DIMENSION), timeout=None)
        seconds = time.perf_counter() - begun
        await connection.execute(f"DROP INDEX {_INDEX}")
        return seconds
    finally:
        await connection.close()
