"""From the core to a whole database: rows, statistics, indexes. A build that was stopped goes on where it was."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Container, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from uuid import UUID

import asyncpg
from opentelemetry import trace
from pgvector.asyncpg import register_vector
from prometheus_client import CollectorRegistry
from stack import ROOT

from sagwan_bench.results import Figure
from sagwan_client.local.postgres import EmbeddedPostgres
from sagwan_client.local.schema import DATABASE_NAME, migrated, owner_connection
from sagwan_ingest.adapters.postgres import PostgresMeetingStore
from sagwan_runtime.deadline import Deadline
from sagwan_runtime.metrics import DatabaseMetrics
from sagwan_runtime.postgres.database import Database, open_database
from sagwan_runtime.postgres.queries import load_queries
from sagwan_runtime.settings import DatabaseSettings
from sagwan_search.adapters.index_sql import create_index, index_name
from sagwan_search.adapters.vectors import table_of
from sagwan_search.domain.indexes import IndexKind, plan_for
from scale_data.copying import MeetingRows, copy_rows
from scale_data.core import keep_meetings, read_core, write_meetings
from scale_data.making import Batch, Source, made_ahead
from scale_data.recombining import CHUNKS_A_MEETING, meeting_sizes
from scale_data.server import HOME, MODEL, core_name, database_name

QUERIES = load_queries(Path(__file__).parent / "statements.sql")
# Some 3 MB of rows.
_MEETINGS_A_TRANSACTION = 25
_FOLD_TIMEOUT_S = 3_600.0
_PARTIAL = "_partial"


@dataclass(slots=True)
class Stages:
    """Where the time of a build goes.

    Attributes:
        seconds: By stage, in order.
    """

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Adds the time inside the block to a stage."""
        begun = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[stage] = self.seconds.get(stage, 0.0) + time.perf_counter() - begun

    def figures(self) -> list[Figure]:
        """A figure a stage."""
        return [Figure(f"build_{stage}_s", seconds, "s") for stage, seconds in self.seconds.items()]


@dataclass(frozen=True, slots=True)
class Size:
    """How large a database is to be, and what its indexes may take to build.

    Attributes:
        chunks: The core's included.
        maintenance_mb: Memory for building an index.
        workers: Processes that help to build one.
    """

    chunks: int
    maintenance_mb: int
    workers: int


def build(server: EmbeddedPostgres, size: Size, data: Path, tell: Callable[[str], None]) -> list[Figure]:
    """Makes the database of a size, unless it is there.

    Args:
        server: Where.
        size: How large.
        data: The evaluation data that it is made of.
        tell: Told how far it is.

    Returns:
        How long each stage of this run took.

    Raises:
        ValueError: The core alone has more chunks.
    """
    stages = Stages()
    with stages.timed("core"):
        _ensure_core(server, data, tell)
    asyncio.run(_ensure_database(server, size, stages, tell))
    return stages.figures()


def _ensure_core(server: EmbeddedPostgres, data: Path, tell: Callable[[str], None]) -> None:
    name, partial = core_name(), core_name() + _PARTIAL
    if not asyncio.run(_created(server, name, partial, template=DATABASE_NAME)):
        tell("the core: real meetings, through ingest")
        write_meetings(data, HOME / "core.jsonl")
        keep_meetings(HOME / "core.jsonl", HOME / "stack", MODEL, server.dsn(partial))
        asyncio.run(_renamed(server, partial, name))
    asyncio.run(_migrated(server.dsn(name)))


async def _ensure_database(server: EmbeddedPostgres, size: Size, stages: Stages, tell: Callable[[str], None]) -> None:
    name = database_name(size.chunks)
    partial = name + _PARTIAL
    if await _created(server, name, partial, template=core_name()):
        tell(f"{name} is there already")
        return
    await _migrated(server.dsn(partial))
    async with opened(server.dsn(core_name())) as core, opened(server.dsn(partial)) as connection:
        database = DatabaseBuild(core, connection, stages, tell)
        await database.rows_up_to(size.chunks)
        with stages.timed("statistics"):
            await _fold(server.dsn(partial), await connection.fetchval(QUERIES["tenants"].sql))
            await connection.execute(QUERIES["move_sequences"].sql)
        await connection.execute(f"SET maintenance_work_mem = '{size.maintenance_mb}MB'")
        await connection.execute(f"SET max_parallel_maintenance_workers = {size.workers}")
        await database.indexes()
        with stages.timed("vacuum"):
            await connection.execute("VACUUM (ANALYZE)")
            await connection.execute("CHECKPOINT")
    await _renamed(server, partial, name)


class DatabaseBuild:
    """One database that is made of a core in another one."""

    def __init__(
        self,
        core: asyncpg.Connection,
        connection: asyncpg.Connection,
        stages: Stages,
        tell: Callable[[str], None],
        *,
        meetings_a_transaction: int = _MEETINGS_A_TRANSACTION,
    ) -> None:
        """Takes both databases.

        Args:
            core: A connection to the one that is read.
            connection: One to the copy of it that is filled, as its owner, with foreign keys left unchecked.
            stages: Where the time goes.
            tell: Told how far it is, after each transaction.
            meetings_a_transaction: What is lost at most when it is stopped.
        """
        self._core = core
        self._connection = connection
        self._stages = stages
        self._tell = tell
        self._meetings_a_transaction = meetings_a_transaction

    async def rows_up_to(self, chunks: int) -> None:
        """Copies meetings until there are so many chunks; the same ones whether or not it was stopped on the way.

        Raises:
            ValueError: The core alone has more.
        """
        core_extent = await self._core.fetchrow(QUERIES["extent"].sql)
        extent = await self._connection.fetchrow(QUERIES["extent"].sql)
        if chunks < core_extent["chunks"]:
            raise ValueError(f"the core alone has {core_extent['chunks']} chunks")
        if extent["chunks"] == chunks:
            return
        model = await self._core.fetchrow(QUERIES["serving_model"].sql)
        tenant_id = await self._core.fetchval(QUERIES["tenants"].sql)
        for index in await self._secondary_indexes():
            await self._connection.execute(f'DROP INDEX IF EXISTS "{index["name"]}"')
        rows = MeetingRows(tenant_id, f"chunk_vectors_{model['model_id']}")
        with self._stages.timed("read_core"):
            source = Source(await read_core(self._core, QUERIES), model["sha256"], rows)
        batches = list(self._batches(core_extent, extent["chunks"], chunks))
        copied, begun = extent["chunks"], time.perf_counter()
        with made_ahead(source, batches) as made:
            for batch in batches:
                with self._stages.timed("wait_for_rows"):
                    tables = next(made)
                with self._stages.timed("copy"):
                    await copy_rows(self._connection, tables)
                copied += sum(batch.sizes)
                rate = (copied - extent["chunks"]) / (time.perf_counter() - begun)
                self._tell(f"{copied:,} of {chunks:,} chunks, {rate:,.0f} a second")

    async def indexes(self) -> None:
        """Builds the core's indexes that are missing."""
        there = {each["name"] for each in await self._secondary_indexes(self._connection)}
        for index in await self._secondary_indexes():
            if index["name"] not in there:
                self._tell(index["definition"])
                with self._stages.timed(f"index_{index['name']}"):
                    await self._connection.execute(index["definition"])
        await self._index_of_vectors(there)

    def _batches(self, core: Mapping[str, int], copied: int, chunks: int) -> Iterator[Batch]:
        """What is to be copied in each transaction until there are so many chunks.

        Args:
            core: The extent of the core.
            copied: How many chunks there are.
            chunks: How many there are to be.
        """
        while copied < chunks:
            # Whole meetings but for the last one: how many there are follows from how many chunks there are.
            first = (copied - core["chunks"]) // CHUNKS_A_MEETING
            sizes = meeting_sizes(min(chunks - copied, self._meetings_a_transaction * CHUNKS_A_MEETING))
            yield Batch(
                number=core["meetings"] + first,
                sizes=sizes,
                meeting_key=core["meeting_key"] + 1 + first,
                chunk_id=core["chunk_id"] + 1 + first * CHUNKS_A_MEETING,
            )
            copied += sum(sizes)

    async def _index_of_vectors(self, there: Container[str]) -> None:
        """Builds what the search service would build by itself a minute after it had started."""
        row = await self._connection.fetchrow(QUERIES["index_of_vectors"].sql)
        table, plan = table_of(row["model_id"]), plan_for(IndexKind.HNSW, row["row_count"])
        name = index_name(table, plan.kind)
        if name not in there:
            statement = create_index(name, table, plan, row["dimension"])
            self._tell(statement)
            with self._stages.timed(f"index_{name}"):
                await self._connection.execute(statement)
            await self._connection.execute(
                QUERIES["record_index"].sql,
                row["model_id"],
                plan.quantization.value,
                plan.m,
                plan.ef_construction,
                row["row_count"],
            )

    async def _secondary_indexes(self, connection: asyncpg.Connection | None = None) -> list[asyncpg.Record]:
        """The core's, or those of another database."""
        return list(await (connection or self._core).fetch(QUERIES["secondary_indexes"].sql))


async def _created(server: EmbeddedPostgres, name: str, partial: str, *, template: str) -> bool:
    """Whether a whole database is there; if not, a part of one is there from here on."""
    async with owner_connection(server.dsn("postgres")) as connection:
        there = {row["datname"] for row in await connection.fetch(QUERIES["databases"].sql)}
        if name not in there and partial not in there:
            await connection.execute(f'CREATE DATABASE "{partial}" TEMPLATE "{template}" STRATEGY file_copy')
        return name in there


async def _renamed(server: EmbeddedPostgres, name: str, new_name: str) -> None:
    async with owner_connection(server.dsn("postgres")) as connection:
        await connection.execute(f'ALTER DATABASE "{name}" RENAME TO "{new_name}"')


async def _migrated(dsn: str) -> None:
    async with owner_connection(dsn) as connection:
        await migrated(connection, ROOT / "migrations")


@asynccontextmanager
async def opened(dsn: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection for a build."""
    async with owner_connection(dsn) as connection:
        await register_vector(connection)
        # Foreign keys hold by the way that rows are made, and a lost transaction is made again.
        await connection.execute("SET session_replication_role = replica")
        await connection.execute("SET synchronous_commit = off")
        yield connection


@asynccontextmanager
async def service_database(dsn: str, connection_settings: Mapping[str, str]) -> AsyncIterator[Database]:
    """A pool of connections as the services have it."""
    async with open_database(
        DatabaseSettings(url=dsn),
        DatabaseMetrics(CollectorRegistry()),
        trace.NoOpTracer(),
        application_name="scale-data",
        connection_settings=connection_settings,
    ) as database:
        yield database


async def _fold(dsn: str, tenant_id: UUID) -> None:
    """Adds up the statistics, as ingest does."""
    timeout = {"statement_timeout": str(round(_FOLD_TIMEOUT_S * 1_000))}
    async with service_database(dsn, timeout) as database:
        store = PostgresMeetingStore(database, load_queries(files("sagwan_ingest.adapters") / "queries.sql"))
        await store.fold_statistics(tenant_id, Deadline.after(_FOLD_TIMEOUT_S))
