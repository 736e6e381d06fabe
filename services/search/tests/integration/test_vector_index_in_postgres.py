"""The vector leg through each kind of index. They are forced: on tables of this size the planner would rather scan."""

from dataclasses import replace
from datetime import date

import pytest

from sagwan_runtime.deadline import Deadline
from sagwan_runtime.postgres.queries import Query
from sagwan_search.adapters.index_sql import index_name
from sagwan_search.adapters.postgres import PostgresMeetingStore
from sagwan_search.adapters.vectors import planned, serving_model, serving_table, vector_leg
from sagwan_search.domain.filters import Filter
from sagwan_search.domain.indexes import (
    IndexKind,
    IterativeScan,
    Quantization,
    SearchSettings,
    plan_for,
    settings_for,
)

pytestmark = pytest.mark.integration

CHUNK_COUNT = 1_500
SPEAKERS = ["Ann", "ANN ", "김철수", "Bob", ""]
FEBRUARY = Filter(start_date=date(2024, 2, 1))
PLANS = [
    plan_for(kind, CHUNK_COUNT, quantization)
    for kind in (IndexKind.HNSW, IndexKind.IVFFLAT)
    for quantization in Quantization
]


def soon() -> Deadline:
    return Deadline.after(30)


async def nearest(store, tenant_id, vector, *, condition=None, depth=1_000):
    async with store.look(tenant_id, soon()) as session:
        await session.narrow(condition or Filter())
        await session.serving_model()
        return await session.nearest(vector, depth)


@pytest.fixture
async def tenants(meetings, owner, sample_meeting):
    """Two tenants whose vectors share a table, a large one and one of twenty chunks."""
    vectors = [sample_meeting.vector(seed) for seed in range(CHUNK_COUNT)]
    turns = [(SPEAKERS[number % 5], "budget") for number in range(CHUNK_COUNT)]
    large = await meetings.tenant(
        sample_meeting("all", turns, vectors=vectors, held_on=date(2024, 1, 31)),
        sample_meeting("few", [("Ann", "budget")] * 20, vectors=vectors[20:40], held_on=date(2024, 2, 29)),
    )
    small = await meetings.tenant(sample_meeting("own", [("Ann", "budget")] * 20, vectors=vectors[:20]))
    await owner.execute(f"ANALYZE {meetings.vectors_table}")
    return large, small


@pytest.fixture
async def database(open_pool):
    return await open_pool(enable_seqscan="off", enable_bitmapscan="off", enable_sort="off")


@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: f"{plan.kind.value}-{plan.quantization.value}")
async def test_the_nearest_are_found_through_the_index_in_their_order_and_never_too_few(
    plan, tenants, meetings, build_index, database, queries, memory_store, sample_meeting
):
    large, small = tenants
    # Signs of 8 dimensions tell 256 directions apart, so that many more are compared exactly.
    rescored = 50 if plan.quantization is Quantization.BINARY else 1
    await build_index(plan, replace(settings_for(plan), rescored=rescored, probes=30))
    store = PostgresMeetingStore(database, queries)
    async with database.tenant(large, soon(), read_only=True) as session:
        table = serving_table(await session.fetch_row(serving_model(queries)))
        leg = vector_leg(queries, table, plan, passes="true")
        shown = await session.fetch_value(planned(leg), sample_meeting.vector(1), 10, rescored)
        assert index_name(meetings.vectors_table, plan.kind) in shown

    common = 0
    for seed in range(10_000, 10_020):
        vector = sample_meeting.vector(seed)
        found = await nearest(store, large, vector, depth=10)
        expected = {each.chunk_id for each in await nearest(memory_store, large, vector, depth=10)}
        common += len(expected & {each.chunk_id for each in found})
        assert found == sorted(found, key=lambda each: (-each.score, each.chunk_id))
    assert common / 200 > (0.9 if plan.quantization is Quantization.BINARY else 0.97)

    vector = sample_meeting.vector(10_000)
    # More than the 100 candidates, or the lists, that the index looks at first.
    assert len(await nearest(store, large, vector, depth=500)) == 500
    # Filters that leave one chunk in seventy-five, one speaker in five, and one tenant's twenty among all.
    assert len(await nearest(store, large, vector, condition=FEBRUARY, depth=100)) == 20
    assert len(await nearest(store, large, vector, condition=Filter(meeting_ids=("few",)), depth=100)) == 20
    assert len(await nearest(store, large, vector, condition=Filter(speaker_keys=("bob",)), depth=200)) == 200
    assert len(await nearest(store, small, vector, depth=100)) == 20


@pytest.mark.parametrize("kind", [IndexKind.HNSW, IndexKind.IVFFLAT])
async def test_where_an_index_gives_up_early_all_that_passes_is_compared(
    kind, tenants, build_index, database, queries, memory_store, sample_meeting
):
    await build_index(
        plan_for(kind, CHUNK_COUNT), SearchSettings(ef_search=1, probes=1, iterative_scan=IterativeScan.OFF)
    )
    store = PostgresMeetingStore(database, queries)
    large, small = tenants
    vector = sample_meeting.vector(10_000)
    for tenant_id, condition in ((large, FEBRUARY), (small, None)):
        found = await nearest(store, tenant_id, vector, condition=condition, depth=20)
        expected = await nearest(memory_store, tenant_id, vector, condition=condition, depth=20)
        assert [each.chunk_id for each in found] == [each.chunk_id for each in expected]
        assert len(found) == 20


async def test_settings_hold_from_the_next_search_on_and_for_that_search_only(
    tenants, build_index, owner, database, queries
):
    await build_index(plan_for(IndexKind.HNSW, CHUNK_COUNT))
    shown = Query("shown", "SELECT current_setting('hnsw.ef_search', true), current_setting('ivfflat.probes', true)")
    for ef_search, probes in ((100, 1), (7, 9)):
        await owner.execute("UPDATE vector_indexes SET ef_search = $1, probes = $2", ef_search, probes)
        async with database.tenant(tenants[0], soon(), read_only=True) as session:
            await session.fetch_row(serving_model(queries))
            assert tuple(await session.fetch_row(shown)) == (str(ef_search), str(probes))
    async with database.tenant(tenants[0], soon(), read_only=True) as session:
        assert tuple(await session.fetch_row(shown)) == ("100", "1")


async def test_new_rows_are_found_at_once_whatever_the_index(
    tenants, meetings, build_index, database, queries, sample_meeting
):
    store = PostgresMeetingStore(database, queries)
    for plan in (None, plan_for(IndexKind.HNSW, CHUNK_COUNT), plan_for(IndexKind.IVFFLAT, CHUNK_COUNT)):
        if plan is not None:
            await build_index(plan)
        vector = sample_meeting.vector(99_000)
        tenant_id = await meetings.tenant(sample_meeting("new", [("Ann", "budget")], vectors=[vector]))
        assert [each.score for each in await nearest(store, tenant_id, vector, depth=5)] == [pytest.approx(1, abs=1e-6)]
