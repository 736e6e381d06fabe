"""The embedder, asked over gRPC."""

import asyncio
from collections.abc import Sequence

import grpc
import numpy as np

from sagwan.embedder.v1 import embedder_pb2, embedder_pb2_grpc
from sagwan_ingest.ports import Embedded, Model
from sagwan_runtime.deadline import Deadline
from sagwan_runtime.errors import DeadlineExceeded, DependencyUnavailable

_MODEL_TIMEOUT_S = 2.0
_PUSHBACK_KEY = "grpc-retry-pushback-ms"
_PUSHBACK_DEFAULT_MS = 200
_UNAVAILABLE_WAIT_S = 0.5
_NUMBER_BYTES = 4


class GrpcPassageEmbedder:
    """Turns chunks into vectors. Waits for an embedder that is full or restarting, as long as the deadline allows."""

    def __init__(self, channel: grpc.aio.Channel, *, unavailable_timeout_s: float) -> None:
        self._stub = embedder_pb2_grpc.EmbedderServiceStub(channel)
        self._unavailable_timeout_s = unavailable_timeout_s

    async def embed(self, texts: Sequence[str], deadline: Deadline) -> Embedded:
        """One vector a text.

        Raises:
            DependencyUnavailable: The embedder cannot be reached, refuses or answers nonsense.
            DeadlineExceeded: It did not answer in time.
        """
        request = embedder_pb2.EmbedRequest(
            texts=texts,
            kind=embedder_pb2.TEXT_KIND_PASSAGE,
            encoding=embedder_pb2.VECTOR_ENCODING_PACKED,
        )
        give_up: Deadline | None = None
        while True:
            try:
                response = await self._stub.Embed(request, timeout=deadline.remaining_s())
                break
            except grpc.aio.AioRpcError as error:
                if error.code() is grpc.StatusCode.UNAVAILABLE and give_up is None:
                    give_up = deadline.no_later_than(self._unavailable_timeout_s)
                await _wait_or_raise(error, deadline, give_up or deadline)
        sizes = [len(each.packed) for each in response.embeddings]
        if sizes != [_NUMBER_BYTES * response.model.dimension] * len(texts):
            raise DependencyUnavailable(f"the embedder did not send a vector for each of {len(texts)} texts")
        return Embedded(
            [np.frombuffer(each.packed, dtype="<f4") for each in response.embeddings],
            response.model.sha256,
        )

    async def model(self) -> Model:
        """The model that is loaded.

        Raises:
            DependencyUnavailable: The embedder cannot be reached.
        """
        try:
            answer = await self._stub.GetModel(embedder_pb2.GetModelRequest(), timeout=_MODEL_TIMEOUT_S)
        except grpc.aio.AioRpcError as error:
            raise DependencyUnavailable(f"the embedder answered {error.code().name}") from error
        return Model(answer.name, answer.revision, answer.quantization, answer.sha256, answer.dimension)


async def _wait_or_raise(error: grpc.aio.AioRpcError, deadline: Deadline, give_up: Deadline) -> None:
    """Sleeps when the call may be tried again, raises the domain's error when not."""
    code = error.code()
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        raise DeadlineExceeded("the embedder did not answer in time") from error
    if code is grpc.StatusCode.RESOURCE_EXHAUSTED:
        await asyncio.sleep(min(_pushback_s(error), deadline.remaining_s()))
        return
    try:
        left_s = give_up.remaining_s()
    except DeadlineExceeded:
        left_s = 0.0
    if code is not grpc.StatusCode.UNAVAILABLE or left_s == 0.0:
        raise DependencyUnavailable(f"the embedder answered {code.name}") from error
    await asyncio.sleep(min(_UNAVAILABLE_WAIT_S, left_s))


def _pushback_s(error: grpc.aio.AioRpcError) -> float:
    for key, value in error.trailing_metadata() or ():
        if key == _PUSHBACK_KEY:
            return max(0, int(value)) / 1_000
    return _PUSHBACK_DEFAULT_MS / 1_000
