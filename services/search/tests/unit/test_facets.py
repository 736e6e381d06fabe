from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from sagwan_search.domain.facets import RankedMeeting, RankedSpeaker, facets_of

MEETINGS = [
    RankedMeeting("budget-1", date(2026, 1, 31), ["Finance", "Q1"], 3),
    RankedMeeting("budget-2", date(2026, 2, 1), ["finance", "FINANCE "], 5),
    RankedMeeting("amble", None, [], 5),
]


def values(meetings=(), speakers=()):
    return {facet.property: list(facet.values) for facet in facets_of(list(meetings), speakers)}


def test_values_are_counted_in_chunks_the_most_frequent_first_and_then_by_the_alphabet():
    speakers = [RankedSpeaker("김철수", 2), RankedSpeaker("Bob", 2), RankedSpeaker("Ann", 7)]
    assert values(MEETINGS, speakers) == {
        "meeting": [("amble", 5), ("budget-2", 5), ("budget-1", 3)],
        "speaker": [("Ann", 7), ("Bob", 2), ("김철수", 2)],
        "month": [("2026-02", 5), ("2026-01", 3)],
        "tag": [("FINANCE ", 8), ("Q1", 3)],
    }


def test_nothing_found_has_every_property_and_no_value():
    assert values() == {"meeting": [], "speaker": [], "month": [], "tag": []}


def test_no_property_has_more_than_fifty_values():
    meetings = [RankedMeeting(f"m-{number:03}", None, [f"tag {number:03}"], 1) for number in range(60)]
    found = values(meetings)
    assert found["meeting"] == [(f"m-{number:03}", 1) for number in range(50)]
    assert len(found["tag"]) == 50


@given(st.lists(st.tuples(st.lists(st.sampled_from(["a", "A", "b", " a"])), st.integers(1, 9)), max_size=5))
def test_a_chunk_counts_once_for_a_tag_however_often_its_meeting_writes_it(drawn):
    meetings = [RankedMeeting(str(number), None, tags, count) for number, (tags, count) in enumerate(drawn)]
    expected = {
        key: sum(count for tags, count in drawn if any(tag.strip().lower() == key for tag in tags)) for key in "ab"
    }
    found = {tag.strip().lower(): count for tag, count in values(meetings)["tag"]}
    assert found == {key: count for key, count in expected.items() if count}
