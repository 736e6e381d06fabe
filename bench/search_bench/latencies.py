"""Latencies as figures."""

from collections.abc import Iterator, Sequence

from sagwan_bench.results import Figure, Target
from sagwan_bench.samples import nearest_rank


def latency_figures(
    name: str, seconds: Sequence[float], *, p50: Target | None = None, p99: Target | None = None
) -> Iterator[Figure]:
    """The median and the tail of what a client waited."""
    for quantile, target in ((0.5, p50), (0.95, None), (0.99, p99)):
        yield Figure(f"{name}_p{round(quantile * 100)}_ms", ms(quantile, seconds), "ms", target)


def ms(quantile: float, seconds: Sequence[float]) -> float | None:
    """A quantile in milliseconds; None without samples."""
    found = nearest_rank(quantile, seconds)
    return None if found is None else found * 1_000
