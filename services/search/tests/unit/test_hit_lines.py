import unicodedata
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagwan_search.domain.filters import Filter
from sagwan_search.domain.lines import Line, LineMarker, Span, Utterance, best_line, cut_around, cut_to_span
from sagwan_text.term_offsets import TermOffsets, packed_terms
from sagwan_text.terms import Term


def said(ordinal: int, text: str) -> Utterance:
    return Utterance(ordinal, "Ann", ordinal * 1_000, None, text)


def marked(text: str, question: str, analyze) -> list[str]:
    """The words of `text` that are highlighted for a question."""
    return highlighted(text, {term.text for term in analyze(question)}, analyze)


def highlighted(text: str, wanted: set[str], analyze) -> list[str]:
    """The words of `text` that are highlighted for terms."""
    return [text[start:end] for start, end in LineMarker(wanted, analyze).marked(said(0, text)).highlights]


WEIGHTS = {"budget": 3.0, "meeting": 1.0, "room": 1.5}
PIECES = st.lists(
    st.sampled_from(["budget", "budgets", "회의록", "회의록을", "😀", "예산", "-", "COVID-19", " ", "東京都"])
)
WANTED = st.sets(st.sampled_from(["budget", "회의록", "회의", "록", "covid", "covid19", "19", "예산", "東京", "京都"]))
TEXTS = st.lists(st.text("ab 가😀\n", max_size=12), min_size=1, max_size=5)


class TestCutting:
    def test_only_the_first_and_the_last_utterance_are_cut(self):
        utterances = [said(3, "one two"), said(4, "three four"), said(5, "five six")]
        lines = cut_to_span(utterances, Span(3, 4, 5, 4))
        assert [(each.ordinal, each.text) for each in lines] == [(3, "two"), (4, "three four"), (5, "five")]

    def test_a_span_within_one_utterance_is_cut_at_both_ends(self):
        assert [each.text for each in cut_to_span([said(0, "one two three")], Span(0, 4, 0, 7))] == ["two"]

    def test_characters_are_counted_in_code_points(self):
        assert [each.text for each in cut_to_span([said(0, "😀😀 회의록 x")], Span(0, 3, 0, 6))] == ["회의록"]

    def test_blank_utterances_are_left_out(self):
        utterances = [said(0, "one"), said(1, " \n\t"), said(2, ""), said(3, "two")]
        assert [each.ordinal for each in cut_to_span(utterances, Span(0, 0, 3, 3))] == [0, 3]

    def test_who_spoke_and_when_stay(self):
        line = Utterance(7, "김철수", 5, 9, " 네. ")
        assert cut_to_span([line], Span(7, 0, 7, 4)) == [Utterance(7, "김철수", 5, 9, "네.")]

    @given(TEXTS, st.data())
    def test_two_spans_that_meet_hold_every_visible_character_once(self, texts, data):
        utterances = [said(ordinal, text) for ordinal, text in enumerate(texts)]
        ordinal = data.draw(st.integers(0, len(texts) - 1))
        character = data.draw(st.integers(0, len(texts[ordinal])))
        last = len(texts) - 1
        before = cut_to_span(utterances[: ordinal + 1], Span(0, 0, ordinal, character))
        after = cut_to_span(utterances[ordinal:], Span(ordinal, character, last, len(texts[last])))
        visible = "".join("".join(each.text.split()) for each in [*before, *after])
        assert visible == "".join("".join(text.split()) for text in texts)


class TestSurroundings:
    def test_what_lies_before_and_after_is_cut_at_the_span_and_at_the_ends(self):
        utterances = [said(0, "one two"), said(1, "three"), said(2, "four five"), said(3, "six seven")]
        before, after = cut_around(utterances, Span(1, 2, 2, 4), Span(0, 4, 3, 3))
        assert [(each.ordinal, each.text) for each in before] == [(0, "two"), (1, "th")]
        assert [(each.ordinal, each.text) for each in after] == [(2, "five"), (3, "six")]

    def test_around_the_whole_there_is_nothing(self):
        whole = Span(0, 0, 1, 3)
        assert cut_around([said(0, "one"), said(1, "two")], whole, whole) == ([], [])

    @given(TEXTS, st.data())
    def test_before_within_and_after_hold_every_visible_character_once_and_in_order(self, texts, data):
        utterances = [said(ordinal, text) for ordinal, text in enumerate(texts)]
        places = st.tuples(st.integers(0, len(texts) - 1), st.integers(0, 12)).map(
            lambda place: (place[0], min(place[1], len(texts[place[0]])))
        )
        outer_first, first, last, outer_last = sorted(data.draw(st.lists(places, min_size=4, max_size=4)))
        span, wider = Span(*first, *last), Span(*outer_first, *outer_last)
        touched = utterances[wider.first_utterance : wider.last_utterance + 1]
        before, after = cut_around(touched, span, wider)
        parts = [*before, *cut_to_span(utterances[span.first_utterance : span.last_utterance + 1], span), *after]
        assert [each.ordinal for each in parts] == sorted(each.ordinal for each in parts)
        visible, whole = (
            ["".join(each.text.split()) for each in lines] for lines in (parts, cut_to_span(touched, wider))
        )
        assert "".join(visible) == "".join(whole)


class TestHighlights:
    @pytest.mark.parametrize(
        ("text", "question", "words"),
        [
            ("The budgets were approved. Budget!", "budget", ["budgets", "Budget"]),
            ("Nothing of that here.", "budget", []),
            ("예산을 줄였습니다.", "예산 줄이다", ["예산", "줄였"]),
            ("COVID-19 hit us", "covid", ["COVID"]),
        ],
    )
    def test_the_words_of_the_question_are_marked_in_whatever_form_they_stand(self, text, question, words, analyze):
        assert marked(text, question, analyze) == words

    def test_a_korean_compound_and_its_parts_are_one_highlight(self, analyze):
        assert marked("어제 회의록을 공개했다", "회의록", analyze) == ["회의록"]

    def test_one_part_of_a_compound_is_marked_alone(self, analyze):
        assert marked("어제 회의록을 공개했다", "회의", analyze) == ["회의"]

    def test_a_part_inside_of_a_word_does_not_shorten_its_highlight(self, analyze):
        assert highlighted("a COVID-19-x b", {"covid19x", "19"}, analyze) == ["COVID-19-x"]

    def test_terms_that_only_touch_are_marked_each(self, analyze):
        assert highlighted("회의록", {"회의", "록"}, analyze) == ["회의", "록"]

    def test_offsets_count_code_points_behind_astral_characters(self, analyze):
        assert marked("😀😀 회의록 👩‍👩‍👧 budgets", "회의록 budget", analyze) == ["회의록", "budgets"]

    def test_letters_outside_the_basic_plane_are_cut_whole(self, analyze):
        assert marked("the 𝐛𝐮𝐝𝐠𝐞𝐭 now", "budget", analyze) == ["𝐛𝐮𝐝𝐠𝐞𝐭"]

    def test_decomposed_hangul_is_cut_whole(self, analyze):
        decomposed = unicodedata.normalize("NFD", "예산")
        assert len(decomposed) == 5
        assert marked(f"{decomposed}을 줄였다", "예산", analyze) == [decomposed]

    def test_a_line_names_the_terms_that_it_holds(self, analyze):
        line = LineMarker({"budget", "zebra"}, analyze).marked(said(0, "Budgets, budgets"))
        assert line.terms == {"budget"}

    @given(PIECES, WANTED)
    def test_highlights_cover_exactly_the_terms_claimed_in_order_without_overlap(self, analyze, pieces, wanted):
        text = "".join(pieces)
        line = LineMarker(wanted, analyze).marked(said(0, text))
        claimed = [term for term in analyze(text) if term.text in wanted]
        characters = {place for term in claimed for place in range(term.start, term.end)}
        assert [place for start, end in line.highlights for place in range(start, end)] == sorted(characters)
        assert line.terms == {term.text for term in claimed}


class TestKeptOffsets:
    def kept(self, text: str, terms) -> Utterance:
        packed = packed_terms(terms)
        assert packed is not None
        return replace(said(0, text), term_offsets=TermOffsets(packed))

    def no_analysis(self, text: str) -> list[Term]:
        raise AssertionError(f"analysed again: {text}")

    @given(PIECES, WANTED, st.data())
    def test_a_part_is_marked_where_the_terms_of_the_whole_lie_in_it_without_another_analysis(
        self, analyze, pieces, wanted, data
    ):
        text = "".join(pieces)
        terms = analyze(text)
        cuts = st.integers(0, len(text))
        begin, end = sorted([data.draw(cuts), data.draw(cuts)])
        for part in cut_to_span([self.kept(text, terms)], Span(0, begin, 0, end)):
            line = LineMarker(wanted, self.no_analysis).marked(part)
            begins = begin + text[begin:end].index(part.text)
            ends = begins + len(part.text)
            claimed = [each for each in terms if each.text in wanted and begins <= each.start and each.end <= ends]
            characters = {place - begins for each in claimed for place in range(each.start, each.end)}
            assert [place for start, stop in line.highlights for place in range(start, stop)] == sorted(characters)
            assert line.terms == {each.text for each in claimed}

    @given(PIECES, WANTED)
    def test_a_line_is_marked_as_by_analysis(self, analyze, pieces, wanted):
        text = "".join(pieces)
        by_analysis = LineMarker(wanted, analyze).marked(said(0, text))
        by_offsets = LineMarker(wanted, self.no_analysis).marked(self.kept(text, analyze(text)))
        assert (by_offsets.highlights, by_offsets.terms) == (by_analysis.highlights, by_analysis.terms)

    def test_a_word_that_a_part_ends_in_is_not_marked(self, analyze):
        text = "the budget"
        (part,) = cut_to_span([self.kept(text, analyze(text))], Span(0, 0, 0, 7))
        assert part.text == "the bud"
        assert LineMarker({"budget", "bud"}, self.no_analysis).marked(part).highlights == ()

    def test_lines_around_a_hit_keep_their_offsets(self, analyze):
        texts = ["예산 one", "two 예산", "three 예산"]
        utterances = [replace(self.kept(text, analyze(text)), ordinal=place) for place, text in enumerate(texts)]
        before, after = cut_around(utterances, Span(1, 0, 1, 3), Span(0, 3, 2, 7))
        marker = LineMarker({"예산"}, self.no_analysis)
        shown = [(each.text, marker.marked(each).highlights) for each in [*before, *after]]
        assert shown == [("one", ()), ("예산", ((0, 2),)), ("three 예", ())]

    def test_offsets_of_a_text_without_terms_are_not_taken_for_offsets_that_are_not_kept(self):
        assert LineMarker({"예산"}, self.no_analysis).marked(self.kept("네.", [])).highlights == ()


class TestBestLine:
    def line(self, text: str, *terms: str, speaker: str = "Ann") -> Line:
        return Line(Utterance(0, speaker, None, None, text), (), frozenset(terms))

    def test_the_line_whose_distinct_terms_weigh_most_is_best(self):
        lines = [self.line("a long line", "meeting", "room"), self.line("short", "budget"), self.line("none")]
        assert best_line(lines, WEIGHTS, Filter().asks_for) == 1

    def test_of_equals_the_longest_is_best_and_of_those_the_first(self):
        lines = [self.line("ab", "room"), self.line("abcd", "room"), self.line("wxyz", "room")]
        assert best_line(lines, WEIGHTS, Filter().asks_for) == 1

    def test_without_terms_the_longest_line_is_best(self):
        assert best_line([self.line("no"), self.line("longer")], {}, Filter().asks_for) == 1

    def test_lines_of_the_speakers_asked_for_come_before_all_others(self):
        lines = [self.line("x", "budget"), self.line("y", speaker=" BOB "), self.line("z", "room", speaker="Bob")]
        bob, nobody = Filter(speaker_keys=("bob",)), Filter(speaker_keys=("nobody",))
        assert best_line(lines, WEIGHTS, bob.asks_for) == 2
        assert best_line(lines[:2], WEIGHTS, bob.asks_for) == 1
        assert best_line(lines, WEIGHTS, nobody.asks_for) == 0

    def test_without_lines_it_is_the_first(self):
        assert best_line([], {}, Filter().asks_for) == 0
