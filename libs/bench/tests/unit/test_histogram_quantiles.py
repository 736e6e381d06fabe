import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagwan_bench.quantiles import CounterReset, difference, histogram_quantile

# Ten observations up to 100 ms, eighty between 100 and 500, ten between 500 and 1,000.
CALLS = {0.1: 10.0, 0.5: 90.0, 1.0: 100.0, math.inf: 100.0}


@pytest.mark.parametrize(
    ("quantile", "expected"),
    [(0.05, 0.05), (0.1, 0.1), (0.5, 0.3), (0.9, 0.5), (0.95, 0.75), (0.99, 0.95), (1.0, 1.0)],
)
def test_a_quantile_is_interpolated_within_its_bucket(quantile, expected):
    assert histogram_quantile(quantile, CALLS) == pytest.approx(expected)


def test_a_quantile_past_the_last_finite_edge_is_that_edge():
    assert histogram_quantile(0.99, {0.5: 50.0, 1.0: 90.0, math.inf: 100.0}) == 1.0


def test_an_empty_bucket_in_between_moves_no_quantile_into_itself():
    assert histogram_quantile(0.5, {0.1: 5.0, 0.5: 5.0, 1.0: 10.0, math.inf: 10.0}) == 0.1


def test_without_observations_there_is_no_quantile():
    assert histogram_quantile(0.5, {0.5: 0.0, math.inf: 0.0}) is None


def test_the_zero_quantile_is_where_the_lowest_filled_bucket_begins():
    assert histogram_quantile(0, {0.5: 0.0, 1.0: 4.0, math.inf: 4.0}) == 0.0


@pytest.mark.parametrize(
    "buckets",
    [
        {},
        {math.inf: 1.0},
        {0.5: 1.0, 1.0: 2.0},
        {-1.0: 0.0, math.inf: 1.0},
        {0.5: 2.0, math.inf: 1.0},
    ],
    ids=["none", "only +Inf", "no +Inf", "edge below 0", "not cumulative"],
)
def test_buckets_that_are_no_cumulative_histogram_are_refused(buckets):
    with pytest.raises(ValueError, match=r"bucket"):
        histogram_quantile(0.5, buckets)


@pytest.mark.parametrize("quantile", [-0.1, 1.1, math.nan])
def test_a_quantile_outside_its_range_is_refused(quantile):
    with pytest.raises(ValueError, match="quantile"):
        histogram_quantile(quantile, CALLS)


observations = st.lists(st.floats(min_value=0, max_value=9.9), min_size=1, max_size=50)
EDGES = (0.1, 0.5, 1.0, 2.0, 10.0, math.inf)


def counted(values):
    return {edge: float(sum(value <= edge for value in values)) for edge in EDGES}


@given(observations, st.floats(0.01, 1), st.floats(0.01, 1))
def test_a_higher_quantile_is_never_lower(values, one, other):
    low, high = sorted((one, other))
    buckets = counted(values)
    assert histogram_quantile(low, buckets) <= histogram_quantile(high, buckets) + 1e-12


@given(observations, st.floats(0.01, 1))
def test_the_true_quantile_lies_in_the_same_bucket(values, quantile):
    true = sorted(values)[math.ceil(quantile * len(values) - 1e-9) - 1]
    upper = min(edge for edge in EDGES if true <= edge)
    lower = max((edge for edge in EDGES if edge < true), default=0.0)
    assert lower - 1e-9 <= histogram_quantile(quantile, counted(values)) <= upper + 1e-9


def test_what_grew_between_two_readings_is_the_difference():
    before = {0.5: 1.0, math.inf: 2.0}
    assert difference(before, {0.5: 4.0, math.inf: 9.0}) == {0.5: 3.0, math.inf: 7.0}


def test_a_histogram_that_was_not_there_before_counts_from_zero():
    assert difference({}, {0.5: 4.0, math.inf: 9.0}) == {0.5: 4.0, math.inf: 9.0}


@pytest.mark.parametrize("after", [{0.5: 0.0, math.inf: 1.0}, {}], ids=["smaller", "gone"])
def test_a_restart_between_two_readings_is_noticed(after):
    with pytest.raises(CounterReset):
        difference({0.5: 1.0, math.inf: 2.0}, after)
