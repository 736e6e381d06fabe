"""Times runners in turns, so that what else the machine does falls on all of them."""

import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from graph_bench.runners import Runner, Sample

_MS = 1e3
_US = 1e6


@dataclass(frozen=True, slots=True)
class Timed:
    """One runner in one round."""

    tokens_per_s: float
    # Processor time of this process; that of a child is not in it.
    cpu_us_a_token: float


def rounds(runners: Mapping[str, Runner], samples: Sequence[Sample]) -> Iterator[dict[str, Timed]]:
    """One round a sample; each begins with another runner."""
    names = list(runners)
    for number, sample in enumerate(samples):
        first = number % len(names)
        yield {name: _timed(runners[name], sample) for name in names[first:] + names[:first]}


def latencies_ms(runners: Mapping[str, Runner], sample: Sample, times: int) -> dict[str, list[float]]:
    """How long one small sample takes by runner, each run as often."""
    found: dict[str, list[float]] = {name: [] for name in runners}
    for runner in runners.values():
        runner.seconds(sample)
    for _ in range(times):
        for name, runner in runners.items():
            found[name].append(runner.seconds(sample) * _MS)
    return found


def median_ratio(found: Sequence[Mapping[str, Timed]], one: str, other: str) -> float:
    """The median of the rounds' own ratios."""
    return statistics.median(each[one].tokens_per_s / each[other].tokens_per_s for each in found)


def _timed(runner: Runner, sample: Sample) -> Timed:
    started = time.process_time()
    seconds = runner.seconds(sample)
    cpu_s = time.process_time() - started
    return Timed(sample.tokens / seconds, cpu_s / sample.tokens * _US)
