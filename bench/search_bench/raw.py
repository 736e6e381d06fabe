"""What a search costs without services: the statements that it runs, and its embedding, called raw in one process."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.resources import files
from typing import Any
from uuid import UUID

import asyncpg
from embedder_bench.raw import RawSession, RawTokenizer, loaded
from opentelemetry import trace
from pgvector.asyncpg import register_vector
from prometheus_client import CollectorRegistry
from scale_data.server import MODEL

from sagwan_bench.results import Figure, at_most
from sagwan_embedder.domain.model import Kind
from sagwan_runtime.deadline import Deadline
from sagwan_runtime.metrics import DatabaseMetrics, SearchMetrics
from sagwan_runtime.postgres.database import SERVICE_ROLE, Database, Session, open_database
from sagwan_runtime.postgres.queries import Query, load_queries
from sagwan_runtime.settings import DatabaseSettings
from sagwan_search.adapters.index_sql import CONNECTION_SETTINGS
from sagwan_search.adapters.postgres import PostgresMeetingStore
from sagwan_search.domain.query import Query as Question
from sagwan_search.ports import Model, QueryVector
from sagwan_search.searching import Searching, SearchLimits
from sagwan_search.settings import SearchSettings
from sagwan_text.analysis import Analyzer
from sagwan_text.korean import load_tagger
from search_bench.latencies import ms
from search_bench.run import QUERIES, Run, client_of

_TIMEOUT_S = 30.0
_WARM_UP = 20
_RATIO = at_most(1.35)
_NAME_TENANT = "SELECT set_config('sagwan.tenant_id', $1, true)"

Statement = tuple[str, tuple[Any, ...]]


def raw_figures(run: Run) -> Iterator[Figure]:
    """A search over the wire, and its statements and its embedding called raw, one of each in turn."""
    yield from asyncio.run(_measured(run))


async def _measured(run: Run) -> list[Figure]:
    wire_s: list[float] = []
    inside_s: list[float] = []
    raw_s: list[float] = []
    embed_s: list[float] = []
    async with AsyncExitStack() as stack:
        search = await stack.enter_async_context(_InOneProcess.opened(run))
        client = stack.enter_context(client_of(run.stack))
        for number, text in enumerate(run.questions.take(_WARM_UP + run.searches)):
            # First as it is, to learn its statements; afterwards all pages that it reads are in memory for both.
            inside, transactions = await search.statements_of(text)
            asked: tuple[float, tuple[float, float]]
            if number % 2:
                asked = (client.ask(text).seconds, await search.raw(text, transactions))
            else:
                raw = await search.raw(text, transactions)
                asked = (client.ask(text).seconds, raw)
            if number >= _WARM_UP:
                inside_s.append(inside)
                wire_s.append(asked[0])
                raw_s.append(asked[1][0])
                embed_s.append(asked[1][1])
    wire, raw_p50 = ms(0.5, wire_s), ms(0.5, raw_s)
    return [
        Figure("raw_wire_p50_ms", wire, "ms"),
        Figure("raw_p50_ms", raw_p50, "ms"),
        Figure("raw_embed_p50_ms", ms(0.5, embed_s), "ms"),
        Figure("raw_search_in_one_process_p50_ms", ms(0.5, inside_s), "ms"),
        Figure("raw_wire_to_raw", wire / raw_p50 if wire and raw_p50 else None, "times", _RATIO),
    ]


class _InOneProcess:
    """The search use case with the model and a connection of its own, and no gRPC."""

    def __init__(self, searching: Searching, recorder: "_Recorder", embedder: "_RawEmbedder", tenant_id: UUID) -> None:
        self._searching = searching
        self._recorder = recorder
        self._embedder = embedder
        self._tenant_id = tenant_id
        self.connection: asyncpg.Connection

    @classmethod
    @asynccontextmanager
    async def opened(cls, run: Run) -> AsyncIterator["_InOneProcess"]:
        """Loads the model and connects."""
        owner = await asyncpg.connect(run.dsn)
        try:
            tenant_id = await owner.fetchval(QUERIES["tenant"].sql)
            model = await owner.fetchrow(QUERIES["serving_model"].sql)
        finally:
            await owner.close()
        settings = SearchSettings()
        embedder = _RawEmbedder(Model(model["sha256"], "raw", model["dimension"]))
        async with open_database(
            DatabaseSettings(url=run.dsn),
            DatabaseMetrics(CollectorRegistry()),
            trace.NoOpTracer(),
            application_name="raw",
            connection_settings=CONNECTION_SETTINGS,
        ) as database:
            recorder = _Recorder(database)
            store = PostgresMeetingStore(recorder, load_queries(files("sagwan_search.adapters") / "queries.sql"))
            searching = Searching(
                store,
                embedder,
                Analyzer(load_tagger()).terms,
                SearchMetrics(CollectorRegistry()),
                SearchLimits(
                    leg_depth=settings.leg_depth,
                    match_candidates_max=settings.match_candidates_max,
                    embed_timeout_s=_TIMEOUT_S,
                    terms_max=settings.terms_max,
                ),
            )
            search = cls(searching, recorder, embedder, tenant_id)
            search.connection = await asyncpg.connect(
                run.dsn,
                server_settings={
                    "role": SERVICE_ROLE,
                    "plan_cache_mode": "force_custom_plan",
                    "jit": "off",
                    **CONNECTION_SETTINGS,
                },
            )
            await register_vector(search.connection)
            try:
                yield search
            finally:
                await search.connection.close()

    async def statements_of(self, text: str) -> tuple[float, list[list[Statement]]]:
        """Seconds of a search in this process, and the statements of its transactions."""
        self._recorder.transactions = []
        begun = time.perf_counter()
        await self._searching.search(self._tenant_id, Question(text), Deadline.after(_TIMEOUT_S))
        return time.perf_counter() - begun, self._recorder.transactions

    async def raw(self, text: str, transactions: Sequence[Sequence[Statement]]) -> tuple[float, float]:
        """Seconds of the same statements, the embedding beside the first of them, and of the embedding itself."""
        begun = time.perf_counter()
        embedding = asyncio.create_task(self._embedder.timed(text))
        for transaction in transactions:
            async with self.connection.transaction(isolation="repeatable_read", readonly=True):
                await self.connection.execute(_NAME_TENANT, str(self._tenant_id))
                for sql, arguments in transaction:
                    await self.connection.fetch(sql, *arguments)
            # The search knows its vector when the second transaction begins.
            embed_s = await embedding
        return time.perf_counter() - begun, embed_s


class _RawEmbedder:
    """The model's session in this process, called in a thread as the server does."""

    def __init__(self, model: Model) -> None:
        served = loaded(MODEL)
        self._session = RawSession(served.encoder, RawTokenizer(served))
        self._model = model

    def expect(self, model_sha256: str | None) -> None:
        """There is one model only."""

    async def embed(self, text: str, deadline: Deadline) -> QueryVector:
        """The vector of a question."""
        del deadline
        vectors = await asyncio.to_thread(self._session.vectors, [text], Kind.QUERY)
        return QueryVector(vectors[0], self._model)

    async def timed(self, text: str) -> float:
        """Seconds that the vector of a question takes."""
        begun = time.perf_counter()
        await asyncio.to_thread(self._session.vectors, [text], Kind.QUERY)
        return time.perf_counter() - begun


class _Recorder(Database):
    """A database that remembers what it was asked, a list a transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.transactions: list[list[Statement]] = []

    @asynccontextmanager
    async def tenant(self, tenant_id: UUID, deadline: Deadline, *, read_only: bool = False) -> AsyncIterator[Session]:
        async with self._database.tenant(tenant_id, deadline, read_only=read_only) as session:
            self.transactions.append([])
            yield _RecordedSession(session, self.transactions[-1])


class _RecordedSession(Session):
    def __init__(self, session: Session, statements: list[Statement]) -> None:
        self._session = session
        self._statements = statements

    async def fetch(self, query: Query, *args: Any) -> list[asyncpg.Record]:
        self._statements.append((query.sql, args))
        return await self._session.fetch(query, *args)

    async def fetch_row(self, query: Query, *args: Any) -> asyncpg.Record | None:
        self._statements.append((query.sql, args))
        return await self._session.fetch_row(query, *args)

    async def fetch_value(self, query: Query, *args: Any) -> Any:
        self._statements.append((query.sql, args))
        return await self._session.fetch_value(query, *args)
