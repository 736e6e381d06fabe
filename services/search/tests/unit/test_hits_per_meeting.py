from collections import Counter
from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from sagwan_search.domain.fusion import Fused
from sagwan_search.domain.grouping import at_most_per_meeting
from sagwan_search.domain.neighbors import Place


def ranked(*chunk_ids: int) -> list[Fused]:
    return [Fused(chunk_id, 1 / rank, ()) for rank, chunk_id in enumerate(chunk_ids, start=1)]


def places(meetings: Mapping[int, int]) -> dict[int, Place]:
    return {chunk_id: Place(meeting_key, chunk_id) for chunk_id, meeting_key in meetings.items()}


def test_the_best_of_each_meeting_stay_in_their_order():
    meetings = places({1: 10, 2: 10, 3: 20, 4: 10, 5: 20})
    assert at_most_per_meeting(ranked(4, 1, 5, 2, 3), meetings, 1) == [
        each for each in ranked(4, 1, 5) if each.chunk_id != 1
    ]
    assert [each.chunk_id for each in at_most_per_meeting(ranked(4, 1, 5, 2, 3), meetings, 2)] == [4, 1, 5, 3]


def test_chunks_that_are_gone_take_nobodys_place():
    assert [each.chunk_id for each in at_most_per_meeting(ranked(1, 2, 3), places({2: 10, 3: 20}), 1)] == [2, 3]


@given(st.lists(st.integers(0, 40), unique=True), st.integers(1, 6), st.integers(1, 5))
def test_what_is_left_out_is_worse_than_enough_of_its_own_meeting(chunk_ids, meeting_count, hits_max):
    meetings = {chunk_id: chunk_id % meeting_count for chunk_id in chunk_ids}
    kept = [each.chunk_id for each in at_most_per_meeting(ranked(*chunk_ids), places(meetings), hits_max)]
    assert kept == [chunk_id for chunk_id in chunk_ids if chunk_id in set(kept)]
    for chunk_id in set(chunk_ids) - set(kept):
        better = [other for other in chunk_ids[: chunk_ids.index(chunk_id)] if meetings[other] == meetings[chunk_id]]
        assert sum(other in kept for other in better) == hits_max
    assert max(Counter(meetings[chunk_id] for chunk_id in kept).values(), default=0) <= hits_max
