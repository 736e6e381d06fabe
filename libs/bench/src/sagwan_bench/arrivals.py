"""Arrivals of an open loop: by the clock, whether or not earlier ones have been answered."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Arrival:
    """One arrival.

    Attributes:
        number: 0 for the first.
        due_s: When it was meant to be sent, on the clock of the schedule.
        lag_s: How much later than that it was handed out: what the generator itself is late.
    """

    number: int
    due_s: float
    lag_s: float


def at_rate(
    rate_per_s: float,
    seconds: float,
    *,
    clock: Callable[[], float] = time.perf_counter,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[Arrival]:
    """Arrivals at even distances, each handed out no sooner than it is due.

    None is skipped: one who takes them too slowly gets the late ones at once, with their lag, so that a generator that
    cannot keep up shows it instead of offering less.

    Args:
        rate_per_s: Arrivals a second, above 0.
        seconds: How long they go on; the first is due at once.
        clock: Seconds that never go back.
        sleep: Waits for that many seconds.
    """
    started_s = clock()
    for number in range(max(1, round(rate_per_s * seconds))):
        due_s = started_s + number / rate_per_s
        while (early_s := due_s - clock()) > 0:
            sleep(early_s)
        yield Arrival(number, due_s, clock() - due_s)
