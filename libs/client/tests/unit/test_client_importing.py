"""Imports over a real stream: the window, the order, and streams that are cut."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import grpc
import pytest

from sagwan.ingest.v1 import ingest_pb2, ingest_pb2_grpc
from sagwan_client import SagwanCallError, SagwanClient


class _Importing(ingest_pb2_grpc.IngestServiceServicer):
    """Answers each item with its content as the message; may cut streams or stop answering."""

    def __init__(self, *, cut_after: int | None = None, cut_with=grpc.StatusCode.UNAVAILABLE, cuts: int = 1) -> None:
        self._cut_after = cut_after
        self._cut_with = cut_with
        self._cuts = cuts
        self.streams = 0
        self.completed_streams = 0
        self.received: list[int] = []

    async def ImportMeetings(self, request_iterator, context):  # noqa: N802
        self.streams += 1
        answered = 0
        async for request in request_iterator:
            self.received.append(request.sequence)
            if self._cuts and answered == self._cut_after:
                self._cuts -= 1
                await context.abort(self._cut_with, "cut")
            answered += 1
            yield ingest_pb2.ImportMeetingsResponse(
                sequence=request.sequence,
                error=ingest_pb2.ItemError(message=request.transcript.content.decode()),
            )
        self.completed_streams += 1


class _Silent(ingest_pb2_grpc.IngestServiceServicer):
    async def ImportMeetings(self, request_iterator, context):  # noqa: N802
        await asyncio.sleep(60)
        yield ingest_pb2.ImportMeetingsResponse()


@asynccontextmanager
async def _client_of(servicer: ingest_pb2_grpc.IngestServiceServicer) -> AsyncIterator[SagwanClient]:
    server = grpc.aio.server()
    ingest_pb2_grpc.add_IngestServiceServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        async with SagwanClient(ingest_target=f"127.0.0.1:{port}") as client:
            yield client
    finally:
        await server.stop(None)


def _transcripts(count: int) -> Iterator[ingest_pb2.IngestTranscriptRequest]:
    return (ingest_pb2.IngestTranscriptRequest(content=str(number).encode()) for number in range(count))


async def _answers(client: SagwanClient, count: int, **options) -> list[tuple[int, str]]:
    return [
        (answer.sequence, answer.error.message)
        async for answer in client.import_transcripts(_transcripts(count), **options)
    ]


async def test_every_transcript_is_answered_once_and_in_order():
    servicer = _Importing()
    async with _client_of(servicer) as client:
        assert await _answers(client, 50) == [(number, str(number)) for number in range(50)]
    assert servicer.received == list(range(50))
    assert servicer.completed_streams == 1


async def test_nothing_to_import_opens_no_stream():
    servicer = _Importing()
    async with _client_of(servicer) as client:
        assert await _answers(client, 0) == []
    assert servicer.streams == 0


async def test_transcripts_are_taken_only_as_far_ahead_as_the_window():
    taken = 0

    def counted() -> Iterator[ingest_pb2.IngestTranscriptRequest]:
        nonlocal taken
        for each in _transcripts(30):
            taken += 1
            yield each

    answered = 0
    async with _client_of(_Importing()) as client:
        async for _ in client.import_transcripts(counted(), in_flight_max=4):
            answered += 1
            assert taken <= answered + 4
    assert answered == taken == 30


async def test_a_stream_that_is_cut_is_opened_again_and_nothing_is_lost_or_told_twice():
    servicer = _Importing(cut_after=3, cuts=5)
    async with _client_of(servicer) as client:
        assert await _answers(client, 20) == [(number, str(number)) for number in range(20)]
    assert servicer.streams == 6


async def test_a_stream_that_never_gets_anywhere_is_given_up():
    servicer = _Importing(cut_after=0, cuts=1_000)
    async with _client_of(servicer) as client:
        with pytest.raises(SagwanCallError) as caught:
            await _answers(client, 5)
    assert caught.value.code is grpc.StatusCode.UNAVAILABLE
    assert servicer.streams < 30


async def test_a_refused_stream_is_not_opened_again():
    servicer = _Importing(cut_after=0, cut_with=grpc.StatusCode.UNAUTHENTICATED)
    async with _client_of(servicer) as client:
        with pytest.raises(SagwanCallError) as caught:
            await _answers(client, 5)
    assert caught.value.code is grpc.StatusCode.UNAUTHENTICATED
    assert servicer.streams == 1


async def test_a_service_that_does_not_answer_is_not_waited_for_for_ever():
    async with _client_of(_Silent()) as client:
        with pytest.raises(SagwanCallError) as caught:
            await _answers(client, 1, answer_timeout_s=0.2)
    assert caught.value.code is grpc.StatusCode.DEADLINE_EXCEEDED


async def test_a_transcript_that_cannot_be_read_ends_the_import_with_its_own_error():
    def broken() -> Iterator[ingest_pb2.IngestTranscriptRequest]:
        yield from _transcripts(3)
        raise PermissionError("no")

    async with _client_of(_Importing()) as client:
        with pytest.raises(PermissionError):
            async for _ in client.import_transcripts(broken(), in_flight_max=2):
                pass


async def test_a_caller_may_stop_in_the_middle():
    servicer = _Importing()
    async with _client_of(servicer) as client:
        answers = client.import_transcripts(_transcripts(1_000))
        async for answer in answers:
            if answer.sequence == 3:
                break
        await answers.aclose()
    assert len(servicer.received) < 1_000
