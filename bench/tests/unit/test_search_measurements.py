import math

import pytest
from scale_data.labels import SHARES
from search_bench.filtered import filters
from search_bench.questions import Questions
from search_bench.vector_leg import Point, growth_figures


def test_no_question_is_asked_twice_before_all_were_asked():
    questions = Questions(["a", "b", "c", "d"])
    assert [*questions.take(3), *questions.take(1)] == ["a", "b", "c", "d"]
    assert questions.take(5) == ["a", "b", "c", "d", "a"]


@pytest.mark.parametrize(("growth", "exponent"), [(math.sqrt, 0.5), (float, 1.0)])
def test_the_exponent_of_a_power_law_is_found(growth, exponent):
    points = {size: Point(3 * growth(size), 1.0) for size in (10_000, 100_000, 1_000_000)}
    values = {each.name: each.value for each in growth_figures("ivfflat", points)}
    assert values["vector_ivfflat_exponent"] == pytest.approx(exponent)
    assert values["vector_ivfflat_1000000_to_10000"] == pytest.approx(100**exponent)


def test_a_single_size_says_nothing_of_growth():
    assert list(growth_figures("hnsw_100", {10_000: Point(1.0, 1.0)})) == []


def test_each_share_has_a_filter_by_days_one_by_speaker_and_one_by_tag():
    names = [each.name for each in filters()]
    assert len(names) == len(set(names)) == 3 * len(SHARES)
    for each in filters():
        set_fields = [name for name in ("first_day", "speaker", "tag") if getattr(each, name) is not None]
        assert len(set_fields) == 1
        assert each.asked.ListFields()
