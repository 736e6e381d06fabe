"""Composition root: the one place that builds and wires the search service."""

from contextlib import AsyncExitStack
from importlib.resources import files

from sagwan.search.v1 import index_admin_pb2_grpc, search_pb2_grpc
from sagwan_runtime.auth import CachedKeyStore, authenticated
from sagwan_runtime.channels import TracedUnaryCalls, open_channel
from sagwan_runtime.embedders import open_embedders
from sagwan_runtime.metrics import (
    DatabaseMetrics,
    RpcMetrics,
    SearchMetrics,
)
from sagwan_runtime.postgres.database import open_database
from sagwan_runtime.postgres.keys import PostgresKeyStore
from sagwan_runtime.postgres.queries import load_queries
from sagwan_runtime.process import observed
from sagwan_runtime.serving import Registration, serve
from sagwan_runtime.settings import DatabaseSettings, TelemetrySettings
from sagwan_search.adapters.embedder import GrpcQueryEmbedder
from sagwan_search.adapters.index_sql import CONNECTION_SETTINGS
from sagwan_search.adapters.postgres import PostgresMeetingStore
from sagwan_search.batch import BatchSearching
from sagwan_search.context import ContextGathering
from sagwan_search.searching import Searching, SearchLimits
from sagwan_search.servicer import IndexAdminServicer, SearchServicer
from sagwan_search.settings import SearchSettings
from sagwan_search.similar import SimilarSearching
from sagwan_search.suggesting import Suggesting
from sagwan_text.analysis import Analyzer
from sagwan_text.korean import load_tagger

SERVICE = "sagwan-search"


async def run(
    settings: SearchSettings,
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
                connection_settings=CONNECTION_SETTINGS,
            )
        )
        embedders = await stack.enter_async_context(
            open_embedders(
                settings.embedder_target,
                lambda target: open_channel(
                    target,
                    message_bytes_max=settings.message_bytes_max,
                    interceptors=[TracedUnaryCalls(seen.tracer)],
                ),
            )
        )
        queries = load_queries(files("sagwan_search.adapters") / "queries.sql")
        store = PostgresMeetingStore(database, queries)
        embedder = GrpcQueryEmbedder(embedders)
        analyze = Analyzer(load_tagger()).terms
        searching = Searching(
            store,
            embedder,
            analyze,
            SearchMetrics(seen.registry),
            SearchLimits(
                leg_depth=settings.leg_depth,
                match_candidates_max=settings.match_candidates_max,
                embed_timeout_s=settings.embed_timeout_ms / 1_000,
                terms_max=settings.terms_max,
            ),
        )
        servicer = SearchServicer(
            searching,
            ContextGathering(searching, store, analyze),
            BatchSearching(searching, embedder, searches_at_once_max=settings.batch_searches_at_once_max),
            SimilarSearching(store, embedder, depth=settings.leg_depth),
            Suggesting(store),
            store,
            depth=settings.leg_depth,
            call_timeout_s=settings.call_timeout_ms / 1_000,
        )

        async def database_is_ready() -> None:
            # Brought along, so that neither the first search nor one after a switch asks the wrong embedder.
            embedder.expect(await store.serving_sha256())

        await serve(
            settings,
            [
                Registration(
                    "sagwan.search.v1.SearchService",
                    lambda server: search_pb2_grpc.add_SearchServiceServicer_to_server(servicer, server),
                ),
                Registration(
                    "sagwan.search.v1.IndexAdminService",
                    lambda server: index_admin_pb2_grpc.add_IndexAdminServiceServicer_to_server(
                        IndexAdminServicer(), server
                    ),
                ),
            ],
            # The embedder is not among them: without it searches are degraded, and still better than none.
            checks={"database": database_is_ready},
            tracer=seen.tracer,
            rpc_metrics=RpcMetrics(seen.registry),
            inner_scopes=(authenticated(CachedKeyStore(PostgresKeyStore(database))),),
        )
