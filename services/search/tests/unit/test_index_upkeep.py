from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagwan_search.domain.index_upkeep import Action, IndexState, TooLittleMemory, UpkeepRules, fitting, next_step
from sagwan_search.domain.indexes import EXACT, IndexKind, Quantization, SearchSettings, build_memory_bytes, plan_for

RULES = UpkeepRules(rows_min=10_000, recall=0.95)
MILLION = 1_000_000


def state(plan=EXACT, rows=MILLION, **figures):
    return IndexState(plan, SearchSettings(), rows, 384, **figures)


def hnsw(rows=MILLION, **figures):
    return state(plan_for(IndexKind.HNSW, rows), rows, **figures)


def ivfflat(rows, built_rows, **figures):
    return state(plan_for(IndexKind.IVFFLAT, built_rows), rows, built_rows=built_rows, **figures)


def test_a_small_table_is_compared_row_by_row_and_a_large_one_gets_an_index():
    assert next_step(state(rows=9_999), RULES).action is Action.NONE
    step = next_step(state(rows=10_000), RULES)
    assert (step.action, step.plan) == (Action.BUILD, plan_for(IndexKind.HNSW, 10_000))
    assert "10,000" in step.reason


def test_a_model_that_is_being_filled_gets_its_index_when_it_is_nearly_full():
    assert next_step(state(rows=80_000), RULES, serving_rows=100_000).action is Action.NONE
    assert next_step(state(rows=95_000), RULES, serving_rows=100_000).action is Action.BUILD


def test_ivfflat_is_built_anew_when_its_rows_have_doubled():
    measured = {"recall": 0.96, "recall_rows": 199_000}
    assert next_step(ivfflat(199_999, 100_000, **measured), RULES).action is Action.NONE
    step = next_step(ivfflat(200_000, 100_000, **measured), RULES)
    assert (step.action, step.plan) == (Action.BUILD, plan_for(IndexKind.IVFFLAT, 200_000))
    # A graph takes new rows as well as old ones.
    assert (
        next_step(hnsw(rows=200_000, built_rows=100_000, recall=0.96, recall_rows=199_000), RULES).action is Action.NONE
    )


def test_recall_is_measured_at_first_and_again_when_a_tenth_more_rows_are_there():
    assert next_step(hnsw(), RULES).action is Action.MEASURE
    assert next_step(hnsw(rows=109_000, recall=0.97, recall_rows=100_000), RULES).action is Action.NONE
    assert next_step(hnsw(rows=110_000, recall=0.97, recall_rows=100_000), RULES).action is Action.MEASURE


def test_sunken_recall_is_tuned_once_and_lists_are_made_anew_where_that_was_not_enough():
    sunken = {"recall": 0.8, "recall_rows": 150_000}
    assert next_step(hnsw(rows=150_000, **sunken), RULES).action is Action.TUNE
    assert next_step(hnsw(rows=150_000, tuned_rows=150_000, **sunken), RULES).action is Action.NONE
    assert next_step(hnsw(rows=165_001, tuned_rows=150_000, **sunken), RULES).action is Action.TUNE
    step = next_step(ivfflat(150_000, 100_000, tuned_rows=150_000, **sunken), RULES)
    assert (step.action, step.plan) == (Action.BUILD, plan_for(IndexKind.IVFFLAT, 150_000))
    # What it was tuned for is what it is held to.
    assert next_step(hnsw(recall=0.8, recall_rows=MILLION, recall_target=0.8), RULES).action is Action.NONE


def test_an_index_that_somebody_removed_is_built_again():
    step = next_step(hnsw(is_there=False), replace(RULES, memory_bytes_max=4 << 30))
    assert (step.action, step.plan) == (Action.BUILD, plan_for(IndexKind.HNSW, MILLION))


def test_half_floats_are_taken_where_only_these_fit_and_nothing_where_neither_does():
    floats = plan_for(IndexKind.HNSW, MILLION, Quantization.NONE)
    half = plan_for(IndexKind.HNSW, MILLION, Quantization.HALFVEC)
    assert next_step(state(floats, is_there=False), RULES).plan == half
    assert next_step(state(floats, is_there=False), replace(RULES, memory_bytes_max=4 << 30)).plan == floats
    assert next_step(state(), RULES).plan == half
    step = next_step(state(), replace(RULES, memory_bytes_max=1 << 30))
    assert (step.action, step.plan) == (Action.NONE, None)
    assert "swap" in step.reason
    assert "1,024 MB" in step.reason


@given(st.sampled_from(Quantization), st.integers(1, 10**7), st.integers(1, 2_000), st.integers(0, 1 << 34))
def test_what_fits_fits(quantization, rows, dimension, memory):
    wanted = plan_for(IndexKind.HNSW, rows, quantization)
    try:
        plan = fitting(wanted, IndexState(EXACT, SearchSettings(), rows, dimension), memory)
    except TooLittleMemory:
        assert build_memory_bytes(wanted, round(rows * 1.1), dimension) > memory
    else:
        assert build_memory_bytes(plan, rows, dimension) <= memory


@pytest.mark.parametrize("rows", [0, 1, 10_000, 10**9])
def test_every_step_says_why(rows):
    for each in (state(rows=rows), hnsw(rows=rows), ivfflat(rows, max(rows, 1)), hnsw(rows=rows, recall=0.1)):
        assert next_step(each, RULES).reason
