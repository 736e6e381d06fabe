"""Pages of utterances, the text of hits, and the walls between tenants."""

import json
from datetime import date
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sagwan_runtime.deadline import Deadline
from sagwan_runtime.errors import DeadlineExceeded, DependencyUnavailable
from sagwan_runtime.postgres.queries import Query
from sagwan_search.domain.candidates import Selection
from sagwan_search.domain.filters import Filter
from sagwan_search.domain.lexical import weighted_terms
from sagwan_search.domain.lines import Span, cut_around, cut_to_span
from sagwan_text.terms import term_id

pytestmark = pytest.mark.integration

QUICK = settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
# Ids that a locale sorts otherwise than their code points do.
MEETING_IDS = ["weekly-2", "Weekly.1", "weekly~10", "a", "B", "weekly-10"]
SPEAKERS = ["Ann", " ANN", "김철수", ""]
DAYS = [None, date(2024, 1, 31), date(2024, 2, 1)]

CORPORA = st.dictionaries(
    st.sampled_from(MEETING_IDS),
    st.tuples(st.lists(st.sampled_from(SPEAKERS), min_size=1, max_size=5), st.sampled_from(DAYS)),
    max_size=5,
)
FILTERS = st.builds(
    Filter,
    start_date=st.sampled_from(DAYS),
    end_date=st.sampled_from(DAYS),
    meeting_ids=st.just(()) | st.lists(st.sampled_from([*MEETING_IDS, "gone"]), min_size=1).map(tuple),
    speaker_keys=st.just(()) | st.lists(st.sampled_from(["ann", "김철수", "nobody"]), min_size=1).map(tuple),
)


def soon() -> Deadline:
    return Deadline.after(30)


def place(line) -> tuple[str, int]:
    return line.meeting.meeting_id, line.utterance.ordinal


class TestUtterances:
    @given(drawn=CORPORA, condition=FILTERS, lines_max=st.integers(1, 4))
    @QUICK
    async def test_pages_walk_everything_that_passes_the_filter_once_with_exact_counts(
        self, meetings, store, memory_store, sample_meeting, drawn, condition, lines_max
    ):
        tenant_id = await meetings.tenant(
            *(
                sample_meeting(meeting_id, [(speaker, f"line {n}") for n, speaker in enumerate(speakers)], held_on=day)
                for meeting_id, (speakers, day) in drawn.items()
            )
        )
        whole = {"after": None, "lines_max": 1_000, "deadline": soon()}
        expected = await memory_store.utterances(tenant_id, condition, **whole)
        at_once = await store.utterances(tenant_id, condition, **whole)
        assert sorted(at_once.lines, key=place) == expected.lines
        assert (at_once.total, at_once.meeting_counts) == (expected.total, expected.meeting_counts)

        walked, after = [], None
        for _ in range(expected.total + 1):
            page = await store.utterances(tenant_id, condition, after=after, lines_max=lines_max, deadline=soon())
            assert page.total == expected.total
            assert page.meeting_counts == ([] if after else expected.meeting_counts)
            if not page.lines:
                break
            walked += page.lines
            after = place(page.lines[-1])
        assert (walked, page.lines) == (at_once.lines, [])

    async def test_lines_of_a_meeting_come_in_the_order_they_were_said(self, meetings, store, sample_meeting):
        tenant_id = await meetings.tenant(sample_meeting("long", [("Ann", f"line {n}") for n in range(120)]))
        page = await store.utterances(tenant_id, Filter(), after=None, lines_max=1_000, deadline=soon())
        assert [line.utterance.text for line in page.lines] == [f"line {n}" for n in range(120)]
        first = page.lines[0].utterance
        assert (first.speaker, first.start_ms, first.end_ms) == ("Ann", 0, 900)


class TestChunks:
    async def test_a_hit_carries_the_utterances_that_it_touches_and_where_to_cut_them(
        self, meetings, store, memory_store, sample_meeting
    ):
        turns = [("Ann", "one two three"), ("Bob", "네, 좋습니다 😀"), ("", "four five"), ("Ann", "six")]
        spans = [Span(0, 0, 0, 7), Span(0, 8, 2, 4), Span(2, 5, 3, 3)]
        sample = sample_meeting("weekly", turns, spans=spans, held_on=date(2024, 1, 31))
        other = sample_meeting("other", turns)
        tenant_id = await meetings.tenant(sample, other)
        chunk_ids = [each.chunk_id for each in (*sample.chunks, other.chunks[1])]
        async with store.look(tenant_id, soon()) as session, memory_store.look(tenant_id, soon()) as twin:
            found = await session.chunks(chunk_ids[::-1])
            expected = await twin.chunks(chunk_ids)
        assert {key: (each.meeting, each.span, tuple(each.utterances)) for key, each in found.items()} == {
            key: (each.meeting, each.span, tuple(each.utterances)) for key, each in expected.items()
        }
        cut = {key: [line.text for line in cut_to_span(each.utterances, each.span)] for key, each in found.items()}
        assert list(map(cut.get, chunk_ids)) == [
            ["one two"],
            ["three", "네, 좋습니다 😀", "four"],
            ["five", "six"],
            ["네, 좋습니다 😀"],
        ]

    async def test_chunks_that_are_gone_are_left_out(self, meetings, store, sample_meeting):
        sample = sample_meeting("weekly", [("Ann", "budget")])
        tenant_id = await meetings.tenant(sample)
        async with store.look(tenant_id, soon()) as session:
            assert list(await session.chunks([sample.chunks[0].chunk_id, 10**9])) == [sample.chunks[0].chunk_id]
            assert await session.chunks([]) == {}

    async def test_chunks_of_one_meeting_stand_in_it_one_after_the_other(self, meetings, store, sample_meeting):
        samples = [sample_meeting(name, [("Ann", "budget"), ("Bob", "budget")]) for name in ("one", "other")]
        tenant_id = await meetings.tenant(*samples)
        async with store.look(tenant_id, soon()) as session:
            places = await session.places([each.chunk_id for sample in samples for each in sample.chunks] + [10**9])
        one, other = ([places.pop(each.chunk_id) for each in sample.chunks] for sample in samples)
        assert [each.ordinal for each in [*one, *other]] == [0, 1, 0, 1]
        assert one[0].meeting_key == one[1].meeting_key != other[0].meeting_key == other[1].meeting_key
        assert places == {}


class TestSurroundings:
    @pytest.mark.parametrize("neighbor_count", [1, 2, 5])
    async def test_they_reach_so_many_chunks_of_the_meeting_to_either_side(
        self, meetings, store, memory_store, sample_meeting, neighbor_count
    ):
        turns = [
            ("Ann", "one two three"),
            ("Bob", "네, 좋습니다 😀"),
            ("", "four five"),
            ("Ann", "six"),
            ("Bob", "seven"),
        ]
        spans = [Span(0, 0, 0, 3), Span(0, 4, 0, 7), Span(0, 8, 2, 4), Span(2, 5, 3, 3), Span(4, 0, 4, 5)]
        sample, other = sample_meeting("weekly", turns, spans=spans), sample_meeting("other", turns)
        tenant_id = await meetings.tenant(sample, other)
        chunk_ids = [each.chunk_id for each in (*sample.chunks, *other.chunks)]
        async with store.look(tenant_id, soon()) as session, memory_store.look(tenant_id, soon()) as twin:
            found = await session.surroundings(chunk_ids[::-1], neighbor_count)
            expected = await twin.surroundings(chunk_ids, neighbor_count)
            chunks = await session.chunks(chunk_ids)
        assert found == expected
        assert set(found) == set(chunk_ids)
        third = sample.chunks[2].chunk_id
        before, after = cut_around(found[third].utterances, chunks[third].span, found[third].span)
        assert [line.text for line in before] == ["two" if neighbor_count == 1 else "one two"]
        assert [line.text for line in after] == ["five", "six", "seven"][: 1 + neighbor_count]

    async def test_there_are_none_of_chunks_that_are_gone(self, meetings, store, sample_meeting):
        tenant_id = await meetings.tenant(sample_meeting("weekly", [("Ann", "budget")]))
        async with store.look(tenant_id, soon()) as session:
            assert await session.surroundings([10**9], 5) == {}


class TestPlans:
    @pytest.fixture
    async def long_meetings(self, owner) -> tuple[UUID, list[int]]:
        """A tenant with fifty meetings of 600 utterances and 60 chunks each, and the middle chunks of ten of them."""
        tenant_id = await owner.fetchval("INSERT INTO tenants (name) VALUES ('long') RETURNING tenant_id")
        await owner.execute("""
            INSERT INTO meetings (tenant_id, meeting_id, title, language, series, participants, tags, source,
                attributes, content_sha256, utterance_count, chunk_count)
            SELECT t.tenant_id, g, '', '', '', '{}', '{}', '', '{}', '', 600, 60
            FROM tenants AS t, generate_series(1, 50) AS g;
            INSERT INTO utterances (tenant_id, meeting_key, ordinal, speaker, speaker_key, kind, text)
            SELECT tenant_id, meeting_key, g, 'Ann', 'ann', 'speech', repeat('word ', 30)
            FROM meetings, generate_series(0, 599) AS g;
            INSERT INTO chunks (tenant_id, meeting_key, ordinal, first_utterance, first_character, last_utterance,
                last_character, text_sha256, text)
            SELECT tenant_id, meeting_key, g, g * 10, 0, g * 10 + 9, 150, '', repeat('word ', 300)
            FROM meetings, generate_series(0, 59) AS g;
            ANALYZE""")
        rows = await owner.fetch("SELECT chunk_id FROM chunks WHERE ordinal = 30 LIMIT 10")
        return tenant_id, [row["chunk_id"] for row in rows]

    @pytest.mark.parametrize(
        ("name", "arguments", "rows_max"), [("page_chunks", (), 100), ("page_surroundings", (2,), 500)]
    )
    async def test_of_long_meetings_only_the_utterances_asked_for_are_read(
        self, long_meetings, open_pool, queries, name, arguments, rows_max
    ):
        tenant_id, chunk_ids = long_meetings
        explain = Query("plan", f"EXPLAIN (ANALYZE, FORMAT JSON) {queries[name].sql}")
        database = await open_pool()
        async with database.tenant(tenant_id, soon(), read_only=True) as session:
            row = await session.fetch_row(explain, chunk_ids, *arguments)
        nodes = [json.loads(row[0])[0]["Plan"]]
        for node in nodes:
            nodes += node.get("Plans", [])
        reads = [node for node in nodes if node.get("Relation Name") == "utterances"]
        assert 0 < sum(node["Actual Rows"] * node["Actual Loops"] for node in reads) <= rows_max


class TestTenants:
    @pytest.fixture
    async def hidden(self, meetings, sample_meeting):
        """A meeting of another tenant."""
        sample = sample_meeting("secret", [("Ann", "budget"), ("Bob", "budget")])
        await meetings.tenant(sample)
        return sample

    @pytest.mark.parametrize("filtered", [False, True])
    async def test_nothing_of_another_tenant_is_to_be_seen(self, meetings, store, sample_meeting, hidden, filtered):
        tenant_id = await meetings.tenant(sample_meeting("own", [("Ann", "hire")]))
        condition = Filter(meeting_ids=("secret",)) if filtered else Filter()
        async with store.look(tenant_id, soon()) as session:
            await session.narrow(condition)
            statistics = await session.term_statistics([term_id("budget")])
            assert (statistics.corpus_count, statistics.chunk_counts) == (1, {})
            terms = weighted_terms({"budget": 1}, statistics)
            assert await session.lexical(Selection(dict.fromkeys(terms, 0)), terms, 100) == []
            await session.serving_model()
            near = await session.nearest(hidden.chunks[0].vector, 100)
            assert len(near) == (0 if filtered else 1)
            assert not {each.chunk_id for each in near} & {each.chunk_id for each in hidden.chunks}
            assert await session.chunks([each.chunk_id for each in hidden.chunks]) == {}
            assert await session.places([each.chunk_id for each in hidden.chunks]) == {}
            assert await session.surroundings([each.chunk_id for each in hidden.chunks], 5) == {}
        page = await store.utterances(tenant_id, condition, after=None, lines_max=100, deadline=soon())
        assert [line.utterance.text for line in page.lines] == ([] if filtered else ["hire"])
        assert page.total == len(page.lines)

    async def test_a_tenant_without_a_meeting_sees_nothing(self, meetings, store, hidden):
        async with store.look(uuid4(), soon()) as session:
            statistics = await session.term_statistics([term_id("budget")])
            assert (statistics.corpus_count, statistics.chunk_counts) == (0, {})
            terms = weighted_terms({"budget": 1}, statistics)
            assert await session.lexical(Selection(dict.fromkeys(terms, 0)), terms, 100) == []
            await session.serving_model()
            assert await session.nearest(hidden.chunks[0].vector, 100) == []


class TestReadiness:
    async def test_a_database_with_the_schema_is_ready(self, store):
        await store.serving_sha256()

    async def test_a_database_without_the_schema_is_not(self, store, owner):
        await owner.execute("ALTER TABLE models RENAME TO old_models")
        with pytest.raises(DependencyUnavailable):
            await store.serving_sha256()


class TestFailures:
    async def test_a_deadline_that_has_passed_ends_the_look(self, store):
        with pytest.raises(DeadlineExceeded):
            async with store.look(uuid4(), Deadline.after(-1)):
                pass

    async def test_a_statement_that_outlasts_the_deadline_is_ended(self, meetings, store, sample_meeting, owner):
        tenant_id = await meetings.tenant(sample_meeting("own", [("Ann", "hire")]))
        async with owner.transaction():
            await owner.execute("LOCK TABLE utterances")
            with pytest.raises(DeadlineExceeded):
                await store.utterances(tenant_id, Filter(), after=None, lines_max=1, deadline=Deadline.after(0.2))
