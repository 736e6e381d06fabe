"""A real database with meetings in it, written with plain SQL, and the service's store over it."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from importlib.resources import files
from uuid import UUID, uuid4

import asyncpg
import pytest
from opentelemetry import trace
from pgvector import SparseVector
from pgvector.asyncpg import register_vector
from prometheus_client import CollectorRegistry

from sagwan_runtime.metrics import DatabaseMetrics
from sagwan_runtime.postgres.database import Database, open_database
from sagwan_runtime.postgres.queries import load_queries
from sagwan_runtime.settings import DatabaseSettings
from sagwan_search.adapters.postgres import CONNECTION_SETTINGS, PostgresMeetingStore
from sagwan_text.speakers import speaker_key
from sagwan_text.terms import TERM_IDS_MAX

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
            "tenant_id meeting_key ordinal speaker speaker_key start_ms end_ms kind text",
            [
                (
                    tenant_id, meeting_key, each.ordinal, each.speaker, speaker_key(each.speaker), each.start_ms,
                    each.end_ms, each.kind, each.text,
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
                    sorted(each.document_weights), _sparse(each.document_weights),
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
    return MeetingWriter(owner, memory_store, f"chunk_vectors_{model_id}")


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
