"""nDCG by hand."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagwan_bench.ranking import ndcg


def test_the_best_order_is_worth_one_and_nothing_found_is_worth_nothing():
    assert ndcg([3, 1, 0], [0, 1, 3]) == 1
    assert ndcg([0, 0], [1]) == 0
    assert ndcg([], [1]) == 0
    assert ndcg([0], [0]) == 0


def test_a_gain_is_worth_less_the_later_it_comes():
    assert ndcg([0, 1], [1]) == pytest.approx(1 / math.log2(3))
    assert ndcg([1, 3], [1, 3]) == pytest.approx((1 + 3 / math.log2(3)) / (3 + 1 / math.log2(3)))


def test_what_comes_after_the_depth_does_not_count():
    assert ndcg([0] * 10 + [1], [1]) == 0
    assert ndcg([1] * 2, [1] * 20, depth=2) == 1


@given(st.permutations([3, 3, 1, 1, 0, 0, 0]))
def test_no_order_is_worth_more_than_one(gains):
    assert 0 <= ndcg(gains, gains) <= 1 + 1e-12
