"""One client that asks, waits and asks again: how long a search takes, and where the time goes."""

from collections.abc import Iterator
from statistics import fmean

import psutil

from sagwan_bench.results import Figure, at_most
from search_bench.latencies import latency_figures, ms
from search_bench.questions import language_of
from search_bench.run import Asked, Run, client_of

_STAGES = ("embed", "lexical", "vector", "fuse", "fetch", "total")
# The claim is about 100,000 chunks.
_CLAIMED_CHUNKS, _CLAIMED_MS = 100_000, 25


def alone_figures(run: Run) -> Iterator[Figure]:
    """Latency of hybrid searches, the embedding included, by language and by stage, and the processor time of each."""
    before = _processor_s(run)
    questions = run.questions.take(run.searches)
    with client_of(run.stack) as client:
        asked = [client.ask(text) for text in questions]
    after = _processor_s(run)
    target = at_most(_CLAIMED_MS) if run.chunks <= _CLAIMED_CHUNKS else None
    seconds = [each.seconds for each in asked]
    yield from latency_figures("alone", seconds, p50=target)
    for language in ("en", "ko"):
        own = [each.seconds for text, each in zip(questions, asked, strict=True) if language_of(text) == language]
        yield Figure(f"alone_{language}_p50_ms", ms(0.5, own), "ms")
    stages = {stage: [_stage_s(each, stage) for each in asked] for stage in _STAGES}
    stages["outside"] = [whole - inside for whole, inside in zip(seconds, stages["total"], strict=True)]
    for stage, values in stages.items():
        yield Figure(f"alone_{stage}_p50_ms", ms(0.5, values), "ms")
    # The question is embedded while the lexical leg runs, so the shares add up to more than one.
    for stage, values in stages.items():
        yield Figure(f"alone_{stage}_share", fmean(values) / fmean(seconds), "of the time")
    # Where a machine that others use too still says the same.
    for process, begun in before.items():
        yield Figure(f"alone_{process}_processor_ms", (after[process] - begun) / len(asked) * 1_000, "ms a search")


def _processor_s(run: Run) -> dict[str, float]:
    """Processor time that the services and the database have used so far."""
    postgres = psutil.Process(run.postgres_pid)
    processes = {name: [psutil.Process(run.stack.pid(name))] for name in ("search", "embedder")}
    processes["postgres"] = [postgres, *postgres.children()]
    return {name: sum(_used_s(each) for each in found) for name, found in processes.items()}


def _used_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _stage_s(asked: Asked, stage: str) -> float:
    duration = getattr(asked.response.timings, stage)
    return float(duration.seconds + duration.nanos / 1e9)
