"""Many clients: ten that never rest, and arrivals by the clock."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import cycle
from typing import Any

import grpc

from sagwan_bench.arrivals import at_rate
from sagwan_bench.results import Figure, at_most, exactly
from search_bench.latencies import latency_figures
from search_bench.run import Degraded, Run, client_of

_CLIENTS = 10
# How long the open loop looks for the rate that the services hold.
_SATURATED_S = 20.0
_ANSWERS_AWAITED_S = 40.0


@dataclass(slots=True)
class Outcome:
    """What clients saw together.

    Attributes:
        seconds: How long each search took that was answered.
        failed: Searches that were not.
        degraded: Searches whose answer lacks a leg.
        wall_s: How long it all took.
    """

    seconds: list[float] = field(default_factory=list)
    failed: int = 0
    degraded: int = 0
    wall_s: float = 0.0

    @property
    def rate(self) -> float:
        """Whole answers a second."""
        return len(self.seconds) / self.wall_s


def clients_figures(run: Run) -> Iterator[Figure]:
    """Ten clients in closed loops without a pause: the machine is saturated."""
    found = closed_loop(run, clients=_CLIENTS, keep_on=for_seconds(run.seconds))
    yield from latency_figures("clients", found.seconds, p50=at_most(150), p99=at_most(400))
    yield Figure("clients_searches_per_s", found.rate, "1/s")
    yield from failure_figures("clients", found)


def open_figures(run: Run) -> Iterator[Figure]:
    """Arrivals at half the rate that ten clients in closed loops reach, each timed from when it was due."""
    rate = closed_loop(run, clients=_CLIENTS, keep_on=for_seconds(_SATURATED_S)).rate / 2
    found = _open_loop(run, rate)
    yield Figure("open_searches_per_s", rate, "1/s")
    yield from latency_figures("open", found.seconds, p50=at_most(40), p99=at_most(120))
    yield from failure_figures("open", found)


def for_seconds(seconds: float) -> Callable[[], bool]:
    """True until so many seconds from now are over."""
    ends = time.perf_counter() + seconds
    return lambda: time.perf_counter() < ends


def closed_loop(run: Run, *, clients: int, keep_on: Callable[[], bool]) -> Outcome:
    """Clients that ask, wait and ask again as long as they are to keep on."""
    outcome, lock = Outcome(), threading.Lock()
    begun = time.perf_counter()

    def loop(_: int) -> None:
        with client_of(run.stack) as client:
            while keep_on():
                with lock:
                    (text,) = run.questions.take(1)
                try:
                    asked = client.ask(text)
                except Degraded:
                    with lock:
                        outcome.degraded += 1
                except grpc.RpcError:
                    with lock:
                        outcome.failed += 1
                else:
                    with lock:
                        outcome.seconds.append(asked.seconds)

    with ThreadPoolExecutor(clients) as threads:
        list(threads.map(loop, range(clients)))
    outcome.wall_s = time.perf_counter() - begun
    return outcome


def _open_loop(run: Run, rate: float) -> Outcome:
    outcome, lock = Outcome(), threading.Lock()
    due_count = max(1, round(rate * run.seconds))
    texts = cycle(run.questions.take(due_count))
    answered = threading.Semaphore(0)
    begun = time.perf_counter()
    with client_of(run.stack) as client:
        for arrival in at_rate(rate, run.seconds):

            def done(call: Any, due_s: float = arrival.due_s) -> None:
                seconds = time.perf_counter() - due_s
                with lock:
                    if call.exception() is not None:
                        outcome.failed += 1
                    elif call.result().degraded:
                        outcome.degraded += 1
                    else:
                        outcome.seconds.append(seconds)
                answered.release()

            client.call(next(texts)).add_done_callback(done)
        give_up = time.monotonic() + _ANSWERS_AWAITED_S
        for _ in range(due_count):
            answered.acquire(timeout=max(0.0, give_up - time.monotonic()))
    outcome.wall_s = time.perf_counter() - begun
    return outcome


def failure_figures(name: str, found: Outcome) -> Iterator[Figure]:
    """Searches that were not answered, or not by both legs: there must be none."""
    yield Figure(f"{name}_failed", found.failed, "searches", exactly(0))
    yield Figure(f"{name}_degraded", found.degraded, "searches", exactly(0))
