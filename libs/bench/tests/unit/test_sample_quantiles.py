import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagwan_bench.samples import nearest_rank

samples = st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=300)
shares = st.floats(0.001, 1)


def test_a_quantile_is_one_of_the_samples_by_its_rank():
    assert [nearest_rank(share, [30, 10, 50, 20, 40]) for share in (0.2, 0.21, 0.5, 0.8, 1)] == [10, 20, 30, 40, 50]


def test_the_p99_of_few_samples_is_the_largest():
    assert nearest_rank(0.99, list(range(15))) == 14


def test_a_share_that_is_no_binary_fraction_keeps_its_rank():
    assert [nearest_rank(share / 100, range(1, 101)) for share in range(1, 101)] == list(range(1, 101))


def test_without_samples_there_is_no_quantile():
    assert nearest_rank(0.5, []) is None


@pytest.mark.parametrize("share", [0, -0.1, 1.01, float("nan")])
def test_a_share_outside_its_range_is_refused(share):
    with pytest.raises(ValueError, match="quantile"):
        nearest_rank(share, [1])


@given(samples, shares)
def test_at_least_the_share_of_samples_do_not_exceed_it_and_the_next_smaller_has_fewer(values, share):
    found = nearest_rank(share, values)
    assert found in values
    assert sum(value <= found for value in values) >= share * len(values) - 1e-6
    assert sum(value < found for value in values) < share * len(values)


@given(samples, shares, shares)
def test_a_higher_share_is_never_lower(values, one, other):
    low, high = sorted((one, other))
    assert nearest_rank(low, values) <= nearest_rank(high, values)
