"""A real database with meetings in it, written with plain SQL, and the service's store over it."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import date
from importlib.resources import files
from uuid import UUID, uuid4

import asyncpg
import numpy as np
import pytest
from opentelemetry import trace
from pgvector import SparseVector
from pgvector.asyncpg import register_vector
from prometheus_client import CollectorRegistry

from sagwan_runtime.metrics import DatabaseMetrics
from sagwan_runtime.postgres.database import Database, open_database
from sagwan_runtime.postgres.queries import load_queries
from sagwan_runtime.settings import DatabaseSettings
from sagwan_search.adapters.index_builder import PostgresIndexBuilder
from sagwan_search.adapters.index_sql import CONNECTION_SETTINGS, create_index, index_name
from sagwan_search.adapters.indexes import PostgresIndexStore
from sagwan_search.adapters.postgres import PostgresMeetingStore
from sagwan_search.adapters.vectors import table_of
from sagwan_search.domain.indexes import IndexPlan, SearchSettings, settings_for
from sagwan_text.speakers import speaker_key
from sagwan_text.terms import TERM_IDS_MAX
from sagwan_text.tiers import index_keys

DIMENSION = 8


class MeetingWriter:
    """Writes sample meetings to PostgreSQL and to the twin in memory, so that both hold the same."""

    def __init__(self, owner: asyncpg.Connection, twin, vectors_table: str) -> None:
        self._owner = owner
        self._twin = twin
        self.vectors_table = vectors_table

    async def tenant(self, *meetings) -> UUID:
        """A new tenant that holds these meetings and nothing else."""
        tenant_id = uuid4()
        await self._owner.execute("INSERT INTO tenants (tenant_id, name) VALUES ($1, $2)", tenant_id, str(tenant_id))
        self._twin.add(tenant_id, *meetings)
        async with self._owner.transaction():
            for meeting in meetings:
                await self._write(tenant_id, meeting)
            await self._write_statistics(tenant_id)
        return tenant_id

    async def _write(self, tenant_id: UUID, meeting) -> None:
        summary, facts = meeting.summary, meeting.facts
        meeting_key = await self._owner.fetchval(
            """
            INSERT INTO meetings (tenant_id, meeting_id, title, held_on, language, series, participants, tags, source,
                attributes, content_sha256, utterance_count, chunk_count, series_key, participant_keys, tag_keys)
            VALUES ($1, $2, $3, $4, $7, $8, $9, $10, '', '{}', '', $5, $6, $11, $12, $13)
            RETURNING meeting_key
            """,
            tenant_id,
            summary.meeting_id,
            summary.title,
            summary.held_on,
            len(meeting.utterances),
            len(meeting.chunks),
            facts.language,
            facts.series,
            facts.participants,
            facts.tags,
            speaker_key(facts.series),
            [speaker_key(each) for each in facts.participants],
            [speaker_key(each) for each in facts.tags],
        )
        await self._copy(
            "utterances",
            "tenant_id meeting_key ordinal speaker speaker_key start_ms end_ms kind text term_offsets",
            [
                (
                    tenant_id, meeting_key, each.ordinal, each.speaker, speaker_key(each.speaker), each.start_ms,
                    each.end_ms, each.kind, each.text, each.term_offsets and each.term_offsets.packed,
                )
                for each in meeting.utterances
            ],
        )  # fmt: skip
        await self._copy(
            "chunks",
            "tenant_id chunk_id meeting_key ordinal first_utterance first_character last_utterance last_character"
            " text_sha256 text",
            [
                (
                    tenant_id, each.chunk_id, meeting_key, ordinal, each.span.first_utterance,
                    each.span.first_character, each.span.last_utterance, each.span.last_character, b"", each.text,
                )
                for ordinal, each in enumerate(meeting.chunks)
            ],
        )  # fmt: skip
        await self._owner.executemany(
            "INSERT INTO chunk_terms VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
            [
                (
                    tenant_id, each.chunk_id, meeting_key, summary.held_on, list(each.speaker_keys),
                    index_keys(each.document_weights), _sparse(each.document_weights),
                    *_kinds_and_times(meeting.touched_by(each)),
                )
                for each in meeting.chunks
            ],
        )  # fmt: skip
        await self._copy(
            self.vectors_table,
            "tenant_id chunk_id meeting_key held_on speakers embedding",
            [
                (tenant_id, each.chunk_id, meeting_key, summary.held_on, list(each.speaker_keys), each.vector)
                for each in meeting.chunks
            ],
        )

    async def _write_statistics(self, tenant_id: UUID) -> None:
        await self._owner.execute(
            """
            INSERT INTO term_stats
            SELECT tenant_id, unnest(term_ids), count(*) FROM chunk_terms WHERE tenant_id = $1 GROUP BY 1, 2
            """,
            tenant_id,
        )
        await self._owner.execute(
            "INSERT INTO corpus_stats SELECT $1, count(*) FROM chunks WHERE tenant_id = $1", tenant_id
        )

    async def _copy(self, table: str, columns: str, rows: Sequence[tuple[object, ...]]) -> None:
        await self._owner.copy_records_to_table(table, columns=columns.split(), records=rows)


def _kinds_and_times(said) -> tuple[list[str], int | None, int | None]:
    times = [time for each in said for time in (each.start_ms, each.end_ms) if time is not None]
    return list({each.kind for each in said}), min(times, default=None), max(times, default=None)


def _sparse(weights: Mapping[int, float]) -> SparseVector:
    # Dimensions count from 1 as term ids do, and from 0 in this type.
    return SparseVector({term - 1: weight for term, weight in weights.items()}, TERM_IDS_MAX)


@pytest.fixture
async def database_url(new_database) -> str:
    return await new_database()


@pytest.fixture
async def owner(database_url) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database_url)
    await register_vector(connection)
    yield connection
    await connection.close()


@pytest.fixture
async def meetings(owner, memory_store) -> MeetingWriter:
    """Writes sample meetings, with vectors of the model that serves."""
    model_id = await owner.fetchval(
        "SELECT register_model('hashes', '1', 'none', $1, $2)", memory_store.model.sha256, DIMENSION
    )
    return MeetingWriter(owner, memory_store, table_of(model_id))


@pytest.fixture
async def build_index(owner, meetings) -> Callable[..., Awaitable[None]]:
    """Gives the table of vectors an index of a plan, and records it as the service's builder does."""

    async def build(plan: IndexPlan, settings: SearchSettings | None = None) -> None:
        name = index_name(meetings.vectors_table, plan.kind)
        await owner.execute(create_index(name, meetings.vectors_table, plan, DIMENSION))
        searched = settings or settings_for(plan)
        await owner.execute(
            """
            UPDATE vector_indexes
            SET kind = $1, quantization = $2, m = $3, ef_construction = $4, lists = $5, ef_search = $6, probes = $7,
                iterative_scan = $8, rescored = $9
            """,
            plan.kind.value,
            plan.quantization.value,
            plan.m,
            plan.ef_construction,
            plan.lists,
            searched.ef_search,
            searched.probes,
            searched.iterative_scan.value,
            searched.rescored,
        )

    return build


@pytest.fixture
async def open_pool(database_url) -> AsyncIterator[Callable[..., Awaitable[Database]]]:
    """Opens the service's pool, with planner settings of the test's own."""
    async with AsyncExitStack() as stack:

        async def opened(**settings: str) -> Database:
            return await stack.enter_async_context(
                open_database(
                    DatabaseSettings(url=database_url, pool_size_max=3),
                    DatabaseMetrics(CollectorRegistry()),
                    trace.NoOpTracer(),
                    application_name="tests",
                    connection_settings={**CONNECTION_SETTINGS, **settings},
                )
            )

        yield opened


@pytest.fixture(scope="session")
def queries():
    return load_queries(files("sagwan_search.adapters") / "queries.sql")


@pytest.fixture
async def store(open_pool, queries) -> PostgresMeetingStore:
    return PostgresMeetingStore(await open_pool(), queries)


@pytest.fixture
async def filled(owner, meetings) -> Callable[..., Awaitable[UUID]]:
    """Adds a tenant with so many chunks and vectors of random directions."""

    async def fill(row_count: int, *, held_on: date = date(2024, 1, 31)) -> UUID:
        tenant_id = uuid4()
        await owner.execute("INSERT INTO tenants (tenant_id, name) VALUES ($1, $2)", tenant_id, str(tenant_id))
        # Beyond the ids of sample meetings.
        await owner.execute("SELECT setval('chunks_chunk_id_seq', greatest(nextval('chunks_chunk_id_seq'), 1000000))")
        rows = await owner.fetch(
            """
            WITH meeting AS (
                INSERT INTO meetings (tenant_id, meeting_id, title, held_on, language, series, participants, tags,
                    source, attributes, content_sha256, utterance_count, chunk_count)
                VALUES ($1, 'random', 't', $2, '', '', '{}', '{}', '', '{}', '', 0, $3)
                RETURNING meeting_key
            )
            INSERT INTO chunks (tenant_id, meeting_key, ordinal, first_utterance, first_character, last_utterance,
                last_character, text_sha256, text)
            SELECT $1, meeting_key, g, g, 0, g, 1, '', 'x' FROM meeting, generate_series(1, $3) AS g
            RETURNING chunk_id, meeting_key
            """,
            tenant_id,
            held_on,
            row_count,
        )
        vectors = np.random.default_rng(row_count).normal(size=(row_count, DIMENSION))
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        await owner.copy_records_to_table(
            meetings.vectors_table,
            columns=["tenant_id", "chunk_id", "meeting_key", "held_on", "speakers", "embedding"],
            records=[
                (tenant_id, row["chunk_id"], row["meeting_key"], held_on, ["ann"], vector)
                for row, vector in zip(rows, vectors.astype(np.float32), strict=True)
            ],
        )
        await owner.execute(f"ANALYZE {meetings.vectors_table}")
        return tenant_id

    return fill


@pytest.fixture(scope="session")
def index_queries():
    return load_queries(files("sagwan_search.adapters") / "indexes.sql")


@pytest.fixture
async def index_store(open_pool, queries, index_queries) -> PostgresIndexStore:
    return PostgresIndexStore(await open_pool(), index_queries, queries)


@pytest.fixture
def index_builder(database_url, index_queries) -> Callable[..., PostgresIndexBuilder]:
    """Makes builders with the rights of the tables' owner, or of another login."""
    return lambda url=database_url: PostgresIndexBuilder(url, index_queries, application_name="tests")
