"""Measures worked by hand, and the intervals around their means."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sagwan_eval.scoring import NDCG, RECALL, RECIPROCAL_RANK, mean, measured


def test_measures_agree_with_those_worked_by_hand():
    gains = {"q": {"very": 3, "little": 1, "missed": 1}}
    values = measured(gains, {"q": ["noise", "very", "little"]})

    ideal = 3 + 1 / math.log2(3) + 1 / math.log2(4)
    assert values[NDCG]["q"] == pytest.approx((3 / math.log2(3) + 1 / math.log2(4)) / ideal)
    assert values[RECALL]["q"] == pytest.approx(2 / 3)
    assert values[RECIPROCAL_RANK]["q"] == pytest.approx(1 / 2)


def test_what_comes_after_the_tenth_place_is_not_seen_at_ten():
    values = measured({"q": {"a": 1}}, {"q": [*map(str, range(10)), "a"]})
    assert (values[NDCG]["q"], values[RECALL]["q"]) == (0, 0)
    assert values[RECIPROCAL_RANK]["q"] == pytest.approx(1 / 11)


def test_a_question_without_an_answer_counts_as_nothing():
    values = measured({"q": {"a": 1}, "r": {"b": 1}}, {"q": ["a"], "r": []})
    assert {name: (of["q"], of["r"]) for name, of in values.items()} == {
        NDCG: (1, 0),
        RECALL: (1, 0),
        RECIPROCAL_RANK: (1, 0),
    }


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_a_mean_lies_in_its_interval_among_the_values(values):
    found = mean(values)
    slack = 1e-9
    assert min(values) - slack <= found.low <= found.high <= max(values) + slack
    assert found == mean(values)


def test_more_questions_make_a_mean_surer():
    few, many = mean([0.0, 1.0] * 10), mean([0.0, 1.0] * 1_000)
    assert many.high - many.low < (few.high - few.low) / 5
    assert many.low < many.value < many.high
