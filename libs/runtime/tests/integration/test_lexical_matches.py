import asyncio
import json
from datetime import date
from types import SimpleNamespace

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sagwan_runtime.postgres.tenants import ensure_tenant

pytestmark = pytest.mark.integration

CHUNKS = 4_000
TERM_INDEX = "chunk_terms_by_term"
MATCHES = "SELECT chunk_id, score FROM lexical_matches($1, $2::text::sparsevec, $3, $4)"
FILTERED = "SELECT chunk_id FROM filter_matches($1, $2) AS chunk_id"
# What the function asks, without the function.
DIRECT = """
    SELECT t.chunk_id, -(t.weights <#> $2::text::sparsevec) AS score
    FROM chunk_terms AS t
    WHERE t.tenant_id = $3 AND t.term_ids && $1::integer[]
    ORDER BY t.weights <#> $2::text::sparsevec, t.chunk_id
"""
# Term i stands in every 400th chunk, terms 1001 to 1007 in every seventh; chunk n has weights that depend on n.
FILL = """
    WITH meeting AS (
        INSERT INTO meetings (
            tenant_id, meeting_id, title, language, series, participants, tags, source, attributes, content_sha256,
            utterance_count, chunk_count
        )
        SELECT $1, 'm-' || n, 't', '', '', '{}', '{}', '', '{}', '', 1, 1 FROM generate_series(0, 3) AS n
        RETURNING meeting_key, meeting_id
    ), chunk AS (
        INSERT INTO chunks (
            tenant_id, meeting_key, ordinal, first_utterance, first_character, last_utterance, last_character,
            text_sha256, text
        )
        SELECT $1, m.meeting_key, n, 0, 0, 0, 1, '', 'x'
        FROM generate_series(1, $2::integer) AS n JOIN meeting AS m ON m.meeting_id = 'm-' || n % 4
        RETURNING chunk_id, meeting_key, ordinal
    )
    INSERT INTO chunk_terms (tenant_id, chunk_id, meeting_key, held_on, speakers, term_ids, weights)
    SELECT $1, c.chunk_id, c.meeting_key,
        CASE WHEN c.ordinal % 10 > 0 THEN date '2024-01-01' + c.ordinal % 10 END,
        ARRAY['speaker ' || c.ordinal % 3],
        ARRAY[1 + c.ordinal % 400, 1001 + c.ordinal % 7],
        format(
            '{%s:%s,%s:%s}/1000000000',
            1 + c.ordinal % 400, 1 + c.ordinal % 5, 1001 + c.ordinal % 7, 0.5 + c.ordinal % 11
        )::sparsevec
    FROM chunk AS c
"""


@pytest.fixture(scope="module")
def tenants(database_url):
    """Two tenants with the same chunks, filled once."""

    async def fill():
        owner = await asyncpg.connect(database_url)
        made = [await ensure_tenant(owner, name) for name in ("a", "b")]
        for tenant_id in made:
            await owner.execute(FILL, tenant_id, CHUNKS)
        await owner.execute("VACUUM ANALYZE chunk_terms")
        await owner.close()
        return SimpleNamespace(a=made[0], b=made[1])

    return asyncio.run(fill())


@pytest.fixture
def matches(as_tenant):
    """Matches of a tenant as (chunk id, score)."""

    async def run(tenant_id, terms, weights, limit=100_000, **condition):
        rows = await as_tenant(tenant_id, MATCHES, terms, weights, json.dumps(condition), limit)
        return [tuple(row) for row in rows]

    return run


@pytest.fixture
def index_scans(owner):
    """How often the index on terms has been read."""

    async def count():
        return await owner.fetchval("SELECT idx_scan FROM pg_stat_user_indexes WHERE indexrelname = $1", TERM_INDEX)

    return count


async def told(connection):
    """Makes a connection tell the server's statistics what it has read."""
    await connection.fetchval("SELECT pg_stat_force_next_flush()")
    await connection.execute("SELECT 1")


async def test_the_best_matches_of_the_tenant_come_first(owner, tenants, matches):
    expected = [tuple(row) for row in await owner.fetch(DIRECT, [7, 1_003], "{7:2,1003:1}/1000000000", tenants.a)]

    found = await matches(tenants.a, [7, 1_003], "{7:2,1003:1}/1000000000")

    assert found == expected
    assert len(found) > CHUNKS / 7
    scores = [score for _, score in found]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] > scores[-1] > 0


async def test_no_more_matches_come_than_are_asked_for(tenants, matches):
    everything = await matches(tenants.a, [1_003], "{1003:1}/1000000000")

    assert await matches(tenants.a, [1_003], "{1003:1}/1000000000", limit=5) == everything[:5]


async def test_terms_that_are_only_scored_select_nothing(tenants, matches):
    selected = await matches(tenants.a, [7], "{7:2,1003:1}/1000000000")

    assert len(selected) == CHUNKS / 400
    assert len({score for _, score in selected}) > 1


@pytest.mark.parametrize("terms", [[], [999_999]])
async def test_terms_that_nobody_said_match_nothing(tenants, matches, terms):
    assert await matches(tenants.a, terms, "{7:1}/1000000000") == []


async def test_a_tenant_gets_its_own_chunks_only(owner, tenants, matches):
    found = {
        tenant_id: {chunk_id for chunk_id, _ in await matches(tenant_id, [1_003], "{1003:1}/1000000000")}
        for tenant_id in (tenants.a, tenants.b)
    }

    assert not found[tenants.a] & found[tenants.b]
    for tenant_id, chunk_ids in found.items():
        assert chunk_ids
        owners = await owner.fetch("SELECT DISTINCT tenant_id FROM chunks WHERE chunk_id = ANY ($1)", list(chunk_ids))
        assert [row["tenant_id"] for row in owners] == [tenant_id]


@pytest.mark.parametrize("condition", [{}, {"none_of": [{"speaker_keys": ["nobody"]}]}, {"term_ids": [1_003]}])
async def test_no_filter_leads_to_another_tenants_chunks(owner, tenants, matches, as_tenant, condition):
    foreign = await owner.fetch("SELECT chunk_id, meeting_key FROM chunk_terms WHERE tenant_id = $1", tenants.b)
    for named in (
        {"chunk_ids": [row["chunk_id"] for row in foreign]},
        {"meeting_keys": list({row["meeting_key"] for row in foreign})},
    ):
        either = {"any_of": [condition, named]}
        own = await matches(tenants.a, [1_003], "{1003:1}/1000000000", **condition)
        assert own
        assert await matches(tenants.a, [1_003], "{1003:1}/1000000000", **named, **condition) == []
        assert await matches(tenants.a, [1_003], "{1003:1}/1000000000", **either) == own
        assert await as_tenant(tenants.a, FILTERED, json.dumps({**named, **condition}), 10) == []


# A quote, a backslash, a brace or a dollar is what it takes to leave a literal.
@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\x00") | st.sampled_from("'\\\"{},$%;-"))))
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_whatever_names_a_filter_holds_they_stay_names(matches, tenants, names):
    everything = await matches(tenants.a, [7], "{7:1}/1000000000")
    condition = {"speaker_keys": names, "utterance_kinds": names, "text_pattern": "".join(names)}
    assert await matches(tenants.a, [7], "{7:1}/1000000000", none_of=[{"speaker_keys": names}]) == everything
    assert await matches(tenants.a, [7], "{7:1}/1000000000", **condition) == []
    assert await matches(tenants.a, [7], "{7:1}/1000000000", any_of=[condition, {}]) == everything


async def test_without_a_tenant_there_are_no_matches(matches):
    assert await matches(None, [1_003], "{1003:1}/1000000000") == []


async def test_filters_leave_what_they_name(owner, tenants, matches):
    everything = await matches(tenants.a, [1_003], "{1003:1}/1000000000")
    facts = {
        row["chunk_id"]: row for row in await owner.fetch("SELECT * FROM chunk_terms WHERE tenant_id = $1", tenants.a)
    }
    start, end = date(2024, 1, 3), date(2024, 1, 5)
    meeting = facts[everything[0][0]]["meeting_key"]

    async def found(**filters):
        return await matches(tenants.a, [1_003], "{1003:1}/1000000000", **filters)

    def expected(passes):
        return [(chunk_id, score) for chunk_id, score in everything if passes(facts[chunk_id])]

    def in_days(row):
        return row["held_on"] is not None and start <= row["held_on"] <= end

    days = {"start_date": "2024-01-03", "end_date": "2024-01-05"}
    assert await found(**days) == expected(in_days)
    assert await found(none_of=[days]) == expected(lambda row: not in_days(row))
    assert await found(meeting_keys=[meeting]) == expected(lambda row: row["meeting_key"] == meeting)
    assert await found(meeting_keys=[]) == []
    speakers = ["speaker 1", "nobody"]
    assert await found(speaker_keys=speakers) == expected(lambda row: row["speakers"] == ["speaker 1"])
    together = await found(**days, meeting_keys=[meeting], speaker_keys=["speaker 1"])
    assert together == expected(
        lambda row: in_days(row) and row["meeting_key"] == meeting and row["speakers"] == ["speaker 1"]
    )
    assert together


@pytest.mark.parametrize(
    "condition",
    [
        {},
        {"start_date": "2024-01-03", "speaker_keys": ["speaker 1"]},
        {"none_of": [{"term_ids": [1_003]}], "any_of": [{"utterance_kinds": ["decision"]}, {"start_ms": 5}]},
    ],
)
async def test_the_services_reach_the_index_on_terms_through_the_function(
    service, as_tenant, tenants, index_scans, condition
):
    before = await index_scans()

    await as_tenant(tenants.a, MATCHES, [7], "{7:1}/1000000000", json.dumps(condition), 10)

    await told(service)
    assert await index_scans() == before + 1


async def test_chunks_that_hold_all_of_some_terms_are_found_through_the_index(
    service, owner, as_tenant, tenants, index_scans
):
    before = await index_scans()

    rows = await as_tenant(tenants.a, FILTERED, json.dumps({"term_ids": [7, 1_003]}), 100)

    await told(service)
    assert await index_scans() == before + 1
    expected = await owner.fetch(
        "SELECT chunk_id FROM chunk_terms WHERE tenant_id = $1 AND term_ids @> '{7,1003}'", tenants.a
    )
    assert sorted(row["chunk_id"] for row in rows) == sorted(row["chunk_id"] for row in expected)
    assert rows
    assert len(await as_tenant(tenants.a, FILTERED, "{}", 5)) == 5
    assert await as_tenant(None, FILTERED, "{}", 5) == []


@pytest.mark.parametrize(
    ("condition", "complaint"),
    [({"meeting_names": ["m-1"]}, "no field meeting_names"), ({"any_of": [{"x": 1}]}, "no field x")],
)
async def test_a_condition_that_is_not_understood_is_refused_rather_than_left_out(
    matches, tenants, condition, complaint
):
    with pytest.raises(asyncpg.RaiseError, match=complaint):
        await matches(tenants.a, [7], "{7:1}/1000000000", **condition)


async def test_the_function_exists_because_row_level_security_keeps_the_same_query_from_the_index(
    service, owner, as_tenant, tenants, index_scans
):
    await service.execute("SET enable_seqscan = off")
    before = await index_scans()

    direct = await as_tenant(tenants.a, DIRECT, [7], "{7:1}/1000000000", tenants.a)

    await told(service)
    assert await index_scans() == before
    # The same statement of somebody whom row-level security does not bind.
    assert await owner.fetch(DIRECT, [7], "{7:1}/1000000000", tenants.a) == direct
    await told(owner)
    assert await index_scans() == before + 1
