"""Keeps at most one call under way, that of the newest question."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from sagwan.search.v1 import search_pb2
from sagwan_client.cli.console import failure_line
from sagwan_client.cli.interactive.session import Question, Session
from sagwan_client.errors import SagwanCallError

Change = Callable[[Session], Session]


class Asker:
    """Asks questions in tasks of their own, and gives up whichever a newer one overtakes."""

    def __init__(
        self,
        tasks: asyncio.TaskGroup,
        ask: Callable[[Question], Awaitable[search_pb2.SearchResponse]],
        report: Callable[[Change], None],
    ) -> None:
        """Takes what it works with.

        Args:
            tasks: Where calls run; what is not a failed call ends the group.
            ask: Makes one call; when cancelled, it cancels the call.
            report: Told what an answer or a failure changes.
        """
        self._tasks = tasks
        self._ask = ask
        self._report = report
        self._question: Question | None = None
        self._task: asyncio.Task[None] | None = None

    def follow(self, question: Question | None) -> None:
        """Makes this the one question under way; None gives up the one that is."""
        if question == self._question:
            return
        if self._task:
            self._task.cancel()
        self._question = question
        self._task = self._tasks.create_task(self._answer(question)) if question else None

    async def _answer(self, question: Question) -> None:
        await asyncio.sleep(question.pause_ms / 1_000)
        begun = time.perf_counter()
        try:
            answer = await self._ask(question)
        except SagwanCallError as error:
            reason = failure_line(error)
            self._finish(lambda session: session.failed(question, reason))
        else:
            latency_ms = (time.perf_counter() - begun) * 1_000
            self._finish(lambda session: session.replied(question, answer, latency_ms))

    def _finish(self, change: Change) -> None:
        # Before it is told: what is told may lead to the next question, and there is nothing to give up any more.
        self._question = self._task = None
        self._report(change)
