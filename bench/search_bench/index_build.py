"""Building an index while searches go on, and what the search service holds in memory after all."""

import json
import threading
import time
from collections.abc import Iterator

from sagwan_bench.memory import peak_resident_mb, resident_mb
from sagwan_bench.results import Figure, at_most, below, exactly
from search_bench.latencies import latency_figures
from search_bench.run import Run, client_of


def build_figures(run: Run) -> Iterator[Figure]:
    """Time of a rebuild of the index by the service, in its 2 GB, and the latency of a client's searches meanwhile."""
    taken: list[float] = []
    builder = threading.Thread(target=lambda: taken.append(_rebuilt(run)))
    seconds: list[float] = []
    builder.start()
    with client_of(run.stack) as client:
        while builder.is_alive():
            seconds += [client.ask(text).seconds for text in run.questions.take(1)]
    builder.join()
    yield Figure("build_hnsw_s", taken[0] if taken else None, "s")
    yield Figure("build_searches", len(seconds), "searches")
    yield from latency_figures("build_search", seconds, p99=at_most(500))
    yield Figure("build_failed", 0 if taken else 1, "builds", exactly(0))


def _rebuilt(run: Run) -> float:
    begun = time.perf_counter()
    status = json.loads(run.stack.run("index", "rebuild", "--json").stdout)
    run.tell(f"rebuilt: {json.dumps(status)}")
    return time.perf_counter() - begun


def memory_figures(run: Run) -> Iterator[Figure]:
    """Resident memory of the search service, now and at its highest."""
    pid = run.stack.pid("search")
    yield Figure("search_rss_mb", resident_mb(pid), "MB")
    yield Figure("search_rss_peak_mb", peak_resident_mb(pid), "MB", below(200))
