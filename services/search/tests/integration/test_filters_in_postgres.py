"""Filters of any shape in both legs and in lists of utterances, against plain Python that looks at every one."""

import json
import random
from collections.abc import Sequence
from datetime import date

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from sagwan_runtime.deadline import Deadline
from sagwan_search.adapters.index_sql import index_name
from sagwan_search.adapters.narrowing import Narrowing
from sagwan_search.adapters.postgres import PostgresMeetingStore
from sagwan_search.adapters.vectors import explained, planned, serving_model, serving_table, vector_leg
from sagwan_search.domain.candidates import every_candidate
from sagwan_search.domain.filters import Filter
from sagwan_search.domain.indexes import IndexKind, plan_for
from sagwan_search.domain.lexical import WeightedTerm, weighted_terms
from sagwan_search.domain.lines import Span, Utterance
from sagwan_search.domain.narrowing import NarrowingLimits
from sagwan_text.speakers import speaker_key
from sagwan_text.terms import term_id

pytestmark = pytest.mark.integration

QUICK = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
# Every utterance that is not blank begins and ends with it, so that the lexical leg finds every chunk.
COMMON = "budget"
WORDS = ["cut", "hire", "예산", "삭감", "회의록", "it's", "東京", "ＢＵＳ"]
# Names that a filter must take for what they are.
NAMES = [
    "Ann", " ＡＮＮ ", "김철수", "O'Neil", 'said "so"', "back\\slash", "E'\\n'", "{curly,comma}", "NULL", "%s %L $1 $$",
    "a' OR 'a'='a", "x'); DROP TABLE meetings; --", "", "tail\\",
]  # fmt: skip
DAYS = [None, date(2024, 1, 31), date(2024, 2, 1), date(2024, 2, 29)]
LANGUAGES = ["", "ko", "ko-KR", "KO-kr", "kok", "en-GB", "en"]
KINDS = ["speech", "decision", "action"]
TIMES = [(None, None), (0, 900), (1_000, None), (None, 2_000), (5_000, 9_000), (9_000, 9_000)]


def corpus(sample_meeting):
    """Meetings in which every value occurs beside every other sooner or later, with chunks that cut utterances."""
    chance = random.Random(7)
    for number in range(24):
        said = []
        for ordinal in range(chance.randint(1, 6)):
            words = [COMMON, *chance.sample(WORDS, 2), COMMON]
            text = " " if said and chance.random() < 0.15 else " ".join(words)
            said.append(Utterance(ordinal, chance.choice(NAMES), *chance.choice(TIMES), text, chance.choice(KINDS)))
        spans, begin = [], (0, 0)
        while begin[0] < len(said):
            last = min(begin[0] + chance.randint(0, 2), len(said) - 1)
            cut = len(COMMON) if chance.random() < 0.3 and last > begin[0] and said[last].text.strip() else None
            # Ingest makes no chunk of nothing but blank utterances.
            if any(each.text.strip() for each in said[begin[0] : last + 1]):
                spans.append(Span(*begin, last, cut or len(said[last].text)))
            begin = (last, cut) if cut else (last + 1, 0)
        yield sample_meeting(
            f"m-{number}",
            said,
            spans=spans,
            held_on=chance.choice(DAYS),
            series=chance.choice(NAMES),
            participants=tuple(chance.sample(NAMES, 2)),
            tags=tuple(chance.sample(NAMES, 3)),
            language=chance.choice(LANGUAGES),
        )


def some(values: Sequence[object]) -> st.SearchStrategy:
    """Nothing, more often than not; or a few of the values."""
    return st.just(()) | st.just(()) | st.lists(st.sampled_from(values), min_size=1, max_size=3, unique=True).map(tuple)


KEYS = [speaker_key(name) for name in NAMES if name] + ["nobody"]
OFFSETS = st.none() | st.none() | st.sampled_from([0, 900, 901, 1_000, 2_000, 4_000, 9_000])
MAYBE_DAYS = st.sampled_from([None, *DAYS])


def leaves(**more: st.SearchStrategy) -> st.SearchStrategy[Filter]:
    return st.builds(
        Filter,
        start_date=MAYBE_DAYS,
        end_date=MAYBE_DAYS,
        meeting_ids=some([*(f"m-{n}" for n in range(24)), "gone", "m-1' OR TRUE --"]),
        speaker_keys=some(KEYS),
        series_keys=some(KEYS),
        participant_keys=some(KEYS),
        tag_keys=some(KEYS),
        languages=some(["ko", "ko-kr", "en", "xx"]),
        utterance_kinds=some(KINDS),
        start_ms=OFFSETS,
        end_ms=OFFSETS,
        phrase=st.none() | st.none() | st.sampled_from(["cut", "예산 삭감", "it's cut", "bus", "x'y"]),
        **more,
    )


def single(leaf: st.SearchStrategy[Filter], names: Sequence[str]) -> st.SearchStrategy[Filter]:
    """Filters of one or two fields: those of many pass next to nothing."""
    return st.builds(
        lambda drawn, kept: Filter(**{name: getattr(drawn, name) for name in kept}),
        leaf,
        st.lists(st.sampled_from(names), min_size=1, max_size=2),
    )


def trees(leaf: st.SearchStrategy[Filter], names: Sequence[str]) -> st.SearchStrategy[Filter]:
    def grown(inner: st.SearchStrategy[Filter]) -> st.SearchStrategy[Filter]:
        group = st.just(()) | st.lists(inner, min_size=1, max_size=2).map(tuple)
        return st.builds(
            lambda own, all_of, any_of, none_of: Filter(
                **{name: getattr(own, name) for name in names}, all_of=all_of, any_of=any_of, none_of=none_of
            ),
            single(leaf, names) | st.just(Filter()),
            group,
            group,
            group,
        )

    return st.recursive(single(leaf, names), grown, max_leaves=6)


OF_UTTERANCES = [
    "start_date", "end_date", "meeting_ids", "speaker_keys", "series_keys", "participant_keys", "tag_keys", "languages",
    "utterance_kinds", "start_ms", "end_ms", "phrase",
]  # fmt: skip
TERMS = some([term_id(word) for word in ("cut", "hire", "예산", "삭감")])
UTTERANCE_FILTERS = trees(leaves(), OF_UTTERANCES)
CHUNK_FILTERS = trees(leaves(term_ids=TERMS), [*OF_UTTERANCES, "term_ids", "term_ids"])
SAME_UTTERANCE = Filter(speaker_keys=("ann",), utterance_kinds=("decision",), start_ms=1_000)


def soon() -> Deadline:
    return Deadline.after(30)


async def found_by_legs(store, tenant_id, condition):
    """Chunks by each leg, without a depth that would hide any."""
    async with store.look(tenant_id, soon()) as session:
        await session.narrow(condition)
        statistics = await session.term_statistics([term_id(COMMON), term_id("예산")])
        terms = weighted_terms({COMMON: 1, "예산": 1}, statistics)
        lexical = await session.lexical(every_candidate(terms), terms, 1_000)
        await session.serving_model()
        nearest = await session.nearest(np.ones(8, np.float32), 1_000)
    return lexical, nearest


@pytest.fixture
async def tenant_id(meetings, sample_meeting, owner):
    """A tenant with the corpus, beside another with the same, and PostgreSQL knows how many chunks that is."""
    await meetings.tenant(*corpus(sample_meeting))
    own = await meetings.tenant(*corpus(sample_meeting))
    await owner.execute("ANALYZE")
    return own


@pytest.fixture
async def hurried(open_pool, queries):
    """A store that finds nothing first, and takes three meetings for many."""
    return PostgresMeetingStore(await open_pool(), queries, limits=NarrowingLimits(0, 0, meeting_keys_max=2))


class TestTrees:
    @given(condition=CHUNK_FILTERS)
    @example(condition=Filter())
    @example(condition=SAME_UTTERANCE)
    @example(condition=Filter(none_of=(SAME_UTTERANCE,)))
    @example(condition=Filter(none_of=(Filter(none_of=(SAME_UTTERANCE,)),)))
    @example(condition=Filter(none_of=(Filter(start_date=date(2024, 2, 1)),)))
    @example(condition=Filter(none_of=(Filter(),)))
    @example(condition=Filter(none_of=(Filter(phrase="예산 삭감"),)))
    @example(condition=Filter(term_ids=(term_id("cut"),), phrase="cut hire"))
    @example(condition=Filter(all_of=(Filter(term_ids=(term_id("cut"),)),), end_ms=2_000))
    @QUICK
    async def test_both_legs_find_exactly_the_chunks_that_pass(
        self, tenant_id, store, hurried, memory_store, condition
    ):
        expected = await found_by_legs(memory_store, tenant_id, condition)
        found = await found_by_legs(store, tenant_id, condition)
        found += await found_by_legs(hurried, tenant_id, condition)
        for leg, expected_leg in zip(found, expected * 2, strict=True):
            assert {each.chunk_id for each in leg} == {each.chunk_id for each in expected_leg}
            assert [(-each.score, each.chunk_id) for each in leg] == sorted((-e.score, e.chunk_id) for e in leg)

    @given(condition=UTTERANCE_FILTERS)
    @example(condition=SAME_UTTERANCE)
    @example(condition=Filter(none_of=(Filter(start_ms=0),)))
    @QUICK
    async def test_lists_hold_exactly_the_utterances_that_pass(
        self, tenant_id, store, hurried, memory_store, condition
    ):
        whole = {"after": None, "lines_max": 1_000, "deadline": soon()}
        page = await store.utterances(tenant_id, condition, **whole)
        assert await hurried.utterances(tenant_id, condition, **whole) == page
        expected = await memory_store.utterances(tenant_id, condition, **whole)
        assert sorted(page.lines, key=repr) == sorted(expected.lines, key=repr)
        assert (page.total, page.meeting_counts) == (expected.total, expected.meeting_counts)

    async def test_what_one_speaker_decided_is_not_what_another_did(self, meetings, store, sample_meeting):
        said = [Utterance(0, "Ann", 0, 10, "budget", "speech"), Utterance(1, "Bob", 90, 100, "budget", "decision")]
        tenant_id = await meetings.tenant(sample_meeting("m", said, turns_per_chunk=2))
        for condition, count in (
            (Filter(speaker_keys=("ann",), utterance_kinds=("decision",)), 0),
            (Filter(speaker_keys=("ann",), all_of=(Filter(utterance_kinds=("decision",)),)), 1),
            (Filter(start_ms=40, end_ms=60), 0),
            (Filter(start_ms=10, end_ms=10), 1),
        ):
            assert [len(leg) for leg in await found_by_legs(store, tenant_id, condition)] == [count, count]

    async def test_a_leg_goes_on_past_what_does_not_pass_until_it_is_deep_enough(self, tenant_id, store, memory_store):
        condition = Filter(any_of=(Filter(phrase="예산 삭감"), SAME_UTTERANCE))
        terms = [WeightedTerm(COMMON, term_id(COMMON), 1, 1, 1.0)]
        async with store.look(tenant_id, soon()) as session, memory_store.look(tenant_id, soon()) as twin:
            for each in (session, twin):
                await each.narrow(condition)
            found, expected = [await each.lexical(every_candidate(terms), terms, 3) for each in (session, twin)]
        assert [each.chunk_id for each in found] == [each.chunk_id for each in expected]
        assert len(found) == 3

    async def test_conditions_are_written_once_for_all_who_ask_for_the_same(self, tenant_id, open_pool, queries):
        known = dict(queries)
        store = PostgresMeetingStore(await open_pool(), known)
        first = await found_by_legs(store, tenant_id, SAME_UTTERANCE)
        del known["filter_conditions"]
        assert await found_by_legs(store, tenant_id, SAME_UTTERANCE) == first
        with pytest.raises(KeyError):
            await found_by_legs(store, tenant_id, Filter(none_of=(SAME_UTTERANCE,)))


class TestPlans:
    """The index is forced: on tables of this size the planner would rather scan."""

    @pytest.mark.parametrize(
        "condition",
        [
            Filter(),
            Filter(start_date=date(2024, 1, 31)),
            Filter(speaker_keys=("ann",)),
            Filter(utterance_kinds=("decision",)),
            Filter(start_ms=0, end_ms=10**6),
            SAME_UTTERANCE,
            Filter(tag_keys=("ann",), languages=("ko",)),
            Filter(phrase="예산"),
            Filter(none_of=(Filter(term_ids=(1,)), Filter(phrase="예산"))),
            Filter(any_of=(SAME_UTTERANCE, Filter(series_keys=("ann",)))),
        ],
    )
    async def test_the_vector_leg_walks_its_index_whatever_the_filter(
        self, tenant_id, build_index, open_pool, queries, condition
    ):
        plan = plan_for(IndexKind.HNSW, 1_000)
        await build_index(plan)
        database = await open_pool(enable_seqscan="off", enable_bitmapscan="off", enable_sort="off")
        async with database.tenant(tenant_id, soon(), read_only=True) as session:
            narrow = await Narrowing(queries, NarrowingLimits()).chunks(session, condition)
            table = serving_table(await session.fetch_row(serving_model(queries)))
            leg = planned(vector_leg(queries, table, plan, passes=narrow.vectors))
            shown = await session.fetch_value(leg, np.ones(8, np.float32), 5, 1)
        walk = json.loads(shown)[0]["Plan"]
        # Nothing is joined: what else must be known of a chunk is looked up once the index has come by it.
        while walk["Node Type"] in {"Limit", "Sort", "Subquery Scan"}:
            (walk,) = [node for node in walk["Plans"] if node["Parent Relationship"] in {"Outer", "Subquery"}]
        assert (walk["Node Type"], walk["Index Name"]) == ("Index Scan", index_name(table.name, plan.kind))

    async def test_of_a_meeting_only_the_utterances_of_the_chunk_are_read(self, owner, meetings, open_pool, queries):
        tenant_id = await owner.fetchval("INSERT INTO tenants (name) VALUES ('long') RETURNING tenant_id")
        await owner.execute(f"""
            INSERT INTO meetings (tenant_id, meeting_id, title, language, series, participants, tags, source,
                attributes, content_sha256, utterance_count, chunk_count)
            SELECT t.tenant_id, g, '', '', '', '{{}}', '{{}}', '', '{{}}', '', 600, 60
            FROM tenants AS t, generate_series(1, 20) AS g WHERE t.name = 'long';
            INSERT INTO utterances (tenant_id, meeting_key, ordinal, speaker, speaker_key, start_ms, kind, text)
            SELECT tenant_id, meeting_key, g, '', 's' || g % 12, g, 'speech', 'budget'
            FROM meetings, generate_series(0, 599) AS g;
            INSERT INTO chunks (tenant_id, meeting_key, ordinal, first_utterance, first_character, last_utterance,
                last_character, text_sha256, text)
            SELECT tenant_id, meeting_key, g, g * 10, 0, g * 10 + 9, 6, '', 'budget'
            FROM meetings, generate_series(0, 59) AS g;
            INSERT INTO {meetings.vectors_table}
            SELECT tenant_id, chunk_id, meeting_key, NULL, '{{}}', array_fill(chunk_id::real, '{{8}}')::vector
            FROM chunks;
            ANALYZE""")
        database = await open_pool()
        async with database.tenant(tenant_id, soon(), read_only=True) as session:
            narrow = await Narrowing(queries, NarrowingLimits()).chunks(session, Filter(end_ms=10_000))
            table = serving_table(await session.fetch_row(serving_model(queries)))
            explain = explained(vector_leg(queries, table, table.plan, passes=narrow.vectors))
            row = await session.fetch_row(explain, np.ones(8, np.float32), 10, 1)
        nodes = [json.loads(row[0])[0]["Plan"]]
        for node in nodes:
            nodes += node.get("Plans", [])
        (read,) = [node for node in nodes if node.get("Relation Name") == "utterances"]
        assert read["Actual Loops"] > 0
        assert read["Actual Rows"] <= 10
        assert read["Shared Hit Blocks"] / read["Actual Loops"] < 10
