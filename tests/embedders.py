"""Embedders for tests: real gRPC servers whose vectors are made of a text's hash."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import grpc
import numpy as np
from numpy.typing import NDArray

from sagwan.embedder.v1 import embedder_pb2, embedder_pb2_grpc
from sagwan_runtime.channels import open_channel
from sagwan_runtime.embedders import Embedders


class HashingEmbedder(embedder_pb2_grpc.EmbedderServiceServicer):
    """Runs a model. Tests count the texts, hold it up, or let it fail.

    Attributes:
        model: What it runs.
        texts: Every text that was asked for.
        asked: Set by a call.
        open: A call waits until it is set.
        calls_left: Calls that are answered before the others fail; None for all.
    """

    def __init__(self, sha256: str, dimension: int) -> None:
        self.model = embedder_pb2.Model(
            name="hashes", revision=sha256, quantization="none", sha256=sha256, dimension=dimension
        )
        self.texts: list[str] = []
        self.model_calls = 0
        self.asked = asyncio.Event()
        self.open = asyncio.Event()
        self.open.set()
        self.calls_left: int | None = None

    async def Embed(self, request: Any, context: Any) -> embedder_pb2.EmbedResponse:  # noqa: N802  # the contract's
        """A vector a text."""
        self.texts += request.texts
        self.asked.set()
        await self.open.wait()
        if self.calls_left is not None:
            if not self.calls_left:
                await context.abort(grpc.StatusCode.INTERNAL, "no more")
            self.calls_left -= 1
        vectors = [self.vector(text) for text in request.texts]
        return embedder_pb2.EmbedResponse(
            model=self.model, embeddings=[embedder_pb2.Embedding(packed=each.tobytes()) for each in vectors]
        )

    async def CountTokens(self, request: Any, context: Any) -> embedder_pb2.CountTokensResponse:  # noqa: N802
        """A token for every four characters of a word, and two for the markers."""
        counts = [2 + sum(-(-len(word) // 4) for word in text.split()) for text in request.texts]
        return embedder_pb2.CountTokensResponse(token_counts=counts)

    async def GetModel(self, request: Any, context: Any) -> embedder_pb2.Model:  # noqa: N802  # the contract's
        """The model."""
        self.model_calls += 1
        return self.model

    def vector(self, text: str) -> NDArray[np.float32]:
        """The unit vector that a text gets: another one from each model."""
        seed = int.from_bytes(hashlib.sha256(f"{self.model.sha256} {text}".encode()).digest()[:8], "big")
        numbers = np.random.default_rng(seed).normal(size=self.model.dimension)
        return (numbers / np.linalg.norm(numbers)).astype(np.float32)


@asynccontextmanager
async def serving(*embedders: HashingEmbedder) -> AsyncIterator[Embedders]:
    """Serves each on a port of its own, and gives the way to them all."""
    async with AsyncExitStack() as stack:
        channels = []
        for each in embedders:
            server = grpc.aio.server()
            embedder_pb2_grpc.add_EmbedderServiceServicer_to_server(each, server)
            port = server.add_insecure_port("127.0.0.1:0")
            await server.start()
            stack.push_async_callback(server.stop, 0)
            channels.append(
                await stack.enter_async_context(open_channel(f"127.0.0.1:{port}", message_bytes_max=1 << 20))
            )
        yield Embedders(channels)
