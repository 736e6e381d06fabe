"""One client that asks, waits and asks again: how long a search takes, and where the time goes."""

from collections.abc import Iterator
from statistics import fmean

from sagwan_bench.results import Figure, at_most
from search_bench.latencies import latency_figures, ms
from search_bench.run import Asked, Run, client_of

_STAGES = ("embed", "lexical", "vector", "fuse", "fetch", "total")
# The claim is about 100,000 chunks.
_CLAIMED_CHUNKS, _CLAIMED_MS = 100_000, 25


def alone_figures(run: Run) -> Iterator[Figure]:
    """Latency of hybrid searches, query embedding included, with each stage's median and its share of the time."""
    with client_of(run.stack) as client:
        asked = [client.ask(text) for text in run.questions.take(run.searches)]
    target = at_most(_CLAIMED_MS) if run.chunks <= _CLAIMED_CHUNKS else None
    seconds = [each.seconds for each in asked]
    yield from latency_figures("alone", seconds, p50=target)
    stages = {stage: [_stage_s(each, stage) for each in asked] for stage in _STAGES}
    stages["outside"] = [whole - inside for whole, inside in zip(seconds, stages["total"], strict=True)]
    for stage, values in stages.items():
        yield Figure(f"alone_{stage}_p50_ms", ms(0.5, values), "ms")
    # The question is embedded while the lexical leg runs, so the shares add up to more than one.
    for stage, values in stages.items():
        yield Figure(f"alone_{stage}_share", fmean(values) / fmean(seconds), "of the time")


def _stage_s(asked: Asked, stage: str) -> float:
    duration = getattr(asked.response.timings, stage)
    return float(duration.seconds + duration.nanos / 1e9)
