"""The filling of a model: a stream of progress that survives being cut."""

import asyncio
from collections.abc import AsyncGenerator, Callable

import grpc

from sagwan.ingest.v1 import models_pb2
from sagwan_client.errors import SagwanCallError

_REOPENS_WITHOUT_PROGRESS_MAX = 5
_REOPEN_BACKOFF_S = 0.5
_REOPEN_BACKOFF_MAX_S = 5.0

_Call = grpc.aio.UnaryStreamCall[models_pb2.FillModelRequest, models_pb2.FillModelProgress]


async def fill_all(
    open_call: Callable[[], _Call], *, answer_timeout_s: float
) -> AsyncGenerator[models_pb2.FillModelProgress, None]:
    """Yields progress until nothing is missing.

    A server ends long streams when it renews connections, and all of them when it restarts. UNAVAILABLE therefore opens
    the call again, as often as there is progress in between: what was reported is committed.

    Raises:
        SagwanCallError: The call failed for another reason, made no progress, or gave no answer in time.
    """
    reopens_left, reopens = _REOPENS_WITHOUT_PROGRESS_MAX, 0
    written_before = 0
    while True:
        call = open_call()
        try:
            written = 0
            while True:
                progress = await _next_progress(call, answer_timeout_s)
                if progress.written_count:
                    reopens_left, reopens = _REOPENS_WITHOUT_PROGRESS_MAX, 0
                written = progress.written_count
                progress.written_count += written_before
                yield progress
                if progress.done:
                    return
        except SagwanCallError as error:
            if error.code is not grpc.StatusCode.UNAVAILABLE or not reopens_left:
                raise
            reopens_left -= 1
            reopens += 1
            written_before += written
            pause_s = max(error.retry_after_s or 0.0, _REOPEN_BACKOFF_S * 2 ** (reopens - 1))
            await asyncio.sleep(min(pause_s, _REOPEN_BACKOFF_MAX_S))
        finally:
            call.cancel()


async def _next_progress(call: _Call, timeout_s: float) -> models_pb2.FillModelProgress:
    try:
        async with asyncio.timeout(timeout_s):
            progress = await call.read()
    except TimeoutError as error:
        reason = f"the fill gave no answer for {timeout_s:g} s"
        raise SagwanCallError(grpc.StatusCode.DEADLINE_EXCEEDED, reason) from error
    except grpc.aio.AioRpcError as error:
        raise SagwanCallError.of(error) from error
    if not isinstance(progress, models_pb2.FillModelProgress):  # grpc.aio.EOF
        raise SagwanCallError(grpc.StatusCode.UNAVAILABLE, "the fill ended before it was done")
    return progress
