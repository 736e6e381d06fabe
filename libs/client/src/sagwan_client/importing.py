"""Many transcripts over one call: a bounded number in flight, and a stream that survives being cut."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Iterator
from contextlib import suppress
from typing import Self

import grpc

from sagwan.ingest.v1 import ingest_pb2
from sagwan_client.errors import SagwanCallError

_REOPENS_WITHOUT_PROGRESS_MAX = 3
_REOPEN_BACKOFF_S = 0.5
_REOPEN_BACKOFF_MAX_S = 5.0
_FINISH_TIMEOUT_S = 5.0
# What grpc.aio says instead of the real status when a message was being written as the service ended the call
# (grpc/grpc#36066). Services of ours say "internal error".
_CUT_WHILE_WRITING = "Internal error from Core"

_Call = grpc.aio.StreamStreamCall[ingest_pb2.ImportMeetingsRequest, ingest_pb2.ImportMeetingsResponse]
OpenCall = Callable[[AsyncIterator[ingest_pb2.ImportMeetingsRequest]], _Call]


class _Outgoing:
    """The requests of one stream, for gRPC to take. Not a generator, which a cancelled call would leave half-run."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[ingest_pb2.ImportMeetingsRequest | None] = asyncio.Queue()

    def send(self, requests: Iterable[ingest_pb2.ImportMeetingsRequest]) -> None:
        for request in requests:
            self._queue.put_nowait(request)

    def end(self) -> None:
        self._queue.put_nowait(None)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> ingest_pb2.ImportMeetingsRequest:
        request = await self._queue.get()
        if request is None:
            raise StopAsyncIteration
        return request


class _Window:
    """What was sent and not answered, oldest first, and what comes after it."""

    def __init__(self, transcripts: Iterable[ingest_pb2.IngestTranscriptRequest], in_flight_max: int) -> None:
        self._unsent: Iterator[tuple[int, ingest_pb2.IngestTranscriptRequest]] = enumerate(transcripts)
        self._in_flight_max = in_flight_max
        self.pending: dict[int, ingest_pb2.ImportMeetingsRequest] = {}

    def fill(self) -> list[ingest_pb2.ImportMeetingsRequest]:
        """Takes transcripts until the window is full, and returns their requests."""
        taken: list[ingest_pb2.ImportMeetingsRequest] = []
        while len(self.pending) < self._in_flight_max:
            following = next(self._unsent, None)
            if following is None:
                break
            sequence, transcript = following
            request = ingest_pb2.ImportMeetingsRequest(sequence=sequence, transcript=transcript)
            self.pending[sequence] = request
            taken.append(request)
        return taken


async def import_all(
    open_call: OpenCall,
    transcripts: Iterable[ingest_pb2.IngestTranscriptRequest],
    *,
    in_flight_max: int,
    answer_timeout_s: float,
) -> AsyncGenerator[ingest_pb2.ImportMeetingsResponse, None]:
    """Yields one answer a transcript, in order.

    A server ends long streams when it renews connections, and all of them when it restarts. UNAVAILABLE therefore opens
    the call again and sends what has no answer yet, as often as there is progress in between.

    Raises:
        SagwanCallError: The call failed for another reason, made no progress, or gave no answer in time.
    """
    window = _Window(transcripts, in_flight_max)
    reopens_left = _REOPENS_WITHOUT_PROGRESS_MAX
    window.fill()
    while window.pending:
        outgoing = _Outgoing()
        first, *waiting = window.pending.values()
        # Alone, so that a call that is refused at once is not being written to, and says why.
        outgoing.send([first])
        call = open_call(outgoing)
        try:
            while window.pending:
                answer = await _next_answer(call, answer_timeout_s)
                if window.pending.pop(answer.sequence, None) is None:
                    continue
                reopens_left = _REOPENS_WITHOUT_PROGRESS_MAX
                outgoing.send([*waiting, *window.fill()])
                waiting = []
                yield answer
            outgoing.end()
            await _finish(call)
        except SagwanCallError as error:
            if error.code is not grpc.StatusCode.UNAVAILABLE or not reopens_left:
                raise
            reopens_left -= 1
            await asyncio.sleep(min(error.retry_after_s or _REOPEN_BACKOFF_S, _REOPEN_BACKOFF_MAX_S))
        finally:
            call.cancel()


async def _next_answer(call: _Call, timeout_s: float) -> ingest_pb2.ImportMeetingsResponse:
    try:
        async with asyncio.timeout(timeout_s):
            answer = await call.read()
    except TimeoutError as error:
        reason = f"the import gave no answer for {timeout_s:g} s"
        raise SagwanCallError(grpc.StatusCode.DEADLINE_EXCEEDED, reason) from error
    except grpc.aio.AioRpcError as error:
        if error.code() is grpc.StatusCode.INTERNAL and error.details() == _CUT_WHILE_WRITING:
            raise SagwanCallError(grpc.StatusCode.UNAVAILABLE, "the import was cut off") from error
        raise SagwanCallError.of(error) from error
    if not isinstance(answer, ingest_pb2.ImportMeetingsResponse):  # grpc.aio.EOF
        reason = "the import ended before every transcript was answered"
        raise SagwanCallError(grpc.StatusCode.UNAVAILABLE, reason)
    return answer


async def _finish(call: _Call) -> None:
    """Lets the service end the call by itself, so that it does not count it as cancelled. All is answered already."""
    with suppress(SagwanCallError):
        await _next_answer(call, _FINISH_TIMEOUT_S)
