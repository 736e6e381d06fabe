"""Composition root: the one place that builds and wires the search service."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.resources import files

from prometheus_client import CollectorRegistry

from sagwan.search.v1 import index_admin_pb2_grpc, search_pb2_grpc
from sagwan_runtime.auth import CachedKeyStore, authenticated
from sagwan_runtime.channels import MeasuredUnaryCalls, TracedUnaryCalls, open_channel
from sagwan_runtime.embedders import open_embedders
from sagwan_runtime.metrics import (
    DatabaseMetrics,
    IndexMetrics,
    RpcClientMetrics,
    RpcMetrics,
    SearchMetrics,
)
from sagwan_runtime.postgres.database import Database, open_database
from sagwan_runtime.postgres.keys import PostgresKeyStore
from sagwan_runtime.postgres.queries import Query, load_queries
from sagwan_runtime.process import observed
from sagwan_runtime.serving import Registration, serve
from sagwan_runtime.settings import DatabaseSettings, TelemetrySettings
from sagwan_search.adapters.embedder import GrpcQueryEmbedder
from sagwan_search.adapters.explaining import ExplainingStore
from sagwan_search.adapters.index_builder import PostgresIndexBuilder
from sagwan_search.adapters.index_sql import CONNECTION_SETTINGS
from sagwan_search.adapters.indexes import PostgresIndexStore
from sagwan_search.adapters.postgres import PostgresMeetingStore
from sagwan_search.batch import BatchSearching
from sagwan_search.context import ContextGathering
from sagwan_search.domain.index_upkeep import UpkeepRules
from sagwan_search.domain.indexes import IndexKind
from sagwan_search.explaining import Explaining
from sagwan_search.index_admin import IndexAdmin
from sagwan_search.index_building import IndexBuilding
from sagwan_search.index_servicer import IndexAdminServicer
from sagwan_search.index_tuning import IndexTuning, QuestionSample
from sagwan_search.index_upkeep import IndexUpkeep
from sagwan_search.searching import Searching, SearchLimits
from sagwan_search.servicer import SearchServicer
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
        queries = load_queries(files("sagwan_search.adapters") / "queries.sql")
        store = PostgresMeetingStore(database, queries)
        embedder = GrpcQueryEmbedder(embedders)
        analyze = Analyzer(load_tagger()).terms
        limits = SearchLimits(
            leg_depth=settings.leg_depth,
            match_candidates_max=settings.match_candidates_max,
            embed_timeout_s=settings.embed_timeout_ms / 1_000,
            terms_max=settings.terms_max,
        )
        questions = QuestionSample(settings.index_questions_kept)
        metrics = SearchMetrics(seen.registry)
        searching = Searching(store, embedder, analyze, metrics, limits, asked=questions.add)
        indexes = await stack.enter_async_context(
            _tended_indexes(settings, database_settings, database, queries, questions, IndexMetrics(seen.registry))
        )
        # What is explained is no search of anybody's: it counts in no metric and is kept as no question.
        explaining = Explaining(
            lambda: ExplainingStore(database, queries),
            lambda explained: Searching(explained, embedder, analyze, SearchMetrics(CollectorRegistry()), limits),
        )
        servicer = SearchServicer(
            searching,
            ContextGathering(searching, store, analyze),
            BatchSearching(searching, embedder, searches_at_once_max=settings.batch_searches_at_once_max),
            SimilarSearching(store, embedder, depth=settings.leg_depth),
            Suggesting(store),
            store,
            metrics,
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
                        IndexAdminServicer(indexes, explaining, call_timeout_s=settings.call_timeout_ms / 1_000), server
                    ),
                ),
            ],
            # The embedder is not among them: without it searches are degraded, and still better than none.
            checks={"database": database_is_ready},
            tracer=seen.tracer,
            rpc_metrics=RpcMetrics(seen.registry),
            inner_scopes=(authenticated(CachedKeyStore(PostgresKeyStore(database))),),
        )


@asynccontextmanager
async def _tended_indexes(
    settings: SearchSettings,
    database_settings: DatabaseSettings,
    database: Database,
    queries: Mapping[str, Query],
    questions: QuestionSample,
    metrics: IndexMetrics,
) -> AsyncIterator[IndexAdmin]:
    """The administration of indexes, and a task that looks after them until the service stops."""
    index_queries = load_queries(files("sagwan_search.adapters") / "indexes.sql")
    memory_bytes_max = settings.index_build_memory_mb << 20
    store = PostgresIndexStore(database, index_queries, queries)
    url = settings.maintenance_url.get_secret_value() or database_settings.url.get_secret_value()
    builder = PostgresIndexBuilder(url, index_queries, application_name=f"{SERVICE}-maintenance")
    building = IndexBuilding(store, builder, memory_bytes_max=memory_bytes_max)
    tuning = IndexTuning(
        store,
        questions,
        builder,
        depth=settings.leg_depth,
        questions_max=settings.index_questions_max,
        memory_bytes_max=memory_bytes_max,
    )
    rules = UpkeepRules(
        IndexKind(settings.index_kind), settings.index_rows_min, settings.index_recall, memory_bytes_max
    )
    upkeep = IndexUpkeep(store, builder, building, tuning, rules, metrics)
    admin = IndexAdmin(store, builder, building, tuning, upkeep)
    watching = asyncio.create_task(upkeep.watch(settings.index_upkeep_interval_s, act=settings.index_upkeep))
    try:
        yield admin
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        await admin.close()
