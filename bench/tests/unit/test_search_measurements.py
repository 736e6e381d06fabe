import math

import numpy as np
import pytest
from scale_data.labels import SHARES
from search_bench.filtered import filters
from search_bench.growing import recall
from search_bench.neighbors import Vectors
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


def test_each_share_has_a_filter_by_days_one_by_speaker_and_one_by_tag_and_a_language_comes_last():
    unfiltered, *narrowed = filters()
    assert not unfiltered.asked.ListFields()
    names = [each.name for each in narrowed]
    assert len(names) == len(set(names)) == 3 * len(SHARES) + 1
    assert names[-1] == "language_en"
    for each in narrowed:
        set_fields = [
            name for name in ("first_day", "speaker", "tag", "language") if getattr(each.condition, name) is not None
        ]
        assert len(set_fields) == 1
        assert each.asked.ListFields()


def test_exact_neighbours_are_the_nearest_of_all_or_of_those_that_pass():
    random = np.random.default_rng(1)
    matrix = random.normal(size=(200, 8)).astype(np.float32)
    vectors = Vectors(np.arange(1_000, 1_200), matrix)
    (asked,) = random.normal(size=(1, 8)).astype(np.float32)
    best = 1_000 + np.argsort(-(matrix @ asked))
    passing = vectors.chunk_ids % 2 == 0
    assert vectors.nearest([asked], 10) == [set(best[:10].tolist())]
    assert vectors.nearest([asked], 10, passing) == [set([each for each in best.tolist() if each % 2 == 0][:10])]
    assert vectors.nearest([asked], 10, vectors.chunk_ids < 1_003) == [{1_000, 1_001, 1_002}]


def test_recall_is_the_share_of_all_neighbours_that_were_found():
    assert recall([{1, 2, 9}, {4}], [{1, 2, 3}, {4}]) == pytest.approx(3 / 4)
    assert recall([{1, 2}], [{1, 2}]) == 1.0
    assert recall([{7}], [{1, 2}]) == 0.0


def test_there_is_no_recall_where_there_was_nothing_to_find():
    assert recall([{1}, set()], [set(), set()]) is None
