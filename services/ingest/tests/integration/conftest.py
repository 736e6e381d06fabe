"""A real database, the ingest use case over it, and an inspector that looks past row-level security."""

import asyncio
import hashlib
import json
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from importlib.resources import files
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import numpy as np
import pytest
from opentelemetry import trace
from pgvector.asyncpg import register_vector
from prometheus_client import CollectorRegistry

from sagwan_ingest.adapters.models import PostgresModelStore
from sagwan_ingest.adapters.postgres import PostgresMeetingStore
from sagwan_ingest.domain.chunking import chunk
from sagwan_ingest.domain.indexing import IndexedChunk, completed, indexed, term_offsets
from sagwan_ingest.domain.meeting import Meeting
from sagwan_ingest.domain.tokens import counter
from sagwan_ingest.ingestion import Ingestion, IngestLimits
from sagwan_ingest.ports import Model, Vector
from sagwan_runtime.deadline import Deadline
from sagwan_runtime.metrics import DatabaseMetrics, IngestMetrics
from sagwan_runtime.postgres.database import Database, open_database
from sagwan_runtime.postgres.queries import load_queries
from sagwan_runtime.settings import DatabaseSettings
from sagwan_text.analysis import Analyzer
from sagwan_text.bm25 import Bm25
from sagwan_text.korean import load_tagger
from sagwan_text.speakers import speaker_key
from sagwan_text.tiers import index_keys
from sagwan_text.tokens import estimate_tokens

MODEL = Model("hashes", "1", "none", "sha-of-model", 8)
LIMITS = IngestLimits(chunk_tokens_target=16, chunk_tokens_max=60, embed_texts_max=4, writers_max=8)


class HashEmbedder:
    """Derives a text's unit vector from its hash. Tests count the texts, hold it up, or let it fail.

    Attributes:
        texts: Every text that was asked for.
        asked: Set by a call.
        gate: Waited for, if given, before an answer.
        failing_text: A call with this text in it raises `failure`.
    """

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.asked = asyncio.Event()
        self.gate: asyncio.Barrier | asyncio.Event | None = None
        self.failing_text = ""
        self.failure: Exception | None = None
        self.dimension = MODEL.dimension

    async def embed(self, texts: Sequence[str], model_sha256: str, deadline: Deadline) -> list[Vector]:
        self.texts += texts
        self.asked.set()
        if self.gate is not None:
            await self.gate.wait()
        if self.failure and any(self.failing_text in text for text in texts):
            raise self.failure
        return [self.vector(text) for text in texts]

    async def count_tokens(self, texts: Sequence[str], model_sha256: str, deadline: Deadline) -> Sequence[int]:
        return [estimate_tokens(text) + 4 for text in texts]

    async def models(self) -> list[Model]:
        return [MODEL]

    def vector(self, text: str) -> Vector:
        seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
        numbers = np.random.default_rng(seed).normal(size=self.dimension)
        return (numbers / np.linalg.norm(numbers)).astype(np.float32)


class Inspector:
    """What the tables hold, seen as their owner."""

    def __init__(self, connection: asyncpg.Connection, embedder: HashEmbedder) -> None:
        self._connection = connection
        self._embedder = embedder
        self._analyze = Analyzer(load_tagger()).terms

    def chunks_of(self, meeting: Meeting) -> list[IndexedChunk]:
        """The chunks of a meeting that is ingested into an empty database."""
        limits = {"tokens_target": LIMITS.chunk_tokens_target, "tokens_max": LIMITS.chunk_tokens_max}
        return indexed(
            meeting.title, chunk(meeting.utterances, count_tokens=counter({}), **limits), self._analyze, Bm25()
        )

    async def tables(self) -> list[str]:
        """Every table whose rows belong to a tenant."""
        rows = await self._connection.fetch(
            "SELECT table_name FROM information_schema.columns"
            " JOIN information_schema.tables USING (table_schema, table_name)"
            " WHERE table_schema = 'public' AND table_type = 'BASE TABLE' AND column_name = 'tenant_id' ORDER BY 1"
        )
        return [row["table_name"] for row in rows]

    async def row_versions(self) -> dict[str, list[asyncpg.Record]]:
        """Where each row of each table lies, and which transaction wrote it: any write shows."""
        return {
            table: await self._connection.fetch(f"SELECT ctid::text, xmin::text, t::text FROM {table} AS t ORDER BY 1")
            for table in await self.tables()
        }

    async def row_counts(self, tenant_id: UUID) -> dict[str, int]:
        """Rows of a tenant by table, without the tables that are empty."""
        counts = {
            table: await self._connection.fetchval(f"SELECT count(*) FROM {table} WHERE tenant_id = $1", tenant_id)
            for table in await self.tables()
        }
        return {table: count for table, count in counts.items() if count}

    async def texts(self, tenant_id: UUID) -> dict[str, tuple[str, ...]]:
        """What is said in each meeting of a tenant, turn by turn."""
        rows = await self._rows(
            "SELECT m.meeting_id, array_agg(u.text ORDER BY u.ordinal) AS texts FROM meetings AS m"
            " JOIN utterances AS u USING (meeting_key) WHERE m.tenant_id = $1 GROUP BY m.meeting_id",
            tenant_id,
        )
        return {row["meeting_id"]: tuple(row["texts"]) for row in rows}

    async def assert_holds(self, tenant_id: UUID, *meetings: Meeting) -> None:
        """Every row of a tenant is what ingesting these meetings, and nothing ever before, would have written."""
        stored = await self._rows("SELECT * FROM meetings WHERE tenant_id = $1", tenant_id)
        keys = {row["meeting_id"]: row["meeting_key"] for row in stored}
        assert sorted(keys) == sorted(each.meeting_id for each in meetings)
        expected: dict[str, list[Any]] = {"meetings": [], "utterances": [], "chunks": []}
        term_counts: Counter[int] = Counter()
        for meeting in meetings:
            key, chunks = keys[meeting.meeting_id], self.chunks_of(meeting)
            counts = (len(meeting.utterances), len(chunks))
            expected["meetings"].append((replace(meeting, utterances=()), *counts, _folded(meeting)))
            expected["utterances"] += [
                (key, place, each.speaker, each.start_ms, each.end_ms, each.kind, each.text, offsets)
                for place, (each, offsets) in enumerate(
                    zip(meeting.utterances, term_offsets(meeting.utterances, self._analyze), strict=True)
                )
            ]
            expected["chunks"] += [(key, *self._chunk_row(each, meeting)) for each in chunks]
            term_counts.update(key for each in chunks for key in index_keys(each.weights))
        found = {
            "meetings": [
                (
                    _meeting_of(row),
                    row["utterance_count"],
                    row["chunk_count"],
                    (row["series_key"], row["participant_keys"], row["tag_keys"]),
                )
                for row in stored
            ],
            "utterances": await self._utterance_rows(tenant_id),
            "chunks": await self._chunk_rows(tenant_id),
        }
        for table, rows in expected.items():
            assert sorted(found[table], key=repr) == sorted(rows, key=repr)
        await self._assert_statistics(tenant_id, term_counts, len(expected["chunks"]))

    def _chunk_row(self, each: IndexedChunk, meeting: Meeting) -> tuple[Any, ...]:
        place = each.chunk
        # What lies beside the terms and beside the vector, for filters.
        vectors = (meeting.held_on, list(place.speakers))
        terms = (*vectors, list(place.kinds), place.start_ms, place.end_ms)
        weights = {term: float(np.float32(weight)) for term, weight in sorted(each.weights.items())}
        vector = self._embedder.vector(place.text).tolist()
        span = (place.first_utterance, place.first_character, place.last_utterance, place.last_character)
        return (
            place.ordinal,
            span,
            place.text,
            each.text_sha256,
            index_keys(each.weights),
            weights,
            vector,
            terms,
            vectors,
        )

    async def _chunk_rows(self, tenant_id: UUID) -> list[tuple[Any, ...]]:
        rows = await self._rows(
            """
            SELECT c.*, t.term_ids, t.weights, v.embedding,
                t.held_on AS terms_held_on, t.speakers AS terms_speakers, t.kinds, t.start_ms, t.end_ms,
                v.held_on AS vectors_held_on, v.speakers AS vectors_speakers
            FROM chunks AS c
            LEFT JOIN chunk_terms AS t USING (tenant_id, chunk_id, meeting_key)
            LEFT JOIN chunk_vectors_1 AS v USING (tenant_id, chunk_id, meeting_key)
            WHERE tenant_id = $1
            """,
            tenant_id,
        )
        counts = await self.row_counts(tenant_id)
        assert [counts.get(table, 0) for table in ("chunk_terms", "chunk_vectors_1")] == [len(rows)] * 2
        return [
            (
                row["meeting_key"],
                row["ordinal"],
                (row["first_utterance"], row["first_character"], row["last_utterance"], row["last_character"]),
                row["text"],
                row["text_sha256"],
                row["term_ids"],
                {
                    index + 1: value
                    for index, value in zip(row["weights"].indices(), row["weights"].values(), strict=True)
                },
                row["embedding"].to_list(),
                (row["terms_held_on"], row["terms_speakers"], row["kinds"], row["start_ms"], row["end_ms"]),
                (row["vectors_held_on"], row["vectors_speakers"]),
            )
            for row in rows
        ]

    async def _utterance_rows(self, tenant_id: UUID) -> list[tuple[Any, ...]]:
        rows = await self._rows("SELECT * FROM utterances WHERE tenant_id = $1", tenant_id)
        names = ("meeting_key", "ordinal", "speaker", "start_ms", "end_ms", "kind", "text", "term_offsets")
        return [tuple(row[name] for name in names) for row in rows]

    async def _assert_statistics(self, tenant_id: UUID, term_counts: Mapping[int, int], chunk_count: int) -> None:
        rows = await self._rows("SELECT * FROM term_statistics WHERE tenant_id = $1", tenant_id)
        assert {row["term_id"]: row["chunk_count"] for row in rows} == dict(term_counts)
        query = "SELECT chunk_count FROM corpus_statistics WHERE tenant_id = $1"
        assert (await self._connection.fetchval(query, tenant_id) or 0) == chunk_count

    async def _rows(self, query: str, tenant_id: UUID) -> list[asyncpg.Record]:
        return await self._connection.fetch(query, tenant_id)


def _folded(meeting: Meeting) -> tuple[str, list[str], list[str]]:
    participants, tags = ([speaker_key(each) for each in names] for names in (meeting.participants, meeting.tags))
    return speaker_key(meeting.series), participants, tags


def _meeting_of(row: Mapping[str, Any]) -> Meeting:
    own = {name: row[name] for name in ("meeting_id", "title", "started_at", "held_on", "language", "series", "source")}
    lists = {name: tuple(row[name]) for name in ("participants", "tags")}
    return Meeting(**own, **lists, attributes=json.loads(row["attributes"]))


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
async def database(database_url) -> AsyncIterator[Database]:
    async with open_database(
        DatabaseSettings(url=database_url, pool_size_max=10),
        DatabaseMetrics(CollectorRegistry()),
        trace.NoOpTracer(),
        application_name="tests",
    ) as opened:
        yield opened


@pytest.fixture
def embedder() -> HashEmbedder:
    return HashEmbedder()


@pytest.fixture
def model_store(database) -> PostgresModelStore:
    return PostgresModelStore(database, load_queries(files("sagwan_ingest.adapters") / "models.sql"))


@pytest.fixture
async def store(database, model_store) -> PostgresMeetingStore:
    """The store, with the embedder's model serving."""
    await model_store.register(MODEL, Deadline.after(5))
    return PostgresMeetingStore(database, load_queries(files("sagwan_ingest.adapters") / "queries.sql"))


@pytest.fixture
def inspector(owner, embedder) -> Inspector:
    return Inspector(owner, embedder)


@pytest.fixture
async def new_tenant(owner):
    async def create() -> UUID:
        tenant_id = uuid4()
        await owner.execute("INSERT INTO tenants (tenant_id, name) VALUES ($1, $2)", tenant_id, str(tenant_id))
        return tenant_id

    return create


@pytest.fixture
def worker() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as executor:
        yield executor


@pytest.fixture
def ingestion(store, embedder, worker) -> Ingestion:
    """The use case; a sentence or two make a chunk."""
    metrics = IngestMetrics(CollectorRegistry())
    return Ingestion(store, embedder, Analyzer(load_tagger()).terms, worker, metrics, LIMITS)


@pytest.fixture
def ingest(ingestion):
    """Ingests meetings for a tenant, within so many seconds, and gives what became of each."""

    async def call(tenant_id: UUID, *meetings: Meeting, seconds: float = 30):
        return await ingestion.ingest(tenant_id, [completed(each) for each in meetings], Deadline.after(seconds))

    return call
