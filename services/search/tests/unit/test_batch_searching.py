import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from uuid import uuid4

import grpc
import pytest
from prometheus_client import CollectorRegistry

from sagwan.search.v1 import search_pb2
from sagwan_runtime.deadline import Deadline
from sagwan_runtime.errors import DeadlineExceeded, DependencyUnavailable, InvalidRequest, SagwanError
from sagwan_runtime.metrics import SearchMetrics
from sagwan_search.batch import BatchSearching
from sagwan_search.convert_batch import batch_of, batch_result
from sagwan_search.domain.query import Mode, Query
from sagwan_search.ports import Model, QueryVector, Vector
from sagwan_search.searching import Searching, SearchLimits

TENANT = uuid4()
KEY = b"secret of the tenant"
LIMITS = SearchLimits(leg_depth=100, match_candidates_max=1_000, embed_timeout_s=0.2, terms_max=64)
TURNS = [
    ("Ann", "The budget for next year was cut."),
    ("Bob", "We should hire two engineers."),
    ("김철수", "예산을 줄였습니다. 회의록을 공개합시다."),
]


@dataclass(slots=True)
class DirectionsEmbedder:
    """Points each question in a direction of its own, and remembers its calls."""

    vectors: dict[str, Vector]
    error: SagwanError | None = None
    wait_s: float = 0.0
    calls: list[list[str]] = field(default_factory=list)

    async def embed_all(self, texts, deadline: Deadline) -> list[QueryVector]:
        self.calls.append(list(texts))
        try:
            async with asyncio.timeout(deadline.remaining_s()):
                await asyncio.sleep(self.wait_s)
        except TimeoutError:
            raise DeadlineExceeded("the embedder did not answer in time") from None
        if self.error:
            raise self.error
        return [QueryVector(self.vectors[text], Model("sha-of-model", "hashes@1/none", 8)) for text in texts]

    async def embed(self, text: str, deadline: Deadline) -> QueryVector:
        raise AssertionError("a batch asks once for all of its questions")


@dataclass(slots=True)
class WatchedStore:
    """The twin in memory, slowed down, with a count of the looks that are open at once."""

    store: object
    wait_s: float
    looks_most: int = 0
    broken: bool = False

    def look(self, tenant_id, deadline):
        if self.broken:
            raise RuntimeError("a fault of ours")
        return _Watched(self, self.store.look(tenant_id, deadline))


@dataclass(slots=True)
class _Watched:
    watched: WatchedStore
    look: object

    async def __aenter__(self):
        session = await self.look.__aenter__()
        self.watched.looks_most = max(self.watched.looks_most, self.watched.store.looks_open)
        await asyncio.sleep(self.watched.wait_s)
        return session

    async def __aexit__(self, *error):
        return await self.look.__aexit__(*error)


@pytest.fixture
def embedder(sample_meeting) -> DirectionsEmbedder:
    return DirectionsEmbedder({"money": sample_meeting.vector(0), "people": sample_meeting.vector(1)})


@pytest.fixture
def batch_over(memory_store, sample_meeting, analyze, embedder) -> Callable[..., BatchSearching]:
    """Makes the use case over a meeting of three chunks."""
    memory_store.add(TENANT, sample_meeting("weekly", TURNS))

    def build(store=memory_store, *, searches_at_once_max: int = 4) -> BatchSearching:
        searching = Searching(store, embedder, analyze, SearchMetrics(CollectorRegistry()), LIMITS)
        return BatchSearching(searching, embedder, searches_at_once_max=searches_at_once_max)

    return build


async def ask(batch: BatchSearching, questions, *, seconds: float = 30) -> list:
    """How each question ended, in their order; the test fails unless each ends once."""
    ends = {}

    def ended(place, end):
        assert place not in ends
        ends[place] = end

    await batch.search(TENANT, questions, Deadline.after(seconds), ended)
    return [ends[place] for place in range(len(questions))]


def first_chunks(results) -> list[int | type]:
    return [
        type(each) if isinstance(each, SagwanError) else each[1].hits[0].fused.chunk_id if each[1].hits else 0
        for each in results
    ]


class TestBatches:
    async def test_answers_come_in_the_order_of_the_questions(self, batch_over):
        questions = [Query("people", mode=Mode.VECTOR), Query("예산", mode=Mode.LEXICAL), Query("money")] * 5
        results = await ask(batch_over(), questions)
        assert first_chunks(results) == [2, 3, 1] * 5
        assert [query for query, _ in results] == questions

    async def test_each_answer_is_that_of_the_question_alone(self, batch_over, memory_store, embedder, analyze):
        questions = [Query("money"), Query("people budget", mode=Mode.LEXICAL), Query("people", hits_max=1)]
        results = await ask(batch_over(), questions)
        vectors = await embedder.embed_all(["money", "people", "people"], Deadline.after(1))
        alone = Searching(memory_store, embedder, analyze, SearchMetrics(CollectorRegistry()), LIMITS)
        for (query, answer), known in zip(results, vectors, strict=True):
            expected = await alone.search(TENANT, query, Deadline.after(30), known=known)
            assert (answer.hits, answer.ranking, answer.rest) == (expected.hits, expected.ranking, expected.rest)

    async def test_the_embedder_is_asked_once_for_the_distinct_questions_that_need_a_vector(self, batch_over, embedder):
        questions = [
            Query("money"),
            Query("예산", mode=Mode.LEXICAL),
            Query("people"),
            Query("money", mode=Mode.VECTOR),
        ]
        await ask(batch_over(), questions)
        assert embedder.calls == [["money", "people"]]

    async def test_later_pages_ask_the_embedder_nothing(self, batch_over, embedder):
        ((query, first),) = await ask(batch_over(), [Query("money", hits_max=1)])
        ((_, second),) = await ask(batch_over(), [replace(query, ranking=first.rest)])
        assert second.hits[0].fused == first.ranking.chunks[1]
        assert embedder.calls == [["money"]]

    async def test_words_alone_ask_the_embedder_nothing(self, batch_over, embedder):
        await ask(batch_over(), [Query("예산", mode=Mode.LEXICAL)])
        assert embedder.calls == []

    async def test_the_embedder_may_take_longer_for_many_than_for_one(self, batch_over, embedder):
        embedder.wait_s = 2 * LIMITS.embed_timeout_s
        ((_, answer),) = await ask(batch_over(), [Query("money")])
        assert answer.ranking.degraded_reason == ""

    async def test_no_more_searches_run_at_once_than_allowed_in_all_batches_together(self, batch_over, memory_store):
        watched = WatchedStore(memory_store, wait_s=0.005)
        batch = batch_over(watched, searches_at_once_max=3)
        questions = [Query("예산", mode=Mode.LEXICAL)] * 8
        both = await asyncio.gather(*(ask(batch, questions) for _ in range(2)))
        assert [first_chunks(results) for results in both] == [[3] * 8] * 2
        assert watched.looks_most == 3


class TestFailures:
    async def test_a_question_that_cannot_be_asked_fails_alone(self, batch_over, embedder):
        refused = InvalidRequest.field("query", "is blank")
        results = await ask(batch_over(), [refused, Query("money"), refused])
        assert first_chunks(results) == [InvalidRequest, 1, InvalidRequest]
        assert embedder.calls == [["money"]]

    @pytest.mark.parametrize("error", [DependencyUnavailable("the embedder is down"), DeadlineExceeded("late")])
    async def test_without_the_embedder_each_answer_says_whether_it_is_degraded(self, batch_over, embedder, error):
        embedder.error = error
        questions = [Query("예산"), Query("예산", mode=Mode.LEXICAL), Query("예산", mode=Mode.VECTOR)]
        hybrid, lexical, vector = await ask(batch_over(), questions)
        assert str(error) in hybrid[1].ranking.degraded_reason
        assert lexical[1].ranking.degraded_reason == ""
        assert first_chunks([hybrid, lexical]) == [3, 3]
        assert vector is error

    async def test_a_hanging_embedder_leaves_half_of_the_time_for_words(self, batch_over, embedder):
        embedder.wait_s = 60
        async with asyncio.timeout(1.5):
            ((_, answer),) = await ask(batch_over(), [Query("예산")], seconds=2.0)
        assert answer.ranking.degraded_reason
        assert answer.hits

    async def test_what_is_not_done_in_time_fails_alone_and_before_the_deadline(self, batch_over, memory_store):
        batch = batch_over(WatchedStore(memory_store, wait_s=0.2), searches_at_once_max=1)
        questions = [Query("예산", mode=Mode.LEXICAL)] * 5
        async with asyncio.timeout(1.0):
            results = await ask(batch, questions, seconds=1.0)
        # A search looks twice.
        assert first_chunks(results) == [3, 3, *[DeadlineExceeded] * 3]

    async def test_a_deadline_that_has_passed_ends_the_batch(self, batch_over):
        with pytest.raises(DeadlineExceeded):
            await ask(batch_over(), [Query("money")], seconds=-1)

    async def test_a_fault_of_ours_ends_its_own_search_and_says_nothing_of_its_cause(self, batch_over, memory_store):
        batch = batch_over(WatchedStore(memory_store, wait_s=0, broken=True))
        refused = InvalidRequest.field("query", "is blank")
        results = await ask(batch, [Query("예산", mode=Mode.LEXICAL), refused])
        told = batch_result(search_pb2.SearchRequest(), results[0], token_key=KEY).error
        assert (told.code, told.message) == (grpc.StatusCode.INTERNAL.value[0], "internal error")
        assert results[1] is refused


class TestConversion:
    def test_a_bad_request_takes_the_place_of_its_question(self):
        good, bad = search_pb2.SearchRequest(query="budget"), search_pb2.SearchRequest(query=" ", page_size=-1)
        questions = batch_of(search_pb2.BatchSearchRequest(requests=[good, bad, good]), depth=7, token_key=KEY)
        assert questions[0] == questions[2] == Query("budget", hits_max=7)
        assert [each.field for each in questions[1].violations] == ["query", "page_size"]

    @pytest.mark.parametrize("count", [0, 101])
    def test_batches_of_none_or_too_many_are_refused_whole(self, count):
        request = search_pb2.BatchSearchRequest(requests=[search_pb2.SearchRequest(query="budget")] * count)
        with pytest.raises(InvalidRequest, match="1 to 100") as refusal:
            batch_of(request, depth=100, token_key=KEY)
        assert [each.field for each in refusal.value.violations] == ["requests"]

    def test_a_hundred_requests_for_full_pages_are_taken(self):
        request = search_pb2.BatchSearchRequest(
            requests=[search_pb2.SearchRequest(query="budget", page_size=100)] * 100
        )
        assert len(batch_of(request, depth=100, token_key=KEY)) == 100

    def test_batches_that_no_message_would_hold_are_refused_whole(self):
        each = search_pb2.SearchRequest(query="budget", page_size=100, neighbor_count=5)
        request = search_pb2.BatchSearchRequest(requests=[each] * 10)
        with pytest.raises(InvalidRequest, match="ask for 11,000 chunks") as refusal:
            batch_of(request, depth=100, token_key=KEY)
        assert [each.field for each in refusal.value.violations] == ["requests"]

    def test_what_a_bad_request_asks_for_does_not_count(self):
        bad = search_pb2.SearchRequest(query="budget", neighbor_count=2**31 - 1)
        (refused,) = batch_of(search_pb2.BatchSearchRequest(requests=[bad]), depth=100, token_key=KEY)
        assert [each.field for each in refused.violations] == ["neighbor_count"]

    def test_an_error_has_the_code_and_the_words_that_it_has_alone(self):
        result = batch_result(search_pb2.SearchRequest(), InvalidRequest.field("page_size", "is -1"), token_key=KEY)
        assert result.error == search_pb2.BatchSearchError(
            code=grpc.StatusCode.INVALID_ARGUMENT.value[0], message="page_size: is -1"
        )
