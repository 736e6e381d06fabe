"""Long work on an index: streams of progress that survive being cut, because the work goes on without its caller."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any, TypeVar

import grpc

from sagwan.search.v1 import index_admin_pb2
from sagwan_client.errors import SagwanCallError

# A server ends streams when it renews connections, every few minutes; a large index takes an hour.
_REOPENS_WITHOUT_PROGRESS_MAX = 5
_REOPEN_PAUSE_S = 0.5
_Message = TypeVar("_Message")


async def tune_all(
    open_call: Callable[[], "grpc.aio.UnaryStreamCall[Any, index_admin_pb2.TuneIndexProgress]"],
) -> AsyncGenerator[index_admin_pb2.TuneIndexProgress, None]:
    """Yields each step of a tuning run once. A call that is made again is told of all of them again.

    Raises:
        SagwanCallError: The run failed, stood still, or the service is not there.
    """
    yielded, reopens_left = 0, _REOPENS_WITHOUT_PROGRESS_MAX
    while True:
        try:
            told = 0
            async for step in _messages(open_call()):
                told += 1
                if told > yielded:
                    yielded, reopens_left = told, _REOPENS_WITHOUT_PROGRESS_MAX
                    yield step
        except SagwanCallError as error:
            if error.code is not grpc.StatusCode.UNAVAILABLE or not reopens_left or not yielded:
                raise
            reopens_left -= 1
            await asyncio.sleep(_REOPEN_PAUSE_S)
        else:
            return


async def rebuild_all(
    open_call: Callable[[], "grpc.aio.UnaryStreamCall[Any, index_admin_pb2.RebuildIndexProgress]"],
    status: Callable[[], Awaitable[index_admin_pb2.IndexStatus]],
) -> AsyncGenerator[index_admin_pb2.RebuildIndexProgress, None]:
    """Yields the progress of a build until it is done. Cut off, it looks first whether the build has ended meanwhile.

    Raises:
        SagwanCallError: The build failed, stood still, or the service is not there.
    """
    before = (await status()).build_time
    reached, reopens_left = None, _REOPENS_WITHOUT_PROGRESS_MAX
    while True:
        begun = False
        try:
            async for step in _messages(open_call()):
                begun = True
                if (step.phase, step.progress) != reached:
                    reached, reopens_left = (step.phase, step.progress), _REOPENS_WITHOUT_PROGRESS_MAX
                yield step
        except SagwanCallError as error:
            if error.code is not grpc.StatusCode.UNAVAILABLE or not reopens_left or not begun:
                raise
            reopens_left -= 1
            await asyncio.sleep(_REOPEN_PAUSE_S)
            if (await status()).build_time != before:
                yield index_admin_pb2.RebuildIndexProgress(phase="done", progress=1)
                return
        else:
            return


async def _messages(call: "grpc.aio.UnaryStreamCall[Any, _Message]") -> AsyncGenerator[_Message, None]:
    try:
        async for message in call:
            yield message
    except grpc.aio.AioRpcError as error:
        raise SagwanCallError.of(error) from error
    finally:
        call.cancel()
