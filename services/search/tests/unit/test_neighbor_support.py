import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagwan_search.domain.fusion import Fused
from sagwan_search.domain.neighbors import Place, supported


def ranked(scores: dict[int, float]) -> list[Fused]:
    found = [Fused(chunk_id, score, ()) for chunk_id, score in scores.items()]
    return sorted(found, key=lambda each: (-each.score, each.chunk_id))


PLACES = {1: Place(7, 0), 2: Place(7, 1), 3: Place(7, 2), 4: Place(7, 3), 11: Place(8, 0)}


def test_chunks_that_stand_together_pass_one_that_stands_alone():
    # The mean is 0.6: what lies below it is not lent.
    found = supported(ranked({11: 0.9, 1: 0.8, 2: 0.8, 3: 0.4, 4: 0.1}), PLACES, 0.5)
    assert [(each.chunk_id, each.score, each.neighbor_support) for each in found] == [
        (1, pytest.approx(0.9), pytest.approx(0.1)),
        (2, pytest.approx(0.9), pytest.approx(0.1)),
        (11, pytest.approx(0.9), 0.0),
        (3, pytest.approx(0.55), pytest.approx(0.15)),
        (4, pytest.approx(0.15), pytest.approx(0.05)),
    ]


def test_a_long_meeting_that_says_little_lends_nothing():
    places = {number: Place(7, number) for number in range(50)} | {99: Place(8, 0)}
    found = supported(ranked(dict.fromkeys(range(50), 0.5) | {99: 0.6}), places, 1.0)
    assert found[0].chunk_id == 99
    assert not any(each.neighbor_support for each in found)


def test_nothing_is_lent_across_meetings_or_by_what_has_gone():
    places = {1: Place(7, 0), 2: Place(8, 1)}
    found = supported(ranked({1: 1.0, 2: 0.5, 3: 0.25}), places, 1.0)
    assert [(each.chunk_id, each.score) for each in found] == [(1, 1.0), (2, 0.5), (3, 0.25)]


@given(st.dictionaries(st.sampled_from(sorted(PLACES)), st.floats(0, 1)), st.floats(0, 1))
def test_nobody_loses_and_nobody_is_lost(scores, share):
    found = supported(ranked(scores), PLACES, share)
    assert {each.chunk_id for each in found} == set(scores)
    assert all(each.score >= scores[each.chunk_id] for each in found)
    assert found == sorted(found, key=lambda each: (-each.score, each.chunk_id))
