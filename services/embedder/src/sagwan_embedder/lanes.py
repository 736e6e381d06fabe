"""A lane: threads that run the model, the line before them, and the rule by which calls are let in.

Queries and passages have a lane each. A query never waits behind passages: its lane runs it at once, on the same cores,
while the threads of the passages' lane have a lower priority. All state belongs to the event loop; only the model runs
in the threads, a batch in each, so memory is bounded by the batch.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from sagwan_embedder.domain.batching import padded
from sagwan_embedder.domain.model import Kind
from sagwan_embedder.domain.waiting import Call, Row, WaitingLine
from sagwan_embedder.ports import Encoder
from sagwan_runtime.errors import DeadlineExceeded, Overloaded
from sagwan_runtime.metrics import EmbedderMetrics

_SMOOTHING = 0.2
# Of the time to the deadline the rest is for what cannot be foreseen: a slower moment, and rows that are served a bit
# early for their length.
_SHARE_OF_DEADLINE = 0.6
_RETRY_AFTER_MS = (100, 10_000)


@dataclass(frozen=True, slots=True, eq=False)
class Encoded:
    """What became of the rows of a call.

    Attributes:
        vectors: One unit vector a row, in their order.
        inference_s: Time of the batches that they were in.
    """

    vectors: list[NDArray[np.float32]]
    inference_s: float


@dataclass(slots=True, eq=False)
class _Pending:
    vectors: list[NDArray[np.float32] | None]
    rows_left: int
    answer: asyncio.Future[None]
    inference_s: float = 0.0


class Lane:
    """Runs rows of one kind through the model. An async context manager: it works between enter and exit.

    Args:
        kind: What its texts are for; labels its metrics.
        encoder: The model.
        line: Decides who is next.
        executor: Runs the model; it has `runs_at_once` threads.
        runs_at_once: Batches that run at once.
        metrics: Where the lane counts.
        queue_tokens_max: Tokens that may wait.
        seconds_a_token: How fast the model is, until it has been timed here.
    """

    def __init__(
        self,
        kind: Kind,
        encoder: Encoder,
        line: WaitingLine,
        executor: Executor,
        metrics: EmbedderMetrics,
        *,
        runs_at_once: int,
        queue_tokens_max: int,
        seconds_a_token: float,
    ) -> None:
        self._kind = kind
        self._encoder = encoder
        self._line = line
        self._executor = executor
        self._runs_at_once = runs_at_once
        self._metrics = metrics
        self._queue_tokens_max = queue_tokens_max
        self._seconds_a_token = seconds_a_token
        self._reserved: Counter[str] = Counter()
        self._tokens_running = 0
        self._busy_since = 0.0
        self._pending: dict[Call, _Pending] = {}
        self._arrived = asyncio.Event()
        self._closing = False
        metrics.queue_tokens.labels(kind.value).set_function(lambda: self.tokens_waiting)

    async def __aenter__(self) -> Self:
        self._workers = [asyncio.create_task(self._work()) for _ in range(self._runs_at_once)]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Lets the batches that are running end, and turns the waiting calls away."""
        self._closing = True
        self._arrived.set()
        await asyncio.gather(*self._workers)
        for pending in self._pending.values():
            _fail(pending, self._shutting_down())

    async def check(self) -> None:
        """Raises what has ended the lane, if anything has."""
        for worker in self._workers:
            if worker.done():
                worker.result()

    @property
    def tokens_waiting(self) -> int:
        """Tokens that are in line, or on their way to it."""
        return self._line.tokens + self._reserved.total()

    @contextmanager
    def reserved(self, tokens: int, *, caller: str, deadline_s: float) -> Iterator[None]:
        """Holds a place for texts that are not cut yet, so that calls are refused before anything is spent on them.

        A caller may have as much in the queue as it leaves free for others (dynamic thresholds; Choudhury and Hahne,
        1998): one alone fills half of it, two a third each, and there is always room for the next. A call that finds
        nobody waiting is let in however large it is.

        Args:
            tokens: About how many tokens the texts have.
            caller: Whose share of the queue they take.
            deadline_s: `time.monotonic()` by which the caller needs the answer.

        Raises:
            Overloaded: The caller has too much waiting, or its texts would not be done by their deadline.
        """
        if self._closing:
            raise self._shutting_down()
        if self.tokens_waiting:
            self._refuse_if_full(tokens, caller)
            self._refuse_if_late(tokens, caller, deadline_s)
        self._reserved[caller] += tokens
        try:
            yield
        finally:
            self._reserved[caller] -= tokens
            if not self._reserved[caller]:
                del self._reserved[caller]

    async def encode(self, rows: Sequence[NDArray[np.int32]], *, caller: str, deadline_s: float) -> Encoded:
        """Runs the rows of one call through the model.

        Args:
            rows: Token ids, markers included.
            caller: Whose share of the model they take.
            deadline_s: `time.monotonic()` after which nobody waits for them.

        Raises:
            DeadlineExceeded: The deadline has passed. What was not yet computed never is.
            Overloaded: The embedder is shutting down.
        """
        if self._closing:
            raise self._shutting_down()
        call = Call(caller, deadline_s)
        pending = _Pending([None] * len(rows), len(rows), asyncio.get_running_loop().create_future())
        self._pending[call] = pending
        self._line.add([Row(call, index, ids) for index, ids in enumerate(rows)])
        self._arrived.set()
        try:
            async with asyncio.timeout_at(deadline_s):
                await pending.answer
        except TimeoutError:
            self._count_dropped("expired", self._line.remove(call))
            raise DeadlineExceeded("the deadline passed before the texts were embedded") from None
        except asyncio.CancelledError:
            self._count_dropped("cancelled", self._line.remove(call))
            raise
        finally:
            del self._pending[call]
        return Encoded([vector for vector in pending.vectors if vector is not None], pending.inference_s)

    async def _work(self) -> None:
        """Takes batches for one of the threads. The thread is free whenever this asks for the next batch."""
        while not self._closing:
            taken = self._line.take(time.monotonic())
            self._count_dropped("expired", len(taken.expired))
            if taken.rows:
                await self._run(taken.rows)
            elif not taken.expired:
                self._arrived.clear()
                await self._arrived.wait()

    async def _run(self, rows: list[Row]) -> None:
        tokens = sum(len(row.ids) for row in rows)
        alone = not self._line.tokens and not self._tokens_running
        started = time.monotonic()
        if not self._tokens_running:
            self._busy_since = started
        self._tokens_running += tokens
        shared_with = self._tokens_running
        try:
            vectors = await asyncio.get_running_loop().run_in_executor(self._executor, self._encoded, rows, alone)
        except Exception as error:  # noqa: BLE001  # the lane outlives any one batch; its callers get the error
            for call in {row.call for row in rows} & self._pending.keys():
                _fail(self._pending[call], error)
                self._line.remove(call)
            return
        finally:
            self._tokens_running -= tokens
            if not self._tokens_running:
                self._metrics.busy_seconds.labels(self._kind.value).inc(time.monotonic() - self._busy_since)
        elapsed_s = time.monotonic() - started
        self._learn_speed(elapsed_s / shared_with)
        self._metrics.batch_texts.labels(self._kind.value).observe(len(rows))
        self._metrics.batch_tokens.labels(self._kind.value, "real").inc(tokens)
        padding = len(rows) * max(len(row.ids) for row in rows) - tokens
        self._metrics.batch_tokens.labels(self._kind.value, "padding").inc(padding)
        self._hand_out(rows, vectors, elapsed_s)

    def _encoded(self, rows: list[Row], alone: bool) -> NDArray[np.float32]:
        return self._encoder.run(padded([row.ids for row in rows]), alone=alone)

    def _learn_speed(self, seconds_a_token: float) -> None:
        self._seconds_a_token += _SMOOTHING * (seconds_a_token - self._seconds_a_token)

    def _hand_out(self, rows: list[Row], vectors: NDArray[np.float32], elapsed_s: float) -> None:
        """Gives each row's vector to its call. Calls whose caller has gone meanwhile are no longer there."""
        for call in {row.call for row in rows} & self._pending.keys():
            self._pending[call].inference_s += elapsed_s
        for row, vector in zip(rows, vectors, strict=True):
            pending = self._pending.get(row.call)
            if pending is None:
                continue
            pending.vectors[row.index] = vector
            pending.rows_left -= 1
            if not pending.rows_left and not pending.answer.done():
                pending.answer.set_result(None)

    def _refuse_if_full(self, tokens: int, caller: str) -> None:
        waiting = self.tokens_waiting + tokens
        own = self._line.tokens_of(caller) + self._reserved[caller] + tokens
        excess = own - (self._queue_tokens_max - waiting)
        if excess > 0:
            self._metrics.refused.labels(self._kind.value, "full").inc()
            raise self._overloaded("too many tokens are waiting for the model", excess)

    def _refuse_if_late(self, tokens: int, caller: str, deadline_s: float) -> None:
        ahead = self._tokens_running + self._line.tokens_before(caller, tokens) + self._reserved.total() + tokens
        late_s = ahead * self._seconds_a_token - (deadline_s - time.monotonic()) * _SHARE_OF_DEADLINE
        if late_s > 0:
            self._metrics.refused.labels(self._kind.value, "late").inc()
            tokens_late = round(late_s / self._seconds_a_token)
            raise self._overloaded("so many tokens are waiting that the answer would come too late", tokens_late)

    def _overloaded(self, reason: str, tokens_too_many: int) -> Overloaded:
        """An error with the state of the queue, and the time in which so many tokens leave it, at the speed of late."""
        shortest_ms, longest_ms = _RETRY_AFTER_MS
        expected_ms = round(tokens_too_many * self._seconds_a_token * 1_000)
        return Overloaded(
            reason,
            retry_after_ms=min(longest_ms, max(shortest_ms, expected_ms)),
            state={
                "queue": self._kind.value,
                "tokens_waiting": str(self.tokens_waiting),
                "tokens_max": str(self._queue_tokens_max),
                "tokens_a_second": str(round(1 / self._seconds_a_token)),
            },
        )

    def _shutting_down(self) -> Overloaded:
        return Overloaded("the embedder is shutting down", retry_after_ms=_RETRY_AFTER_MS[1])

    def _count_dropped(self, reason: str, rows: int) -> None:
        if rows:
            self._metrics.dropped.labels(self._kind.value, reason).inc(rows)


def _fail(pending: _Pending, error: BaseException) -> None:
    if not pending.answer.done():
        pending.answer.set_exception(error)
