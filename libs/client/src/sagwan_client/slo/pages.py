"""Readings from the services' own metrics pages, where no Prometheus is: all since each process began."""

import time
from collections.abc import Callable, Mapping

from sagwan_bench.pages import Page, PageUnavailable, read
from sagwan_bench.quantiles import histogram_quantile
from sagwan_client.slo.readings import SEARCH_METHOD, WORKED_ON, Idle, IndexShape, Readings, SourceUnavailable

_CALLS = "grpc_server_call_duration_seconds"
_TEXTS = "sagwan_embedder_text_seconds"
_STARTED = "grpc_server_call_started_total"
_CPU = "process_cpu_seconds_total"


def read_pages(urls: Mapping[str, str], idle_s: float, wait: Callable[[float], None] = time.sleep) -> Readings:
    """Reads each page twice.

    Args:
        urls: A page a service.
        idle_s: Time between the two readings, over which CPU is measured.
        wait: Waits for so long.

    Raises:
        SourceUnavailable: A page does not answer.
    """
    before, begun = _pages(urls), time.monotonic()
    wait(idle_s)
    after, elapsed_s = _pages(urls), time.monotonic() - begun
    search, embedder = after["search"], after["embedder"]
    texts = embedder.total(f"{_TEXTS}_count")
    return Readings(
        over="since the services began; CPU over the last moments",
        search_p50_s=_searched(search, 0.5),
        search_p99_s=_searched(search, 0.99),
        text_mean_s=embedder.total(f"{_TEXTS}_sum") / texts if texts else None,
        text_p99_s=_quantile(0.99, embedder.buckets(_TEXTS, lambda _: True)),
        resident_bytes={
            service: page.total("sagwan_process_resident_memory_peak_bytes") or None for service, page in after.items()
        },
        idle={service: _idle(before[service], page, elapsed_s) for service, page in after.items()},
        ivfflat=_ivfflat(search),
    )


def _pages(urls: Mapping[str, str]) -> dict[str, Page]:
    try:
        return {service: read(url) for service, url in urls.items()}
    except PageUnavailable as error:
        raise SourceUnavailable(str(error)) from error


def _searched(page: Page, share: float) -> float | None:
    def worked_on(labels: Mapping[str, str]) -> bool:
        return labels["grpc_method"] == SEARCH_METHOD and labels["grpc_status"] in WORKED_ON

    return _quantile(share, page.buckets(_CALLS, worked_on))


def _quantile(share: float, buckets: Mapping[float, float]) -> float | None:
    return histogram_quantile(share, buckets) if buckets else None


def _idle(before: Page, after: Page, elapsed_s: float) -> Idle:
    if after.total(_CPU) < before.total(_CPU):
        return Idle(None, "it was restarted meanwhile")
    if after.total(_STARTED) != before.total(_STARTED) or after.total("grpc_server_calls_in_flight"):
        return Idle(None, "it was called meanwhile")
    return Idle((after.total(_CPU) - before.total(_CPU)) / elapsed_s)


def _ivfflat(page: Page) -> IndexShape | None:
    if not page.total("sagwan_index_kind", lambda labels: labels["kind"] == "ivfflat"):
        return None
    return IndexShape(*(page.total(f"sagwan_index_{each}") for each in ("rows", "lists", "probes")))
