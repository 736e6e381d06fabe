"""Composition root: the one place that builds and wires the embedder."""

from contextlib import AsyncExitStack

from sagwan.embedder.v1 import embedder_pb2_grpc
from sagwan_embedder.adapters.model_folder import read_card
from sagwan_embedder.adapters.onnx_encoder import OnnxEncoder
from sagwan_embedder.adapters.sentencepiece_tokenizer import SentencePieceTokenizer
from sagwan_embedder.embedding import Embedding
from sagwan_embedder.servicer import EmbedderServicer
from sagwan_embedder.settings import EmbedderSettings
from sagwan_runtime.metrics import EmbedderMetrics, RpcMetrics
from sagwan_runtime.process import observed
from sagwan_runtime.serving import Registration, serve
from sagwan_runtime.settings import TelemetrySettings

SERVICE = "sagwan-embedder"


async def run(settings: EmbedderSettings, telemetry_settings: TelemetrySettings) -> None:
    """Loads the model, serves until it is told to stop, and takes everything down in reverse order."""
    async with AsyncExitStack() as stack:
        seen = stack.enter_context(observed(settings, telemetry_settings, service=SERVICE))
        card = read_card(settings.model_dir)
        encoder = OnnxEncoder(settings.model_dir, threads=settings.threads)
        encoder.warm_up(tokens_max=card.tokens_max, batch_tokens_max=settings.batch_tokens_max)
        embedding = await stack.enter_async_context(
            Embedding(
                card,
                SentencePieceTokenizer(settings.model_dir),
                encoder,
                batch_tokens_max=settings.batch_tokens_max,
                queue_tokens_max=settings.queue_tokens_max,
            )
        )
        servicer = EmbedderServicer(
            embedding, card, EmbedderMetrics(seen.registry), call_timeout_s=settings.call_timeout_ms / 1_000
        )
        await serve(
            settings,
            [
                Registration(
                    "sagwan.embedder.v1.EmbedderService",
                    lambda server: embedder_pb2_grpc.add_EmbedderServiceServicer_to_server(servicer, server),
                ),
            ],
            # Nothing to wait for: the model was loaded, compared with its card and run once before this line.
            checks={},
            tracer=seen.tracer,
            rpc_metrics=RpcMetrics(seen.registry),
        )
