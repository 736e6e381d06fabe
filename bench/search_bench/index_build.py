"""Building an index while searches go on, and what the search service holds in memory after all."""

import asyncio
import threading
import time
from collections.abc import Iterator

from sagwan_bench.memory import peak_resident_mb, resident_mb
from sagwan_bench.results import Figure, at_most, below, exactly
from sagwan_search.adapters.index_sql import create_index
from sagwan_search.domain.index_upkeep import IndexState, fitting
from sagwan_search.domain.indexes import EXACT, IndexKind, Quantization, SearchSettings, plan_for
from search_bench.latencies import latency_figures
from search_bench.neighbors import connected
from search_bench.run import QUERIES, Run, client_of

_INDEX = "bench_hnsw"
_MAINTENANCE_MEMORY_GB = 2


def build_figures(run: Run) -> Iterator[Figure]:
    """Time of CREATE INDEX CONCURRENTLY for HNSW in 2 GB, and the latency of one client's searches meanwhile.

    Of floats, or of half floats where a graph of floats does not fit, as the service itself chooses.
    """
    built_s: list[float] = []
    builder = threading.Thread(target=lambda: built_s.append(asyncio.run(_build(run))))
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


async def _build(run: Run) -> float:
    connection, table = await connected(run.dsn)
    try:
        await connection.execute(f"DROP INDEX IF EXISTS {_INDEX}")
        await connection.execute(f"SET maintenance_work_mem = '{_MAINTENANCE_MEMORY_GB}GB'")
        rows, dimension = await connection.fetchrow(QUERIES["vector_extent"].on_table("vectors", table).sql)
        state = IndexState(EXACT, SearchSettings(), rows, dimension)
        plan = fitting(plan_for(IndexKind.HNSW, rows), state, _MAINTENANCE_MEMORY_GB << 30)
        run.tell(f"the graph is of {'floats' if plan.quantization is Quantization.NONE else 'half floats'}")
        begun = time.perf_counter()
        await connection.execute(create_index(_INDEX, table, plan, dimension), timeout=None)
        seconds = time.perf_counter() - begun
        await connection.execute(f"DROP INDEX {_INDEX}")
        return seconds
    finally:
        await connection.close()
