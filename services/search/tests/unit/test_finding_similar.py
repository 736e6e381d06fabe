from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from uuid import uuid4

import pytest

from sagwan.search.v1 import search_pb2
from sagwan_runtime.deadline import Deadline
from sagwan_runtime.errors import DependencyUnavailable, InvalidRequest, NotFound, SagwanError
from sagwan_search.convert_similar import similar_query_of, similar_response
from sagwan_search.domain.filters import Filter
from sagwan_search.domain.fusion import Leg
from sagwan_search.domain.likeness import LikeChunk, LikeText, LikeUtterance, SimilarQuery
from sagwan_search.domain.lines import Span
from sagwan_search.ports import Model, QueryVector, Vector
from sagwan_search.similar import SimilarSearching

TENANT = uuid4()
KEY = b"secret of the tenant"
MODEL = Model("sha-of-model", "hashes@1/none", 8)
TURNS = [
    ("Ann", "The budget for next year was cut."),
    ("Bob", "We should hire two engineers. " * 3),
    ("김철수", "예산을 줄였습니다."),
    ("Ann", "The budget again."),
]
Request = search_pb2.FindSimilarRequest


@dataclass(slots=True)
class PointingEmbedder:
    """Points every passage in one direction, and remembers what it was told."""

    vector: Vector
    model: Model = MODEL
    error: SagwanError | None = None
    passages: list[str] = field(default_factory=list)
    expected: list[str | None] = field(default_factory=list)

    def expect(self, model_sha256: str | None) -> None:
        self.expected.append(model_sha256)

    async def embed_passage(self, text: str, deadline: Deadline) -> QueryVector:
        self.passages.append(text)
        if self.error:
            raise self.error
        return QueryVector(self.vector, self.model)


@pytest.fixture
def meeting(memory_store, sample_meeting):
    """A meeting of four chunks: the second turn lies in the second and, mostly, in the third."""
    spans = [Span(0, 0, 0, 33), Span(1, 0, 1, 29), Span(1, 30, 2, 10), Span(3, 0, 3, 17)]
    sample = sample_meeting("weekly", TURNS, spans=spans, held_on=date(2024, 1, 31))
    memory_store.add(TENANT, sample)
    return sample


@pytest.fixture
def embedder(sample_meeting) -> PointingEmbedder:
    return PointingEmbedder(sample_meeting.vector(0))


@pytest.fixture
def similar(meeting, memory_store, embedder) -> SimilarSearching:
    return SimilarSearching(memory_store, embedder, depth=100)


def like_chunk(chunk_id: int, meeting_id: str = "weekly") -> LikeChunk:
    return LikeChunk(f"meetings/{meeting_id}/chunks/{chunk_id}", meeting_id, chunk_id)


def like_utterance(ordinal: int) -> LikeUtterance:
    return LikeUtterance(f"meetings/weekly/utterances/{ordinal}", "weekly", ordinal)


async def find(similar: SimilarSearching, like, **fields):
    return await similar.find(TENANT, SimilarQuery(like, **fields), Deadline.after(30))


def chunks(answer) -> list[int]:
    return [hit.fused.chunk_id for hit in answer.hits]


def by_cosine(meeting, vector, *, but: int | None = None) -> list[int]:
    others = [each for each in meeting.chunks if each.chunk_id != but]
    return [each.chunk_id for each in sorted(others, key=lambda each: -float(each.vector @ vector))]


class TestLikeStored:
    async def test_a_chunk_is_followed_by_the_others_nearest_first_and_is_none_of_them(
        self, similar, meeting, embedder
    ):
        for each in meeting.chunks:
            answer = await find(similar, like_chunk(each.chunk_id))
            assert chunks(answer) == by_cosine(meeting, each.vector, but=each.chunk_id)
        assert embedder.passages == []

    async def test_a_hit_has_the_cosine_as_its_score_and_its_place_in_the_vector_leg(self, similar, meeting):
        first = meeting.chunks[0]
        answer = await find(similar, like_chunk(1))
        for rank, hit in enumerate(answer.hits, start=1):
            vector = meeting.chunks[hit.fused.chunk_id - 1].vector
            assert hit.fused.score == pytest.approx(float(first.vector @ vector), abs=1e-6)
            (leg,) = hit.fused.legs
            assert (leg.leg, leg.rank, leg.score, leg.contribution) == (Leg.VECTOR, rank, *[hit.fused.score] * 2)
        assert (answer.ranking.model, answer.ranking.degraded_reason) == ("hashes@1/none", "")
        assert answer.stage_seconds.keys() == {"vector", "fetch", "total"}

    @pytest.mark.parametrize(("ordinal", "held_by"), [(0, 1), (1, 3), (2, 3), (3, 4)])
    async def test_an_utterance_stands_for_the_chunk_that_holds_most_of_it(self, similar, ordinal, held_by):
        answer = await find(similar, like_utterance(ordinal))
        assert chunks(answer) == chunks(await find(similar, like_chunk(held_by)))
        assert held_by not in chunks(answer)

    @pytest.mark.parametrize(
        "like", [like_chunk(99), like_chunk(1, "monthly"), like_utterance(4), like_utterance(2**31 - 1)]
    )
    async def test_what_is_not_there_is_not_found_by_the_name_that_the_caller_wrote(self, similar, like):
        with pytest.raises(NotFound) as missing:
            await find(similar, like)
        assert missing.value.resource == like.name

    async def test_what_is_another_tenants_is_not_found(self, similar):
        with pytest.raises(NotFound):
            await similar.find(uuid4(), SimilarQuery(like_chunk(1)), Deadline.after(30))

    async def test_before_the_first_ingest_no_name_is_known(self, similar, memory_store):
        memory_store.model = None
        with pytest.raises(NotFound):
            await find(similar, like_chunk(1))

    async def test_the_filter_is_for_the_hits_and_not_for_what_they_should_be_like(self, similar):
        assert chunks(await find(similar, like_chunk(1), filter=Filter(speaker_keys=("김철수",)))) == [3]
        assert chunks(await find(similar, like_chunk(1), filter=Filter(start_date=date(2024, 2, 1)))) == []

    async def test_the_best_line_is_one_of_the_speaker_asked_for(self, similar):
        (hit,) = (await find(similar, like_chunk(1), filter=Filter(speaker_keys=("김철수",)))).hits
        assert hit.lines[hit.best_line].utterance.speaker == "김철수"
        assert [line.utterance.text for line in hit.lines] == [(TURNS[1][1])[30:].strip(), TURNS[2][1]]

    async def test_pages_follow_one_another_without_gap_or_repetition(self, similar):
        whole = await find(similar, like_chunk(1))
        first = await find(similar, like_chunk(1), hits_max=2)
        last = await find(similar, like_chunk(1), hits_max=2, ranking=first.rest)
        assert [*first.hits, *last.hits] == whole.hits
        assert [leg.rank for page in (first, last) for hit in page.hits for leg in hit.fused.legs] == [1, 2, 3]
        assert last.rest is None

    async def test_pages_reach_as_deep_as_the_leg_with_the_chunk_itself_not_counted(
        self, meeting, memory_store, embedder
    ):
        answer = await find(SimilarSearching(memory_store, embedder, depth=2), like_chunk(1))
        assert chunks(answer) == by_cosine(meeting, meeting.chunks[0].vector, but=1)[:2]

    async def test_a_chunk_that_was_deleted_meanwhile_is_left_out(self, similar, memory_store):
        memory_store.deleted_while_ranking.add(4)
        assert 4 not in chunks(await find(similar, like_chunk(1)))


class TestLikeText:
    async def test_a_text_is_compared_as_a_passage_with_every_chunk(self, similar, meeting, embedder):
        answer = await find(similar, LikeText("a text"))
        assert chunks(answer) == by_cosine(meeting, embedder.vector)
        assert embedder.passages == ["a text"]
        assert answer.ranking.model == embedder.model.label
        assert answer.stage_seconds.keys() == {"embed", "vector", "fetch", "total"}

    async def test_without_the_embedder_there_is_no_answer(self, similar, embedder):
        embedder.error = DependencyUnavailable("the embedder is down")
        with pytest.raises(DependencyUnavailable, match="down"):
            await find(similar, LikeText("a text"))

    async def test_vectors_of_another_model_are_not_compared_and_the_right_one_is_asked_next(self, similar, embedder):
        embedder.model = Model("another", "other@2/int8", 8)
        with pytest.raises(DependencyUnavailable, match="other@2/int8"):
            await find(similar, LikeText("a text"))
        assert embedder.expected == ["sha-of-model"]

    async def test_before_the_first_ingest_nothing_is_like_it(self, similar, memory_store):
        memory_store.model = None
        assert chunks(await find(similar, LikeText("a text"))) == []


def violated(build: Callable[[], object]) -> list[str]:
    with pytest.raises(InvalidRequest) as caught:
        build()
    return [each.field for each in caught.value.violations]


def asked(depth: int = 100, **fields) -> SimilarQuery:
    return similar_query_of(Request(**fields), depth=depth, token_key=KEY)


class TestRequests:
    def test_each_way_of_asking_is_understood_with_the_defaults_of_a_search(self):
        name = "meetings/weekly-12/chunks/345"
        assert asked(chunk=name) == SimilarQuery(LikeChunk(name, "weekly-12", 345), Filter(), None, 10)
        name = "meetings/weekly-12/utterances/0"
        assert asked(utterance=name).like == LikeUtterance(name, "weekly-12", 0)
        assert asked(text=" 예산 ", page_size=7).hits_max == 7
        assert asked(text=" 예산 ").like == LikeText(" 예산 ")

    def test_the_filter_is_that_of_a_search(self):
        condition = search_pb2.Filter(speakers=["  KIM  철수 "], start_date="2024-01-31")
        assert asked(text="x", filter=condition).filter == Filter(date(2024, 1, 31), speaker_keys=("kim 철수",))
        assert violated(lambda: asked(text="x", filter=search_pb2.Filter(end_date="x"))) == ["filter.end_date"]

    @pytest.mark.parametrize(
        ("fields", "named"),
        [
            ({}, "like"),
            ({"text": ""}, "text"),
            ({"text": " \n"}, "text"),
            ({"text": "x" * 10_001}, "text"),
            ({"text": "a\x00b"}, "text"),
            ({"chunk": ""}, "chunk"),
            ({"chunk": "345"}, "chunk"),
            ({"chunk": "meetings/weekly/chunks/-1"}, "chunk"),
            ({"chunk": "meetings/weekly/chunks/007"}, "chunk"),
            ({"chunk": "meetings/weekly/chunks/٣"}, "chunk"),
            ({"chunk": "meetings/weekly/chunks/1\n"}, "chunk"),
            ({"chunk": "meetings//chunks/1"}, "chunk"),
            ({"chunk": "meetings/a/b/chunks/1"}, "chunk"),
            ({"chunk": "meetings/a\x00/chunks/1"}, "chunk"),
            ({"chunk": "meetings/weekly/chunks/" + "1" * 300}, "chunk"),
            ({"chunk": "meetings/weekly/utterances/1"}, "chunk"),
            ({"utterance": "meetings/weekly/chunks/1"}, "utterance"),
            ({"utterance": "meetings/weekly"}, "utterance"),
            ({"text": "x", "page_size": -1}, "page_size"),
            ({"text": "x", "page_size": 101}, "page_size"),
            ({"text": "x", "page_token": "????"}, "page_token"),
        ],
    )
    def test_a_bad_field_is_named(self, fields, named):
        assert violated(lambda: asked(**fields)) == [named]

    def test_numbers_that_no_column_holds_are_names_of_nothing(self):
        assert asked(chunk=f"meetings/a/chunks/{10**30}").like.chunk_id == 2**63 - 1
        assert asked(utterance=f"meetings/a/utterances/{10**30}").like.ordinal == 2**31 - 1


class TestAnswers:
    async def test_a_token_leads_to_the_next_page_of_the_same_request_only(self, similar):
        request = Request(chunk="meetings/weekly/chunks/1", page_size=2)
        query = similar_query_of(request, depth=100, token_key=KEY)
        response = similar_response(request, await similar.find(TENANT, query, Deadline.after(30)), token_key=KEY)
        token = response.next_page_token
        assert violated(lambda: asked(chunk="meetings/weekly/chunks/2", page_token=token)) == ["page_token"]
        query = asked(chunk=request.chunk, page_size=2, page_token=token)
        last = similar_response(request, await similar.find(TENANT, query, Deadline.after(30)), token_key=KEY)
        assert (len(last.hits), last.next_page_token) == (1, "")

    async def test_the_response_says_which_model_and_where_each_hit_stood(self, similar):
        request = Request(text="x")
        query = similar_query_of(request, depth=100, token_key=KEY)
        response = similar_response(request, await similar.find(TENANT, query, Deadline.after(30)), token_key=KEY)
        assert (response.model, response.degraded) == ("hashes@1/none", False)
        assert [(leg.leg, leg.rank) for hit in response.hits for leg in hit.legs] == [
            (search_pb2.LEG_VECTOR, rank) for rank in (1, 2, 3, 4)
        ]
        assert response.timings.HasField("embed")
