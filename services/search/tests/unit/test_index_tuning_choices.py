from hypothesis import given
from hypothesis import strategies as st

from sagwan_search.domain.indexes import (
    EXACT,
    IndexKind,
    IterativeScan,
    Quantization,
    SearchSettings,
    plan_for,
    settings_for,
)
from sagwan_search.domain.tuning import Point, cheapest, recall, trials

SCORES = st.lists(st.floats(-1, 1, width=32), max_size=10).map(lambda each: sorted(each, reverse=True))
POINTS = st.lists(
    st.builds(Point, st.just(EXACT), st.just(SearchSettings()), st.floats(0, 1), st.floats(0.001, 1)), min_size=1
)


@given(st.sampled_from(IndexKind), st.sampled_from(Quantization), st.integers(0, 10**9), st.integers(1, 1_000))
def test_what_is_tried_is_what_postgresql_takes_and_each_once(kind, quantization, rows, depth):
    plan = plan_for(kind, rows, quantization)
    tried = trials(plan, depth)
    assert 1 <= len(tried) <= 24
    assert len(set(tried)) == len(tried)
    for each in tried:
        assert 1 <= each.ef_search <= 1_000
        assert 1 <= each.probes <= max(plan.lists, 1)
        assert 1 <= each.rescored <= 100


def test_the_probes_of_the_rule_and_all_lists_are_among_what_is_tried():
    plan = plan_for(IndexKind.IVFFLAT, 1_000_000)
    probes = [each.probes for each in trials(plan, 100)]
    assert probes == sorted(probes)
    assert {settings_for(plan).probes, 1, plan.lists} <= set(probes)


def test_a_list_that_is_too_short_for_the_leg_is_read_on():
    for each in trials(plan_for(IndexKind.HNSW, 1_000_000), 100):
        assert each.ef_search >= 100 or each.iterative_scan is IterativeScan.RELAXED_ORDER


@given(SCORES, SCORES)
def test_recall_is_a_share_and_whole_for_the_true_answer(found, true):
    assert 0 <= recall(found, true) <= 1
    assert recall(true, true) == 1
    assert recall([], true) == (0 if true else 1)


def test_a_chunk_that_ties_with_the_last_of_the_true_ones_counts():
    assert recall([0.9, 0.5, 0.5], [0.9, 0.5]) == 1
    assert recall([0.9, 0.4], [0.9, 0.5]) == 0.5


@given(POINTS, st.floats(0.01, 1))
def test_the_choice_is_the_quickest_that_reaches_the_recall_or_the_closest_to_it(points, target):
    chosen = cheapest(points, target)
    good = [each for each in points if each.recall >= target]
    if good:
        assert chosen.recall >= target
        assert chosen.p50_s == min(each.p50_s for each in good)
    else:
        assert chosen.recall == max(each.recall for each in points)
