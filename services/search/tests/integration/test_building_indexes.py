"""Indexes built, swapped and cleared away on a real database, while it is read and written."""

import asyncio
from urllib.parse import urlsplit

import pytest

from sagwan_runtime.deadline import Deadline
from sagwan_runtime.errors import Conflict, DependencyUnavailable, PreconditionFailed
from sagwan_search.adapters.index_sql import create_index
from sagwan_search.domain.indexes import IndexKind, Quantization, build_memory_bytes, plan_for
from sagwan_search.index_building import IndexBuilding

pytestmark = pytest.mark.integration

ROWS = 4_000
INDEXES = "SELECT indexname FROM pg_indexes WHERE tablename = 'chunk_vectors_1' AND indexdef ~ 'hnsw|ivfflat'"


def soon() -> Deadline:
    return Deadline.after(30)


async def names(owner):
    return [row["indexname"] for row in await owner.fetch(INDEXES)]


@pytest.fixture
def building(index_store, index_builder):
    return IndexBuilding(index_store, index_builder(), memory_bytes_max=1 << 30)


async def rebuilt(building, *wanted):
    return [each async for each in building.rebuild(*wanted)]


async def test_an_index_of_every_kind_takes_the_place_of_the_last_one(
    filled, index_store, building, owner, store, sample_meeting
):
    tenant_id = await filled(ROWS)
    for kind, quantization, expected in (
        (None, None, ["chunk_vectors_1_hnsw"]),
        (IndexKind.IVFFLAT, Quantization.HALFVEC, ["chunk_vectors_1_ivfflat"]),
        (IndexKind.IVFFLAT, Quantization.BINARY, ["chunk_vectors_1_ivfflat"]),
        (IndexKind.HNSW, Quantization.NONE, ["chunk_vectors_1_hnsw"]),
        (IndexKind.EXACT, None, []),
    ):
        steps = await rebuilt(building, kind, quantization)
        assert (steps[-1].phase, steps[-1].share) == ("done", 1.0)
        assert [each.share for each in steps] == sorted(each.share for each in steps)
        assert await names(owner) == expected
        (table,) = await index_store.tables(soon())
        assert table.state.plan.kind is (kind or IndexKind.HNSW)
        assert table.state.is_there is (kind is not IndexKind.EXACT)
        assert table.state.row_count == ROWS == table.state.built_rows
        assert (table.size_bytes > 0) is (kind is not IndexKind.EXACT)
        if kind is IndexKind.IVFFLAT:
            assert (table.state.plan.lists, table.state.settings.probes) == (63, 8)
        async with store.look(tenant_id, soon()) as session:
            await session.serving_model()
            assert len(await session.nearest(sample_meeting.vector(3), 100)) == 100


async def test_rows_that_come_while_an_index_is_built_are_found(filled, meetings, building, store, sample_meeting):
    await filled(ROWS)
    vector = sample_meeting.vector(1)
    found = []
    async for _ in building.rebuild(IndexKind.HNSW):
        tenant_id = await meetings.tenant(sample_meeting("m", [("Ann", "budget")], vectors=[vector]))
        async with store.look(tenant_id, soon()) as session:
            await session.serving_model()
            found.append(await session.nearest(vector, 5))
    assert len(found) > 1
    assert all(len(each) == 1 and each[0].score == pytest.approx(1, abs=1e-6) for each in found)


async def test_a_build_goes_on_when_nobody_listens_and_others_go_along_with_it(filled, building, owner):
    await filled(ROWS)
    async for _ in building.rebuild(IndexKind.HNSW):
        break
    with pytest.raises(Conflict, match="another kind"):
        await rebuilt(building, IndexKind.IVFFLAT)
    with pytest.raises(Conflict, match="over halfvec"):
        await rebuilt(building, IndexKind.HNSW, Quantization.BINARY)
    steps = await rebuilt(building)
    assert steps[-1].phase == "done"
    assert await names(owner) == ["chunk_vectors_1_hnsw"]


async def test_one_builder_works_at_a_time(filled, index_store, index_builder, building):
    await filled(100)
    async with index_builder().alone():
        with pytest.raises(Conflict):
            await rebuilt(building, IndexKind.HNSW)
    await rebuilt(building, IndexKind.HNSW)


async def test_a_build_whose_connection_is_killed_leaves_the_old_index_in_use_and_nothing_else(
    filled, index_store, building, owner
):
    await filled(30_000)
    await rebuilt(building, IndexKind.IVFFLAT)

    async def kill():
        sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_progress_create_index WHERE phase LIKE 'building%'"
        while not await owner.fetch(sql):  # noqa: ASYNC110  # another connection's work rings no bell
            await asyncio.sleep(0.01)

    killing = asyncio.create_task(kill())
    with pytest.raises(DependencyUnavailable):
        await rebuilt(building, IndexKind.HNSW)
    await killing
    (table,) = await index_store.tables(soon())
    assert table.state.plan.kind is IndexKind.IVFFLAT
    assert await names(owner) == ["chunk_vectors_1_ivfflat"]


async def test_a_process_that_stops_ends_its_build_and_takes_away_what_there_is_of_it(
    filled, index_store, index_builder, building, owner
):
    await filled(30_000)
    async for step in building.rebuild(IndexKind.HNSW):
        if step.phase.startswith("building"):
            break
    await building.close()
    assert await names(owner) == []
    (table,) = await index_store.tables(soon())
    assert table.state.plan.kind is IndexKind.EXACT
    async with index_builder().alone() as work:
        assert await work.progress() is None


@pytest.mark.parametrize("left", ["chunk_vectors_1_next", "chunk_vectors_1_old"])
async def test_what_a_crash_left_behind_is_found_and_removed(filled, index_store, building, owner, left):
    await filled(1_000)
    await rebuilt(building, IndexKind.HNSW)
    await owner.execute(create_index(left, "chunk_vectors_1", plan_for(IndexKind.IVFFLAT, 1_000), 8))
    await owner.execute("CREATE INDEX by_hand ON chunk_vectors_1 USING hnsw (embedding vector_cosine_ops)")
    (table,) = await index_store.tables(soon())
    assert await index_store.leftovers(table, soon()) == [left]

    await building.sweep(table)

    assert await index_store.leftovers(table, soon()) == []
    # What somebody else made is left to them.
    assert sorted(await names(owner)) == ["by_hand", "chunk_vectors_1_hnsw"]


async def test_an_index_that_is_not_valid_is_missing_until_it_is_built_again(filled, index_store, building, owner):
    await filled(1_000)
    await rebuilt(building, IndexKind.HNSW)
    await owner.execute("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'chunk_vectors_1_hnsw'::regclass")
    (table,) = await index_store.tables(soon())
    assert not table.state.is_there
    await rebuilt(building)
    (table,) = await index_store.tables(soon())
    assert table.state.is_there


async def test_a_build_that_would_not_fit_into_memory_is_refused_before_it_starts(
    filled, index_store, index_builder, owner
):
    await filled(ROWS)
    needed = build_memory_bytes(plan_for(IndexKind.HNSW, ROWS), ROWS, 8)
    building = IndexBuilding(index_store, index_builder(), memory_bytes_max=needed // 2)
    with pytest.raises(PreconditionFailed, match="swap"):
        await rebuilt(building, IndexKind.HNSW)
    assert await names(owner) == []
    # IVFFlat keeps a sample in memory and not the rows.
    await rebuilt(building, IndexKind.IVFFLAT, Quantization.BINARY)
    assert await names(owner) == ["chunk_vectors_1_ivfflat"]


@pytest.mark.parametrize("quantization", Quantization)
async def test_the_estimate_of_a_graph_is_what_pgvector_takes_and_not_much_more(filled, owner, quantization):
    """pgvector says when a graph no longer fits into the memory that it was given."""
    await filled(ROWS)
    plan = plan_for(IndexKind.HNSW, ROWS, quantization)
    needed = build_memory_bytes(plan, ROWS, 8)
    told = []
    owner.add_log_listener(lambda _, message: told.append(str(message)))
    await owner.execute("SET max_parallel_maintenance_workers = 0")
    for share, outgrown in ((1.1, False), (0.7, True)):
        await owner.execute(f"SET maintenance_work_mem = '{round(needed * share) >> 10}kB'")
        await owner.execute(create_index("trial", "chunk_vectors_1", plan, 8))
        await asyncio.sleep(0)
        assert any("no longer fits" in each for each in told) is outgrown
        await owner.execute("DROP INDEX trial")


async def test_a_login_that_does_not_own_the_tables_is_told_so_and_one_that_does_builds(
    filled, index_store, index_builder, owner, postgres_url, database_url
):
    await filled(500)
    other = f"login_{urlsplit(database_url).path.strip('/')}"
    await owner.execute(f"CREATE ROLE {other} LOGIN PASSWORD 'x' IN ROLE sagwan_service")
    try:
        parts = urlsplit(database_url)
        host = parts.netloc.rpartition("@")[2]
        url = parts._replace(netloc=f"{other}:x@{host}").geturl()
        building = IndexBuilding(index_store, index_builder(url), memory_bytes_max=1 << 30)
        with pytest.raises(DependencyUnavailable, match="must own"):
            await rebuilt(building, IndexKind.HNSW)

        for table in ("chunk_vectors_1", "vector_indexes"):
            await owner.execute(f"ALTER TABLE {table} OWNER TO {other}")
        await owner.execute(f"GRANT CREATE ON SCHEMA public TO {other}")
        await rebuilt(building, IndexKind.HNSW)
        assert await names(owner) == ["chunk_vectors_1_hnsw"]
    finally:
        await owner.execute(f"REASSIGN OWNED BY {other} TO CURRENT_USER")
        await owner.execute(f"DROP OWNED BY {other}")
        await owner.execute(f"DROP ROLE {other}")


async def test_before_the_first_ingest_there_is_nothing_to_build(index_store, building):
    assert await index_store.tables(soon()) == []
    with pytest.raises(PreconditionFailed, match="first ingest"):
        await rebuilt(building)


async def test_a_server_that_cannot_be_reached_is_a_dependency(index_store, index_builder, filled):
    await filled(10)
    building = IndexBuilding(index_store, index_builder("postgresql://nobody@127.0.0.1:1/none"), memory_bytes_max=1)
    with pytest.raises(DependencyUnavailable):
        await rebuilt(building)
