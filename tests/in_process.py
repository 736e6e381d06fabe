"""The services in the test's own process: real PostgreSQL, embedders and calls over gRPC."""

from collections.abc import AsyncIterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

import grpc
from opentelemetry import trace
from prometheus_client import CollectorRegistry

from sagwan.ingest.v1 import ingest_pb2_grpc
from sagwan.search.v1 import search_pb2_grpc
from sagwan_ingest.adapters.embedder import GrpcPassageEmbedder
from sagwan_ingest.adapters.postgres import PostgresMeetingStore as IngestStore
from sagwan_ingest.ingestion import Ingestion, IngestLimits
from sagwan_ingest.servicer import IngestServicer
from sagwan_runtime.auth import CachedKeyStore, authenticated
from sagwan_runtime.calls import ScopedCalls, translated
from sagwan_runtime.embedders import Embedders
from sagwan_runtime.metrics import DatabaseMetrics, IngestMetrics, RpcMetrics, SearchMetrics
from sagwan_runtime.postgres.database import Database, open_database
from sagwan_runtime.postgres.keys import PostgresKeyStore
from sagwan_runtime.postgres.queries import load_queries
from sagwan_runtime.settings import DatabaseSettings
from sagwan_search.adapters.embedder import GrpcQueryEmbedder
from sagwan_search.adapters.index_sql import CONNECTION_SETTINGS
from sagwan_search.adapters.postgres import PostgresMeetingStore as SearchStore
from sagwan_search.batch import BatchSearching
from sagwan_search.context import ContextGathering
from sagwan_search.searching import Searching, SearchLimits
from sagwan_search.servicer import SearchServicer
from sagwan_search.similar import SimilarSearching
from sagwan_search.suggesting import Suggesting
from sagwan_text.analysis import Analyzer
from sagwan_text.korean import load_tagger

CALL_TIMEOUT_S = 10.0
EMBED_TIMEOUT_S = 0.8


@dataclass(frozen=True, slots=True)
class SearchService:
    """A search service.

    Attributes:
        stub: The way to it.
        servicer: What answers, without the way.
        database: Its pool.
    """

    stub: "search_pb2_grpc.SearchServiceAsyncStub"
    servicer: SearchServicer
    database: Database


@asynccontextmanager
async def searching(
    database_url: str, embedders: Embedders, *, leg_depth: int = 100, pool_size_max: int = 4
) -> AsyncIterator[SearchService]:
    """A search service with its usual settings."""
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(_pool(database_url, pool_size_max, CONNECTION_SETTINGS))
        store = SearchStore(database, load_queries(files("sagwan_search.adapters") / "queries.sql"))
        embedder = GrpcQueryEmbedder(embedders)
        embedder.expect(await store.serving_sha256())
        # Tests show the same lines over and over.
        analyze = lru_cache(10_000)(Analyzer(load_tagger()).terms)
        limits = SearchLimits(leg_depth, match_candidates_max=20_000, embed_timeout_s=EMBED_TIMEOUT_S, terms_max=64)
        metrics = SearchMetrics(CollectorRegistry())
        use_case = Searching(store, embedder, analyze, metrics, limits)
        servicer = SearchServicer(
            use_case,
            ContextGathering(use_case, store, analyze),
            BatchSearching(use_case, embedder, searches_at_once_max=4),
            SimilarSearching(store, embedder, depth=leg_depth),
            Suggesting(store),
            store,
            metrics,
            depth=leg_depth,
            call_timeout_s=CALL_TIMEOUT_S,
        )
        server, channel = await _served(stack, database)
        search_pb2_grpc.add_SearchServiceServicer_to_server(servicer, server)
        await server.start()
        yield SearchService(search_pb2_grpc.SearchServiceStub(channel), servicer, database)


@asynccontextmanager
async def ingesting(database_url: str, embedders: Embedders) -> AsyncIterator["ingest_pb2_grpc.IngestServiceAsyncStub"]:
    """An ingest service that cuts small chunks; gives the way to it."""
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(_pool(database_url, 4, {}))
        store = IngestStore(database, load_queries(files("sagwan_ingest.adapters") / "queries.sql"))
        worker = stack.enter_context(ThreadPoolExecutor(1))
        metrics = IngestMetrics(CollectorRegistry())
        limits = IngestLimits(chunk_tokens_target=24, chunk_tokens_max=60, embed_texts_max=32, writers_max=4)
        embedder = GrpcPassageEmbedder(embedders, unavailable_timeout_s=1.0)
        use_case = Ingestion(store, embedder, Analyzer(load_tagger()).terms, worker, metrics, limits)
        servicer = IngestServicer(
            use_case, store, metrics, call_timeout_s=CALL_TIMEOUT_S, import_ahead=1, readers_max=1
        )
        server, channel = await _served(stack, database)
        ingest_pb2_grpc.add_IngestServiceServicer_to_server(servicer, server)
        await server.start()
        yield ingest_pb2_grpc.IngestServiceStub(channel)


@asynccontextmanager
async def _pool(url: str, size_max: int, settings: Mapping[str, str]) -> AsyncIterator[Database]:
    async with open_database(
        DatabaseSettings(url=url, pool_size_max=size_max),
        DatabaseMetrics(CollectorRegistry()),
        trace.NoOpTracer(),
        application_name="tests",
        connection_settings=settings,
    ) as database:
        yield database


async def _served(stack: AsyncExitStack, database: Database) -> tuple[grpc.aio.Server, grpc.aio.Channel]:
    scopes = (translated(), authenticated(CachedKeyStore(PostgresKeyStore(database))))
    server = grpc.aio.server(interceptors=(ScopedCalls(scopes, RpcMetrics(CollectorRegistry())),))
    port = server.add_insecure_port("127.0.0.1:0")
    stack.push_async_callback(server.stop, 0)
    return server, await stack.enter_async_context(grpc.aio.insecure_channel(f"127.0.0.1:{port}"))
