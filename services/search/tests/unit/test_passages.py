from datetime import date
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagwan_search.domain.answer import MeetingSummary, StoredChunk
from sagwan_search.domain.lines import Span, Utterance, cut_to_span
from sagwan_search.domain.passages import Selection, citation, line_tokens, merged_passages

WEEKLY = MeetingSummary("weekly-12", "Weekly", date(2026, 1, 12))
TURNS = ["one two three", "four five", " ", "six seven eight nine", "ten"]
WORDS = st.text("ab -가😀.\n", max_size=16)


def said(texts: list[str], speaker: str = "Ann") -> list[Utterance]:
    return [Utterance(ordinal, speaker, None, None, text) for ordinal, text in enumerate(texts)]


def line(speaker: str = "", start_ms: int | None = None, end_ms: int | None = None) -> Utterance:
    return Utterance(0, speaker, start_ms, end_ms, "x")


def chunk(*span: int, texts: list[str] = TURNS, meeting: MeetingSummary = WEEKLY) -> StoredChunk:
    utterances = said(texts)[span[0] : span[2] + 1]
    return StoredChunk(hash(span), meeting, Span(*span), utterances)


def texts_of(passages) -> list[list[str]]:
    return [[line.text for line in passage.lines] for passage in passages]


def selected(token_budget: int, *chunks: StoredChunk, best: int = 0) -> Selection:
    selection = Selection(token_budget, lambda lines: min(best, len(lines) - 1))
    for each in chunks:
        selection.offer(each)
    return selection


def visible(lines) -> str:
    return "".join("".join(line.text.split()) for line in lines)


class TestMerging:
    def test_chunks_that_follow_one_another_become_one_and_a_cut_line_is_whole_again(self):
        passages = merged_passages([chunk(0, 8, 1, 9), chunk(0, 0, 0, 8)])
        assert texts_of(passages) == [["one two three", "four five"]]

    def test_overlapping_chunks_show_each_line_once(self):
        assert texts_of(merged_passages([chunk(0, 4, 1, 9), chunk(1, 0, 3, 3)])) == [["two three", "four five", "six"]]

    def test_a_chunk_inside_another_adds_nothing(self):
        assert texts_of(merged_passages([chunk(0, 0, 3, 20), chunk(1, 0, 1, 4)])) == [
            ["one two three", "four five", "six seven eight nine"]
        ]

    def test_white_space_between_chunks_does_not_part_them(self):
        assert texts_of(merged_passages([chunk(0, 0, 0, 7), chunk(0, 8, 2, 1), chunk(3, 0, 3, 3)])) == [
            ["one two three", "four five", "six"]
        ]

    def test_something_said_between_chunks_parts_them(self):
        assert texts_of(merged_passages([chunk(3, 4, 3, 9), chunk(3, 0, 3, 3), chunk(0, 0, 0, 3)])) == [
            ["one"],
            ["six seven"],
        ]
        assert texts_of(merged_passages([chunk(0, 0, 0, 3), chunk(0, 8, 0, 13)])) == [["one"], ["three"]]
        assert texts_of(merged_passages([chunk(0, 0, 0, 13), chunk(3, 0, 3, 3)])) == [["one two three"], ["six"]]

    def test_meetings_come_by_their_best_chunk_and_their_passages_by_time(self):
        other = MeetingSummary("other", "", None)
        chunks = [
            chunk(3, 0, 4, 3),
            chunk(0, 0, 0, 3, meeting=other),
            chunk(0, 0, 0, 3),
            chunk(4, 0, 4, 3, meeting=other),
        ]
        passages = merged_passages(chunks)
        assert [(each.meeting.meeting_id, each.lines[0].ordinal) for each in passages] == [
            ("weekly-12", 0),
            ("weekly-12", 3),
            ("other", 0),
            ("other", 4),
        ]

    def test_without_chunks_there_are_no_passages(self):
        assert merged_passages([]) == []


class TestBudget:
    def test_chunks_are_taken_until_the_budget_is_spent(self):
        chunks = [chunk(3, 0, 3, 20), chunk(0, 0, 0, 13), chunk(1, 0, 1, 9)]
        tokens = [sum(map(line_tokens, each.utterances)) for each in chunks]
        assert selected(sum(tokens), *chunks).chunks == chunks
        exact = selected(tokens[0] + tokens[1], *chunks)
        assert (exact.chunks, exact.spent) == (chunks[:2], True)

    def test_a_chunk_that_is_too_long_is_cut_to_whole_lines_around_its_best(self):
        whole = chunk(0, 4, 4, 2)
        cut = selected(line_tokens(said(TURNS)[3]) + line_tokens(said(TURNS)[1]), whole, chunk(0, 0, 0, 3), best=2)
        assert (texts_of(merged_passages(cut.chunks)), cut.spent) == ([["six seven eight nine", "te"]], True)
        with_more = selected(sum(line_tokens(each) for each in said(TURNS)[1:]), whole, best=2)
        assert texts_of(merged_passages(with_more.chunks)) == [["four five", "six seven eight nine", "te"]]

    def test_the_best_of_the_lines_that_fit_is_taken_when_the_best_does_not(self):
        texts = ["word " * 200, "short"]
        cut = selected(10, chunk(0, 0, 1, 5, texts=texts))
        assert texts_of(merged_passages(cut.chunks)) == [["short"]]

    def test_when_no_line_of_the_best_chunk_fits_a_later_one_may(self):
        texts = ["word " * 200, "short"]
        selection = selected(10, chunk(0, 0, 0, 900, texts=texts), chunk(1, 0, 1, 5, texts=texts))
        assert texts_of(merged_passages(selection.chunks)) == [["short"]]
        assert not selection.spent

    def test_when_something_was_taken_a_chunk_of_which_nothing_fits_is_the_end(self):
        texts = ["short", "word " * 200, "short"]
        parts = [chunk(0, 0, 0, 5, texts=texts), chunk(1, 0, 1, 900, texts=texts), chunk(2, 0, 2, 5, texts=texts)]
        selection = selected(20, *parts)
        assert (selection.chunks, selection.spent) == (parts[:1], True)

    def test_speakers_count(self):
        assert line_tokens(Utterance(0, "위원장 김철수", None, None, "네")) > line_tokens(
            Utterance(0, " ", None, None, "네")
        )

    @given(st.lists(WORDS, min_size=1, max_size=6), st.data(), st.integers(1, 60))
    def test_the_budget_is_never_passed_nothing_is_shown_twice_and_nothing_is_made_up(self, texts, data, token_budget):
        places = st.tuples(st.integers(0, len(texts) - 1), st.integers(0, 16)).map(
            lambda place: (place[0], min(place[1], len(texts[place[0]])))
        )
        ends = data.draw(st.lists(st.lists(places, min_size=2, max_size=2).map(sorted), max_size=5))
        chunks = [chunk(*first, *last, texts=texts) for first, last in ends]
        passages = merged_passages(selected(token_budget, *chunks, best=data.draw(st.integers(0, 5))).chunks)
        assert sum(each.token_count for each in passages) <= token_budget
        assert all(each.token_count == sum(map(line_tokens, each.lines)) for each in passages)
        ordinals = [line.ordinal for each in passages for line in each.lines]
        assert ordinals == sorted(ordinals)
        whole = iter(visible(said(texts)))
        assert all(character in whole for character in visible(line for each in passages for line in each.lines))

    @given(st.lists(WORDS, min_size=1, max_size=6), st.data())
    def test_with_budget_enough_everything_is_shown_once(self, texts, data):
        cuts = data.draw(st.lists(st.tuples(st.integers(0, len(texts) - 1), st.integers(0, 16)), max_size=4))
        places = sorted({(ordinal, min(character, len(texts[ordinal]))) for ordinal, character in cuts})
        bounds = [(0, 0), *places, (len(texts) - 1, len(texts[-1]))]
        chunks = [chunk(*first, *last, texts=texts) for first, last in pairwise(bounds)]
        shuffled = data.draw(st.permutations(chunks))
        passages = merged_passages(selected(10_000, *shuffled).chunks)
        assert visible(line for each in passages for line in each.lines) == visible(said(texts))
        whole = cut_to_span(said(texts), Span(*bounds[0], *bounds[-1]))
        assert [line for each in passages for line in each.lines] == whole


class TestCitation:
    def test_meeting_day_speakers_and_time_are_named(self):
        lines = [line("Bob", 725_900, 730_000), line("김철수", 731_000, 4_210_000), line("bob ")]
        assert citation(WEEKLY, lines) == "Weekly (2026-01-12): Bob, 김철수, 0:12:05–1:10:10"

    @pytest.mark.parametrize(
        ("meeting", "line", "cited"),
        [
            (WEEKLY, line(), "Weekly (2026-01-12)"),
            (MeetingSummary("weekly-12", " ", None), line("Ann"), "weekly-12: Ann"),
            (MeetingSummary("weekly-12", "Weekly\n minutes", None), line(), "Weekly minutes"),
            (WEEKLY, line("", 3_000), "Weekly (2026-01-12): 0:00:03"),
            (WEEKLY, line("", 3_000, 3_999), "Weekly (2026-01-12): 0:00:03"),
            (WEEKLY, line("", None, 60_000), "Weekly (2026-01-12): 0:01:00"),
        ],
    )
    def test_what_is_not_known_is_left_out(self, meeting, line, cited):
        assert citation(meeting, [line]) == cited

    def test_of_many_speakers_the_first_are_named(self):
        lines = [line(name) for name in "ABCDEFG"]
        assert citation(WEEKLY, lines[:5]) == "Weekly (2026-01-12): A, B, C, D, E"
        assert citation(WEEKLY, lines) == "Weekly (2026-01-12): A, B, C, D, E, 2 more"
