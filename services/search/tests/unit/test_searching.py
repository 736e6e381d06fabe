import asyncio
from collections import Counter
from collections.abc import Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date
from uuid import uuid4

import pytest
from prometheus_client import CollectorRegistry

from sagwan_runtime.deadline import Deadline
from sagwan_runtime.errors import DeadlineExceeded, DependencyUnavailable, SagwanError
from sagwan_runtime.metrics import SearchMetrics
from sagwan_search.domain.filters import Filter
from sagwan_search.domain.fusion import Fusion, Leg, Method
from sagwan_search.domain.lines import Span
from sagwan_search.domain.query import Mode, Query
from sagwan_search.ports import Model, QueryVector, Vector
from sagwan_search.searching import Searching, SearchLimits

TENANT = uuid4()
MODEL = Model("sha-of-model", "hashes@1/none", 8)
LIMITS = SearchLimits(leg_depth=100, match_candidates_max=1_000, embed_timeout_s=5.0, terms_max=64)
TURNS = [
    ("Ann", "The budget for next year was cut."),
    ("Bob", "We should hire two engineers."),
    ("김철수", "예산을 줄였습니다. 회의록을 공개합시다."),
    ("Ann", "Budget, budget, and once more the budget."),
]


@dataclass(slots=True)
class PointingEmbedder:
    """Points every question at one direction, and remembers the questions."""

    vector: Vector
    model: Model = MODEL
    questions: list[str] = field(default_factory=list)
    expected: list[str | None] = field(default_factory=list)

    def expect(self, model_sha256: str | None) -> None:
        self.expected.append(model_sha256)

    async def embed(self, text: str, deadline: Deadline) -> QueryVector:
        self.questions.append(text)
        return QueryVector(self.vector, self.model)


@dataclass(frozen=True, slots=True)
class FailingEmbedder:
    error: SagwanError

    async def embed(self, text: str, deadline: Deadline) -> QueryVector:
        raise self.error


@dataclass(frozen=True, slots=True)
class LateEmbedder:
    """Has its answer after a minute, and gives up when its caller's time is up, as a call over the network does."""

    async def embed(self, text: str, deadline: Deadline) -> QueryVector:
        try:
            async with asyncio.timeout(deadline.remaining_s()):
                await asyncio.sleep(60)
        except TimeoutError:
            raise DeadlineExceeded("the embedder did not answer in time") from None
        raise AssertionError("nobody waits so long")


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def searching_with(memory_store, sample_meeting, analyze, registry) -> Callable[..., Searching]:
    """Makes the use case over a meeting of four chunks, with the given embedder."""
    memory_store.add(TENANT, sample_meeting("weekly", TURNS))

    def build(embedder=None, **limits) -> Searching:
        embedder = embedder or PointingEmbedder(sample_meeting.vector(0))
        changed = {name: getattr(LIMITS, name) for name in LIMITS.__slots__} | limits
        return Searching(memory_store, embedder, analyze, SearchMetrics(registry), SearchLimits(**changed))

    return build


async def ask(searching: Searching, text: str, **fields):
    return await searching.search(TENANT, Query(text, **fields), Deadline.after(30))


async def all_pages(searching: Searching, text: str, **fields) -> list:
    """Every page, each of what the one before left."""
    pages = [await ask(searching, text, **fields)]
    while pages[-1].rest is not None:
        pages.append(await ask(searching, text, **{**fields, "ranking": pages[-1].rest}))
    return pages


def chunks(answer) -> list[int]:
    return [hit.fused.chunk_id for hit in answer.hits]


class TestLegs:
    async def test_hybrid_ranks_by_both_legs(self, searching_with):
        answer = await ask(searching_with(), "budget", fusion=Fusion(Method.ADAPTIVE_SCORE))
        # Lexical: 4 (three times), 1. Vector: 1 first, because the question points there.
        assert {leg.leg: leg.rank for leg in answer.hits[0].fused.legs} == {Leg.LEXICAL: 2, Leg.VECTOR: 1}
        assert chunks(answer)[0] == 1
        assert sorted(chunks(answer)) == [1, 2, 3, 4]
        assert answer.ranking.candidate_counts == {Leg.LEXICAL: 2, Leg.VECTOR: 4}
        assert (answer.ranking.model, answer.ranking.degraded_reason) == (MODEL.label, "")

    async def test_legs_say_how_they_found_their_chunks_when_asked(self, searching_with):
        searching = searching_with()
        answer = await ask(searching, "budget", explain=True)
        assert answer.ranking.choices == {leg: f"{leg.value}: every chunk was looked at" for leg in Leg}
        assert not any((await ask(searching, "budget")).ranking.choices.values())

    async def test_lexical_mode_never_asks_the_embedder(self, searching_with, sample_meeting):
        embedder = PointingEmbedder(sample_meeting.vector(0))
        answer = await ask(searching_with(embedder), "budget", mode=Mode.LEXICAL)
        assert chunks(answer) == [4, 1]
        assert embedder.questions == []
        assert (answer.ranking.model, answer.ranking.degraded_reason) == ("", "")
        assert answer.ranking.candidate_counts == {Leg.LEXICAL: 2}
        assert answer.stage_seconds.keys() == {"lexical", "fuse", "fetch", "total"}

    async def test_vector_mode_leaves_words_out_of_account(self, searching_with):
        answer = await ask(searching_with(), "budget", mode=Mode.VECTOR)
        assert chunks(answer)[0] == 1
        assert answer.ranking.candidate_counts == {Leg.VECTOR: 4}
        assert [leg.leg for hit in answer.hits for leg in hit.fused.legs] == [Leg.VECTOR] * 4
        assert answer.hits[0].fused.legs[0].score == pytest.approx(1.0)

    async def test_the_embedder_is_asked_with_the_words_of_the_question(self, searching_with, sample_meeting):
        embedder = PointingEmbedder(sample_meeting.vector(0))
        await ask(searching_with(embedder), "예산은 얼마나?")
        assert embedder.questions == ["예산은 얼마나?"]

    async def test_a_question_of_stop_words_is_answered_by_the_vector_leg(self, searching_with):
        answer = await ask(searching_with(), "what was it about")
        assert answer.ranking.candidate_counts == {Leg.LEXICAL: 0, Leg.VECTOR: 4}

    async def test_legs_give_no_more_candidates_than_their_depth(self, searching_with):
        answer = await ask(searching_with(leg_depth=1), "budget")
        assert answer.ranking.candidate_counts == {Leg.LEXICAL: 1, Leg.VECTOR: 1}

    async def test_terms_past_the_limit_do_not_count(self, searching_with):
        answer = await ask(searching_with(terms_max=1), "engineers budget", mode=Mode.LEXICAL)
        assert chunks(answer) == [2]
        assert [term.text for term in answer.ranking.terms] == ["engin"]

    @pytest.mark.parametrize(
        ("limits", "reason"),
        [
            ({}, ""),
            ({"terms_max": 2}, "only the first 2 of the question's 3 words count"),
            ({"match_candidates_max": 2}, "too common to be looked for by themselves: budget"),
            ({"match_candidates_max": 3}, ""),
        ],
    )
    async def test_an_answer_to_part_of_the_question_says_which(self, searching_with, limits, reason):
        answer = await ask(searching_with(**limits), "engineers budget zebra", mode=Mode.LEXICAL)
        assert answer.ranking.partial_reason == reason

    async def test_the_filter_holds_in_both_legs(self, searching_with):
        answer = await ask(searching_with(), "budget", filter=Filter(speaker_keys=("bob",)))
        assert chunks(answer) == [2]

    async def test_another_tenant_finds_nothing(self, searching_with):
        answer = await searching_with().search(uuid4(), Query("budget"), Deadline.after(30))
        assert (list(answer.hits), answer.rest) == ([], None)

    async def test_weights_decide_which_leg_leads(self, searching_with):
        searching = searching_with()
        words = await ask(searching, "budget", fusion=Fusion(Method.RRF, lexical=10, vector=1))
        meaning = await ask(searching, "budget", fusion=Fusion(Method.RRF, lexical=0))
        assert chunks(words)[0] == 4
        assert all(leg.leg is Leg.VECTOR for hit in meaning.hits for leg in hit.fused.legs)


class TestNewest:
    @pytest.mark.parametrize("hits_per_meeting_max", [0, 1])
    async def test_what_passes_comes_by_day_and_then_as_it_was_said(
        self, searching_with, memory_store, sample_meeting, hits_per_meeting_max
    ):
        # The newest meeting was written first.
        memory_store.add(TENANT, sample_meeting("newer", TURNS, held_on=date(2026, 3, 1)))
        memory_store.add(TENANT, sample_meeting("older", TURNS, held_on=date(2026, 2, 1)))
        answer = await ask(searching_with(), "", hits_per_meeting_max=hits_per_meeting_max)
        found = [hit.meeting.meeting_id for hit in answer.hits]
        shown = hits_per_meeting_max or 4
        assert found[: 2 * shown] == ["newer"] * shown + ["older"] * shown


class TestDegraded:
    @pytest.mark.parametrize(
        "error",
        [
            DependencyUnavailable("the embedder answered UNAVAILABLE"),
            DeadlineExceeded("the embedder did not answer in time"),
        ],
    )
    async def test_without_the_embedder_the_answer_is_lexical_and_says_so(self, searching_with, registry, error):
        answer = await ask(searching_with(FailingEmbedder(error)), "budget")
        assert chunks(answer) == [4, 1]
        assert str(error) in answer.ranking.degraded_reason
        assert (answer.ranking.model, answer.ranking.candidate_counts) == ("", {Leg.LEXICAL: 2})
        assert registry.get_sample_value("sagwan_search_degraded_total", {"reason": "vector_leg"}) == 1

    async def test_a_hanging_embedder_holds_no_look_at_the_database(self, searching_with, memory_store):
        asked = asyncio.create_task(ask(searching_with(LateEmbedder(), embed_timeout_s=0.2), "budget"))
        await asyncio.sleep(0.1)
        assert memory_store.looks_open == 0
        assert (await asked).ranking.degraded_reason

    async def test_half_of_a_short_deadline_is_kept_for_the_lexical_answer(self, searching_with):
        answer = await searching_with(LateEmbedder()).search(TENANT, Query("budget"), Deadline.after(0.4))
        assert answer.ranking.degraded_reason
        assert chunks(answer) == [4, 1]

    async def test_a_late_embedder_is_waited_for_no_longer_than_allowed(self, searching_with):
        async with asyncio.timeout(5):
            answer = await ask(searching_with(LateEmbedder(), embed_timeout_s=0.05), "budget")
        assert chunks(answer) == [4, 1]
        assert "in time" in answer.ranking.degraded_reason

    @pytest.mark.parametrize("late", Leg)
    async def test_a_leg_that_is_late_is_left_out_of_a_hybrid_answer(
        self, searching_with, memory_store, registry, late
    ):
        memory_store.late.add(late)
        answer = await searching_with().search(TENANT, Query("budget"), Deadline.after(0.4))
        assert {leg.leg for hit in answer.hits for leg in hit.fused.legs} == {*Leg} - {late}
        assert answer.ranking.degraded_reason.startswith(f"{late.value} leg left out: ")
        assert registry.get_sample_value("sagwan_search_degraded_total", {"reason": f"{late.value}_leg"}) == 1
        assert memory_store.looks_open == 0

    @pytest.mark.parametrize(
        ("mode", "late"), [(Mode.HYBRID, {*Leg}), (Mode.LEXICAL, {Leg.LEXICAL}), (Mode.VECTOR, {Leg.VECTOR})]
    )
    async def test_without_a_leg_in_time_there_is_no_answer(self, searching_with, memory_store, mode, late):
        memory_store.late |= late
        with pytest.raises(DeadlineExceeded):
            await searching_with().search(TENANT, Query("budget", mode=mode), Deadline.after(0.2))

    async def test_what_common_words_select_is_shown_when_there_is_no_time_for_all_that_passes_the_filter(
        self, searching_with, memory_store, sample_meeting, monkeypatch
    ):
        look = memory_store.look

        @asynccontextmanager
        async def late_the_second_time(tenant_id, deadline):
            async with look(tenant_id, deadline) as session:
                lexical = session.lexical

                async def found_once(*args):
                    found = await lexical(*args)
                    memory_store.late.add(Leg.LEXICAL)
                    return found

                session.lexical = found_once
                yield session

        searching = searching_with(match_candidates_max=2)
        memory_store.add(TENANT, sample_meeting("at length", [("Ann", "The budget, and " + "engineers " * 100)]))
        asked = Query("budget", mode=Mode.LEXICAL, filter=Filter(speaker_keys=("ann",)))
        assert chunks(await searching.search(TENANT, asked, Deadline.after(30)))[:3] == [4, 1, 5]
        monkeypatch.setattr(memory_store, "look", late_the_second_time)
        answer = await searching.search(TENANT, asked, Deadline.after(0.4))
        assert chunks(answer) == [4, 1]
        assert answer.ranking.partial_reason == "there was no time to look at all that passes the filter"

    async def test_time_that_is_up_before_the_page_is_read_is_no_error_of_the_service(
        self, searching_with, memory_store, monkeypatch
    ):
        memory_store.late.add(Leg.VECTOR)
        look, looks = memory_store.look, []

        @asynccontextmanager
        async def last_one_late(tenant_id, deadline):
            async with look(tenant_id, deadline) as session:
                looks.append(deadline)
                if len(looks) == 3:
                    await asyncio.sleep(deadline.remaining_s())
                yield session

        monkeypatch.setattr(memory_store, "look", last_one_late)
        with pytest.raises(DeadlineExceeded):
            await searching_with().search(TENANT, Query("budget"), Deadline.after(0.2))

    async def test_vectors_of_another_dimension_are_not_compared(self, searching_with, sample_meeting):
        other = PointingEmbedder(sample_meeting.vector(0), Model(MODEL.sha256, MODEL.label, 7))
        answer = await ask(searching_with(other), "budget")
        assert "7 dimensions" in answer.ranking.degraded_reason

    async def test_vectors_of_another_model_are_not_compared(self, searching_with, sample_meeting):
        other = PointingEmbedder(sample_meeting.vector(0), Model("another", "other@2/int8", 8))
        answer = await ask(searching_with(other), "budget")
        assert chunks(answer) == [4, 1]
        assert answer.ranking.model == ""
        assert "other@2/int8" in answer.ranking.degraded_reason
        assert MODEL.label in answer.ranking.degraded_reason

    @pytest.mark.parametrize("error", [DependencyUnavailable("down"), DeadlineExceeded("late")])
    async def test_vector_mode_fails_with_the_embedder(self, searching_with, error):
        with pytest.raises(type(error), match=str(error)):
            await ask(searching_with(FailingEmbedder(error)), "budget", mode=Mode.VECTOR)

    async def test_vector_mode_fails_when_another_model_is_served(self, searching_with, sample_meeting):
        other = PointingEmbedder(sample_meeting.vector(0), Model("another", "other@2/int8", 8))
        with pytest.raises(DependencyUnavailable, match="other@2/int8"):
            await ask(searching_with(other), "budget", mode=Mode.VECTOR)

    async def test_before_the_first_ingest_nothing_is_found_and_nothing_is_degraded(self, searching_with, memory_store):
        memory_store.model = None
        answer = await searching_with().search(uuid4(), Query("budget"), Deadline.after(30))
        assert (list(answer.hits), answer.ranking.degraded_reason) == ([], "")

    async def test_a_deadline_that_has_passed_ends_the_search_in_vector_mode(self, searching_with):
        with pytest.raises(DeadlineExceeded):
            await searching_with(LateEmbedder()).search(TENANT, Query("x", mode=Mode.VECTOR), Deadline.after(-1))


class TestPages:
    async def test_pages_follow_one_another_without_gap_or_repetition(self, searching_with):
        searching = searching_with()
        whole = await ask(searching, "budget")
        pages = await all_pages(searching, "budget", hits_max=3)
        assert [page.hits for page in pages] == [whole.hits[:3], whole.hits[3:]]

    async def test_later_pages_are_of_the_ranking_that_the_first_one_fixed(
        self, searching_with, sample_meeting, memory_store
    ):
        embedder = PointingEmbedder(sample_meeting.vector(0))
        searching = searching_with(embedder)
        whole = await ask(searching, "budget")
        first = await ask(searching, "budget", hits_max=1)
        memory_store.add(TENANT, sample_meeting("later", [("Ann", "Budget budget budget budget.")] * 5))
        second = await ask(searching, "budget", ranking=first.rest)
        assert [*first.hits, *second.hits] == whole.hits
        assert second.ranking.terms == whole.ranking.terms
        assert embedder.questions == ["budget"] * 2

    async def test_a_page_whose_chunks_are_all_gone_is_empty_and_leads_on(self, searching_with, memory_store):
        searching = searching_with()
        first = await ask(searching, "budget", hits_max=1)
        gone, *left = [each.chunk_id for each in first.rest.chunks]
        memory_store.deleted_while_ranking.add(gone)
        second, *others = await all_pages(searching, "budget", hits_max=1, ranking=first.rest)
        assert (list(second.hits), [chunks(each) for each in others]) == ([], [[chunk] for chunk in left])

    async def test_a_page_after_a_degraded_one_says_so_too_and_is_not_counted_again(self, searching_with, registry):
        searching = searching_with(FailingEmbedder(DependencyUnavailable("down")))
        first, second = await all_pages(searching, "budget", hits_max=1)
        assert first.ranking.degraded_reason == second.ranking.degraded_reason != ""
        assert registry.get_sample_value("sagwan_search_degraded_total", {"reason": "vector_leg"}) == 1
        assert registry.get_sample_value("sagwan_search_leg_candidates_count", {"leg": "lexical"}) == 1

    async def test_a_chunk_that_was_deleted_meanwhile_is_left_out(self, searching_with, memory_store):
        memory_store.deleted_while_ranking.add(4)
        assert chunks(await ask(searching_with(), "budget", mode=Mode.LEXICAL)) == [1]


class TestHits:
    async def test_a_hit_shows_the_cut_line_with_the_terms_marked(self, searching_with):
        answer = await ask(searching_with(), "회의록 예산", mode=Mode.LEXICAL)
        (hit,) = answer.hits
        (line,) = hit.lines
        assert (hit.meeting.meeting_id, line.utterance.speaker) == ("weekly", "김철수")
        assert [line.utterance.text[start:end] for start, end in line.highlights] == ["예산", "회의록"]
        assert {term.text for term in hit.terms} == {"회의록", "회의", "록", "예산"}

    async def test_the_best_line_is_the_one_with_the_weightiest_terms(
        self, memory_store, sample_meeting, searching_with
    ):
        turns = [("Ann", "A long line about nothing at all, really."), ("Bob", "zebra"), ("Ann", "budget")]
        memory_store.add(TENANT, sample_meeting("monthly", turns, turns_per_chunk=3))
        answer = await ask(searching_with(), "zebra budget", mode=Mode.LEXICAL)
        assert (answer.hits[0].meeting.meeting_id, answer.hits[0].best_line) == ("monthly", 1)

    async def test_the_best_line_is_one_of_the_speaker_asked_for(self, memory_store, sample_meeting, searching_with):
        memory_store.add(TENANT, sample_meeting("monthly", [("Ann", "zebra"), ("Bob", "I see.")], turns_per_chunk=2))
        condition = Filter(meeting_ids=("monthly",), speaker_keys=("bob",))
        answer = await ask(searching_with(), "zebra", mode=Mode.LEXICAL, filter=condition)
        assert [hit.lines[hit.best_line].utterance.speaker for hit in answer.hits] == ["Bob"]

    async def test_terms_without_a_match_are_explained_too(self, searching_with):
        answer = await ask(searching_with(), "budget zebra", mode=Mode.LEXICAL)
        assert {term.text: term.chunk_count for term in answer.ranking.terms} == {"budget": 2, "zebra": 0}
        assert [[term.text for term in hit.terms] for hit in answer.hits] == [["budget"], ["budget"]]


class TestNeighbors:
    LINES = ("Ann", "Bob", "Ann", "Bob", "Ann")

    @pytest.fixture
    def searching(self, memory_store, sample_meeting, searching_with) -> Searching:
        """Over a meeting whose third chunk of five holds a zebra, and the end and the beginning of a cut utterance."""
        turns = [(speaker, f"zero{place} one{place} two{place}") for place, speaker in enumerate(self.LINES)]
        turns[2] = ("Ann", "zero2 zebra two2")
        spans = [Span(0, 0, 0, 15), Span(1, 0, 1, 5), Span(1, 6, 2, 11), Span(2, 12, 3, 15), Span(4, 0, 4, 15)]
        memory_store.add(TENANT, sample_meeting("zoo", turns, spans=spans))
        return searching_with()

    async def around(self, searching: Searching, neighbor_count: int, **fields):
        answer = await ask(searching, "zebra", mode=Mode.LEXICAL, neighbor_count=neighbor_count, **fields)
        (hit,) = answer.hits
        return [
            [(line.utterance.ordinal, line.utterance.text) for line in lines]
            for lines in (hit.lines_before, hit.lines, hit.lines_after)
        ]

    async def test_nothing_is_shown_around_a_hit_unless_asked_for(self, searching):
        assert await self.around(searching, 0) == [[], [(1, "one1 two1"), (2, "zero2 zebra")], []]

    async def test_neighbors_show_the_rest_of_an_utterance_that_the_hit_cuts_and_repeat_nothing(self, searching):
        assert await self.around(searching, 1) == [
            [(1, "zero1")],
            [(1, "one1 two1"), (2, "zero2 zebra")],
            [(2, "two2"), (3, "zero3 one3 two3")],
        ]

    async def test_neighbors_end_with_the_meeting(self, searching):
        before, _, after = await self.around(searching, 5)
        assert [ordinal for ordinal, _ in before] == [0, 1]
        assert [ordinal for ordinal, _ in after] == [2, 3, 4]

    async def test_the_filter_does_not_hold_for_neighbors(self, searching):
        condition = Filter(speaker_keys=("bob",), meeting_ids=("zoo",))
        assert await self.around(searching, 1, filter=condition) == await self.around(searching, 1)

    async def test_terms_are_marked_in_neighbors_too(self, searching):
        answer = await ask(searching, "zebra two3", mode=Mode.LEXICAL, neighbor_count=1)
        line = answer.hits[0].lines_after[1]
        assert [line.utterance.text[start:end] for start, end in line.highlights] == ["two3"]


class TestHitsPerMeeting:
    @pytest.fixture
    def searching(self, memory_store, sample_meeting, searching_with) -> Searching:
        """Over one meeting of four chunks and six of two."""
        for number in range(6):
            turns = [("Ann", "The budget."), ("Bob", f"Engineers and budget {number}.")]
            memory_store.add(TENANT, sample_meeting(f"other-{number}", turns))
        return searching_with()

    @pytest.mark.parametrize("hits_per_meeting_max", [1, 2, 3, 1_000])
    async def test_each_meeting_shows_its_best_in_the_order_of_the_whole(self, searching, hits_per_meeting_max):
        whole = await ask(searching, "budget", hits_max=100)
        limited = await ask(searching, "budget", hits_max=100, hits_per_meeting_max=hits_per_meeting_max)
        expected, counts = [], Counter()
        for hit in whole.hits:
            counts[hit.meeting.meeting_id] += 1
            if counts[hit.meeting.meeting_id] <= hits_per_meeting_max:
                expected.append(hit.fused)
        assert [hit.fused for hit in limited.hits] == expected
        assert len(counts) == 7

    async def test_pages_follow_one_another_without_gap_or_repetition(self, searching):
        fields = {"hits_per_meeting_max": 2}
        whole = await ask(searching, "budget", hits_max=100, **fields)
        pages = await all_pages(searching, "budget", hits_max=3, **fields)
        assert [hit for page in pages for hit in page.hits] == whole.hits
        assert [len(page.hits) for page in pages] == [3, 3, 3, 3, 2]

    async def test_a_chunk_that_was_deleted_meanwhile_takes_no_place(self, searching, memory_store):
        best = (await ask(searching, "budget", hits_per_meeting_max=1)).hits[0]
        memory_store.deleted_while_ranking.add(best.fused.chunk_id)
        answer = await ask(searching, "budget", hits_per_meeting_max=1)
        assert best.meeting.meeting_id in {hit.meeting.meeting_id for hit in answer.hits}


class TestFacets:
    async def test_all_that_was_found_is_counted_on_the_first_page_when_asked_for(
        self, searching_with, memory_store, sample_meeting
    ):
        turns = [("ANN", "Budget."), ("ANN", "The budget."), ("", "budget budget")]
        memory_store.add(TENANT, sample_meeting("monthly", turns, held_on=date(2026, 3, 9), tags=["Finance"]))
        searching = searching_with()
        first, *later = await all_pages(searching, "budget", mode=Mode.LEXICAL, hits_max=2, facets=True)
        assert {each.property: list(each.values) for each in first.facets} == {
            "meeting": [("monthly", 3), ("weekly", 2)],
            "speaker": [("ANN", 4)],
            "month": [("2026-03", 3)],
            "tag": [("Finance", 3)],
        }
        assert [page.facets for page in later] == [(), ()]
        assert (await ask(searching, "budget")).facets == ()


class TestMeasurements:
    async def test_each_stage_is_timed_and_each_leg_counted(self, searching_with, registry):
        answer = await ask(searching_with(), "zebra")
        stages = {"embed", "lexical", "vector", "fuse", "fetch", "total"}
        assert set(answer.stage_seconds) == stages
        assert max(answer.stage_seconds, key=answer.stage_seconds.get) == "total"
        for stage in stages:
            assert registry.get_sample_value("sagwan_search_stage_seconds_count", {"stage": stage}) == 1
        assert registry.get_sample_value("sagwan_search_empty_legs_total", {"leg": "lexical"}) == 1
        assert registry.get_sample_value("sagwan_search_leg_candidates_sum", {"leg": "vector"}) == 4
