"""The text syntax: taken apart, written again, and what it asks of a chunk."""

import re
import time
import unicodedata
from datetime import date

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sagwan_search.domain.conditions import refusals, text_filter, with_terms
from sagwan_search.domain.filters import Filter
from sagwan_search.domain.phrases import holds_phrase, phrase_pattern, phrase_words
from sagwan_search.domain.syntax import (
    Condition,
    ExcludedWord,
    Key,
    Phrase,
    UnclosedQuote,
    Words,
    parse_text,
)
from sagwan_text.terms import term_id

PIECES = st.sampled_from(list('"“”＂\\-－:： \n5a,ſé')) | st.sampled_from(
    ["speaker:", "after:2026", "ｔａｇ：", "예산"]
)
TEXTS = st.lists(PIECES, max_size=24).map("".join) | st.text(max_size=60)


@given(TEXTS)
@example('"foo “x y”')
@example('" after:2026')
@example('speaker:a"b" -"c\\"d" "“"')
@example('"a＼" b"')
def test_what_is_written_again_is_taken_apart_in_the_same_way(text):
    try:
        parsed = parse_text(text)
    except UnclosedQuote:
        return
    again = parse_text(str(parsed))
    assert again == parsed
    assert again.words == parsed.words
    for reason in refusals(parsed):
        assert reason
    if not list(refusals(parsed)):
        assert isinstance(text_filter(parsed), Filter)


def without_signs(text):
    return unicodedata.normalize("NFKC", re.sub(r'[-－:：\\"“”„‟＂]', "", text)).casefold()


@given(TEXTS)
def test_no_character_of_plain_text_is_lost(text):
    try:
        parsed = parse_text(text)
    except UnclosedQuote:
        return
    kept = "".join(
        f"{each.key.value}{each.value}" if isinstance(each, Condition) else each.text for each in parsed.parts
    )
    assert without_signs(kept) == without_signs(text)


@given(st.text(alphabet=st.characters(exclude_characters='"“”„‟＂-－:：'), max_size=80))
def test_text_without_signs_of_the_syntax_is_words(text):
    assert parse_text(text).parts == ((Words(text),) if text else ())


class TestTakingApart:
    def test_conditions_phrases_exclusions_and_words(self):
        parsed = parse_text('speaker:김철수 after:2026-01-01 홍보 "예산 삭감"은 -draft -"조건 없이" -tag:"a b"')
        assert [each for each in parsed.parts if not isinstance(each, Words)] == [
            Condition(Key.SPEAKER, "김철수"),
            Condition(Key.AFTER, "2026-01-01"),
            Phrase("예산 삭감"),
            ExcludedWord("draft"),
            Phrase("조건 없이", excluded=True),
            Condition(Key.TAG, "a b", excluded=True),
        ]
        assert parsed.words == "홍보 예산 삭감은"

    @pytest.mark.parametrize(
        "text",
        [
            'a 24" monitor and a 27" one',
            'lone "quote',
            "- bullet -- dashes -5 - ",
            "todo: x http://a:b 12:30",
            "speaker: 김철수 tag:",
            '"" "!!!"',
            "-speaker:",
            "co-op e-mail",
            # By Unicode these are an i of another case.
            "k\u0131nd:decision ser\u0130es:x",
            '\\"not a phrase\\"',
            "-first\n-second",
        ],
    )
    def test_what_is_not_clearly_syntax_is_words(self, text):
        parsed = parse_text(text)
        assert parsed.parts == (Words(text),)

    @pytest.mark.parametrize("text", ["“예산 삭감”", "＂예산 삭감＂", '"예산 삭감"', "„예산 삭감”"])
    def test_any_double_quotes_make_a_phrase(self, text):
        assert parse_text(text).parts == (Phrase("예산 삭감"),)

    def test_keys_may_be_written_in_capitals_and_full_width(self):
        assert (
            parse_text("SPEAKER:Kim").parts
            == parse_text("ｓｐｅａｋｅｒ：Kim").parts
            == (Condition(Key.SPEAKER, "Kim"),)
        )

    def test_a_backslash_keeps_a_quote_inside_a_value(self):
        assert parse_text(r'speaker:"Kim \"CS\" Lee"').parts == (Condition(Key.SPEAKER, 'Kim "CS" Lee'),)

    def test_the_value_of_a_condition_must_end(self):
        with pytest.raises(UnclosedQuote, match="speaker:"):
            parse_text('budget speaker:"Kim Chul')


class TestRefusals:
    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            ("after:yesterday", "after:yesterday is not a day"),
            ("before:2026-02-30", "before:2026-02-30 is not a day"),
            ("after:2026-1", "is not a day"),
            ("after:0000", "is not a day"),
            ("kind:joke", "kind:joke is none of speech, decision, action"),
            ("from:90", "from:90 is not a point of the recording"),
            ("to:1:60", "is not a point"),
            ("lang:한국어", "is not a language"),
            ("meeting:a/b", "is not the id of a meeting"),
            ('speaker:" "', "has no value"),
            (f"tag:{'a' * 300}", "has 300 characters"),
            ("after:2026 after:2025", "after: stands more than once"),
            ("after:2026-02 before:2026-01", "before: lies before after:"),
            ("from:10:00 to:9:59", "to: lies before from:"),
            ("tag:a " * 15 + "-b " * 6, "has 21 conditions"),
            ('"a" ' * 11, "has 11 phrases"),
            (f'"{"a" * 301}"', "301 characters"),
        ],
    )
    def test_each_says_what_is_wrong(self, text, reason):
        (found,) = refusals(parse_text(text))
        assert reason in found


class TestConditions:
    def test_several_values_of_a_key_mean_any_of_them(self):
        condition = text_filter(parse_text('speaker:Kim speaker:"ＬＥＥ  B" tag:x kind:decision'))
        assert condition == Filter(speaker_keys=("kim", "lee b"), tag_keys=("x",), utterance_kinds=("decision",))

    def test_each_exclusion_excludes(self):
        condition = text_filter(parse_text("-speaker:Kim -meeting:meetings/m-1 series:s participant:p lang:KO"))
        excluded = (Filter(speaker_keys=("kim",)), Filter(meeting_ids=("m-1",)))
        assert condition == Filter(series_keys=("s",), participant_keys=("p",), languages=("ko",), none_of=excluded)

    @pytest.mark.parametrize(
        ("text", "first", "last"),
        [
            ("2026-02-03", date(2026, 2, 3), date(2026, 2, 3)),
            ("2024-02", date(2024, 2, 1), date(2024, 2, 29)),
            ("2026", date(2026, 1, 1), date(2026, 12, 31)),
            ("２０２６－０２", date(2026, 2, 1), date(2026, 2, 28)),
        ],
    )
    def test_a_month_and_a_year_are_the_whole_of_it(self, text, first, last):
        assert text_filter(parse_text(f"after:{text} before:{text}")) == Filter(start_date=first, end_date=last)

    def test_offsets_are_minutes_or_hours_and_a_second_is_the_whole_of_it(self):
        assert text_filter(parse_text("from:5:07 to:1:02:03")) == Filter(start_ms=307_000, end_ms=3_723_999)
        assert text_filter(parse_text("from:90:00")) == Filter(start_ms=5_400_000)

    def test_words_are_excluded_in_all_forms_and_stop_words_literally(self, analyze):
        parsed = parse_text("-drafts -문서는 -the")
        condition = with_terms(text_filter(parsed), parsed, analyze)
        draft, document, the = condition.none_of
        assert draft == Filter(term_ids=(term_id("draft"),))
        assert document == Filter(term_ids=(term_id("문서"),))
        assert the == Filter(phrase="the")

    def test_phrases_are_looked_up_by_their_terms(self, analyze):
        parsed = parse_text('"예산을 삭감" -"회의 자료"')
        condition = with_terms(text_filter(parsed), parsed, analyze)
        literal, terms = condition.all_of
        assert terms == Filter(term_ids=(term_id("예산"), term_id("삭감")))
        assert len(literal.all_of) == len(literal.none_of) == 1


class TestPhrases:
    @pytest.mark.parametrize(
        ("phrase", "text"),
        [
            ("예산 삭감", "홍보 예산을 삭감하는"),
            ("예산 삭감", "예산삭감안"),
            ("예산삭감", "예 산  삭감"),
            ("예산 삭감", "예산만은 삭감"),
            ("ship it", "Ship,  it!"),
            ("ship it!", "we ship it"),
            ("API 문서", "API의 문서"),
            ("API 문서", "새 api문서를"),
            ("안", "그 안을 보자"),
            ("don't", "we don’t"),
            ("COVID-19", "covid‐19 이후"),
            ("3.5 percent", "by 3.5 percent."),
            ("École", "l’école"),
            ("東京 회의", "東京에서 회의"),
        ],
    )
    def test_words_in_their_order_are_found(self, phrase, text):
        assert re.search(phrase_pattern(phrase), text)
        assert holds_phrase(text, phrase)

    @pytest.mark.parametrize(
        ("phrase", "text"),
        [
            ("예산 삭감", "삭감 예산"),
            ("예산 삭감", "예산. 삭감"),
            ("예산 삭감", "예산\n삭감"),
            ("예산 삭감", "예산 대폭 삭감"),
            ("ship it", "worship it"),
            ("ship it", "ship its"),
            ("ship it", "shipit"),
            ("a budget", "a. Budget"),
            ("3.5", "13.5"),
            ("3.5", "3x5"),
            ("안", "안녕하세요"),
            ("안", "예산안"),
        ],
    )
    def test_other_words_are_not(self, phrase, text):
        assert not re.search(phrase_pattern(phrase), text)
        assert not holds_phrase(text, phrase)

    @given(st.text("이나 에게A-.\n", max_size=24), st.text("이나 에게A-", max_size=9).filter(phrase_words))
    @example("이이이이나", "이 이나")
    def test_ways_are_followed_at_once_as_one_by_one(self, text, phrase):
        assert holds_phrase(text, phrase) == bool(re.search(phrase_pattern(phrase), text))

    def test_words_that_are_particles_take_no_longer_than_others(self):
        begun = time.perf_counter()
        assert not holds_phrase("이" * 400 + "가", "이 " * 149 + "힣")
        # `re` takes five seconds for twelve of them.
        assert time.perf_counter() - begun < 2
