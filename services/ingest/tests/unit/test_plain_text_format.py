from datetime import UTC, date, datetime

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
        ("(1:01:02.5) Ann: Hi", 3_662_500),
        ("00:01:02 Ann: Hi", 62_000),
        ("00:01:02\tAnn:\tHi", 62_000),
        ("00:01:02 - Ann: Hi", 62_000),
        ("  11:00:02,250   Ann: Hi", 39_602_250),
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
    assert spoken("회의를 시작합니다.\n안건: 예산\n비고: 없음\nAnn: Hi.\nNote: it rains.\nAnn: Bye.") == [
        ("", "회의를 시작합니다.\n안건: 예산\n비고: 없음"),
        ("Ann", "Hi.\nNote: it rains."),
        ("Ann", "Bye."),
    ]


def test_a_clause_before_a_colon_is_no_name_unless_it_comes_back():
    assert spoken("Ann: Well.\nThe answer is: no.\nKasper van der Valk: Fine.") == [
        ("Ann", "Well.\nThe answer is: no."),
        ("Kasper van der Valk", "Fine."),
    ]
    assert spoken("elouan le grand: Hi.\nAnn: Hi.\nelouan le grand: Bye.")[0] == ("elouan le grand", "Hi.")


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
    "text", ["Ann: Hi.\nBob: Ho.", "[00:01:00] Hi.\n[00:02:00] Ho.", "{laughs}\nAnn: Hi.\nAnn: Ho."]
)
def test_signs_of_turns_make_text_likely(text):
    assert FORMAT.sniff(text) >= LIKELY


def test_text_without_signs_of_turns_is_possible_only():
    assert NEVER < FORMAT.sniff("One.\n\nTwo.") < LIKELY


words = st.text(st.characters(codec="utf-8", categories=["L"]), min_size=1, max_size=6)
turns = st.lists(
    st.builds(Utterance, words.map("N".__add__), words, st.integers(0, 21_599).map((1_000).__mul__)), min_size=1
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
        lines = [line.strip() for line in text.split("\n") if line.strip()]
        if meeting.title:
            title, underline, *lines = lines
            assert (title, set(underline)) == (meeting.title, {"-"})
        kept = "".join("".join(each.text.split()) for each in meeting.utterances)
        assert kept == "".join("".join(lines).split())


def test_an_underlined_first_line_is_the_title_and_is_not_said_again():
    (meeting,) = FORMAT.parse("Ann\n---\nAnn").meetings
    assert (meeting.title, [each.text for each in meeting.utterances]) == ("Ann", ["Ann"])


@pytest.mark.parametrize(
    "line",
    [
        "Ann [00:01:02]: Hi",
        "Ann (01:02): Hi",
        "Ann (00:01:02) Hi",
        "Ann 00:01:02: Hi",
        "Ann: [01:02] Hi",
        "Ann: 00:01:02 Hi",
        "**Ann (00:01:02):** Hi",
        "[00:01:02] **Ann:** Hi",
        "Ann [00:01:02]\nHi",
        "Ann 00:01:02\nHi",
        "[00:01:02]\nAnn: Hi",
        "[00:01:02] <Ann> Hi",
    ],
)
def test_a_time_stands_before_the_name_or_after_it_or_alone(line):
    assert started(f"{line}\n\n[00:02:00] Ann: Ho") == [(62_000, "Ann", "Hi"), (120_000, "Ann", "Ho")]


def test_two_times_are_beginning_and_end():
    (meeting,) = FORMAT.parse("[00:00:01 - 00:00:04] Ann: Hi\n00:00:05.500 --> 00:00:04 Bob: Ho").meetings

    assert [(each.start_ms, each.end_ms) for each in meeting.utterances] == [(1_000, 4_000), (5_500, None)]


def test_times_of_day_become_offsets_from_the_first_over_midnight_too():
    transcript = FORMAT.parse("[23:59:58] Ann: Hi\n[00:00:03] Bob: Ho\n[23:59:00] Ann: What?")

    assert [each.start_ms for each in transcript.meetings[0].utterances] == [0, 5_000, None]
    assert transcript.mended == (
        Mending(0, "times are times of day; they were counted from the first one, 23:59:58"),
        Mending(3, "time of day is before the first one; it was left out"),
    )


MINUTES = """주간 회의록
일시: 2024년 3월 5일 (화) 14:00
장소: 본관 3층
참석자: 김철수(팀장), 이영희, 박민수
안건: 예산

1. 예산 검토
김철수: 보고드립니다.
이영희: 네.
결정 사항:
- 예산을 삭감한다
- 다음 회의는 금요일

할 일:
- [ ] 이영희: 견적
조치: 박민수 확인
"""


def test_the_head_of_minutes_becomes_the_meetings_fields():
    (meeting,) = FORMAT.parse(MINUTES).meetings

    assert (meeting.title, meeting.held_on, meeting.started_at) == ("주간 회의록", date(2024, 3, 5), None)
    assert meeting.participants == ("김철수(팀장)", "이영희", "박민수")
    assert meeting.attributes == {"일시": "2024년 3월 5일 (화) 14:00", "장소": "본관 3층"}


def test_decisions_and_action_items_are_utterances_of_their_kind():
    (meeting,) = FORMAT.parse(MINUTES).meetings

    assert [(each.speaker, each.kind, each.text) for each in meeting.utterances] == [
        ("", "speech", "안건: 예산"),
        ("", "speech", "1. 예산 검토"),
        ("김철수", "speech", "보고드립니다."),
        ("이영희", "speech", "네."),
        ("", "speech", "결정 사항:"),
        ("", "decision", "- 예산을 삭감한다"),
        ("", "decision", "- 다음 회의는 금요일"),
        ("", "speech", "할 일:"),
        ("", "action", "- [ ] 이영희: 견적"),
        ("", "action", "조치: 박민수 확인"),
    ]


def test_a_mark_within_a_transcript_ends_the_turn_before_it():
    (meeting,) = FORMAT.parse("Ann: Hi.\nACTION: Bob writes\nit up.\nAnn: Bye.\nAnn: AGREED: we go.").meetings

    assert [(each.speaker, each.kind, each.text) for each in meeting.utterances] == [
        ("Ann", "speech", "Hi."),
        ("", "action", "ACTION: Bob writes\nit up."),
        ("Ann", "speech", "Bye."),
        ("Ann", "decision", "AGREED: we go."),
    ]


def test_english_minutes_have_a_head_too():
    text = (
        "Weekly sync\nDate: March 5, 2024 15:00 UTC\nAttendees:\n- Ann\n- Bob\nChair: Ann Lee\nAgenda: tea\n\nAnn: Hi."
    )

    (meeting,) = FORMAT.parse(text).meetings

    assert (meeting.title, meeting.participants) == ("Weekly sync", ("Ann", "Bob"))
    assert meeting.started_at == datetime(2024, 3, 5, 15, tzinfo=UTC)
    assert meeting.attributes == {"Chair": "Ann Lee"}
    assert [(each.speaker, each.text) for each in meeting.utterances] == [("", "Agenda: tea"), ("Ann", "Hi.")]


def test_a_header_that_cannot_be_read_keeps_what_was_written():
    (meeting,) = FORMAT.parse("Date: 03/05/2024\nDate: tomorrow\n\nAnn: Hi.\nAnn: Ho.").meetings

    assert (meeting.held_on, meeting.attributes) == (None, {"Date": "03/05/2024"})
    assert meeting.utterances[0].text == "Date: tomorrow"


def test_headers_with_nothing_under_them_stay_text():
    (meeting,) = FORMAT.parse("일시: 2024년 3월 5일\n장소: 서울").meetings

    assert [each.text for each in meeting.utterances] == ["일시: 2024년 3월 5일", "장소: 서울"]
    assert meeting.held_on is None


def test_headings_are_nobodys():
    assert spoken("Weekly\n=======\n\nann: hi\n\nbudget: 2\n---------\n\nwe talked\n\nann: no\n\n## Tea\n\nmore") == [
        ("ann", "hi"),
        ("", "budget: 2\n---------"),
        ("", "we talked"),
        ("ann", "no"),
        ("", "## Tea"),
        ("", "more"),
    ]


def test_names_in_lower_case_are_names_but_clauses_are_not():
    text = "roy fielding: yes\n\nmnot: no\n\nroy at mike: too many words in between to be sure of\n\nmnot: ok"

    assert spoken(text)[:2] == [("roy fielding", "yes"), ("mnot", "no")]
    assert spoken(text)[2][0] == ""


def test_text_with_neither_turns_nor_empty_lines_is_a_paragraph_a_line():
    assert spoken("그렇지 않습니다.\n발언권을 주십시오.\n무효입니다.") == [
        ("", "그렇지 않습니다."),
        ("", "발언권을 주십시오."),
        ("", "무효입니다."),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "# Minutes\n\nAnn: Hi.\n\nBob: Ho.",
        "![Logo](/x.png)\n\n## Agenda\n\n- **Where**: here\n\n## Notes\n\nAnn: Hi.\n\nBob: Ho.",
        "---\ntitle: x\n---\nAnn: Hi.",
        "name,said\nAnn,x: y\nBob,x: z",
        "speaker\ttext\nAnn:\tHi\nBob:\tHo",
        "name: build\njobs:\n  test:\n    runs-on: linux\n    steps:\n      - uses: checkout\n      - name: x\n",
        "def main():\n    pass\nclass A:\n    x: int = 1\n    def f(self):\n        if x:\n",
        "int main() {\n  return 0;\n}\nlabel: x();\n",
        "#!/bin/sh\necho: x\n",
    ],
)
def test_markdown_tables_and_code_are_no_plain_text(text):
    assert FORMAT.sniff(text) == NEVER


def test_a_time_stays_with_its_line_where_no_name_follows():
    assert started("[00:00:01] Ann: hi\n[00:00:02] The answer is: no\n\nwho is that (00:00:03) there\n") == [
        (1_000, "Ann", "hi"),
        (2_000, "Ann", "The answer is: no"),
        (None, "", "who is that (00:00:03) there"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "Name: libx\nDescription: A library of things\nUrl: https://example.org\nLibs: -lx\n",
        "Files: *\nCopyright: 2001 Ann <a@example.org>\nLicense: GPL-2\n\nFiles: x\nCopyright: 2002\nLicense: GPL\n",
        "x: int\ny: int\nx: str\ny: Buffer\n",
        "Passed: a/b.java\nPassed: a/c.java\nFailed: d/e.java\n",
        "ref: refs/heads/main\n",
    ],
)
def test_records_and_settings_do_not_look_like_turns(text):
    assert FORMAT.sniff(text) < LIKELY


@pytest.mark.parametrize(
    ("value", "participants"),
    [
        ("김철수, 이영희(기획, 팀장), 외 3명", ("김철수", "이영희(기획, 팀장)", "외 3명")),
        ("김철수 이영희 박민수", ("김철수", "이영희", "박민수")),
        ("김철수 위원장", ("김철수 위원장",)),
        ("김철수·이영희", ("김철수·이영희",)),
        ("Ann Lee, Bob, and Cat.", ("Ann Lee", "Bob", "Cat")),
        ("곽상도  박범계\t박주민", ("곽상도", "박범계", "박주민")),
    ],
)
def test_attendees_are_told_apart(value, participants):
    (meeting,) = FORMAT.parse(f"참석자: {value}\n\nAnn: Hi.\nAnn: Ho.").meetings

    assert meeting.participants == participants


@pytest.mark.parametrize(
    ("value", "day", "attributes"),
    [
        ("2024-03-05", date(2024, 3, 5), {}),
        ("2024. 3. 5.", date(2024, 3, 5), {}),
        ("2024년 3월 5일", date(2024, 3, 5), {}),
        ("5th March 2024", date(2024, 3, 5), {}),
        ("Mar. 5, 2024", date(2024, 3, 5), {}),
        ("2024.3.5(화) 오후 3시", date(2024, 3, 5), {"일시": "2024.3.5(화) 오후 3시"}),
        ("3월 5일", None, {"일시": "3월 5일"}),
        ("2024-13-05", None, {"일시": "2024-13-05"}),
    ],
)
def test_a_day_is_read_as_people_write_it(value, day, attributes):
    (meeting,) = FORMAT.parse(f"일시: {value}\n\nAnn: Hi.\nAnn: Ho.").meetings

    assert (meeting.held_on, meeting.attributes) == (day, attributes)


def test_the_form_that_korean_minutes_fill_in_names_no_speakers():
    form = "회 의 록\n\n팀명: 여름: 차수: 1 차\n일 시:   2018 년  12 월  30 일   일요일   13시  00분\n장 소: 도서관\n"
    form += (
        "참석자: 김기성 김윤성 양성호\n불참자: X\n안 건: 주제\n회의내용: 여러 주제\n결과물: 회의록\n결과물: 계획서\n"
    )
    form += "참석자: 김기성\n"

    (meeting,) = FORMAT.parse(form).meetings

    assert meeting.held_on == date(2018, 12, 30)
    assert meeting.participants == ("김기성", "김윤성", "양성호")
    assert meeting.attributes == {
        "팀명": "여름: 차수: 1 차",
        "일 시": "2018 년  12 월  30 일   일요일   13시  00분",
        "장 소": "도서관",
        "불참자": "X",
    }
    assert [(each.speaker, each.text) for each in meeting.utterances] == [
        ("", "회 의 록"),
        ("", "안 건: 주제"),
        ("", "회의내용: 여러 주제"),
        ("", "결과물: 회의록"),
        ("", "결과물: 계획서"),
        ("", "참석자: 김기성"),
    ]
