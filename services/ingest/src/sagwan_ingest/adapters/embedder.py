"""The embedder, asked over gRPC."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

import grpc
import numpy as np

from sagwan.embedder.v1 import embedder_pb2
from sagwan_ingest.ports import Model, Vector
from sagwan_runtime.deadline import Deadline
from sagwan_runtime.embedders import Embedders
from sagwan_runtime.errors import DeadlineExceeded, DependencyUnavailable

if TYPE_CHECKING:
    from sagwan_runtime.embedders import Stub

_Response = TypeVar("_Response")
_MAY_COME_BACK = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED})
_PUSHBACK_KEY = "grpc-retry-pushback-ms"
_PUSHBACK_DEFAULT_MS = 200
_UNAVAILABLE_WAIT_S = 0.5
_NUMBER_BYTES = 4


class GrpcPassageEmbedder:
    """Turns chunks into vectors. Waits for an embedder that is full or restarting, as long as the deadline allows."""

    def __init__(self, embedders: Embedders, *, unavailable_timeout_s: float) -> None:
        self._embedders = embedders
        self._unavailable_timeout_s = unavailable_timeout_s

    async def embed(self, texts: Sequence[str], model_sha256: str, deadline: Deadline) -> list[Vector]:
        """One vector a text.

        Raises:
            DependencyUnavailable: The embedder cannot be reached, refuses, runs another model or answers nonsense.
            DeadlineExceeded: It did not answer in time.
        """
        request = embedder_pb2.EmbedRequest(
            texts=texts,
            kind=embedder_pb2.TEXT_KIND_PASSAGE,
            encoding=embedder_pb2.VECTOR_ENCODING_PACKED,
        )
        response = await self._answer(
            lambda stub: stub.Embed(request, timeout=deadline.remaining_s()), model_sha256, deadline
        )
        sizes = [len(each.packed) for each in response.embeddings]
        if sizes != [_NUMBER_BYTES * response.model.dimension] * len(texts):
            raise DependencyUnavailable(f"the embedder did not send a vector for each of {len(texts)} texts")
        if response.model.sha256 != model_sha256:
            self._embedders.forget(model_sha256)
            raise DependencyUnavailable("the embedder runs another model than the one whose vectors are needed")
        return [np.frombuffer(each.packed, dtype="<f4") for each in response.embeddings]

    async def count_tokens(self, texts: Sequence[str], model_sha256: str, deadline: Deadline) -> Sequence[int]:
        """Tokens of each text as a model sees it, markers and prompt included.

        Raises:
            DependencyUnavailable: The embedder cannot be reached or refuses.
            DeadlineExceeded: It did not answer in time.
        """
        request = embedder_pb2.CountTokensRequest(texts=texts, kind=embedder_pb2.TEXT_KIND_PASSAGE)
        response = await self._answer(
            lambda stub: stub.CountTokens(request, timeout=deadline.remaining_s()), model_sha256, deadline
        )
        return response.token_counts

    async def models(self) -> list[Model]:
        """The models that are loaded, an embedder each.

        Raises:
            DependencyUnavailable: No embedder can be reached.
        """
        return [
            Model(each.name, each.revision, each.quantization, each.sha256, each.dimension)
            for each in await self._embedders.models()
        ]

    async def _answer(
        self, call: "Callable[[Stub], Awaitable[_Response]]", model_sha256: str, deadline: Deadline
    ) -> _Response:
        give_up: Deadline | None = None
        while True:
            try:
                return await call(await self._embedders.running(model_sha256))
            except grpc.aio.AioRpcError as error:
                if error.code() in _MAY_COME_BACK:
                    self._embedders.forget(model_sha256)
                    give_up = give_up or deadline.no_later_than(self._unavailable_timeout_s)
                await _wait_or_raise(error, deadline, give_up or deadline)


async def _wait_or_raise(error: grpc.aio.AioRpcError, deadline: Deadline, give_up: Deadline) -> None:
    """Sleeps when the call may be tried again, raises the domain's error when not."""
    code = error.code()
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        # Raises when it is the caller's; else an embedder that was asked for its model hangs.
        deadline.remaining_s()
    if code is grpc.StatusCode.RESOURCE_EXHAUSTED:
        await asyncio.sleep(min(_pushback_s(error), deadline.remaining_s()))
        return
    try:
        left_s = give_up.remaining_s()
    except DeadlineExceeded:
        left_s = 0.0
    if code not in _MAY_COME_BACK or left_s == 0.0:
        raise DependencyUnavailable(f"the embedder answered {code.name}") from error
    await asyncio.sleep(min(_UNAVAILABLE_WAIT_S, left_s))


def _pushback_s(error: grpc.aio.AioRpcError) -> float:
    for key, value in error.trailing_metadata() or ():
        if key == _PUSHBACK_KEY:
            return max(0, int(value)) / 1_000
    return _PUSHBACK_DEFAULT_MS / 1_000
