"""Whatever is slow or gone: a search ends in time with an answer or a clear status, and leaves nothing behind."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import grpc
import pytest
from embedders import HashingEmbedder, serving
from in_process import SearchService, ingesting, searching
from lines import line_to_postgres

from sagwan.embedder.v1 import embedder_pb2_grpc
from sagwan.ingest.v1 import ingest_pb2, meeting_pb2
from sagwan.search.v1 import search_pb2
from sagwan_runtime.channels import open_channel
from sagwan_runtime.embedders import Embedders

pytestmark = pytest.mark.integration

DEADLINE_S = 2.0
HYBRID, LEXICAL, VECTOR = search_pb2.SEARCH_MODE_HYBRID, search_pb2.SEARCH_MODE_LEXICAL, search_pb2.SEARCH_MODE_VECTOR
TURNS = [
    "The budget for next year was cut.",
    "We should hire two engineers.",
    "예산을 줄였습니다. 회의록을 공개합시다.",
] * 4

# Connections whose statement waits for a lock.
END_WAITING = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock'
"""


class Asker:
    """Asks for the budget, and sees to it that every call is over in time."""

    def __init__(self, service: SearchService, key: tuple[tuple[str, str], ...]) -> None:
        self._stub = service.stub
        self._key = key

    async def answer(self, mode: int, **fields) -> search_pb2.SearchResponse:
        request = search_pb2.SearchRequest(query="budget", mode=mode, **fields)
        begun = time.monotonic()
        try:
            return await self._stub.Search(request, metadata=self._key, timeout=DEADLINE_S)
        finally:
            assert time.monotonic() - begun < DEADLINE_S + 0.5

    async def status(self, mode: int) -> grpc.StatusCode:
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await self.answer(mode)
        return failed.value.code()

    async def assert_whole(self) -> None:
        """More searches at once than there are connections are answered by both legs."""
        for answer in await asyncio.gather(*(self.answer(HYBRID) for _ in range(5))):
            assert not answer.degraded
            assert legs(answer) == {search_pb2.LEG_LEXICAL, search_pb2.LEG_VECTOR}


def legs(answer: search_pb2.SearchResponse) -> set[int]:
    return {leg.leg for hit in answer.hits for leg in hit.legs}


@pytest.fixture
async def ingested(database_url, embedders, key) -> None:
    async with ingesting(database_url, embedders) as ingest:
        turns = [meeting_pb2.Utterance(speaker="Ann", text=text) for text in TURNS]
        await ingest.IngestMeeting(ingest_pb2.IngestMeetingRequest(meeting_id="m", utterances=turns), metadata=key)


@pytest.fixture
async def asker(ingested, database_url, embedders, key) -> AsyncIterator[Asker]:
    async with searching(database_url, embedders, pool_size_max=2) as service:
        asker = Asker(service, key)
        await asker.assert_whole()
        yield asker


@asynccontextmanager
async def locked(database_url: str, table: str) -> AsyncIterator[None]:
    """Whoever reads the table waits."""
    connection = await asyncpg.connect(database_url)
    try:
        async with connection.transaction():
            await connection.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
            yield
    finally:
        await connection.close()


class TestEmbedder:
    async def test_a_late_one_leaves_an_answer_from_words(self, asker, embedder):
        embedder.open.clear()
        answer = await asker.answer(HYBRID)
        assert (legs(answer), answer.degraded) == ({search_pb2.LEG_LEXICAL}, True)
        assert "in time" in answer.degraded_reason
        assert await asker.status(VECTOR) is grpc.StatusCode.DEADLINE_EXCEEDED
        embedder.open.set()
        await asker.assert_whole()

    async def test_one_that_fails_leaves_an_answer_from_words(self, asker, embedder):
        embedder.calls_left = 0
        answer = await asker.answer(HYBRID)
        assert (legs(answer), answer.degraded) == ({search_pb2.LEG_LEXICAL}, True)
        assert await asker.status(VECTOR) is grpc.StatusCode.UNAVAILABLE
        embedder.calls_left = None
        await asker.assert_whole()

    @pytest.mark.parametrize(("sha256", "dimension"), [("one", 8), ("one", 32), ("another", 16)])
    async def test_one_that_runs_something_else_leaves_an_answer_from_words(
        self, ingested, database_url, key, sha256, dimension
    ):
        async with (
            serving(HashingEmbedder(sha256, dimension)) as embedders,
            searching(database_url, embedders) as service,
        ):
            asker = Asker(service, key)
            answer = await asker.answer(HYBRID)
            assert (legs(answer), answer.degraded) == ({search_pb2.LEG_LEXICAL}, True)
            assert await asker.status(VECTOR) is grpc.StatusCode.UNAVAILABLE

    async def test_one_that_is_gone_leaves_an_answer_from_words_and_later_pages_as_they_were(
        self, ingested, database_url, embedder, key
    ):
        server = grpc.aio.server()
        embedder_pb2_grpc.add_EmbedderServiceServicer_to_server(embedder, server)
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        async with (
            open_channel(f"127.0.0.1:{port}", message_bytes_max=1 << 20) as channel,
            searching(database_url, Embedders([channel])) as service,
        ):
            asker = Asker(service, key)
            whole = await asker.answer(HYBRID, page_size=20)
            first = await asker.answer(HYBRID, page_size=2)
            await server.stop(0)
            rest = await asker.answer(HYBRID, page_size=20, page_token=first.next_page_token)
            assert [*first.hits, *rest.hits] == list(whole.hits)
            assert not rest.degraded
            answer = await asker.answer(HYBRID)
            assert (legs(answer), answer.degraded) == ({search_pb2.LEG_LEXICAL}, True)
            assert await asker.status(VECTOR) is grpc.StatusCode.UNAVAILABLE


class TestDatabase:
    @pytest.mark.parametrize(
        ("table", "left", "fails", "reason"),
        [
            ("chunk_vectors_1", search_pb2.LEG_LEXICAL, VECTOR, "vector leg left out"),
            ("chunk_terms", search_pb2.LEG_VECTOR, LEXICAL, "lexical leg left out"),
            ("term_stats", search_pb2.LEG_VECTOR, LEXICAL, "lexical leg left out"),
        ],
    )
    async def test_a_slow_leg_leaves_an_answer_from_the_other(self, asker, database_url, table, left, fails, reason):
        async with locked(database_url, table):
            answer = await asker.answer(HYBRID)
            assert (legs(answer), answer.degraded) == ({left}, True)
            assert reason in answer.degraded_reason
            assert await asker.status(fails) is grpc.StatusCode.DEADLINE_EXCEEDED
        await asker.assert_whole()

    async def test_what_both_legs_need_ends_with_the_deadline(self, asker, database_url):
        async with locked(database_url, "chunks"):
            codes = await asyncio.gather(*(asker.status(mode) for mode in (HYBRID, LEXICAL, VECTOR)))
            assert set(codes) <= {grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.UNAVAILABLE}
        await asker.assert_whole()

    async def test_connections_that_are_ended_by_the_server_are_replaced(self, asker, owner, database_url):
        async with locked(database_url, "chunk_terms"):
            asked = asyncio.create_task(asker.status(LEXICAL))
            while not await owner.fetch(END_WAITING):  # noqa: ASYNC110  # the server rings no bell
                await asyncio.sleep(0.01)
            assert await asked is grpc.StatusCode.UNAVAILABLE
        await asker.assert_whole()

    async def test_a_line_that_carries_nothing_ends_with_the_deadline_and_one_that_is_cut_at_once(
        self, ingested, database_url, embedders, postgres_url, key
    ):
        async with (
            line_to_postgres(postgres_url) as line,
            searching(line.url_of(database_url), embedders, pool_size_max=2) as service,
        ):
            asker = Asker(service, key)
            await asker.assert_whole()
            line.stall()
            codes = await asyncio.gather(*(asker.status(mode) for mode in (HYBRID, LEXICAL, VECTOR)))
            assert set(codes) <= {grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.UNAVAILABLE}
            line.flow()
            await asker.assert_whole()
            await line.cut()
            assert [await asker.status(mode) for mode in (HYBRID, LEXICAL)] == [grpc.StatusCode.UNAVAILABLE] * 2
            await line.open()
            await asker.assert_whole()
