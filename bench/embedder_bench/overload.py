"""Five times more load than the service can do, by the clock, for two minutes."""

import itertools
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import grpc

from embedder_bench.calls import Answer, CallFailed, OpenLoop, call, closed_loop, embed_of, open_loop, serialized
from embedder_bench.run import Run
from embedder_bench.service import Service, running
from embedder_bench.texts import endless_passages
from sagwan_bench.results import Figure, at_least, at_most, exactly
from sagwan_bench.samples import nearest_rank

_SEED = 8
_FACTOR = 5
_SECONDS = 120
_DEADLINE_S = 10
_CONNECTIONS = 8
# Enough single passages at once to keep the model's batches full.
_PEAK_CALLERS = 32
_PEAK_SECONDS = 24
_PEAK_RAMP_S = 4
_GOODPUT_MIN = at_least(0.9)
_REFUSAL_P99_MS = at_most(50)


def overload_figures(run: Run) -> Iterator[Figure]:
    """Goodput against the closed loop's just before, refusals, and everything that is neither."""
    requests = (serialized([text]) for text in endless_passages(run.texts, _SEED))
    seconds = run.seconds(_SECONDS)
    with running(run) as service:
        peak_calls_per_s, peak_tokens_per_s = _peak(service, requests, run.seconds(_PEAK_SECONDS))
        rate_per_s = _FACTOR * peak_calls_per_s
        # Written out beforehand: while it sends, the client does nothing else.
        prepared = list(itertools.islice(requests, round(rate_per_s * seconds) + 1))
        offered = open_loop(
            service.address,
            prepared,
            rate_per_s=rate_per_s,
            seconds=seconds,
            deadline_s=_DEADLINE_S,
            connections=_CONNECTIONS,
        )
        with embed_of(service.address) as embed:
            alive = service.is_alive and call(embed, 0, next(requests)).is_ok
    yield Figure("overload_peak_tokens_per_s", peak_tokens_per_s, "tokens/s")
    yield Figure("overload_offered_calls_per_s", rate_per_s, "calls/s")
    yield from _judged(offered, seconds, peak_tokens_per_s)
    for (code, message), count in _neither(offered.answers).items():
        run.tell(f"overload: {count} calls ended with {code}: {message}")
    yield Figure("overload_alive_after", int(alive), "yes", exactly(1))


def _peak(service: Service, requests: Iterable[bytes], seconds: float) -> tuple[float, float]:
    """Calls and tokens a second of a closed loop, without its first seconds."""
    started_s = time.perf_counter()
    counted_from_s = started_s + min(_PEAK_RAMP_S, seconds / 2)
    ends_s = started_s + seconds
    answers = closed_loop(
        service.address, requests, callers=_PEAK_CALLERS, keep_on=lambda: time.perf_counter() < ends_s
    )
    counted = [answer for answer in answers if answer.is_ok and counted_from_s <= answer.done_s < ends_s]
    if not counted:
        raise CallFailed("none of the closed loop was answered in time")
    counted_s = ends_s - counted_from_s
    return len(counted) / counted_s, sum(answer.tokens for answer in counted) / counted_s


def _judged(offered: OpenLoop, seconds: float, peak_tokens_per_s: float) -> Iterator[Figure]:
    first_s = min(answer.due_s for answer in offered.answers)
    # What is answered after the last call was sent belongs to no second of the load.
    good = [answer for answer in offered.answers if answer.is_ok and answer.done_s < first_s + seconds]
    refused = [answer for answer in offered.answers if answer.code is grpc.StatusCode.RESOURCE_EXHAUSTED]
    answered = [answer for answer in offered.answers if answer.is_ok]
    goodput = sum(answer.tokens for answer in good) / seconds
    yield Figure("overload_goodput_tokens_per_s", goodput, "tokens/s")
    yield Figure("overload_goodput_to_peak", goodput / peak_tokens_per_s, "of peak", _GOODPUT_MIN)
    yield Figure("overload_answered", len(answered), "calls")
    yield Figure("overload_answered_p50_ms", _waited_ms(0.5, answered), "ms")
    yield Figure("overload_answered_p99_ms", _waited_ms(0.99, answered), "ms")
    yield Figure("overload_refused", len(refused), "calls")
    yield Figure("overload_refused_p99_ms", _waited_ms(0.99, refused), "ms", _REFUSAL_P99_MS)
    yield Figure("overload_refused_max_ms", _waited_ms(1, refused), "ms")
    yield Figure("overload_neither", _neither(offered.answers).total(), "calls", exactly(0))
    lag_s = nearest_rank(0.99, offered.lags_s)
    yield Figure("overload_client_lag_p99_ms", None if lag_s is None else lag_s * 1_000, "ms")


def _neither(answers: Sequence[Answer]) -> Counter[tuple[str, str]]:
    """Calls that were neither answered nor refused, by status and message."""
    expected = (grpc.StatusCode.OK, grpc.StatusCode.RESOURCE_EXHAUSTED)
    return Counter((answer.code.name, answer.message) for answer in answers if answer.code not in expected)


def _waited_ms(quantile: float, answers: Sequence[Answer]) -> float | None:
    found = nearest_rank(quantile, [answer.done_s - answer.sent_s for answer in answers])
    return None if found is None else found * 1_000
