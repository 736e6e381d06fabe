"""One import of real meetings, timed from the file to the last ack, while the services are watched."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from stack import Stack

from sagwan_bench.memory import peak_resident_mb, resident_mb
from sagwan_bench.pages import Page, read
from sagwan_bench.results import Figure, at_least, below, exactly
from sagwan_bench.trends import slope

_READ_EVERY_S = 1.0
_BUSY = "sagwan_embedder_busy_seconds_total"
_INFERENCE = "sagwan_embedder_batch_tokens_total"
_STAGE = "sagwan_ingest_stage_seconds_sum"
_STAGES = ("parse", "count", "chunk", "terms", "embed", "write", "statistics")
_BUSY_SHARE = at_least(0.9)
_PEAK_MB = below(300)
# What a service may still gain over the second half of an import and count as flat.
_FLAT_MB = below(5)


@dataclass(slots=True)
class _Watched:
    """Memory of the ingest service, once a second."""

    pid: int
    seconds: list[float] = field(default_factory=list)
    resident_mb: list[float] = field(default_factory=list)

    def second_half_growth_mb(self) -> float | None:
        half = len(self.seconds) // 2
        seconds, resident = self.seconds[half:], self.resident_mb[half:]
        if len(seconds) < 3:
            return None
        return slope(seconds, resident).value * (seconds[-1] - seconds[0])


def import_figures(stack: Stack, meetings: Path) -> Iterator[Figure]:
    """Utterances a second, how busy the embedder was meanwhile, and the memory of the ingest service."""
    turns = sum(len(json.loads(line)["turns"]) for line in meetings.open(encoding="utf-8"))
    before = {name: _page(stack, name) for name in ("embedder", "ingest")}
    begun = time.perf_counter()
    with _watching(stack.pid("ingest")) as watched:
        done = stack.run("ingest", str(meetings), "--json")
    wall_s = time.perf_counter() - begun
    after = {name: _page(stack, name) for name in before}
    tally = json.loads(done.stdout)
    yield Figure("import_meetings", tally["created"], "meetings")
    yield Figure("import_refused", tally["refused"], "items", exactly(0))
    yield Figure("import_utterances", turns, "utterances")
    yield Figure("import_chunks", tally["chunks"], "chunks")
    yield Figure("import_seconds", wall_s, "s")
    yield Figure("import_utterances_per_s", turns / wall_s, "utterances/s")
    yield Figure("import_chunks_per_s", tally["chunks"] / wall_s, "chunks/s")
    tokens = _gained(before, after, "embedder", _INFERENCE, what="real")
    yield Figure("embedder_tokens_per_s", tokens / wall_s, "tokens/s")
    yield Figure("embedder_busy_share", _gained(before, after, "embedder", _BUSY) / wall_s, "of the time", _BUSY_SHARE)
    for stage in _STAGES:
        yield Figure(f"stage_{stage}_s", _gained(before, after, "ingest", _STAGE, stage=stage), "s of all items")
    yield Figure("ingest_start_mb", watched.resident_mb[0], "MB")
    yield Figure("ingest_peak_mb", peak_resident_mb(watched.pid), "MB", _PEAK_MB)
    yield Figure("ingest_growth_of_second_half_mb", watched.second_half_growth_mb(), "MB", _FLAT_MB)


def _page(stack: Stack, service: str) -> Page:
    return read(f"http://{stack.metrics_address(service)}/metrics")


def _gained(before: dict[str, Page], after: dict[str, Page], service: str, name: str, **labels: str) -> float:
    def matches(found: object) -> bool:
        return isinstance(found, dict) and labels.items() <= found.items()

    return after[service].total(name, matches) - before[service].total(name, matches)


@contextmanager
def _watching(pid: int) -> Iterator[_Watched]:
    watched = _Watched(pid)
    ended = threading.Event()

    def watch() -> None:
        begun = time.monotonic()
        while True:
            watched.seconds.append(time.monotonic() - begun)
            watched.resident_mb.append(resident_mb(pid))
            if ended.wait(_READ_EVERY_S):
                return

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield watched
    finally:
        ended.set()
        watcher.join()
