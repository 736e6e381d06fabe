"""Texts to vectors: one queue, one worker.

The worker is a thread of its own, so the event loop never waits for the model, and what is computed at once is one
batch, so memory is bounded by it. Between two batches it first cuts newly arrived texts into tokens, then takes the
next batch: those of queries, for which a person waits, before those of passages. Calls whose caller has gone, or whose
deadline has passed, are dropped before the model sees them.

A batch is a list of items, each one text of some call. Today `_plan` fills a batch from one call only; to fill it from
several, only `_plan` has to change.
"""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from sagwan_embedder.domain.batching import padded, plan_batches
from sagwan_embedder.domain.model import Kind, ModelCard
from sagwan_embedder.ports import Encoded, Encoder, Tokenizer
from sagwan_runtime.errors import DeadlineExceeded, Overloaded

_MARKERS = 2
# Until the first batch has been timed.
_SECONDS_A_TOKEN_GUESS = 0.0005
_SMOOTHING = 0.2
_RETRY_AFTER_MS = (100, 10_000)


@dataclass(frozen=True, slots=True)
class Timings:
    """Where the time of a call went. What is neither of the other two is `queue_s`."""

    tokenize_s: float
    queue_s: float
    inference_s: float


@dataclass(frozen=True, slots=True, eq=False)
class Embedded:
    """The vectors of a call's texts, in their order.

    Attributes:
        vectors: float32 of shape [texts, dimension], each row of unit length.
        token_counts: Tokens of each text as the model saw it: cut, with prompt and markers.
        truncated: Whether each text lost its tail.
        timings: Where the time went.
    """

    vectors: NDArray[np.float32]
    token_counts: list[int]
    truncated: list[bool]
    timings: Timings

    @property
    def tokens(self) -> int:
        """Tokens of all texts together."""
        return sum(self.token_counts)


@dataclass(slots=True, eq=False)
class _Call:
    """One caller's texts on their way through the queue."""

    texts: list[str]
    kind: Kind
    deadline: float | None
    vectors: NDArray[np.float32]
    answer: asyncio.Future[Embedded]
    arrived: float
    tokens_waiting: int
    texts_left: int
    encoded: list[Encoded] = field(default_factory=list)
    tokenize_s: float = 0.0
    inference_s: float = 0.0


@dataclass(frozen=True, slots=True)
class _Item:
    call: _Call
    index: int
    # Padded tokens that this text takes in its batch.
    tokens: int


class Embedding:
    """Embeds texts with one model. An async context manager: it works between enter and exit.

    Args:
        card: The model.
        tokenizer: Its tokenizer.
        encoder: Its encoder.
        batch_tokens_max: Padded tokens that go through the model at once: what its memory depends on.
        queue_tokens_max: Padded tokens that may wait. Texts not cut yet count as one token a character.
    """

    def __init__(
        self,
        card: ModelCard,
        tokenizer: Tokenizer,
        encoder: Encoder,
        *,
        batch_tokens_max: int = 2_048,
        queue_tokens_max: int = 262_144,
    ) -> None:
        self._card = card
        self._tokenizer = tokenizer
        self._encoder = encoder
        self._batch_tokens_max = batch_tokens_max
        self._queue_tokens_max = queue_tokens_max
        self._seconds_a_token = _SECONDS_A_TOKEN_GUESS
        self._changed = threading.Condition()
        # All below is guarded by `_changed`.
        self._closing = False
        self._calls: set[_Call] = set()
        self._arrived: deque[_Call] = deque()
        self._batches: dict[Kind, deque[list[_Item]]] = {kind: deque() for kind in Kind}
        self._worker = threading.Thread(target=self._work, name="embedding", daemon=True)

    async def __aenter__(self) -> Self:
        self._worker.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Lets the batch that is running end, and turns the waiting calls away."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        await asyncio.to_thread(self._worker.join)
        for call in tuple(self._calls):
            self._settle(call, self._overloaded("the embedder is shutting down"))

    @property
    def tokens_waiting(self) -> int:
        """Padded tokens that wait for the model."""
        with self._changed:
            return self._tokens_waiting()

    async def embed(self, texts: Sequence[str], kind: Kind, *, deadline: float | None) -> Embedded:
        """Embeds texts of one kind.

        Args:
            texts: Any that encode to UTF-8.
            kind: Decides the prompt that goes before each text, and which call is served first.
            deadline: `time.monotonic()` after which nobody waits for the answer any more; None for never.

        Raises:
            Overloaded: More tokens would wait than may. A call that finds nothing waiting is always taken.
            DeadlineExceeded: The deadline has passed. What was not yet computed never is.
        """
        now = time.monotonic()
        if deadline is not None and deadline <= now:
            raise DeadlineExceeded("the deadline passed before the texts were queued")
        call = self._call([self._card.prompts[kind] + text for text in texts], kind, deadline, now)
        self._admit(call)
        try:
            async with asyncio.timeout(None if deadline is None else deadline - now):
                return await call.answer
        except TimeoutError:
            raise DeadlineExceeded("the deadline passed before the texts were embedded") from None
        finally:
            self._forget(call)

    def _call(self, texts: list[str], kind: Kind, deadline: float | None, now: float) -> _Call:
        return _Call(
            texts=texts,
            kind=kind,
            deadline=deadline,
            vectors=np.empty((len(texts), self._card.dimension), np.float32),
            answer=asyncio.get_running_loop().create_future(),
            arrived=now,
            tokens_waiting=sum(min(len(text) + _MARKERS, self._card.tokens_max) for text in texts),
            texts_left=len(texts),
        )

    def _admit(self, call: _Call) -> None:
        with self._changed:
            if self._closing:
                raise self._overloaded("the embedder is shutting down")
            waiting = self._tokens_waiting()
            if waiting and waiting + call.tokens_waiting > self._queue_tokens_max:
                raise self._overloaded(f"{waiting:,} tokens are waiting for the model already")
            self._calls.add(call)
            self._arrived.append(call)
            self._changed.notify()

    def _forget(self, call: _Call) -> None:
        """Drops what still waits of a call that nobody waits for."""
        with self._changed:
            if call not in self._calls:
                return
            self._calls.discard(call)
            self._arrived = deque(each for each in self._arrived if each is not call)
            self._batches[call.kind] = deque(
                batch for batch in self._batches[call.kind] if any(item.call in self._calls for item in batch)
            )

    def _work(self) -> None:
        while (step := self._next_step()) is not None:
            if isinstance(step, _Call):
                self._tokenize(step)
            else:
                self._infer(step)

    def _next_step(self) -> _Call | list[_Item] | None:
        """Waits for something to do: a call to cut, else a batch to run; None when it is time to stop."""
        with self._changed:
            while not self._closing:
                while self._arrived:
                    call = self._arrived.popleft()
                    if self._is_wanted(call):
                        return call
                for kind in (Kind.QUERY, Kind.PASSAGE):
                    while self._batches[kind]:
                        batch = [item for item in self._batches[kind].popleft() if self._is_wanted(item.call)]
                        for item in batch:
                            item.call.tokens_waiting -= item.tokens
                        if batch:
                            return batch
                self._changed.wait()
            return None

    def _is_wanted(self, call: _Call) -> bool:
        return call in self._calls and (call.deadline is None or time.monotonic() < call.deadline)

    def _tokenize(self, call: _Call) -> None:
        started = time.monotonic()
        try:
            call.encoded = self._tokenizer.encode(call.texts, self._card.tokens_max)
        except Exception as error:  # noqa: BLE001  # the worker outlives any one call; its caller gets the error
            self._settle(call, error)
            return
        call.tokenize_s = time.monotonic() - started
        batches = self._plan(call)
        with self._changed:
            call.tokens_waiting = sum(item.tokens for batch in batches for item in batch)
            self._batches[call.kind].extend(batches)
        if not batches:
            self._settle(call, None)

    def _plan(self, call: _Call) -> list[list[_Item]]:
        lengths = [len(encoded.ids) for encoded in call.encoded]
        return [
            [_Item(call, index, batch.longest) for index in batch.indices]
            for batch in plan_batches(lengths, tokens_max=self._batch_tokens_max)
        ]

    def _infer(self, batch: list[_Item]) -> None:
        started = time.monotonic()
        calls = {item.call for item in batch}
        try:
            vectors = self._encoder.run(padded([item.call.encoded[item.index].ids for item in batch]))
        except Exception as error:  # noqa: BLE001  # the same
            for call in calls:
                self._settle(call, error)
            return
        elapsed = time.monotonic() - started
        self._learn_speed(elapsed / sum(item.tokens for item in batch))
        for item, vector in zip(batch, vectors, strict=True):
            item.call.vectors[item.index] = vector
            item.call.texts_left -= 1
        for call in calls:
            call.inference_s += elapsed
            if not call.texts_left:
                self._settle(call, None)

    def _settle(self, call: _Call, error: BaseException | None) -> None:
        """Gives the caller the answer, or the error, on the caller's own event loop."""
        with self._changed:
            self._calls.discard(call)
        queue_s = time.monotonic() - call.arrived - call.tokenize_s - call.inference_s
        embedded = Embedded(
            call.vectors,
            [len(encoded.ids) for encoded in call.encoded],
            [encoded.truncated for encoded in call.encoded],
            Timings(call.tokenize_s, max(0.0, queue_s), call.inference_s),
        )

        def deliver() -> None:
            if call.answer.done():
                return
            if error is None:
                call.answer.set_result(embedded)
            else:
                call.answer.set_exception(error)

        call.answer.get_loop().call_soon_threadsafe(deliver)

    def _tokens_waiting(self) -> int:
        return sum(call.tokens_waiting for call in self._calls)

    def _learn_speed(self, seconds_a_token: float) -> None:
        self._seconds_a_token += _SMOOTHING * (seconds_a_token - self._seconds_a_token)

    def _overloaded(self, reason: str) -> Overloaded:
        """An error that says when the present queue will be done, at the speed of late."""
        shortest, longest = _RETRY_AFTER_MS
        expected = round(self._tokens_waiting() * self._seconds_a_token * 1_000)
        return Overloaded(reason, retry_after_ms=min(longest, max(shortest, expected)))
