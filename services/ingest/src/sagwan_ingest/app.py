"""Composition root: the one place that builds and wires the ingest service."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from importlib.resources import files

from sagwan.ingest.v1 import ingest_pb2_grpc, models_pb2_grpc
from sagwan_ingest.adapters.embedder import GrpcPassageEmbedder
from sagwan_ingest.adapters.models import PostgresModelStore
from sagwan_ingest.adapters.postgres import PostgresMeetingStore
from sagwan_ingest.ingestion import Ingestion, IngestLimits
from sagwan_ingest.model_servicer import ModelServicer
from sagwan_ingest.reembedding import Reembedding, ReembeddingLimits
from sagwan_ingest.servicer import IngestServicer
from sagwan_ingest.settings import IngestSettings
from sagwan_runtime.auth import CachedKeyStore, authenticated
from sagwan_runtime.channels import MeasuredUnaryCalls, TracedUnaryCalls, open_channel
from sagwan_runtime.deadline import Deadline
from sagwan_runtime.embedders import open_embedders
from sagwan_runtime.metrics import (
    DatabaseMetrics,
    IngestMetrics,
    RpcClientMetrics,
    RpcMetrics,
)
from sagwan_runtime.postgres.database import open_database
from sagwan_runtime.postgres.keys import PostgresKeyStore
from sagwan_runtime.postgres.queries import load_queries
from sagwan_runtime.process import observed
from sagwan_runtime.serving import Registration, serve
from sagwan_runtime.settings import DatabaseSettings, TelemetrySettings
from sagwan_text.analysis import Analyzer
from sagwan_text.korean import load_tagger

SERVICE = "sagwan-ingest"


async def run(
    settings: IngestSettings,
    database_settings: DatabaseSettings,
    telemetry_settings: TelemetrySettings,
) -> None:
    """Builds the service, serves until it is told to stop, and takes it down in reverse order."""
    async with AsyncExitStack() as stack:
        seen = stack.enter_context(observed(settings, telemetry_settings, service=SERVICE))
        database = await stack.enter_async_context(
            open_database(
                database_settings,
                DatabaseMetrics(seen.registry),
                seen.tracer,
                application_name=SERVICE,
                # A writer may wait for its turn as long as its call may take.
                connection_settings={"statement_timeout": str(settings.call_timeout_ms)},
            )
        )
        client_metrics = RpcClientMetrics(seen.registry)
        embedders = await stack.enter_async_context(
            open_embedders(
                settings.embedder_target,
                lambda target: open_channel(
                    target,
                    message_bytes_max=settings.message_bytes_max,
                    interceptors=[TracedUnaryCalls(seen.tracer), MeasuredUnaryCalls(client_metrics, target)],
                ),
            )
        )
        worker = stack.enter_context(ThreadPoolExecutor(1, thread_name_prefix="indexing"))
        queries = load_queries(files("sagwan_ingest.adapters") / "queries.sql")
        store = PostgresMeetingStore(database, queries)
        embedder = GrpcPassageEmbedder(embedders, unavailable_timeout_s=settings.embedder_unavailable_ms / 1_000)
        metrics = IngestMetrics(seen.registry)
        ingestion = Ingestion(
            store,
            embedder,
            Analyzer(load_tagger()).terms,
            worker,
            metrics,
            IngestLimits(
                chunk_tokens_target=settings.chunk_tokens_target,
                chunk_tokens_max=settings.chunk_tokens_max,
                embed_texts_max=settings.embed_texts_max,
                writers_max=settings.writers_max,
            ),
        )
        servicer = IngestServicer(
            ingestion,
            store,
            metrics,
            call_timeout_s=settings.call_timeout_ms / 1_000,
            import_ahead=settings.import_ahead,
            readers_max=settings.readers_max,
        )

        reembedding = Reembedding(
            PostgresModelStore(database, load_queries(files("sagwan_ingest.adapters") / "models.sql")),
            embedder,
            metrics,
            ReembeddingLimits(
                embed_texts_max=settings.embed_texts_max, step_timeout_s=settings.call_timeout_ms / 1_000
            ),
        )
        model_servicer = ModelServicer(reembedding, call_timeout_s=settings.call_timeout_ms / 1_000)

        await serve(
            settings,
            [
                Registration(
                    "sagwan.ingest.v1.IngestService",
                    lambda server: ingest_pb2_grpc.add_IngestServiceServicer_to_server(servicer, server),
                ),
                Registration(
                    "sagwan.ingest.v1.ModelService",
                    lambda server: models_pb2_grpc.add_ModelServiceServicer_to_server(model_servicer, server),
                ),
            ],
            checks={"model": lambda: reembedding.check_serving(Deadline.after(2))},
            tracer=seen.tracer,
            rpc_metrics=RpcMetrics(seen.registry),
            inner_scopes=(authenticated(CachedKeyStore(PostgresKeyStore(database))),),
        )
