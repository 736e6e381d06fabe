import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagwan_text.bm25 import K1
from sagwan_text.terms import TERM_IDS_MAX
from sagwan_text.tiers import TIER_FLOORS, TIERS, index_keys, tier_key

IDS = st.integers(min_value=1, max_value=TERM_IDS_MAX)
WEIGHTS = st.dictionaries(IDS, st.floats(min_value=0, max_value=K1 + 1))


@given(IDS, IDS, st.integers(0, TIERS - 1), st.integers(0, TIERS - 1))
def test_every_tier_of_every_term_has_a_32_bit_key_of_its_own(term, other_term, tier, other_tier):
    key = tier_key(term, tier)
    assert -(2**31) <= key < 2**31
    assert (key == tier_key(other_term, other_tier)) == ((term, tier) == (other_term, other_tier))


@given(WEIGHTS)
def test_a_chunk_is_found_by_its_terms_and_by_the_tiers_that_they_reach(weights):
    keys = index_keys(weights)
    assert keys == sorted(set(keys))
    assert {key for key in keys if 0 < key <= TERM_IDS_MAX} == set(weights)
    for term, weight in weights.items():
        reached = [tier_key(term, tier) in keys for tier in range(TIERS)]
        assert reached == [True, *(weight >= floor for floor in TIER_FLOORS)]


@pytest.mark.parametrize(("tier", "key"), [(0, 7), (1, 1_000_000_007), (2, -7), (3, -1_000_000_007)])
def test_keys_never_change_because_they_are_stored(tier, key):
    assert tier_key(7, tier) == key


def test_floors_rise_and_can_be_reached():
    assert sorted(set(TIER_FLOORS)) == list(TIER_FLOORS)
    assert 0 < TIER_FLOORS[0] < TIER_FLOORS[-1] < K1 + 1
