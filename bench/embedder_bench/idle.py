"""What the service costs when nobody calls it."""

import itertools
import time
from collections.abc import Iterator

from embedder_bench.calls import batched, closed_loop
from embedder_bench.run import Run
from embedder_bench.service import running
from embedder_bench.texts import endless_passages
from sagwan_bench.results import Figure, below

_SEED = 9
_SECONDS = 60
_SETTLE_S = 3
_TEXTS = 128
_BATCH = 32
_CPU_PERCENT = below(1)


def idle_figures(run: Run) -> Iterator[Figure]:
    """Processor time over a minute with no caller, after the service has worked: a pool that spins shows here."""
    texts = itertools.islice(endless_passages(run.texts, _SEED), run.count(_TEXTS))
    seconds = run.seconds(_SECONDS)
    with running(run) as service:
        yield Figure("idle_start_mb", service.resident_mb, "MB")
        closed_loop(service.address, batched(texts, _BATCH), callers=1)
        time.sleep(run.seconds(_SETTLE_S))
        cpu_s, started_s = service.cpu_s, time.perf_counter()
        time.sleep(seconds)
        share = (service.cpu_s - cpu_s) / (time.perf_counter() - started_s)
        yield Figure("idle_cpu_percent", share * 100, "% of one", _CPU_PERCENT)
        yield Figure("idle_after_work_mb", service.resident_mb, "MB")
