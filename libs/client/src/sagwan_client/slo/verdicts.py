"""The targets that came with the project, each with what was measured and what follows."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sagwan_bench import targets
from sagwan_bench.results import Figure, Target, at_most, below
from sagwan_client.slo.readings import Readings

_MS = 1_000
_BYTES_IN_MB = 1e6
# An index is built again when its table has doubled: until then its lists are the root of what was, sqrt 2 off at most.
_LISTS_OFF_MAX = 1.42


@dataclass(frozen=True, slots=True)
class Verdict:
    """One target.

    Attributes:
        figure: What was measured, and the target.
        why: Why it was not measured; empty where it was.
        excused: Whether that is no fault: it cannot be seen here, or cannot be seen now.
    """

    figure: Figure
    why: str = ""
    excused: bool = False

    @property
    def passes(self) -> bool | None:
        """Whether the target holds; None where that is not asked or cannot be told."""
        return None if self.excused else self.figure.passes

    def as_json(self) -> dict[str, Any]:
        """The figure as result files hold it, with why it was not measured."""
        return {**self.figure.as_json(), "pass": self.passes, "why": self.why}


def verdicts(readings: Readings) -> list[Verdict]:
    """Every target of the project, in the order of the design."""
    return [
        *_search(readings),
        Verdict(
            Figure("vector_search_growth", None, "log n"),
            "docs/performance.md: it takes several sizes",
            excused=True,
        ),
        *_texts(readings),
        *_memory(readings),
        *_idle(readings),
        *_index(readings),
    ]


def _search(readings: Readings) -> Iterator[Verdict]:
    for name, seconds, target_s in (
        ("search_p50_ms", readings.search_p50_s, targets.SEARCH_P50_S),
        ("search_p99_ms", readings.search_p99_s, targets.SEARCH_P99_S),
    ):
        yield _timed(name, seconds, below(target_s * _MS), "nobody searched")


def _texts(readings: Readings) -> Iterator[Verdict]:
    target = below(targets.EMBEDDED_TEXT_S * _MS)
    yield _timed("embedded_text_mean_ms", readings.text_mean_s, target, "nothing was embedded")
    yield _timed("embedded_text_p99_ms", readings.text_p99_s, None, "nothing was embedded")


def _timed(name: str, seconds: float | None, target: Target | None, why: str) -> Verdict:
    return Verdict(
        Figure(name, None if seconds is None else seconds * _MS, "ms", target), "" if seconds is not None else why
    )


def _memory(readings: Readings) -> Iterator[Verdict]:
    target = below(targets.RESIDENT_BYTES / _BYTES_IN_MB)
    for service, held in readings.resident_bytes.items():
        megabytes = None if held is None else held / _BYTES_IN_MB
        yield Verdict(Figure(f"{service}_resident_max_mb", megabytes, "MB", target), "" if held else "it says nothing")


def _idle(readings: Readings) -> Iterator[Verdict]:
    for service, idle in readings.idle.items():
        figure = Figure(f"{service}_idle_cores", idle.cores, "cores", below(targets.IDLE_CORES))
        yield Verdict(figure, idle.why, excused=idle.cores is None)


def _index(readings: Readings) -> Iterator[Verdict]:
    index = readings.ivfflat
    for name, held, due in (
        ("ivfflat_lists_off", index and index.lists, index and math.sqrt(index.rows)),
        ("ivfflat_probes_off", index and index.probes, index and math.sqrt(index.lists)),
    ):
        off = max(held / due, due / held) if held and due else None
        why = "" if off is not None else "no such index is in use"
        yield Verdict(Figure(name, off, "times", at_most(_LISTS_OFF_MAX)), why, excused=off is None)
