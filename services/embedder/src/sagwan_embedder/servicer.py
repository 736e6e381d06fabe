"""Proto in, proto out."""

from typing import Any

import grpc

from sagwan.embedder.v1 import embedder_pb2, embedder_pb2_grpc
from sagwan_embedder.convert import embed_response, model_message, texts_of
from sagwan_embedder.domain.model import ModelCard
from sagwan_embedder.embedding import Embedding
from sagwan_runtime.deadline import Deadline
from sagwan_runtime.metrics import EmbedderMetrics

Context = grpc.aio.ServicerContext[Any, Any]


class EmbedderServicer(embedder_pb2_grpc.EmbedderServiceServicer):
    """Answers EmbedderService. RPCs that are not here answer UNIMPLEMENTED."""

    def __init__(
        self, embedding: Embedding, card: ModelCard, metrics: EmbedderMetrics, *, call_timeout_s: float
    ) -> None:
        self._embedding = embedding
        self._card = card
        self._metrics = metrics
        self._call_timeout_s = call_timeout_s

    async def Embed(  # noqa: N802  # the name is the contract's
        self, request: embedder_pb2.EmbedRequest, context: Context
    ) -> embedder_pb2.EmbedResponse:
        """Embeds texts of one kind."""
        texts, kind = texts_of(request)
        deadline = Deadline.of_call(context, longest_s=self._call_timeout_s)
        embedded = await self._embedding.embed(texts, kind, deadline=deadline.at_s)
        self._metrics.texts.labels(kind.value).inc(len(texts))
        self._metrics.truncated.inc(sum(embedded.truncated))
        self._metrics.request_tokens.observe(sum(embedded.token_counts))
        for stage, seconds in (
            ("tokenize", embedded.timings.tokenize_s),
            ("queue", embedded.timings.queue_s),
            ("inference", embedded.timings.inference_s),
        ):
            self._metrics.stage_seconds.labels(stage).observe(seconds)
        return embed_response(embedded, self._card, request.encoding)

    async def GetModel(  # noqa: N802  # the name is the contract's
        self,
        request: embedder_pb2.GetModelRequest,  # noqa: ARG002  # it has no fields
        context: Context,  # noqa: ARG002  # the signature is gRPC's
    ) -> embedder_pb2.Model:
        """Describes the model that is loaded."""
        return model_message(self._card)
