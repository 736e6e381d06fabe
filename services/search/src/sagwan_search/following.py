"""Work that goes on when whoever asked for it has left, and that others may go along with."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Generic, TypeVar

_Step = TypeVar("_Step")


class Run(Generic[_Step]):
    """A run of steps in a task of its own. Needs a running event loop.

    Args:
        steps: What is done, and tells of each step.
    """

    def __init__(self, steps: AsyncIterator[_Step]) -> None:
        self._told: list[_Step] = []
        self._changed = asyncio.Event()
        self._task = asyncio.create_task(self._work(steps))
        # A failure is told to whoever follows, and not a second time at exit.
        self._task.add_done_callback(lambda task: task.cancelled() or task.exception())

    @property
    def is_done(self) -> bool:
        """Whether it has ended, well or not."""
        return self._task.done()

    async def follow(self) -> AsyncGenerator[_Step, None]:
        """Every step from the first on, as they come; raises what ended the run."""
        place = 0
        while True:
            changed = self._changed
            while place < len(self._told):
                yield self._told[place]
                place += 1
            if self._task.done():
                await self._task
                return
            waiting = asyncio.create_task(changed.wait())
            try:
                await asyncio.wait([waiting, self._task], return_when=asyncio.FIRST_COMPLETED)
            finally:
                waiting.cancel()

    async def close(self) -> None:
        """Ends it."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _work(self, steps: AsyncIterator[_Step]) -> None:
        async for step in steps:
            self._told.append(step)
            self._changed.set()
            self._changed = asyncio.Event()
