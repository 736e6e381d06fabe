import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.resources import files
from urllib.parse import urlsplit

import asyncpg
import numpy as np
import pytest
from opentelemetry import trace
from prometheus_client import CollectorRegistry
from scale_data.adding import Addition, adding
from scale_data.building import DatabaseBuild, Stages, opened
from scale_data.copying import MeetingRows, copy_rows
from scale_data.lines import CoreChunk, CoreMeeting, LineTerms, lines_of
from scale_data.recombining import Recombiner, meeting_sizes
from scale_data.server import copied

from sagwan_client.errors import StackError
from sagwan_ingest.adapters.models import PostgresModelStore
from sagwan_ingest.adapters.postgres import PostgresMeetingStore
from sagwan_ingest.ports import Model
from sagwan_runtime.deadline import Deadline
from sagwan_runtime.metrics import DatabaseMetrics
from sagwan_runtime.postgres.database import open_database
from sagwan_runtime.postgres.queries import load_queries
from sagwan_runtime.postgres.tenants import ensure_tenant
from sagwan_runtime.settings import DatabaseSettings
from sagwan_search.adapters.postgres import PostgresMeetingStore as SearchedMeetings
from sagwan_search.domain.candidates import every_candidate
from sagwan_search.domain.lexical import WeightedTerm
from sagwan_text.analysis import Analyzer
from sagwan_text.korean import load_tagger

pytestmark = pytest.mark.integration

_DIMENSION = 8
_MODEL = Model("hashes", "1", "none", "sha-of-model", _DIMENSION)
_SAID = {
    "en": "The case should be spongy. It must not break, and COVID-19 changed the budget: {}. Nobody asked for more.",
    "ko": "의석을 정돈해 주시기 바랍니다. 예산 {}원을 삭감하는 것에 대하여 이의 없으십니까?",
}
# Every column of a row but its keys, its tenant and when it was written.
_CONTENT = "to_jsonb(r) - '{tenant_id,meeting_key,chunk_id,created_at,updated_at}'::text[]"
_TABLES = ("meetings", "utterances", "chunks", "chunk_terms", "chunk_vectors_1", "completions")


def _core_meetings():
    random = np.random.default_rng(1)
    meetings = []
    for language, said in _SAID.items():
        for copy in range(3):
            vectors = random.normal(size=(6, _DIMENSION)).astype(np.float32)
            chunks = [
                CoreChunk(
                    tuple(lines_of((f"Speaker {copy}", said.format(copy * 10 + place)) for _ in range(2))),
                    vector / np.linalg.norm(vector),
                )
                for place, vector in enumerate(vectors)
            ]
            meetings.append(CoreMeeting(language, tuple(chunks)))
    return meetings


@pytest.fixture
def recombiner():
    return Recombiner(_core_meetings(), LineTerms(Analyzer(load_tagger()).terms), _MODEL.sha256)


async def _store(stack, url):
    database = await stack.enter_async_context(
        open_database(
            DatabaseSettings(url=url),
            DatabaseMetrics(CollectorRegistry()),
            trace.NoOpTracer(),
            application_name="tests",
        )
    )
    models = PostgresModelStore(database, load_queries(files("sagwan_ingest.adapters") / "models.sql"))
    await models.register(_MODEL, Deadline.after(10))
    return PostgresMeetingStore(database, load_queries(files("sagwan_ingest.adapters") / "queries.sql"))


@asynccontextmanager
async def _searched(url, tenant_id):
    """A session of the search service."""
    async with open_database(
        DatabaseSettings(url=url), DatabaseMetrics(CollectorRegistry()), trace.NoOpTracer(), application_name="tests"
    ) as database:
        store = SearchedMeetings(database, load_queries(files("sagwan_search.adapters") / "queries.sql"))
        async with store.look(tenant_id, Deadline.after(10)) as session:
            yield session


async def _content(connection: asyncpg.Connection, tenant_id) -> dict[str, list[str]]:
    """Everything that is kept of a tenant's meetings, keys left out."""
    found = {}
    for table in _TABLES:
        rows = await connection.fetch(
            f"SELECT ({_CONTENT} || jsonb_build_object('meeting', m.meeting_id))::text AS row"
            f" FROM {table} AS r JOIN meetings AS m ON m.meeting_key = r.meeting_key WHERE r.tenant_id = $1 ORDER BY 1",
            tenant_id,
        )
        found[table] = [row["row"] for row in rows]
    for view, columns in (("term_statistics", "term_id, chunk_count"), ("corpus_statistics", "chunk_count")):
        rows = await connection.fetch(f"SELECT {columns} FROM {view} WHERE tenant_id = $1 ORDER BY 1", tenant_id)
        found[view] = [str(tuple(row)) for row in rows]
    return found


async def test_what_is_copied_is_what_ingest_writes(new_database, recombiner):
    url = await new_database()
    async with AsyncExitStack() as stack:
        store = await _store(stack, url)
        connection = await stack.enter_async_context(opened(url))
        ingested, copied = [await ensure_tenant(connection, name) for name in ("ingested", "copied")]
        meetings = [recombiner.meeting(number, 5) for number in (0, 1, 20)]
        await store.keep(ingested, meetings, Deadline.after(30))
        rows = MeetingRows(copied, "chunk_vectors_1")
        await copy_rows(connection, rows.of(meetings, meeting_key=1_000, chunk_id=5_000))
        expected, found = await _content(connection, ingested), await _content(connection, copied)
    assert all(expected.values())
    assert found == expected


async def test_what_is_copied_can_be_searched_as_the_services_do(new_database, recombiner):
    url = await new_database()
    async with AsyncExitStack() as stack:
        await _store(stack, url)
        connection = await stack.enter_async_context(opened(url))
        tenant_id = await ensure_tenant(connection, "copied")
        meeting = recombiner.meeting(0, 5)
        rows = MeetingRows(tenant_id, "chunk_vectors_1")
        await copy_rows(connection, rows.of([meeting], meeting_key=7, chunk_id=70))
        sought = meeting.chunks[2]
        term = next(iter(sought.weights))
        searched = await stack.enter_async_context(_searched(url, tenant_id))
        statistics = await searched.term_statistics([term])
        weighted = WeightedTerm("", term, 1, statistics.chunk_counts[term], 1.0)
        matches = await searched.lexical(every_candidate([weighted]), [weighted], 10)
        await searched.serving_model()
        nearest = await searched.nearest(meeting.vectors[sought.text_sha256], 1)
    holders = {70 + place for place, each in enumerate(meeting.chunks) if term in each.weights}
    assert statistics.corpus_count == 5
    assert statistics.chunk_counts[term] == len(holders)
    assert {each.chunk_id for each in matches} == holders
    assert [each.chunk_id for each in nearest] == [72]


async def test_a_build_that_was_stopped_goes_on_and_ends_like_one_that_was_not(new_database, recombiner):
    class Stopped(Exception):
        pass

    def stop(_):
        raise Stopped

    core_url, whole_url, stopped_url = [await new_database() for _ in range(3)]
    # Three transactions of two meetings with 40 chunks, the last meeting not full.
    chunks = 30 + 215
    async with AsyncExitStack() as stack:
        contents = []
        core = await stack.enter_async_context(opened(core_url))
        tenant_id = await ensure_tenant(core, "local")
        meetings = [recombiner.meeting(number, 5) for number in range(6)]
        for url in (core_url, whole_url, stopped_url):
            # What CREATE DATABASE … TEMPLATE does.
            connection = await stack.enter_async_context(opened(url))
            await connection.execute("DELETE FROM tenants")
            await connection.execute("INSERT INTO tenants (tenant_id, name) VALUES ($1, 'local')", tenant_id)
            store = await _store(stack, url)
            await store.keep(tenant_id, meetings, Deadline.after(30))
            if url == core_url:
                continue
            if url == stopped_url:
                with pytest.raises(Stopped):
                    await DatabaseBuild(core, connection, Stages(), stop, meetings_a_transaction=2).rows_up_to(chunks)
                assert await connection.fetchval("SELECT count(*) FROM chunks") < chunks
            build = DatabaseBuild(core, connection, Stages(), lambda _: None, meetings_a_transaction=2)
            await build.rows_up_to(chunks)
            await build.indexes()
            assert await connection.fetchval("SELECT count(*) FROM chunks") == chunks
            assert await connection.fetchval("SELECT count(*) FROM pg_indexes WHERE indexname = 'chunk_vectors_1_hnsw'")
            contents.append(await _content(connection, tenant_id))
    assert contents[0] == contents[1]


async def test_a_size_below_the_core_is_refused(new_database, recombiner):
    url, core_url = await new_database(), await new_database()
    async with AsyncExitStack() as stack:
        store = await _store(stack, core_url)
        core, connection = [await stack.enter_async_context(opened(each)) for each in (core_url, url)]
        tenant_id = await ensure_tenant(core, "local")
        await store.keep(tenant_id, [recombiner.meeting(0, 5)], Deadline.after(30))
        with pytest.raises(ValueError, match="5 chunks"):
            await DatabaseBuild(core, connection, Stages(), lambda _: None).rows_up_to(4)


async def test_a_database_that_has_grown_in_use_ends_like_one_that_was_built(new_database, recombiner):
    core_url, grown_url, built_url = [await new_database() for _ in range(3)]
    chunks, contents = 30 + 95, []
    async with AsyncExitStack() as stack:
        core = await stack.enter_async_context(opened(core_url))
        tenant_id = await ensure_tenant(core, "local")
        meetings = [recombiner.meeting(number, 5) for number in range(6)]
        for url in (core_url, grown_url, built_url):
            connection = await stack.enter_async_context(opened(url))
            await connection.execute("DELETE FROM tenants")
            await connection.execute("INSERT INTO tenants (tenant_id, name) VALUES ($1, 'local')", tenant_id)
            store = await _store(stack, url)
            await store.keep(tenant_id, meetings, Deadline.after(30))
            await store.fold_statistics(tenant_id, Deadline.after(30))
            if url == grown_url:
                with adding(core_url, url) as process:
                    process.begin(Addition(number=6, sizes=meeting_sizes(80)))
                    first = process.added()
                    process.begin(Addition(number=8, sizes=meeting_sizes(15)))
                    second = process.added()
                assert [(each.chunks, each.sought, each.found) for each in (first, second)] == [(80, 2, 2), (15, 1, 1)]
                assert first.seconds > 0
            if url == built_url:
                await DatabaseBuild(core, connection, Stages(), lambda _: None).rows_up_to(chunks)
            contents.append(await _content(connection, tenant_id))
    assert contents[1] != contents[0]
    assert contents[1] == contents[2]


async def test_a_process_that_cannot_begin_to_write_is_not_waited_for(new_database):
    url = await new_database()
    with pytest.raises(RuntimeError, match="has ended"), adding(url, url):
        pass


def test_a_copy_is_written_into_alone_and_dropped(new_database, postgres_url):
    url = asyncio.run(new_database())
    name = urlsplit(url).path.removeprefix("/")
    copy_url = urlsplit(url)._replace(path=f"/{name}_copy").geturl()

    async def tenants(of, add=None):
        async with opened(of) as connection:
            if add:
                await ensure_tenant(connection, add)
            return [row["name"] for row in await connection.fetch("SELECT name FROM tenants ORDER BY name")]

    asyncio.run(tenants(url, add="first"))
    for _ in range(2):
        with copied(postgres_url, name, f"{name}_copy"):
            assert asyncio.run(tenants(copy_url, add="second")) == ["first", "second"]
        assert asyncio.run(tenants(url)) == ["first"]
    with pytest.raises(StackError):
        asyncio.run(tenants(copy_url))
