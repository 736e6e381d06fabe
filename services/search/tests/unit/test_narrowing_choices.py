"""Which way a filter is answered by."""

import pytest

from sagwan_search.domain.indexes import IndexKind
from sagwan_search.domain.narrowing import NarrowingLimits, Way, choose

LIMITS = NarrowingLimits()


@pytest.mark.parametrize(
    ("row_count", "passing", "way"),
    [
        (10_000, 1_000, Way.PREFILTER),
        (10_000, 5_000, Way.INDEX),
        (100_000, 50, Way.PREFILTER),
        (100_000, 4_900, Way.PREFILTER),
        (100_000, 50_000, Way.INDEX),
        (1_000_000, 500, Way.PREFILTER),
        (1_000_000, 5_000, Way.PREFILTER),
        (1_000_000, 50_000, Way.INDEX),
        (1_000_000, 500_000, Way.INDEX),
    ],
)
def test_few_chunks_are_found_first_and_many_are_come_by(row_count, passing, way):
    chosen = choose(IndexKind.HNSW, LIMITS, passing=passing, row_count=row_count, depth=100)
    assert chosen.way is way
    assert f"{passing:,} of {row_count:,}" in chosen.in_full
    # How many chunks others have is told to nobody who only searches.
    assert not any(character.isdigit() for character in str(chosen))


def test_the_more_is_asked_for_the_sooner_it_pays_to_find_first_what_passes():
    def most(depth):
        ways = (
            choose(IndexKind.HNSW, LIMITS, passing=passing, row_count=10**6, depth=depth).way
            for passing in range(0, 60_000, 500)
        )
        return sum(way is Way.PREFILTER for way in ways)

    assert most(10) < most(100) < most(1_000)
    assert (most(1_000) - 1) * 500 <= LIMITS.compared_max < most(1_000_000) * 500


def test_without_an_index_what_passes_is_found_first_unless_it_is_much_of_the_table():
    for passing, way in ((100, Way.PREFILTER), (2_000, Way.PREFILTER), (9_000, Way.EXACT)):
        assert choose(IndexKind.EXACT, LIMITS, passing=passing, row_count=10_000, depth=100).way is way


@pytest.mark.parametrize(("kind", "way"), [(IndexKind.EXACT, Way.EXACT), (IndexKind.IVFFLAT, Way.INDEX)])
def test_without_a_filter_the_index_is_asked_where_there_is_one(kind, way):
    assert choose(kind, LIMITS, passing=None, row_count=10**6, depth=100).way is way


def test_a_table_that_was_never_counted_has_at_least_what_passes():
    assert choose(IndexKind.HNSW, LIMITS, passing=50_000, row_count=0, depth=100).way is Way.INDEX
    assert choose(IndexKind.HNSW, LIMITS, passing=50, row_count=0, depth=100).way is Way.PREFILTER


def test_what_only_a_look_at_a_chunk_tells_is_found_first_as_long_as_it_can_be():
    for passing, way in ((LIMITS.compared_max, Way.PREFILTER), (LIMITS.compared_max + 1, Way.INDEX)):
        asked = {"passing": passing, "row_count": 10**6, "depth": 100}
        assert choose(IndexKind.HNSW, LIMITS, **asked, looked_at=True).way is way
        assert choose(IndexKind.HNSW, LIMITS, **asked).way is Way.INDEX
