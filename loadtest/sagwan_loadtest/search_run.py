"""What a search run showed, from the caller's side and from the service's."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from sagwan_bench.pages import Matches, Page
from sagwan_bench.quantiles import difference, histogram_quantile
from sagwan_bench.results import Figure, Target, below, exactly

_METHOD = "sagwan.search.v1.SearchService/Search"
# As in the alert rule: refusals answer at once and would flatter the quantiles; a call that its caller gave up ends as
# CANCELLED and is among the slowest.
_WORKED_ON = frozenset({"OK", "CANCELLED", "DEADLINE_EXCEEDED"})
_QUANTILES: Mapping[str, tuple[float, Target]] = {
    "p50": (0.5, below(500)),
    "p99": (0.99, below(1_000)),
}
_NONE = exactly(0)


@dataclass(frozen=True, slots=True)
class ClientView:
    """What locust saw.

    Attributes:
        requests: Searches that ended, failed ones included.
        failures: Those that failed.
        seconds: From the start of the run to its last answer.
        counts_by_ms: Searches by whole milliseconds.
    """

    requests: int
    failures: int
    seconds: float
    counts_by_ms: Mapping[int, int]

    @classmethod
    def of(cls, entries: Sequence[Mapping[str, Any]]) -> Self:
        """From the entries of locust's JSON file."""
        counts: Counter[int] = Counter()
        for entry in entries:
            counts.update({int(ms): count for ms, count in entry["response_times"].items()})
        ended = max((each["last_request_timestamp"] for each in entries), default=0.0)
        begun = min((each["start_time"] for each in entries), default=0.0)
        return cls(
            requests=sum(each["num_requests"] for each in entries),
            failures=sum(each["num_failures"] for each in entries),
            seconds=ended - begun,
            counts_by_ms=counts,
        )

    def quantile_ms(self, quantile: float) -> float | None:
        """The shortest time within which that share of the searches ended; None without any."""
        seen = 0
        total = sum(self.counts_by_ms.values())
        for ms in sorted(self.counts_by_ms):
            seen += self.counts_by_ms[ms]
            if seen >= quantile * total:
                return float(ms)
        return None


def client_figures(client: ClientView) -> list[Figure]:
    """What the callers saw."""
    rate = client.requests / client.seconds if client.seconds else None
    return [
        Figure("search_requests", client.requests, "requests"),
        Figure("search_requests_per_second", rate, "1/s"),
        Figure("search_failures", client.failures, "requests", _NONE),
        *(
            Figure(f"search_client_{name}_ms", client.quantile_ms(quantile), "ms", target)
            for name, (quantile, target) in _QUANTILES.items()
        ),
    ]


def server_figures(before: Page, after: Page) -> list[Figure]:
    """What the search service recorded between two readings of its page.

    Raises:
        CounterReset: The service was restarted in between.
    """
    grown = _Grown(before, after)
    figures = [
        Figure(
            f"search_server_{name}_ms",
            grown.quantile_ms("grpc_server_call_duration_seconds", quantile, _worked_on),
            "ms",
            target,
        )
        for name, (quantile, target) in _QUANTILES.items()
    ]
    stages = "sagwan_search_stage_seconds"
    for stage in sorted(after.values_of(f"{stages}_bucket", "stage")):
        figures.extend(
            Figure(
                f"search_stage_{stage}_{name}_ms",
                grown.quantile_ms(stages, quantile, _stage_is(stage)),
                "ms",
            )
            for name, (quantile, _) in _QUANTILES.items()
        )
    # An answer without its vectors is quick, and is not the hybrid search that the targets are about.
    degraded = grown.total("sagwan_search_degraded_total")
    return [*figures, Figure("search_degraded_answers", degraded, "answers", _NONE)]


@dataclass(frozen=True, slots=True)
class _Grown:
    """What was added between two readings."""

    before: Page
    after: Page

    def quantile_ms(self, histogram: str, quantile: float, matches: Matches) -> float | None:
        buckets = difference(self.before.buckets(histogram, matches), self.after.buckets(histogram, matches))
        seconds = histogram_quantile(quantile, buckets) if buckets else None
        return None if seconds is None else seconds * 1_000

    def total(self, name: str) -> float:
        return self.after.total(name) - self.before.total(name)


def _worked_on(labels: Mapping[str, str]) -> bool:
    return labels["grpc_method"] == _METHOD and labels["grpc_status"] in _WORKED_ON


def _stage_is(stage: str) -> Matches:
    return lambda labels: labels["stage"] == stage
