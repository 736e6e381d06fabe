import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagwan_ingest.domain.formats.format import LIKELY, NEVER, Mending
from sagwan_ingest.domain.formats.plain_text import FORMAT
from sagwan_ingest.domain.meeting import Utterance
from sagwan_runtime.errors import InvalidRequest


def spoken(text):
    (meeting,) = FORMAT.parse(text).meetings
    return [(each.speaker, each.text) for each in meeting.utterances]


def started(text):
    (meeting,) = FORMAT.parse(text).meetings
    return [(each.start_ms, each.speaker, each.text) for each in meeting.utterances]


def test_lines_with_names_are_turns():
    assert spoken("Ann: Hello.\nDr. Kim (host): Hi: all.\n김철수: 네\n박영희：좋습니다\n") == [
        ("Ann", "Hello."),
        ("Dr. Kim (host)", "Hi: all."),
        ("김철수", "네"),
        ("박영희", "좋습니다"),
    ]


def test_lines_without_a_name_go_on_with_the_turn():
    assert spoken("Ann: First\n  second\nthird\nBob: Yes") == [("Ann", "First\nsecond\nthird"), ("Bob", "Yes")]


def test_a_paragraph_is_an_utterance_of_its_own_by_whoever_spoke_last():
    assert spoken("Minutes of May\n\nAnn: First.\n\nSecond.\n\nBob: Yes.") == [
        ("", "Minutes of May"),
        ("Ann", "First."),
        ("Ann", "Second."),
        ("Bob", "Yes."),
    ]


def test_a_name_on_a_line_of_its_own_belongs_to_what_follows():
    assert spoken("Ann:\nHello.\n\nBob:\n\nHi.\n") == [("Ann", "Hello."), ("Bob", "Hi.")]


def test_a_name_with_nothing_after_it_is_left_out_and_reported():
    transcript = FORMAT.parse("Ann:\nBob: Hi.\nAnn:\n")

    assert [each.speaker for each in transcript.meetings[0].utterances] == ["Bob"]
    why = "name has no text after it; the turn was left out"
    assert transcript.mended == (Mending(1, why), Mending(3, why))


@pytest.mark.parametrize(
    ("line", "start_ms"),
    [
        ("[00:01:02] Ann: Hi", 62_000),
        ("[01:02] Ann: Hi", 62_000),
        ("(1:01:02.5) Ann: Hi", 3_662_000),
        ("00:01:02 Ann: Hi", 62_000),
        ("00:01:02\tAnn:\tHi", 62_000),
        ("00:01:02 - Ann: Hi", 62_000),
        ("  11:00:02,250   Ann: Hi", 39_602_000),
    ],
)
def test_a_leading_time_is_when_the_turn_begins(line, start_ms):
    assert started(line) == [(start_ms, "Ann", "Hi")]


def test_a_time_on_a_line_of_its_own_belongs_to_what_follows():
    assert started("Ann: One.\n00:05:00\nBob: Two.\n[00:06:00]\n\nthree") == [
        (None, "Ann", "One."),
        (300_000, "Bob", "Two."),
        (360_000, "Bob", "three"),
    ]


def test_a_time_without_a_name_begins_an_utterance():
    assert started("00:00:01 one\n00:00:04 two\n\n00:00:09 three") == [
        (1_000, "", "one"),
        (4_000, "", "two"),
        (9_000, "", "three"),
    ]


@pytest.mark.parametrize("text", ["10:30 회의 시작", "[00:99] x", "00:00:61 x", "https://example.org: x"])
def test_what_only_looks_like_a_time_or_a_name_is_text(text):
    assert started(text) == [(None, "", text)]


def test_a_colon_in_prose_names_nobody():
    prose = "We met on Monday.\n\nOne thing is clear: we are late.\n\nNobody objected.\n\nDecision: ship it."

    assert {speaker for speaker, _ in spoken(prose)} == {""}


def test_words_that_head_minutes_are_nobodys_name():
    assert spoken("일시: 3월 5일\n안건: 예산\nAnn: Hi.\nAction: Bob writes.\nAnn: Bye.") == [
        ("", "일시: 3월 5일\n안건: 예산"),
        ("Ann", "Hi.\nAction: Bob writes."),
        ("Ann", "Bye."),
    ]


def test_a_clause_before_a_colon_is_no_name_unless_it_comes_back():
    assert spoken("Ann: Well.\nThe answer is: no.\nKasper van der Valk: Fine.") == [
        ("Ann", "Well.\nThe answer is: no."),
        ("Kasper van der Valk", "Fine."),
    ]
    assert spoken("elouan le grand: Hi.\nAnn: Hi.\nelouan le grand: Bye.")[0] == ("elouan le grand", "Hi.")


COUNCIL = """제10호
(21시17분 개의)
○위원장 김철수  의석을 정돈해 주시기 바랍니다.
  순서: 다음과 같습니다.
◯박영희 위원  (위원장석 앞에서)
  회의록을 봅니다.
○ 보고 사항
○교육정책국장 이순신\u3000네, 보고드리겠습니다.
○위원장 김철수
감사합니다.
○박영희 위원 수고하셨습니다.
"""


def test_the_minutes_of_a_korean_council_are_read():
    assert spoken(COUNCIL) == [
        ("", "제10호\n(21시17분 개의)"),
        ("위원장 김철수", "의석을 정돈해 주시기 바랍니다.\n순서: 다음과 같습니다."),
        ("박영희 위원", "(위원장석 앞에서)\n회의록을 봅니다.\n○ 보고 사항"),
        ("교육정책국장 이순신", "네, 보고드리겠습니다."),
        ("위원장 김철수", "감사합니다."),
        ("박영희 위원", "수고하셨습니다."),
    ]


def test_a_list_with_round_bullets_is_no_councils_minutes():
    assert {speaker for speaker, _ in spoken("○ 회의 개요\n○ 참석자\n○예산안을 심사하였습니다.")} == {""}


def test_text_that_has_names_and_times_alone_is_refused():
    with pytest.raises(InvalidRequest, match="content: line 1: has no text besides names and times"):
        FORMAT.parse("Ann:\n[00:01:00]\n")


@pytest.mark.parametrize(
    "text",
    ["1\n00:00:01,000 --> 00:00:02,000\nAnn: Hi", '{"a": 1}', '[\n{"a": 1}]', "<?xml version='1.0'?>", "{\\rtf1 Hi}"],
)
def test_content_of_other_formats_is_not_taken_for_text(text):
    assert FORMAT.sniff(text) == NEVER


@pytest.mark.parametrize(
    "text", ["Ann: Hi.\nBob: Ho.", "[00:01:00] Hi.\n[00:02:00] Ho.", COUNCIL, "{laughs}\nAnn: Hi.\nAnn: Ho."]
)
def test_signs_of_turns_make_text_likely(text):
    assert FORMAT.sniff(text) >= LIKELY


def test_text_without_signs_of_turns_is_possible_only():
    assert NEVER < FORMAT.sniff("One.\n\nTwo.") < LIKELY


words = st.text(st.characters(codec="utf-8", categories=["L"]), min_size=1, max_size=6)
turns = st.lists(
    st.builds(Utterance, words.map("N".__add__), words, st.integers(0, 359_999).map((1_000).__mul__)), min_size=1
)


@given(turns)
def test_turns_that_are_written_with_names_and_times_read_as_themselves(utterances):
    lines = (
        f"[{each.start_ms // 3_600_000:02}:{each.start_ms // 60_000 % 60:02}:{each.start_ms // 1_000 % 60:02}] "
        f"{each.speaker}: {each.text}\n"
        for each in utterances
    )

    assert FORMAT.parse("".join(lines)).meetings[0].utterances == tuple(utterances)


PARTS = [
    "\n",
    "\n\n",
    "Ann",
    ":",
    "：",
    " ",
    "  ",
    "[00:01:02]",
    "00:01:02",
    "○",
    "◯위원장 김철수",
    "\u3000",
    "hi",
    "네.",
    "-",
]


@given(st.lists(st.sampled_from(PARTS), max_size=40).map("".join))
def test_any_text_is_read_or_refused(text):
    try:
        utterances = FORMAT.parse(text).meetings[0].utterances
    except InvalidRequest as refused:
        utterances, violations = (), refused.violations
    else:
        violations = ()

    assert bool(utterances) != bool(violations)
    assert all(each.text.strip() for each in utterances)


@given(st.lists(st.sampled_from(["\n", "\n\n", "Ann", " ", "hi", "네.", "-", "○ ", "12:30"]), min_size=1).map("".join))
def test_no_word_of_a_text_without_names_and_times_is_lost(text):
    try:
        (meeting,) = FORMAT.parse(text).meetings
    except InvalidRequest:
        assert not text.strip()
    else:
        kept = "".join("".join(each.text.split()) for each in meeting.utterances)
        assert kept == "".join(text.split())
