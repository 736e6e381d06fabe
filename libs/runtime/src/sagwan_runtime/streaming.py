"""Answers to a stream, in the order of what was asked, while the next ones are computed already."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable
from typing import TypeVar

_Asked = TypeVar("_Asked")
_Answer = TypeVar("_Answer")


async def answers_in_order(
    asked: AsyncIterable[_Asked], answer: Callable[[_Asked], Awaitable[_Answer]], *, ahead: int
) -> AsyncIterator[_Answer]:
    """Each answer as soon as it and all before it are there.

    Args:
        asked: What is asked.
        answer: Computes the answer to one. Its first error ends the stream, after the answers before it.
        ahead: How many are computed at once. Beyond them nothing is read before an answer has been taken, so that a
            caller who sends faster than it reads is held back by gRPC's flow control.
    """
    running: asyncio.Queue[asyncio.Task[_Answer] | None] = asyncio.Queue()
    slots = asyncio.Semaphore(ahead)
    tasks: set[asyncio.Task[_Answer]] = set()

    async def compute(each: _Asked) -> _Answer:
        return await answer(each)

    async def read() -> None:
        try:
            async for each in asked:
                await slots.acquire()
                task = asyncio.create_task(compute(each))
                tasks.add(task)
                running.put_nowait(task)
        finally:
            running.put_nowait(None)

    reader = asyncio.create_task(read())
    try:
        while (task := await running.get()) is not None:
            computed = await task
            tasks.discard(task)
            slots.release()
            yield computed
        await reader
    finally:
        for each in (reader, *tasks):
            each.cancel()
        await asyncio.gather(reader, *tasks, return_exceptions=True)
