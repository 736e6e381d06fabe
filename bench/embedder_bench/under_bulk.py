"""A query while bulk ingest keeps the embedder full."""

import itertools
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from embedder_bench.batching_metrics import passage_tokens
from embedder_bench.calls import QUERY, batched, closed_loop, open_loop, serialized
from embedder_bench.run import Run
from embedder_bench.service import running
from embedder_bench.texts import endless_passages, ten_word_queries
from sagwan_bench.results import Figure, below, exactly
from sagwan_bench.samples import nearest_rank

_SEED = 5
_CALLERS = 8
_BATCH = 32
_QUERIES_PER_S = 5
_SECONDS = 80
# Until the queue is as full as it will be.
_RAMP_S = 5
_DEADLINE_S = 10
_P99_MS = below(100)


def bulk_figures(run: Run) -> Iterator[Figure]:
    """Eight callers send passages in a closed loop; queries come by the clock and are timed from when they were due."""
    seconds = run.seconds(_SECONDS)
    count = round(_QUERIES_PER_S * seconds)
    queries = [serialized([each], QUERY) for each in itertools.islice(ten_word_queries(run.texts, _SEED), count)]
    stopped = threading.Event()
    with running(run) as service, ThreadPoolExecutor(1) as thread:
        requests = batched(endless_passages(run.texts, _SEED), _BATCH)
        ingesting = thread.submit(
            closed_loop, service.address, requests, callers=_CALLERS, keep_on=lambda: not stopped.is_set()
        )
        try:
            time.sleep(run.seconds(_RAMP_S))
            started_s, tokens = time.perf_counter(), passage_tokens(service.page())
            asked = open_loop(
                service.address,
                queries,
                rate_per_s=_QUERIES_PER_S,
                seconds=seconds,
                deadline_s=_DEADLINE_S,
                connections=1,
            )
            # Answers come in waves of all callers at once, so the model's own count is the finer one.
            tokens_per_s = (passage_tokens(service.page()) - tokens) / (time.perf_counter() - started_s)
        finally:
            stopped.set()
        bulk = ingesting.result()
    waits_ms = [(answer.done_s - answer.due_s) * 1_000 for answer in asked.answers]
    yield Figure("bulk_query_p50_ms", nearest_rank(0.5, waits_ms), "ms")
    yield Figure("bulk_query_p99_ms", nearest_rank(0.99, waits_ms), "ms", _P99_MS)
    yield Figure("bulk_query_max_ms", max(waits_ms), "ms")
    yield Figure("bulk_query_count", len(waits_ms), "queries")
    yield Figure("bulk_query_failures", sum(not each.is_ok for each in asked.answers), "queries", exactly(0))
    yield Figure("bulk_ingest_failures", sum(not answer.is_ok for answer in bulk), "calls", exactly(0))
    yield Figure("bulk_tokens_per_s", tokens_per_s, "tokens/s")
    lag_s = nearest_rank(0.99, asked.lags_s)
    yield Figure("bulk_client_lag_p99_ms", None if lag_s is None else lag_s * 1_000, "ms")
