"""Which way filters are answered by, at several sizes: what is chosen, what leads there, that nothing is missing."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from sagwan_runtime.deadline import Deadline
from sagwan_runtime.postgres.queries import Query
from sagwan_search.adapters.narrowing import Narrowing
from sagwan_search.adapters.postgres import PostgresMeetingStore
from sagwan_search.domain.candidates import every_candidate
from sagwan_search.domain.filters import Filter
from sagwan_search.domain.fusion import Leg
from sagwan_search.domain.indexes import IndexKind, plan_for
from sagwan_search.domain.lexical import WeightedTerm
from sagwan_search.domain.narrowing import NarrowingLimits
from sagwan_text.terms import term_id

pytestmark = pytest.mark.integration

SIZES = [4_000, 20_000]
DEPTH = 10
FIRST_DAY = date(2024, 1, 1)
RARE_SPEAKER, RARE_KIND = Filter(speaker_keys=("rare",)), Filter(utterance_kinds=("decision",))
# Filters that keep few chunks: which share, and the index that leads to them.
RARE = [
    (RARE_SPEAKER, 0.005, "speaker"),
    (RARE_KIND, 0.005, "speaker"),
    (Filter(any_of=(RARE_SPEAKER, RARE_KIND)), 0.01, "speaker"),
    (replace(RARE_SPEAKER, tag_keys=("half",)), 0.005, "speaker"),
    (Filter(end_date=FIRST_DAY), 0.005, "day"),
    (Filter(tag_keys=("rare",)), 0.005, "meeting"),
    (Filter(meeting_ids=("7",)), None, "meeting"),
]
COMMON = [
    Filter(speaker_keys=("half",)),
    Filter(utterance_kinds=("speech",)),
    Filter(start_date=FIRST_DAY + timedelta(days=100)),
    Filter(tag_keys=("half",)),
    Filter(none_of=(RARE_SPEAKER,)),
]
# Of the smaller size, too, half of the meetings are many.
LIMITS = NarrowingLimits(meeting_keys_max=100)
BUDGET, HIRE = (WeightedTerm(text, term_id(text), 1, 1, 1.0) for text in ("budget", "hire"))
VECTOR = np.full(8, 8**-0.5, np.float32)


def soon() -> Deadline:
    return Deadline.after(30)


@pytest.fixture
def filled(owner, meetings):
    """Makes a tenant of so many chunks, ten a meeting, and after it twenty of a hundred."""

    async def fill(row_count):
        tenants = []
        for place in range(21):
            tenant_id = await owner.fetchval("INSERT INTO tenants (name) VALUES ($1) RETURNING tenant_id", str(place))
            tenants.append(tenant_id)
            await owner.execute(
                """
                INSERT INTO meetings (tenant_id, meeting_id, title, held_on, language, series, participants, tags,
                    source, attributes, content_sha256, utterance_count, chunk_count, tag_keys)
                SELECT $1, g, '', $3::date + g % 200, '', '', '{}', '{}', '', '{}', '', 0, 10,
                    CASE g % 200 WHEN 1 THEN '{rare}' ELSE CASE g % 2 WHEN 0 THEN '{half}' ELSE '{}' END END::text[]
                FROM generate_series(0, $2::integer / 10 - 1) AS g
                """,
                tenant_id, 100 if place else row_count, FIRST_DAY,
            )  # fmt: skip
            await owner.execute(
                """
                INSERT INTO chunks (tenant_id, meeting_key, ordinal, first_utterance, first_character, last_utterance,
                    last_character, text_sha256, text)
                SELECT tenant_id, meeting_key, g, g, 0, g, 1, '', 'x' FROM meetings, generate_series(0, 9) AS g
                WHERE tenant_id = $1 ORDER BY meeting_key, g
                """,
                tenant_id,
            )
            await owner.execute(
                """
                INSERT INTO chunk_terms (tenant_id, chunk_id, meeting_key, held_on, speakers, term_ids, weights, kinds)
                SELECT $1, c.chunk_id, c.meeting_key, m.held_on,
                    CASE WHEN n % 200 = 3 THEN '{rare}' WHEN n % 2 = 0 THEN '{half}' ELSE '{other}' END::text[],
                    CASE n % 50 WHEN 0 THEN ARRAY[$2::integer, $3::integer] ELSE ARRAY[$2::integer] END,
                    '{1:1}/1000000000',
                    CASE n % 200 WHEN 5 THEN '{decision}' ELSE '{speech}' END::text[]
                FROM (SELECT *, row_number() OVER (ORDER BY chunk_id) AS n FROM chunks WHERE tenant_id = $1) AS c
                JOIN meetings AS m ON m.meeting_key = c.meeting_key
                """,
                tenant_id, BUDGET.term_id, HIRE.term_id,
            )  # fmt: skip
        await owner.execute(f"""
            INSERT INTO {meetings.vectors_table} (tenant_id, chunk_id, meeting_key, held_on, speakers, embedding)
            SELECT tenant_id, chunk_id, meeting_key, held_on, speakers,
                l2_normalize(ARRAY(SELECT sin(chunk_id * g * g + g) FROM generate_series(1, 8) AS g)::real[]::vector)
            FROM chunk_terms;
            ANALYZE""")
        return tenants

    return fill


async def nearest(store, tenant_id, condition):
    """The chunks nearest to a vector, and how they were found."""
    async with store.look(tenant_id, soon()) as session:
        await session.narrow(condition)
        await session.serving_model()
        found = [each.chunk_id for each in await session.nearest(VECTOR, DEPTH)]
        return found, await session.choice(Leg.VECTOR)


def scans(index):
    return Query("scans", f"SELECT pg_stat_get_xact_numscans('chunk_terms_by_{index}'::regclass)")


@pytest.mark.parametrize("row_count", SIZES)
async def test_each_filter_is_answered_by_the_way_that_its_share_asks_for(
    row_count, filled, build_index, open_pool, queries
):
    tenant_id, *_ = await filled(row_count)
    database = await open_pool()
    by_scan = PostgresMeetingStore(database, queries, limits=NarrowingLimits(compared_max=0))
    exact = {condition: await nearest(by_scan, tenant_id, condition) for condition in [*(r[0] for r in RARE), *COMMON]}
    assert {choice.partition(":")[0] for _, choice in exact.values()} == {"exact scan"}
    await build_index(plan_for(IndexKind.HNSW, row_count))

    store = PostgresMeetingStore(database, queries, limits=LIMITS)
    for condition, share, index in RARE:
        expected = 10 if share is None else round(share * row_count)
        found, choice = await nearest(store, tenant_id, condition)
        if index == "meeting":
            assert choice == "prefilter: all chunks of the meetings that pass were looked at"
        else:
            assert choice == f"prefilter: {expected} chunks pass the filter and were found first"
        assert found == exact[condition][0]
        assert len(found) == DEPTH
        narrowing = Narrowing(queries, LIMITS)
        async with database.tenant(tenant_id, soon(), read_only=True) as session:
            narrowed = await narrowing.chunks(session, condition)
            before = await session.fetch_value(scans(index))
            assert len(await narrowing.matches(session, narrowed, row_count)) == expected
            assert await session.fetch_value(scans(index)) > before

    # On vectors of eight numbers PostgreSQL would rather scan.
    forced = await open_pool(enable_seqscan="off", enable_bitmapscan="off", enable_sort="off")
    store = PostgresMeetingStore(forced, queries, limits=LIMITS)
    for condition in COMMON:
        found, choice = await nearest(store, tenant_id, condition)
        assert choice == "index: more chunks pass the filter than are worth comparing each; hnsw"
        assert len(found) == DEPTH
        assert len({*found} & {*exact[condition][0]}) >= DEPTH - 1


async def test_terms_and_not_a_tag_of_half_the_meetings_lead_the_lexical_leg(filled, open_pool, queries):
    tenant_id, *_ = await filled(4_000)
    database = await open_pool()
    narrowing = Narrowing(queries, LIMITS)
    for condition in (Filter(), Filter(tag_keys=("half",)), Filter(none_of=(Filter(tag_keys=("half",)),))):
        async with database.tenant(tenant_id, soon(), read_only=True) as session:
            narrowed = await narrowing.chunks(session, condition)
            assert len(narrowed.terms) < 100
            before = [await session.fetch_value(scans(index)) for index in ("term", "meeting")]
            query = Query("leg", "SELECT * FROM lexical_matches($1, '{1:1}/1000000000', $2, 10)")
            assert len(await session.fetch(query, [HIRE.term_id], narrowed.terms)) == 10
            after = [await session.fetch_value(scans(index)) for index in ("term", "meeting")]
        assert after == [before[0] + 1, before[1]]


async def test_meetings_that_are_many_for_terms_still_lead_to_their_vectors(filled, build_index, open_pool, queries):
    tenant_id, other, *_ = await filled(4_000)
    database = await open_pool()
    # Conditions of which one is all of what passes, or part of it, or what must not.
    half = Filter(tag_keys=("half",))
    leading = (half, Filter(all_of=(half, Filter(speaker_keys=("half",)))))
    others = (Filter(none_of=(half,)), Filter(any_of=(half, RARE_SPEAKER)))
    by_scan = PostgresMeetingStore(database, queries, limits=NarrowingLimits(compared_max=0))
    exact = {each: await nearest(by_scan, tenant_id, each) for each in (*leading, *others)}
    await build_index(plan_for(IndexKind.HNSW, 4_000))
    limits = NarrowingLimits(keyed_chunks_max=100)
    store = PostgresMeetingStore(database, queries, limits=limits)
    for condition in (*leading, *others):
        async with database.tenant(tenant_id, soon(), read_only=True) as session:
            narrowed = await Narrowing(queries, limits).chunks(session, condition)
            assert "meeting_keys" not in narrowed.terms
            assert narrowed.of_meetings == (2_000 if condition in leading else None)
            assert await Narrowing(queries, limits).estimate(session, narrowed) <= 4_000
        found, _ = await nearest(store, tenant_id, condition)
        assert len(found) == DEPTH
        assert len({*found} & {*exact[condition][0]}) >= DEPTH - 1
    # What a rare speaker says leads there, and not half of all meetings.
    found, choice = await nearest(store, tenant_id, replace(RARE_SPEAKER, tag_keys=("half",)))
    assert choice == "prefilter: 20 chunks pass the filter and were found first"
    assert len(found) == DEPTH
    # Next to so many rows of others, one's own few are all looked at.
    found, choice = await nearest(store, other, half)
    assert choice == "prefilter: all chunks of the meetings that pass were looked at"
    assert found == (await nearest(by_scan, other, half))[0]


async def test_a_tag_leads_to_its_meetings_by_an_index(filled, open_pool, queries):
    tenant_id, *_ = await filled(20_000)
    scans = Query("scans", "SELECT pg_stat_get_xact_numscans('meetings_by_key'::regclass)")
    resolve = queries["resolve_meetings"]
    async with (await open_pool()).tenant(tenant_id, soon(), read_only=True) as session:
        rows = await session.fetch(resolve, '[{"tag_keys": ["rare"]}, {"tag_keys": ["nothing"]}]', 100)
        assert await session.fetch_value(scans) == 2
    ((place, keys, chunk_count),) = rows
    assert (place, len(keys), chunk_count) == (0, 10, 100)


async def test_estimates_and_matches_are_of_ones_own_tenant(filled, open_pool, queries):
    large, small, *_ = await filled(4_000)
    narrowing = Narrowing(queries, LIMITS)
    condition = Filter(utterance_kinds=("speech",))
    for tenant_id, low, high in ((large, 3_500, 4_500), (small, 20, 300)):
        async with (await open_pool()).tenant(tenant_id, soon(), read_only=True) as session:
            narrowed = await narrowing.chunks(session, condition)
            assert low <= await narrowing.estimate(session, narrowed) <= high
            rows = await session.fetch(Query("own", "SELECT chunk_id FROM chunk_terms WHERE '{speech}' && kinds"))
            matches = await narrowing.matches(session, narrowed, 10_000)
            assert sorted(matches) == sorted(row["chunk_id"] for row in rows)
            assert await narrowing.matches(session, narrowed, len(matches) - 1) is None


async def test_where_far_more_pass_than_was_expected_they_are_come_by(filled, owner, open_pool, queries):
    tenant_id, *_ = await filled(4_000)
    # Nobody has told PostgreSQL yet.
    await owner.execute("UPDATE chunk_terms SET speakers = '{rare}'")
    store = PostgresMeetingStore(await open_pool(), queries)
    found, choice = await nearest(store, tenant_id, RARE_SPEAKER)
    assert len(found) == DEPTH
    assert choice.startswith("exact scan: far more chunks pass the filter than were expected; ")


async def test_what_is_expected_to_pass_is_found_before_it_is_taken_for_few(filled, open_pool, queries):
    tenant_id, *_ = await filled(4_000)
    store = PostgresMeetingStore(await open_pool(), queries)
    # Half of the chunks, and expected is a half of a half of a half ….
    ten_times = Filter(all_of=(Filter(speaker_keys=("half",)),) * 10)
    for condition, few in ((Filter(), False), (RARE_SPEAKER, True), (ten_times, False)):
        async with store.look(tenant_id, soon()) as session:
            await session.narrow(condition)
            assert await session.few_pass(500) is few


async def test_each_leg_says_how_it_found_its_chunks(meetings, store, sample_meeting):
    tenant_id = await meetings.tenant(sample_meeting("m", [("Ann", "budget"), ("Bob", "budget")] * 5))
    for condition, said in (
        (Filter(), "index of terms: no filter"),
        (Filter(speaker_keys=("ann",)), "index of terms: the filter is a condition of the same statement"),
        (Filter(speaker_keys=("ann",), utterance_kinds=("speech",)), "prefilter: 5 chunks pass the filter"),
    ):
        async with store.look(tenant_id, soon()) as session:
            await session.narrow(condition)
            assert await session.choice(Leg.LEXICAL) == ""
            found = await session.lexical(every_candidate([BUDGET]), [BUDGET], 100)
            assert len(found) == (5 if condition.speaker_keys else 10)
            assert (await session.choice(Leg.LEXICAL)).startswith(said)
            assert await session.choice(Leg.VECTOR) == ""
