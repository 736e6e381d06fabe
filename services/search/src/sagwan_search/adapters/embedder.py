"""The embedder, asked over gRPC."""

import grpc
import numpy as np

from sagwan.embedder.v1 import embedder_pb2, embedder_pb2_grpc
from sagwan_runtime.deadline import Deadline
from sagwan_runtime.errors import DeadlineExceeded, DependencyUnavailable
from sagwan_search.ports import Model, QueryVector

_NUMBER_BYTES = 4


class GrpcQueryEmbedder:
    """Turns questions into vectors."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub = embedder_pb2_grpc.EmbedderServiceStub(channel)

    async def embed(self, text: str, deadline: Deadline) -> QueryVector:
        """The vector of a question.

        Raises:
            DependencyUnavailable: The embedder cannot be reached, refuses or answers nonsense.
            DeadlineExceeded: It did not answer in time.
        """
        request = embedder_pb2.EmbedRequest(
            texts=[text],
            kind=embedder_pb2.TEXT_KIND_QUERY,
            encoding=embedder_pb2.VECTOR_ENCODING_PACKED,
        )
        try:
            response = await self._stub.Embed(request, timeout=deadline.remaining_s())
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
                raise DeadlineExceeded("the embedder did not answer in time") from error
            raise DependencyUnavailable(f"the embedder answered {error.code().name}") from error
        model = response.model
        packed = b"".join(each.packed for each in response.embeddings)
        if not packed or len(packed) != _NUMBER_BYTES * model.dimension:
            raise DependencyUnavailable(f"the embedder sent {len(packed)} bytes for a vector of {model.dimension}")
        vector = np.frombuffer(packed, dtype="<f4")
        label = f"{model.name}@{model.revision}/{model.quantization}"
        return QueryVector(vector, Model(model.sha256, label))
