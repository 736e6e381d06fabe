"""Upkeep, tuning and plans on a real database: what the service does about its index, asked or not."""

import asyncio
import json

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from sagwan_runtime.deadline import Deadline
from sagwan_runtime.errors import Conflict, PreconditionFailed
from sagwan_runtime.metrics import IndexMetrics, SearchMetrics
from sagwan_search.adapters.explaining import ExplainingStore
from sagwan_search.domain.filters import Filter
from sagwan_search.domain.index_upkeep import Action, UpkeepRules
from sagwan_search.domain.indexes import IndexKind, Quantization
from sagwan_search.domain.narrowing import USUAL_LIMITS, NarrowingLimits
from sagwan_search.domain.query import Mode, Query
from sagwan_search.explaining import Explaining
from sagwan_search.index_admin import IndexAdmin
from sagwan_search.index_building import IndexBuilding
from sagwan_search.index_tuning import IndexTuning, QuestionSample
from sagwan_search.index_upkeep import IndexUpkeep
from sagwan_search.ports import QueryVector
from sagwan_search.searching import Searching, SearchLimits

pytestmark = pytest.mark.integration

MEMORY = 1 << 30
LABEL = "hashes@1/none"
LIMITS = SearchLimits(leg_depth=100, match_candidates_max=20_000, embed_timeout_s=5, terms_max=8)


def soon() -> Deadline:
    return Deadline.after(30)


class Tended:
    """The upkeep of a database's indexes, with rules of the test's own."""

    def __init__(self, store, builder, rules, questions):
        self.registry = CollectorRegistry()
        self.building = IndexBuilding(store, builder, memory_bytes_max=MEMORY)
        self.tuning = IndexTuning(store, questions, builder, depth=100, questions_max=30, memory_bytes_max=MEMORY)
        self.upkeep = IndexUpkeep(store, builder, self.building, self.tuning, rules, IndexMetrics(self.registry))
        self.admin = IndexAdmin(store, builder, self.building, self.tuning, self.upkeep)

    async def look(self):
        return [each.action for each in await self.upkeep.look()]

    def metric(self, name, **labels):
        return self.registry.get_sample_value(f"sagwan_index_{name}", labels)


@pytest.fixture
def tended(index_store, index_builder):
    def make(questions=None, **rules):
        rules = UpkeepRules(**{"rows_min": 1_000, "recall": 0.9, "memory_bytes_max": MEMORY, **rules})
        return Tended(index_store, index_builder(), rules, questions or QuestionSample(10))

    return make


async def table_of(index_store):
    (table,) = await index_store.tables(soon())
    return table


async def test_a_table_is_scanned_until_an_index_pays_and_the_index_is_measured_and_shown(
    filled, tended, index_store, owner
):
    await owner.execute("CREATE EXTENSION pg_buffercache")
    keeper = tended()
    await filled(900)
    assert await keeper.look() == [Action.NONE]
    assert (keeper.metric("kind", kind="exact"), keeper.metric("recall")) == (1, -1)
    await filled(3_000)
    assert await keeper.look() == [Action.BUILD]
    assert await keeper.look() == [Action.MEASURE]
    assert await keeper.look() == [Action.NONE]

    table = await table_of(index_store)
    assert table.state.plan.kind is IndexKind.HNSW
    assert table.state.recall > 0.9
    assert (keeper.metric("kind", kind="hnsw"), keeper.metric("kind", kind="exact")) == (1, 0)
    assert keeper.metric("rows") == 3_900
    assert keeper.metric("size_bytes") == table.size_bytes > 0
    assert keeper.metric("recall") == pytest.approx(table.state.recall)
    assert 0 < keeper.metric("buffered_share") <= 1
    assert keeper.metric("upkeep_total", action="build", outcome="done") == 1


async def test_ivfflat_is_built_anew_when_its_rows_have_doubled(filled, tended, index_store):
    keeper = tended(kind=IndexKind.IVFFLAT)
    await filled(2_000)
    assert await keeper.look() == [Action.BUILD]
    lists = (await table_of(index_store)).state.plan.lists
    await filled(2_001)
    assert await keeper.look() == [Action.BUILD]
    state = (await table_of(index_store)).state
    assert (lists, state.plan.lists, state.built_rows) == (45, 63, 4_001)


async def test_recall_that_has_sunk_is_brought_back_by_tuning(filled, tended, index_store, owner):
    await filled(20_000)
    keeper = tended(kind=IndexKind.IVFFLAT, recall=0.95)
    assert await keeper.look() == [Action.BUILD]
    await owner.execute("UPDATE vector_indexes SET probes = 1, iterative_scan = 'off'")
    assert await keeper.look() == [Action.MEASURE]
    before = (await table_of(index_store)).state
    assert before.recall < 0.9
    assert await keeper.look() == [Action.TUNE]
    after = (await table_of(index_store)).state
    assert after.recall >= 0.95
    assert after.settings.probes > 1
    assert after.recall_target == 0.95
    assert await keeper.look() == [Action.NONE]


async def test_of_two_processes_one_works(filled, tended, index_builder):
    await filled(2_000)
    async with index_builder().alone():
        with pytest.raises(Conflict):
            await tended().look()
    assert await tended().look() == [Action.BUILD]


async def test_what_fails_is_tried_less_and_less_often(filled, index_store, index_builder):
    await filled(2_000)
    builder = index_builder("postgresql://nobody@127.0.0.1:1/none")
    keeper = Tended(index_store, builder, UpkeepRules(rows_min=1_000, memory_bytes_max=MEMORY), QuestionSample(1))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1.5):
            await keeper.upkeep.watch(0.1, act=True)
    # After 0.1, 0.3, 0.7 and 1.5 seconds, a fifth more or less each.
    assert 1 <= keeper.metric("upkeep_total", action="build", outcome="failed") <= 5


async def test_an_index_that_a_crash_left_half_built_is_removed_at_the_next_look(filled, tended, index_store, owner):
    await filled(1_500)
    keeper = tended()
    await keeper.look()
    await owner.execute("CREATE INDEX chunk_vectors_1_next ON chunk_vectors_1 USING hnsw (embedding vector_ip_ops)")
    await keeper.look()
    assert await index_store.leftovers(await table_of(index_store), soon()) == []


async def test_tuning_asks_what_was_asked_and_makes_up_for_the_rest_and_keeps_the_cheapest_that_is_good_enough(
    filled, tended, index_store, sample_meeting
):
    tenant_id = await filled(20_000)
    questions = QuestionSample(10)
    for seed in range(40):
        questions.add(tenant_id, LABEL, sample_meeting.vector(seed))
        questions.add(tenant_id, "another model", np.ones(3, np.float32))
    asked = len(questions.of_model(LABEL))
    assert 0 < asked < 10
    keeper = tended(questions, kind=IndexKind.IVFFLAT)
    await keeper.look()

    steps = [each async for each in keeper.admin.tune(0.8, apply=False, quantizations=())]
    assert (await table_of(index_store)).state.tuned_rows is None
    steps = [each async for each in keeper.admin.tune(0.8, apply=True, quantizations=())]

    assert (steps[0].asked_count, steps[0].drawn_count) == (asked, 30 - asked)
    assert [each.share for each in steps] == sorted(each.share for each in steps)
    points = [each.point for each in steps if each.point]
    assert len(points) > 3
    assert points[-1].recall > points[0].recall
    chosen = steps[-1].chosen
    assert chosen.recall >= 0.8
    assert chosen.p50_s == min(each.p50_s for each in points if each.recall >= 0.8)
    state = (await table_of(index_store)).state
    assert (state.settings, state.recall, state.recall_target) == (chosen.settings, pytest.approx(chosen.recall), 0.8)


async def test_tuning_builds_other_quantizations_and_leaves_one_index(filled, tended, index_store, owner):
    await filled(4_000)
    keeper = tended()
    await keeper.look()
    steps = [
        each
        async for each in keeper.admin.tune(0.5, apply=True, quantizations=(Quantization.NONE, Quantization.BINARY))
    ]
    tried = {each.point.plan.quantization for each in steps if each.point}
    assert tried == set(Quantization)
    state = (await table_of(index_store)).state
    assert state.plan == steps[-1].chosen.plan
    assert state.settings == steps[-1].chosen.settings
    rows = await owner.fetch(
        "SELECT indexname FROM pg_indexes WHERE tablename = 'chunk_vectors_1' AND indexdef ~ 'hnsw'"
    )
    assert [row["indexname"] for row in rows] == ["chunk_vectors_1_hnsw"]


async def test_who_asks_for_the_same_tuning_again_goes_along_with_it(filled, tended):
    await filled(2_000)
    keeper = tended()
    await keeper.look()
    first = keeper.admin.tune(0.9, apply=False, quantizations=())
    begun = await anext(first)
    with pytest.raises(Conflict):
        await anext(keeper.admin.tune(0.8, apply=False, quantizations=()))
    second = [each async for each in keeper.admin.tune(0.9, apply=False, quantizations=())]
    assert second == [begun, *[each async for each in first]]


async def test_there_must_be_something_to_ask_for(meetings, tended):
    with pytest.raises(PreconditionFailed):
        await anext(tended().admin.tune(0.9, apply=False, quantizations=()))


async def test_status_says_what_there_is_and_what_comes_next(filled, tended):
    await filled(1_200)
    keeper = tended()
    report = await keeper.admin.status(soon())
    assert (report.next.action, report.build, report.buffered_share) == (Action.BUILD, None, None)
    assert report.build_memory_bytes > 0

    async def watched():
        seen = []
        while (await keeper.admin.status(soon())).build is None:  # noqa: ASYNC110  # what is looked for is polled
            await asyncio.sleep(0)
        while build := (await keeper.admin.status(soon())).build:
            seen.append(build)
        return seen

    watching = asyncio.create_task(watched())
    [_ async for _ in keeper.admin.rebuild(IndexKind.HNSW, None)]
    assert await watching
    assert (await keeper.admin.status(soon())).table.state.plan.kind is IndexKind.HNSW


class TestPlans:
    @pytest.fixture
    async def explain(self, open_pool, queries, analyze, sample_meeting, memory_store):
        database = await open_pool()

        class Embedder:
            async def embed(self, text, deadline):
                return QueryVector(sample_meeting.vector(7), memory_store.model)

            def expect(self, model_sha256):
                pass

        async def explain(tenant_id, text="budget", *, limits=USUAL_LIMITS, **parts):
            explaining = Explaining(
                lambda: ExplainingStore(database, queries, limits=limits),
                lambda store: Searching(store, Embedder(), analyze, SearchMetrics(CollectorRegistry()), LIMITS),
            )
            plans = await explaining.explain(tenant_id, Query(text, **parts), soon())
            return {each.leg: each for each in plans}

        return explain

    async def test_the_index_of_vectors_is_used_from_many_rows_on_and_the_plan_says_so(
        self, filled, tended, explain, meetings, sample_meeting
    ):
        tenant_id = await filled(20_000)
        plans = await explain(tenant_id, mode=Mode.VECTOR)
        assert set(plans) == {"vector"}
        assert "from end to end" in plans["vector"].verdict or "by_day" in plans["vector"].verdict
        assert plans["vector"].rows_examined >= 20_000

        await tended().look()
        plan = (await explain(tenant_id, mode=Mode.VECTOR))["vector"]
        assert plan.choice == "index: no filter; hnsw"
        assert plan.verdict == "the index of vectors chunk_vectors_1_hnsw was used"
        assert 100 <= plan.rows_examined < 1_000
        assert plan.buffers_hit + plan.buffers_read > 0
        assert json.loads(plan.plan_json)[0]["Plan"]["Actual Rows"] == 100

        # A filter that leaves little is answered by comparing what it leaves.
        plan = (await explain(tenant_id, mode=Mode.VECTOR, filter=Filter(meeting_ids=("none",))))["vector"]
        assert "was not used" in plan.verdict

    async def test_the_lexical_leg_is_seen_inside_of_its_function(self, meetings, explain, sample_meeting):
        turns = [("Ann", f"budget {number}") for number in range(60)]
        tenant_id = await meetings.tenant(sample_meeting("weekly", turns, turns_per_chunk=2))
        plan = (await explain(tenant_id))["lexical"]
        assert plan.rows_examined == 30
        assert "chunk_terms" in plan.plan_json
        # A condition on one utterance is more than the function knows of: the statement around it is explained.
        condition = Filter(speaker_keys=("ann",), start_ms=0)
        checked = (await explain(tenant_id, filter=condition, limits=NarrowingLimits(found_first_max=0)))["lexical"]
        assert "lexical_matches" in checked.plan_json
        assert checked.choice.startswith("index of terms: only a look at a chunk tells whether it passes")
        # Of few chunks those that pass are found first.
        assert (await explain(tenant_id, filter=condition))["lexical"].choice.startswith("prefilter: 30 chunks pass")
        plans = await explain(tenant_id, filter=Filter(speaker_keys=("ann",)), limits=NarrowingLimits(compared_max=0))
        assert plans["vector"].choice.endswith("; worth comparing: 0)")

    async def test_settings_of_the_index_are_those_of_a_search(self, filled, explain, owner, tended):
        tenant_id = await filled(20_000)
        await tended().look()
        examined = []
        for ef_search in (100, 400):
            await owner.execute("UPDATE vector_indexes SET ef_search = $1", ef_search)
            plan = (await explain(tenant_id, mode=Mode.VECTOR))["vector"]
            examined.append(plan.buffers_hit + plan.buffers_read)
        assert examined[1] > 2 * examined[0]
