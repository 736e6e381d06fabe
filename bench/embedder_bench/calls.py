"""Calls that cost the caller as little as can be, because it shares the machine with the service.

Requests are serialized before they are timed, answers stay bytes until the timing is over, and an open loop is one
thread that sends.
"""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

import grpc

from sagwan.embedder.v1 import embedder_pb2
from sagwan_bench.arrivals import at_rate

PASSAGE = embedder_pb2.TEXT_KIND_PASSAGE
QUERY = embedder_pb2.TEXT_KIND_QUERY
_METHOD = "/sagwan.embedder.v1.EmbedderService/Embed"
_CALL_TIMEOUT_S = 120.0
_DRAIN_MARGIN_S = 5.0

# Bytes in, bytes out. Only the type stubs know it as generic.
Embed: TypeAlias = "grpc.UnaryUnaryMultiCallable[bytes, bytes]"


@dataclass(frozen=True, slots=True)
class Answer:
    """How one call ended.

    Attributes:
        request: Its number among the requests, 0 for the first.
        due_s: When it was meant to be sent; in a closed loop, when it was.
        sent_s: When it was sent.
        done_s: When its status was there. All three are of `time.perf_counter`.
        code: The status.
        body: The serialized answer; empty without one.
        message: What the status says.
    """

    request: int
    due_s: float
    sent_s: float
    done_s: float
    code: grpc.StatusCode
    body: bytes
    message: str = ""

    @property
    def is_ok(self) -> bool:
        """Whether there is an answer."""
        return self.code is grpc.StatusCode.OK

    @property
    def token_counts(self) -> list[int]:
        """Tokens of each text as the model saw it."""
        return [each.token_count for each in embedder_pb2.EmbedResponse.FromString(self.body).embeddings]

    @property
    def tokens(self) -> int:
        """Tokens of all its texts."""
        return sum(self.token_counts)


def serialized(
    texts: Sequence[str],
    kind: embedder_pb2.TextKind.ValueType = PASSAGE,
    policy: embedder_pb2.OverlongPolicy.ValueType = embedder_pb2.OVERLONG_POLICY_UNSPECIFIED,
) -> bytes:
    """A request as it goes over the wire."""
    return embedder_pb2.EmbedRequest(texts=texts, kind=kind, overlong_policy=policy).SerializeToString()


def batched(texts: Iterable[str], size: int) -> Iterator[bytes]:
    """Requests of this many passages each; the last may have fewer."""
    batch: list[str] = []
    for text in texts:
        batch.append(text)
        if len(batch) == size:
            yield serialized(batch)
            batch = []
    if batch:
        yield serialized(batch)


class CallFailed(Exception):
    """A call that a measurement needs was not answered."""


def all_answered(answers: Sequence[Answer]) -> Sequence[Answer]:
    """The same answers.

    Raises:
        CallFailed: One of them is none.
    """
    failed = [answer for answer in answers if not answer.is_ok]
    if failed:
        raise CallFailed(f"{len(failed)} of {len(answers)} calls, first {failed[0].code.name}: {failed[0].message}")
    return answers


@contextmanager
def embed_of(address: str) -> Iterator[Embed]:
    """A caller: the Embed call over a connection of its own."""
    # Without this all channels of a process to one address share one connection.
    with grpc.insecure_channel(address, options=[("grpc.use_local_subchannel_pool", 1)]) as channel:
        yield channel.unary_unary(_METHOD, request_serializer=None, response_deserializer=None)


def call(embed: Embed, number: int, request: bytes) -> Answer:
    """Makes one call and waits for its end."""
    sent_s = time.perf_counter()
    try:
        body = embed(request, timeout=_CALL_TIMEOUT_S)
    except grpc.RpcError as error:
        code: grpc.StatusCode = error.code()
        return Answer(number, sent_s, sent_s, time.perf_counter(), code, b"", str(error.details()))
    return Answer(number, sent_s, sent_s, time.perf_counter(), grpc.StatusCode.OK, body)


def closed_loop(
    address: str,
    requests: Iterable[bytes],
    *,
    callers: int,
    keep_on: Callable[[], bool] = lambda: True,
    on_answer: Callable[[Answer], None] = lambda _: None,
) -> list[Answer]:
    """So many callers, each with a connection of its own, each sending the next request when it has its answer.

    Args:
        address: Where the service is.
        requests: Taken in their order by whoever is free, until there are none left.
        callers: How many call at once.
        keep_on: Asked before each call; False ends the loop when the calls in flight have ended.
        on_answer: Told of each answer, one at a time.

    Returns:
        The answers, in the order in which they ended.
    """
    numbered = enumerate(requests)
    taking, noting = threading.Lock(), threading.Lock()
    answers: list[Answer] = []

    def caller(embed: Embed) -> None:
        while keep_on():
            with taking:
                number, request = next(numbered, (-1, b""))
            if number < 0:
                return
            answer = call(embed, number, request)
            with noting:
                answers.append(answer)
                on_answer(answer)

    with ExitStack() as stack, ThreadPoolExecutor(callers) as threads:
        embeds = [stack.enter_context(embed_of(address)) for _ in range(callers)]
        for done in [threads.submit(caller, embed) for embed in embeds]:
            done.result()
    return answers


@dataclass(frozen=True, slots=True)
class OpenLoop:
    """What an open loop saw.

    Attributes:
        answers: One a call, in the order in which they ended.
        lags_s: How late each call was sent.
    """

    answers: list[Answer]
    lags_s: list[float]


def open_loop(
    address: str, requests: Iterable[bytes], *, rate_per_s: float, seconds: float, deadline_s: float, connections: int
) -> OpenLoop:
    """Sends requests by the clock, whether or not earlier ones have been answered, and waits for the last status.

    Args:
        address: Where the service is.
        requests: At least rate times seconds of them.
        rate_per_s: Calls a second.
        seconds: How long calls are sent.
        deadline_s: Of each call.
        connections: Calls go over these in turn.

    Raises:
        TimeoutError: A call has no status after its deadline.
    """
    answers: list[Answer] = []
    lags_s: list[float] = []
    ended = threading.Semaphore(0)

    def note(request: int, due_s: float, sent_s: float, call: Any) -> None:
        done_s = time.perf_counter()
        code = call.code()
        body = call.result() if code is grpc.StatusCode.OK else b""
        answers.append(Answer(request, due_s, sent_s, done_s, code, body, call.details() or ""))
        ended.release()

    with ExitStack() as stack:
        embeds = [stack.enter_context(embed_of(address)) for _ in range(connections)]
        for arrival, request in zip(at_rate(rate_per_s, seconds), requests, strict=False):
            sent_s = time.perf_counter()
            sent: Any = embeds[arrival.number % connections].future(request, timeout=deadline_s)
            sent.add_done_callback(
                lambda call, number=arrival.number, due_s=arrival.due_s, sent_s=sent_s: note(
                    number, due_s, sent_s, call
                )
            )
            lags_s.append(arrival.lag_s)
        give_up_s = time.perf_counter() + deadline_s + _DRAIN_MARGIN_S
        for _ in lags_s:
            if not ended.acquire(timeout=max(0.0, give_up_s - time.perf_counter())):
                raise TimeoutError("a call has no status after its deadline")
    return OpenLoop(answers, lags_s)
