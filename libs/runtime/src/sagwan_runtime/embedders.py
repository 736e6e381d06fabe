"""Which embedder runs which model. A service knows one of them, or two while the model is changed."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

import grpc

from sagwan.embedder.v1 import embedder_pb2, embedder_pb2_grpc
from sagwan_runtime.errors import DependencyUnavailable

# Shorter than a readiness check: an embedder that hangs must not make those that answer look lost.
_MODEL_TIMEOUT_S = 1.0

if TYPE_CHECKING:
    Stub = embedder_pb2_grpc.EmbedderServiceAsyncStub


class Embedders:
    """The embedders that a service was told of, by the model that each runs.

    A single embedder is taken for any model without being asked: its answers name the model that wrote them.
    """

    def __init__(self, channels: Sequence[grpc.aio.Channel]) -> None:
        """Takes one channel an embedder, at least one."""
        if not channels:
            raise ValueError("no embedder was named")
        self._stubs: list[Stub] = [embedder_pb2_grpc.EmbedderServiceStub(channel) for channel in channels]
        self._by_model: dict[str, Stub] = {}

    async def running(self, sha256: str | None) -> "Stub":
        """The embedder that runs a model, as far as is known; asks all of them when none is known to. None takes any.

        Raises:
            grpc.aio.AioRpcError: None of those that answer runs it, and this is how another one failed.
            DependencyUnavailable: All answer and none runs it.
        """
        if sha256 is None or len(self._stubs) == 1:
            return self._stubs[0]
        if sha256 not in self._by_model:
            answers = await self._asked()
            self._by_model = {
                answer.sha256: stub
                for stub, answer in zip(self._stubs, answers, strict=True)
                if isinstance(answer, embedder_pb2.Model)
            }
            if sha256 not in self._by_model:
                for answer in answers:
                    if isinstance(answer, grpc.aio.AioRpcError):
                        raise answer
                raise DependencyUnavailable(f"no embedder runs the model {sha256[:12]}")
        return self._by_model[sha256]

    def forget(self, sha256: str | None) -> None:
        """Asks again before a model is next used: its embedder is down, or has answered with another one."""
        if sha256 is not None:
            self._by_model.pop(sha256, None)

    async def models(self) -> list[embedder_pb2.Model]:
        """What the embedders run that answer, in the order in which they were given.

        Raises:
            DependencyUnavailable: None answers.
        """
        models: list[embedder_pb2.Model] = []
        for answer in await self._asked():
            if isinstance(answer, embedder_pb2.Model):
                models.append(answer)
            else:
                failure = answer
        if not models:
            raise DependencyUnavailable(f"the embedder answered {failure.code().name}") from failure
        return models

    async def _asked(self) -> list[embedder_pb2.Model | grpc.aio.AioRpcError]:
        return list(await asyncio.gather(*(_model_of(stub) for stub in self._stubs)))


@asynccontextmanager
async def open_embedders(targets: str, open_one: Callable[[str], grpc.aio.Channel]) -> AsyncIterator[Embedders]:
    """The embedders of a setting.

    Args:
        targets: gRPC targets, separated by commas.
        open_one: Makes a channel to a target.
    """
    async with AsyncExitStack() as stack:
        names = [each.strip() for each in targets.split(",")]
        yield Embedders([await stack.enter_async_context(open_one(name)) for name in names if name])


async def _model_of(stub: "Stub") -> embedder_pb2.Model | grpc.aio.AioRpcError:
    try:
        return await stub.GetModel(embedder_pb2.GetModelRequest(), timeout=_MODEL_TIMEOUT_S)
    except grpc.aio.AioRpcError as error:
        return error
