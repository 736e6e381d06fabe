"""The order of an import: items overtake each other, except those that bring the same meeting."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager


class ImportOrder:
    """One import's items, each read in its turn and kept when those of the same meeting before it are.

    Attributes:
        reading: Held while an item is read and takes its turn. It is handed on in the order of asking, so items that
            ask for it first thing take their turns in the order in which they came.
    """

    def __init__(self) -> None:
        self.reading = asyncio.Lock()
        self._last: dict[str, asyncio.Event] = {}

    def turn(self, meeting_ids: Iterable[str]) -> AbstractAsyncContextManager[None]:
        """Takes a place behind all earlier items with one of these meetings; entering waits until they are done."""
        done = asyncio.Event()
        own = set(meeting_ids)
        before = [self._last[each] for each in own & self._last.keys()]
        self._last |= dict.fromkeys(own, done)

        @asynccontextmanager
        async def turn() -> AsyncIterator[None]:
            try:
                for earlier in before:
                    await earlier.wait()
                yield
            finally:
                done.set()
                for each in own:
                    if self._last.get(each) is done:
                        del self._last[each]

        return turn()
