"""Readings from a Prometheus that scrapes the services as jobs `embedder`, `ingest` and `search`."""

import json
import math
from collections.abc import Sequence
from urllib.error import URLError
from urllib.parse import urlencode, urlsplit
from urllib.request import urlopen

from sagwan_client.slo.readings import SEARCH_METHOD, WORKED_ON, Idle, IndexShape, Readings, SourceUnavailable

_TIMEOUT_S = 30.0
_CALLS = "grpc_server_call_duration_seconds"
_TEXTS = "sagwan_embedder_text_seconds"


def read_prometheus(url: str, window: str, services: Sequence[str]) -> Readings:
    """Asks about a window that ends now.

    Args:
        url: Of Prometheus, such as `http://127.0.0.1:9090`.
        window: As PromQL writes it, such as `1h`.
        services: Jobs to be asked about.

    Raises:
        SourceUnavailable: Nothing answers there, or it does not understand the question.
    """

    def ask(expression: str) -> float | None:
        return _value(url, expression)

    searched = f'job="search",grpc_method="{SEARCH_METHOD}",grpc_status=~"{"|".join(WORKED_ON)}"'
    mean = f"sum(rate({_TEXTS}_sum[{window}])) / (sum(rate({_TEXTS}_count[{window}])) > 0)"
    return Readings(
        over=f"the last {window}",
        search_p50_s=ask(_quantile(0.5, _CALLS, searched, window)),
        search_p99_s=ask(_quantile(0.99, _CALLS, searched, window)),
        text_mean_s=ask(mean),
        text_p99_s=ask(_quantile(0.99, _TEXTS, 'job="embedder"', window)),
        resident_bytes={
            each: ask(f'max(max_over_time(process_resident_memory_bytes{{job="{each}"}}[{window}]))')
            for each in services
        },
        idle={each: _idle(ask(_idle_cores(each, window))) for each in services},
        ivfflat=_ivfflat([ask(expression) for expression in _INDEX]),
    )


_INDEX = (
    'max(sagwan_index_kind{kind="ivfflat"}) == 1',
    "max(sagwan_index_rows)",
    "max(sagwan_index_lists)",
    "max(sagwan_index_probes)",
)


def _ivfflat(found: Sequence[float | None]) -> IndexShape | None:
    in_use, rows, lists, probes = found
    if in_use is None or rows is None or lists is None or probes is None:
        return None
    return IndexShape(rows, lists, probes)


def _quantile(share: float, histogram: str, matchers: str, window: str) -> str:
    return f"histogram_quantile({share}, sum by (le) (rate({histogram}_bucket{{{matchers}}}[{window}]))) >= 0"


def _idle_cores(job: str, window: str) -> str:
    """The most cores of any minute of the window in which the service was not called."""
    used = f'max(rate(process_cpu_seconds_total{{job="{job}"}}[1m]))'
    called = f'sum(rate(grpc_server_call_started_total{{job="{job}"}}[1m]))'
    return f"max_over_time(({used} and ({called} == 0))[{window}:1m])"


def _idle(cores: float | None) -> Idle:
    return Idle(cores) if cores is not None else Idle(None, "it was called in every minute")


def _value(url: str, expression: str) -> float | None:
    if urlsplit(url).scheme not in {"http", "https"}:
        raise SourceUnavailable(f"{url} is not an http address")
    address = f"{url.rstrip('/')}/api/v1/query?{urlencode({'query': expression})}"
    try:
        with urlopen(address, timeout=_TIMEOUT_S) as answer:  # noqa: S310  # http, as checked
            result = json.load(answer)["data"]["result"]
    except (URLError, TimeoutError, ConnectionError, KeyError, ValueError) as error:
        raise SourceUnavailable(f"{url} does not answer as a Prometheus does: {error}") from error
    value = float(result[0]["value"][1]) if result else math.nan
    return value if math.isfinite(value) else None
