"""What the service holds while it embeds texts of every length, and whether that grows."""

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from embedder_bench.calls import PASSAGE, Answer, closed_loop, serialized
from embedder_bench.raw import RawTokenizer, loaded
from embedder_bench.run import Run
from embedder_bench.service import Service, running
from embedder_bench.texts import Cutter
from sagwan.embedder.v1 import embedder_pb2
from sagwan_bench.results import Figure, below, exactly
from sagwan_bench.trends import Slope, slope

_SEED = 7
_TEXTS = 20_000
_SHORTEST_TOKENS = 1
_LONGEST_TOKENS = 2_000
_CALLERS = 8
_BATCH = 32
# Every tenth batch asks for windows, so that texts of up to four windows go through whole.
_WINDOWED_EVERY = 10
_PEAK_MB = below(400)
# The rule for "within noise of zero": the slope is no more than two standard errors from none, or what it comes to over
# the whole half is less than this many MB. Successive readings resemble each other, so that the error is an
# underestimate, and a process that has settled could fail by the first half of the rule alone.
_STANDARD_ERRORS = 2
_DRIFT_MB = 5
_READINGS_MIN = 3


@dataclass(slots=True)
class _Readings:
    """The service's memory after each answer, over the thousands of texts that were answered by then."""

    service: Service
    texts: int = 0
    tokens: int = 0
    failures: int = 0
    thousands: list[float] = field(default_factory=list)
    resident_mb: list[float] = field(default_factory=list)

    def note(self, answer: Answer) -> None:
        counts = answer.token_counts
        self.failures += not answer.is_ok
        self.texts += len(counts)
        self.tokens += sum(counts)
        self.thousands.append(self.texts / 1_000)
        self.resident_mb.append(self.service.resident_mb)

    def second_half(self) -> tuple[list[float], list[float]]:
        half = len(self.thousands) // 2
        return self.thousands[half:], self.resident_mb[half:]


def memory_figures(run: Run) -> Iterator[Figure]:
    """Resident memory at the start, at the peak, and its slope over the second half of the texts."""
    cutter = Cutter(run.texts, RawTokenizer(loaded(run.model)).counts)
    texts = itertools.islice(cutter.mixed(_SHORTEST_TOKENS, _LONGEST_TOKENS, _SEED), run.count(_TEXTS))
    with running(run) as service:
        yield Figure("memory_start_mb", service.resident_mb, "MB")
        readings = _Readings(service)
        closed_loop(service.address, _requests(texts), callers=_CALLERS, on_answer=readings.note)
        yield Figure("memory_peak_mb", service.peak_mb, "MB", _PEAK_MB)
        yield Figure("memory_end_mb", service.resident_mb, "MB")
    yield Figure("memory_texts", readings.texts, "texts")
    yield Figure("memory_tokens", readings.tokens, "tokens")
    yield Figure("memory_failed_calls", readings.failures, "calls", exactly(0))
    thousands, resident_mb = readings.second_half()
    if len(thousands) < _READINGS_MIN:
        yield Figure("memory_slope_within_noise", None, "yes", exactly(1))
        return
    found = slope(thousands, resident_mb)
    yield Figure("memory_slope", found.value, "MB/1000")
    yield Figure("memory_slope_error", found.standard_error, "MB/1000")
    within = _is_within_noise(found, thousands[-1] - thousands[0])
    yield Figure("memory_slope_within_noise", int(within), "yes", exactly(1))


def _requests(texts: Iterable[str]) -> Iterator[bytes]:
    for number in itertools.count():
        batch = list(itertools.islice(texts, _BATCH))
        if not batch:
            return
        windowed = number % _WINDOWED_EVERY == _WINDOWED_EVERY - 1
        policy = embedder_pb2.OVERLONG_POLICY_WINDOW if windowed else embedder_pb2.OVERLONG_POLICY_TRUNCATE
        yield serialized(batch, PASSAGE, policy)


def _is_within_noise(found: Slope, thousands: float) -> bool:
    is_unsure = abs(found.value) <= _STANDARD_ERRORS * found.standard_error
    return is_unsure or abs(found.value) * thousands < _DRIFT_MB
