"""Searches while the serving model is switched: two embedders over gRPC, one real database."""

import asyncio
from uuid import UUID

import pytest
from embedders import HashingEmbedder, serving
from prometheus_client import CollectorRegistry

from sagwan_runtime.deadline import Deadline
from sagwan_runtime.metrics import SearchMetrics
from sagwan_search.adapters.embedder import GrpcQueryEmbedder
from sagwan_search.domain.fusion import Leg
from sagwan_search.domain.query import Query
from sagwan_search.searching import Searching, SearchLimits

pytestmark = pytest.mark.integration

QUESTION = "budget"
TURNS = [("Ann", "The budget for next year was cut."), ("Bob", "We should hire two engineers.")]
LIMITS = SearchLimits(leg_depth=10, match_candidates_max=100, embed_timeout_s=5, terms_max=8)


@pytest.fixture
def old(memory_store) -> HashingEmbedder:
    return HashingEmbedder(memory_store.model.sha256, 8)


@pytest.fixture
def new() -> HashingEmbedder:
    return HashingEmbedder("sha-of-new", 5)


@pytest.fixture
async def tenant_id(meetings, sample_meeting, owner, old, new) -> UUID:
    """A meeting whose first chunk is the question's twin in the old model, and its second in the new one."""
    tenant_id = await meetings.tenant(sample_meeting("weekly", TURNS))
    await owner.execute("SELECT register_model('hashes', 'sha-of-new', 'none', 'sha-of-new', 5)")
    chunks = [row["chunk_id"] for row in await owner.fetch("SELECT chunk_id FROM chunks ORDER BY 1")]
    for table, embedder, twin in (("chunk_vectors_1", old, 0), ("chunk_vectors_2", new, 1)):
        await owner.execute(f"TRUNCATE {table}")
        vector = embedder.vector(QUESTION)
        for place, chunk_id in enumerate(chunks):
            await owner.execute(
                f"""
                INSERT INTO {table}
                SELECT tenant_id, chunk_id, meeting_key, held_on, speakers, $2 FROM chunk_terms WHERE chunk_id = $1
                """,
                chunk_id,
                vector if place == twin else -vector,
            )
    return tenant_id


async def test_every_answer_is_of_one_model_or_lexical_and_the_next_one_is_of_the_new_model(
    store, tenant_id, owner, old, new, analyze
):
    async with serving(new, old) as embedders:
        embedder = GrpcQueryEmbedder(embedders)
        embedder.expect(await store.serving_sha256())
        searching = Searching(store, embedder, analyze, SearchMetrics(CollectorRegistry()), LIMITS)

        async def search() -> str:
            """Which model's vectors were searched; empty for a lexical answer."""
            answer = await searching.search(tenant_id, Query(QUESTION), Deadline.after(20))
            if answer.ranking.degraded_reason:
                assert Leg.VECTOR not in answer.ranking.candidate_counts
                return ""
            scores = [(leg.score, hit) for hit in answer.hits for leg in hit.fused.legs if leg.leg is Leg.VECTOR]
            assert sorted(round(score, 3) for score, _ in scores) == [-1, 1]
            return answer.ranking.model.removeprefix("hashes@").removesuffix("/none")

        assert await search() == old.model.sha256
        assert new.texts == []
        for target, model_id in ((new, 2), (old, 1), (new, 2)):
            before = asyncio.gather(*(search() for _ in range(10)))
            await owner.execute("SELECT switch_model($1)", model_id)
            found = {*await before, *await asyncio.gather(*(search() for _ in range(10)))}
            assert found <= {"", old.model.sha256, new.model.sha256}
            assert await search() == target.model.sha256
        # One search and no more goes without vectors when nothing else has noticed the switch.
        await owner.execute("SELECT switch_model(1)")
        assert [await search() for _ in range(3)] == ["", old.model.sha256, old.model.sha256]
