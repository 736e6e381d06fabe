import itertools

import pytest

from sagwan_bench.arrivals import at_rate


class Clock:
    """A clock that only goes on when somebody sleeps, and each sleep overshoots by a share."""

    def __init__(self, overshoot=0.0):
        self.now = 100.0
        self._overshoot = overshoot

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds * (1 + self._overshoot)


def arrivals(clock, rate_per_s=10, seconds=1):
    return at_rate(rate_per_s, seconds, clock=clock, sleep=clock.sleep)


def test_arrivals_are_due_at_even_distances_and_as_many_as_rate_times_seconds():
    due = [each.due_s for each in arrivals(Clock(), rate_per_s=4, seconds=2.5)]
    assert due == pytest.approx([100 + number / 4 for number in range(10)])


def test_none_is_handed_out_before_it_is_due():
    clock = Clock()
    for each in arrivals(clock):
        assert clock.now >= each.due_s
        assert each.lag_s == pytest.approx(0)


def test_one_who_is_slow_gets_every_arrival_with_its_lag():
    clock = Clock()
    lags = []
    for each in arrivals(clock):
        lags.append(each.lag_s)
        clock.now += 0.3
    assert lags == pytest.approx([number * 0.2 for number in range(10)])


def test_a_lag_does_not_move_what_comes_after_it():
    clock = Clock()
    taken = arrivals(clock)
    first = list(itertools.islice(taken, 3))
    clock.now += 0.45
    rest = list(taken)
    assert [each.due_s for each in (*first, *rest)] == pytest.approx([100 + number / 10 for number in range(10)])
    assert rest[-1].lag_s == pytest.approx(0)


def test_a_sleep_that_overshoots_is_told_as_lag():
    assert [each.lag_s for each in arrivals(Clock(overshoot=0.1))][1:3] == pytest.approx([0.01, 0.009])
