"""The embedder, asked over gRPC."""

import asyncio
from collections.abc import Iterator, Sequence

import grpc
import numpy as np

from sagwan.embedder.v1 import embedder_pb2
from sagwan_runtime.deadline import Deadline
from sagwan_runtime.embedders import Embedders
from sagwan_runtime.errors import DeadlineExceeded, DependencyUnavailable
from sagwan_search.ports import Model, QueryVector

_NUMBER_BYTES = 4
# A call of so many is done in half a second: lone questions stand in line behind it and wait no longer than that.
_CHARACTERS_A_CALL = 8_000


class GrpcQueryEmbedder:
    """Turns questions into vectors."""

    def __init__(self, embedders: Embedders) -> None:
        self._embedders = embedders
        self._expected_sha256: str | None = None

    def expect(self, model_sha256: str | None) -> None:
        """Says which model serves, as last seen: questions go to the embedder that runs it."""
        self._expected_sha256 = model_sha256

    async def embed(self, text: str, deadline: Deadline) -> QueryVector:
        """The vector of a question.

        Raises:
            DependencyUnavailable: The embedder cannot be reached, refuses or answers nonsense.
            DeadlineExceeded: It did not answer in time.
        """
        (found,) = await self.embed_all([text], deadline)
        return found

    async def embed_all(self, texts: Sequence[str], deadline: Deadline) -> list[QueryVector]:
        """The vectors of questions, in their order, by one call; by several, one after the other, where they are long.

        Raises:
            DependencyUnavailable: The embedder cannot be reached, refuses or answers nonsense.
            DeadlineExceeded: It did not answer in time.
        """
        vectors: list[QueryVector] = []
        for part in _parts(texts):
            request = embedder_pb2.EmbedRequest(
                texts=part,
                kind=embedder_pb2.TEXT_KIND_QUERY,
                encoding=embedder_pb2.VECTOR_ENCODING_PACKED,
            )
            vectors += await self._embedded(request, deadline)
        return vectors

    async def embed_passage(self, text: str, deadline: Deadline) -> QueryVector:
        """The vector of a text as a passage; of a text that is too long for the model, the mean of its parts.

        Raises:
            DependencyUnavailable: The embedder cannot be reached, refuses or answers nonsense.
            DeadlineExceeded: It did not answer in time.
        """
        request = embedder_pb2.EmbedRequest(
            texts=[text],
            kind=embedder_pb2.TEXT_KIND_PASSAGE,
            overlong_policy=embedder_pb2.OVERLONG_POLICY_WINDOW,
            encoding=embedder_pb2.VECTOR_ENCODING_PACKED,
        )
        (found,) = await self._embedded(request, deadline)
        return found

    async def _embedded(self, request: embedder_pb2.EmbedRequest, deadline: Deadline) -> list[QueryVector]:
        try:
            async with asyncio.timeout(deadline.remaining_s()):
                stub = await self._embedders.running(self._expected_sha256)
            response = await stub.Embed(request, timeout=deadline.remaining_s())
        except TimeoutError as error:
            raise DeadlineExceeded("the embedders did not say in time which model they run") from error
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.UNAVAILABLE:
                self._embedders.forget(self._expected_sha256)
            if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
                raise DeadlineExceeded("the embedder did not answer in time") from error
            raise DependencyUnavailable(f"the embedder answered {error.code().name}") from error
        model = response.model
        if model.sha256 != self._expected_sha256:
            self._embedders.forget(self._expected_sha256)
        sizes, due = [len(each.packed) for each in response.embeddings], len(request.texts)
        if not model.dimension or sizes != [_NUMBER_BYTES * model.dimension] * due:
            raise DependencyUnavailable(
                f"the embedder sent {sum(sizes)} bytes for vectors of {model.dimension}, of which {due} were due"
            )
        written_by = Model(model.sha256, f"{model.name}@{model.revision}/{model.quantization}", model.dimension)
        return [QueryVector(np.frombuffer(each.packed, dtype="<f4"), written_by) for each in response.embeddings]


def _parts(texts: Sequence[str]) -> Iterator[list[str]]:
    part: list[str] = []
    characters = 0
    for text in texts:
        if part and characters + len(text) > _CHARACTERS_A_CALL:
            yield part
            part, characters = [], 0
        part.append(text)
        characters += len(text)
    if part:
        yield part
