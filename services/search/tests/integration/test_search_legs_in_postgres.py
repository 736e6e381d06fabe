"""Both legs against the twin in memory, which looks at every chunk."""

from collections.abc import Sequence
from datetime import date

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sagwan_runtime.deadline import Deadline
from sagwan_runtime.postgres.queries import Query
from sagwan_search.domain.candidates import select, upper_keys
from sagwan_search.domain.filters import Filter
from sagwan_search.domain.fusion import Candidate
from sagwan_search.domain.lexical import distinct_terms, weighted_terms
from sagwan_text.terms import term_id

pytestmark = pytest.mark.integration

# Scores travel as 4-byte floats.
TOLERANCE = 1e-5
QUICK = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

WORDS = ["budget", "budgets", "hire", "engineer", "예산", "예산을", "회의록", "공개", "next", "year", "東京", "3.5"]
SPEAKERS = ["Ann", "ANN ", "김철수", "Bob", ""]
DAYS = [None, date(2024, 1, 31), date(2024, 2, 1), date(2024, 2, 29)]

TURNS = st.lists(
    st.tuples(st.sampled_from(SPEAKERS), st.lists(st.sampled_from(WORDS), min_size=1, max_size=12).map(" ".join)),
    min_size=1,
    max_size=6,
)
CORPORA = st.lists(st.tuples(TURNS, st.sampled_from(DAYS), st.integers(1, 3)), max_size=5)
# A meeting of each day, so that every filter has something to pass and something to hold back.
DATED_CORPORA = st.tuples(*(st.tuples(TURNS, st.just(day), st.integers(1, 3)) for day in DAYS))
QUESTIONS = st.lists(st.sampled_from([*WORDS, "zebra"]), min_size=1, max_size=4).map(" ".join)
FILTERS = st.builds(
    Filter,
    start_date=st.sampled_from(DAYS),
    end_date=st.sampled_from(DAYS),
    meeting_ids=st.just(()) | st.lists(st.sampled_from(["m-0", "m-1", "gone"]), min_size=1).map(tuple),
    speaker_keys=st.just(()) | st.lists(st.sampled_from(["ann", "김철수", "nobody"]), min_size=1).map(tuple),
)

DEPTHS = st.sampled_from([2, 99])


def soon() -> Deadline:
    return Deadline.after(30)


def assert_same_ranking(found: Sequence[Candidate], expected: Sequence[Candidate]) -> None:
    assert [each.score for each in found] == pytest.approx([each.score for each in expected], rel=TOLERANCE, abs=1e-6)
    assert [(-each.score, each.chunk_id) for each in found] == sorted((-each.score, each.chunk_id) for each in found)
    scores = {each.chunk_id: each.score for each in expected}
    least = min(scores.values(), default=0.0)
    for each in found:
        # Only chunks that tie with the last one may stand in for it.
        assert each.score == pytest.approx(scores.get(each.chunk_id, least), rel=TOLERANCE, abs=1e-6)


async def lexical(store, tenant_id, question, analyze, *, condition=None, depth=1_000, candidates_max=10**6):
    counts = distinct_terms(analyze(question))
    async with store.look(tenant_id, soon()) as session:
        await session.narrow(condition or Filter())
        terms = weighted_terms(counts, await session.term_statistics([term_id(text) for text in counts]))
        tiers = await session.term_statistics(upper_keys(terms))
        selection = select(terms, tiers.chunk_counts, candidates_max=candidates_max)
        return selection, await session.lexical(selection, terms, depth)


async def nearest(store, tenant_id, vector, *, condition=None, depth=1_000):
    async with store.look(tenant_id, soon()) as session:
        await session.narrow(condition or Filter())
        await session.serving_model()
        return await session.nearest(vector, depth)


def corpus_of(drawn, sample_meeting):
    return [
        sample_meeting(f"m-{index}", turns, held_on=day, turns_per_chunk=size)
        for index, (turns, day, size) in enumerate(drawn)
    ]


class TestLexicalLeg:
    @given(
        drawn=CORPORA, question=QUESTIONS, candidates_max=st.sampled_from([3, 10**6]), depth=st.sampled_from([2, 99])
    )
    @QUICK
    async def test_it_is_bm25_over_every_chunk_that_is_selected(
        self, meetings, store, memory_store, sample_meeting, analyze, drawn, question, candidates_max, depth
    ):
        tenant_id = await meetings.tenant(*corpus_of(drawn, sample_meeting))
        limits = {"candidates_max": candidates_max, "depth": depth}
        selection, found = await lexical(store, tenant_id, question, analyze, **limits)
        same, expected = await lexical(memory_store, tenant_id, question, analyze, **limits)
        assert selection == same
        if selection.scored_max is None:
            assert_same_ranking(found, expected)
        else:
            # Whichever come first are scored, but as many, and as they would be among all.
            assert len(found) == min(depth, selection.scored_max)
            _, scored = await lexical(memory_store, tenant_id, question, analyze)
            scores = {each.chunk_id: each.score for each in scored}
            assert [each.score for each in found] == pytest.approx(
                [scores[each.chunk_id] for each in found], rel=TOLERANCE
            )

    @given(drawn=DATED_CORPORA, condition=FILTERS)
    @QUICK
    async def test_filters_pass_exactly_what_they_say(
        self, meetings, store, memory_store, sample_meeting, analyze, drawn, condition
    ):
        tenant_id = await meetings.tenant(*corpus_of(drawn, sample_meeting))
        question = " ".join(WORDS)
        _, found = await lexical(store, tenant_id, question, analyze, condition=condition)
        _, expected = await lexical(memory_store, tenant_id, question, analyze, condition=condition)
        assert_same_ranking(found, expected)
        assert {each.chunk_id for each in found} == {each.chunk_id for each in expected}

    async def test_it_reads_the_index_and_not_the_table(self, meetings, owner, open_pool, queries, sample_meeting):
        turns = [("Ann", "budget" if n % 10 == 0 else f"hire {n}") for n in range(100)]
        tenant_id = await meetings.tenant(sample_meeting("weekly", turns))
        await owner.execute("ANALYZE chunk_terms")
        # On so small a table a scan is cheaper; with scans discouraged it is used only where no index can be.
        database = await open_pool(enable_seqscan="off")
        scans = Query("scans", "SELECT pg_stat_get_xact_numscans('chunk_terms_by_term'::regclass)")
        async with database.tenant(tenant_id, soon(), read_only=True) as session:
            before = await session.fetch_value(scans)
            weights = "{1:1}/1000000000"
            sql = "SELECT * FROM lexical_matches($1, ($2::text)::sparsevec, '{}', 10)"
            rows = await session.fetch(Query("leg", sql), [term_id("budget")], weights)
            assert len(rows) == 10
            assert await session.fetch_value(scans) == before + 1


class TestVectorLeg:
    @given(drawn=DATED_CORPORA, condition=FILTERS, seed=st.integers(0, 1_000), depth=DEPTHS)
    @QUICK
    async def test_it_is_the_cosine_with_every_chunk_that_passes_the_filter(
        self, meetings, store, memory_store, sample_meeting, drawn, condition, seed, depth
    ):
        tenant_id = await meetings.tenant(*corpus_of(drawn, sample_meeting))
        vector = sample_meeting.vector(seed)
        found = await nearest(store, tenant_id, vector, condition=condition, depth=depth)
        expected = await nearest(memory_store, tenant_id, vector, condition=condition, depth=depth)
        assert_same_ranking(found, expected)

    async def test_the_model_that_serves_is_named(self, meetings, store, memory_store):
        async with store.look(await meetings.tenant(), soon()) as session:
            assert await session.serving_model() == memory_store.model

    async def test_before_the_first_ingest_no_model_serves(self, store, owner):
        tenant_id = await owner.fetchval("INSERT INTO tenants (name) VALUES ('new') RETURNING tenant_id")
        async with store.look(tenant_id, soon()) as session:
            assert await session.serving_model() is None
            assert (await session.term_statistics([1, 2])).corpus_count == 0
