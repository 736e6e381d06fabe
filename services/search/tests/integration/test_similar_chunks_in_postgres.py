"""Vectors of stored chunks, by name, against the twin in memory."""

from datetime import date

import pytest

from sagwan_runtime.deadline import Deadline
from sagwan_runtime.errors import NotFound
from sagwan_search.domain.filters import Filter
from sagwan_search.domain.likeness import LikeChunk, LikeUtterance, SimilarQuery
from sagwan_search.domain.lines import Span
from sagwan_search.similar import SimilarSearching

pytestmark = pytest.mark.integration

TURNS = [
    ("Ann", "one two three"),
    ("Bob", "네, 좋습니다 😀 그리고 더 길게"),
    ("", "four five"),
    ("Ann", "six"),
    ("Ann", " "),
]
SPANS = [Span(0, 0, 0, 13), Span(1, 0, 1, 9), Span(1, 10, 2, 4), Span(2, 5, 3, 3)]


def soon() -> Deadline:
    return Deadline.after(30)


@pytest.fixture
def sample(sample_meeting):
    return sample_meeting("weekly", TURNS, spans=SPANS, held_on=date(2024, 1, 31))


class TestStoredVectors:
    async def test_a_chunk_has_the_vector_that_was_written_by_the_serving_model(self, meetings, store, owner, sample):
        tenant_id = await meetings.tenant(sample)
        # Another model's table, with nothing in it: only the serving one is looked into.
        await owner.execute("SELECT register_model('hashes', '2', 'none', 'other', 5)")
        async with store.look(tenant_id, soon()) as session:
            await session.serving_model()
            for each in sample.chunks:
                found = await session.stored_vector("weekly", each.chunk_id)
                assert found.tolist() == pytest.approx(each.vector.tolist())

    async def test_a_chunk_has_no_vector_under_another_meetings_name_or_for_another_tenant(
        self, meetings, store, sample, sample_meeting
    ):
        other = sample_meeting("other", TURNS[:1])
        tenant_id = await meetings.tenant(sample, other)
        stranger = await meetings.tenant()
        chunk_id = sample.chunks[0].chunk_id
        for tenant, meeting_id, chunk in (
            (tenant_id, "other", chunk_id),
            (tenant_id, "gone", chunk_id),
            (tenant_id, "weekly", 2**63 - 1),
            (stranger, "weekly", chunk_id),
        ):
            async with store.look(tenant, soon()) as session:
                await session.serving_model()
                assert await session.stored_vector(meeting_id, chunk) is None
                assert await session.chunk_of_utterance("gone", 0) is None

    @pytest.mark.parametrize(("ordinal", "place"), [(0, 0), (1, 1), (2, 2), (3, 3), (4, None), (2**31 - 1, None)])
    async def test_an_utterance_is_held_by_the_chunk_with_most_of_it(
        self, meetings, store, memory_store, sample, ordinal, place
    ):
        tenant_id = await meetings.tenant(sample)
        expected = None if place is None else sample.chunks[place].chunk_id
        for each in (store, memory_store):
            async with each.look(tenant_id, soon()) as session:
                assert await session.chunk_of_utterance("weekly", ordinal) == expected


class TestSimilar:
    async def test_the_answer_is_that_of_the_twin_which_looks_at_every_chunk(
        self, meetings, store, memory_store, sample, sample_meeting
    ):
        other = sample_meeting("other", [("Ann", f"line {n}") for n in range(20)], held_on=date(2024, 2, 1))
        tenant_id = await meetings.tenant(sample, other)
        stored = sample.chunks[1]
        for like in (
            LikeChunk("", "weekly", stored.chunk_id),
            LikeUtterance("", "weekly", 3),
            LikeUtterance("", "other", 19),
        ):
            for condition in (Filter(), Filter(speaker_keys=("ann",)), Filter(meeting_ids=("other",))):
                query = SimilarQuery(like, condition, hits_max=3)
                found, expected = [
                    await SimilarSearching(each, None, depth=100).find(tenant_id, query, soon())
                    for each in (store, memory_store)
                ]
                assert [hit.fused.chunk_id for hit in found.hits] == [hit.fused.chunk_id for hit in expected.hits]
                assert [hit.fused.score for hit in found.hits] == pytest.approx(
                    [hit.fused.score for hit in expected.hits], abs=1e-5
                )
                assert [hit.lines for hit in found.hits] == [hit.lines for hit in expected.hits]
                assert (found.rest is None) == (expected.rest is None)

    async def test_another_tenants_chunk_is_not_found(self, meetings, store, sample):
        await meetings.tenant(sample)
        query = SimilarQuery(LikeChunk("it", "weekly", sample.chunks[0].chunk_id))
        with pytest.raises(NotFound):
            await SimilarSearching(store, None, depth=100).find(await meetings.tenant(), query, soon())
