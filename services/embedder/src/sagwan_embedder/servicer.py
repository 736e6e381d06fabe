"""Proto in, proto out."""

from collections.abc import AsyncIterator
from typing import Any

import grpc

from sagwan.embedder.v1 import embedder_pb2, embedder_pb2_grpc
from sagwan_embedder.convert import counted_texts_of, embed_response, model_message, request_of
from sagwan_embedder.domain.model import ModelCard
from sagwan_embedder.embedding import Embedded, Embedding, Request
from sagwan_runtime.deadline import Deadline
from sagwan_runtime.errors import InvalidRequest
from sagwan_runtime.metrics import EmbedderMetrics
from sagwan_runtime.spans import current_exemplar
from sagwan_runtime.streaming import answers_in_order

Context = grpc.aio.ServicerContext[Any, Any]

# One that runs, one that is being cut, and one that is on its way: more would only wait here and not at the caller.
_STREAM_AHEAD = 3


class EmbedderServicer(embedder_pb2_grpc.EmbedderServiceServicer):
    """Answers EmbedderService. The peer of a call, one connection, is the caller whose share it takes."""

    def __init__(
        self, embedding: Embedding, card: ModelCard, metrics: EmbedderMetrics, *, call_timeout_s: float
    ) -> None:
        self._embedding = embedding
        self._model = model_message(card)
        self._metrics = metrics
        self._call_timeout_s = call_timeout_s

    async def Embed(  # noqa: N802  # the name is the contract's
        self, request: embedder_pb2.EmbedRequest, context: Context
    ) -> embedder_pb2.EmbedResponse:
        """Embeds texts of one kind."""
        return await self._embedded(request, context)

    async def EmbedStream(  # noqa: N802  # the name is the contract's
        self, request_iterator: AsyncIterator[embedder_pb2.EmbedStreamRequest], context: Context
    ) -> AsyncIterator[embedder_pb2.EmbedStreamResponse]:
        """Embeds a stream of batches, and answers in their order."""

        async def answer(request: embedder_pb2.EmbedStreamRequest) -> embedder_pb2.EmbedStreamResponse:
            try:
                batch = await self._embedded(request.batch, context)
            except InvalidRequest as error:
                raise error.under("batch") from None
            return embedder_pb2.EmbedStreamResponse(sequence=request.sequence, batch=batch)

        async for response in answers_in_order(request_iterator, answer, ahead=_STREAM_AHEAD):
            yield response

    async def CountTokens(  # noqa: N802  # the name is the contract's
        self, request: embedder_pb2.CountTokensRequest, context: Context
    ) -> embedder_pb2.CountTokensResponse:
        """Counts tokens without embedding."""
        texts, kind = counted_texts_of(request)
        counts = await self._embedding.count_tokens(
            texts, kind, caller=context.peer(), deadline_s=self._deadline_s(context)
        )
        return embedder_pb2.CountTokensResponse(token_counts=counts)

    async def GetModel(  # noqa: N802  # the name is the contract's
        self,
        request: embedder_pb2.GetModelRequest,  # noqa: ARG002  # it has no fields
        context: Context,  # noqa: ARG002  # the signature is gRPC's
    ) -> embedder_pb2.Model:
        """Describes the model that is loaded."""
        return self._model

    async def _embedded(self, message: embedder_pb2.EmbedRequest, context: Context) -> embedder_pb2.EmbedResponse:
        request = request_of(message, caller=context.peer(), deadline_s=self._deadline_s(context))
        embedded = await self._embedding.embed(request)
        self._observe(request, embedded)
        return embed_response(embedded, self._model, message.encoding)

    def _deadline_s(self, context: Context) -> float:
        return Deadline.of_call(context, longest_s=self._call_timeout_s).at_s

    def _observe(self, request: Request, embedded: Embedded) -> None:
        self._metrics.texts.labels(request.kind.value).inc(len(embedded.vectors))
        self._metrics.truncated.inc(sum(vector.truncated for vector in embedded.vectors))
        self._metrics.request_tokens.observe(sum(vector.token_count for vector in embedded.vectors))
        if embedded.timings.inference_s:  # else all of them were known from before
            a_text_s = embedded.timings.inference_s / len(embedded.vectors)
            for _ in embedded.vectors:
                self._metrics.text_seconds.labels(request.kind.value).observe(a_text_s)
        for stage, seconds in (
            ("tokenize", embedded.timings.tokenize_s),
            ("queue", embedded.timings.queue_s),
            ("inference", embedded.timings.inference_s),
        ):
            self._metrics.stage_seconds.labels(stage).observe(seconds, current_exemplar())
