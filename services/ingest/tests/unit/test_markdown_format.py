import re
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sagwan_ingest.domain.formats.format import CERTAIN, LIKELY, NEVER, Mending
from sagwan_ingest.domain.formats.markdown import FORMAT
from sagwan_ingest.domain.formats.plain_text import FORMAT as PLAIN_TEXT
from sagwan_ingest.domain.marks import marked_kind
from sagwan_ingest.domain.meeting import Meeting, Utterance, UtteranceKind
from sagwan_runtime.errors import InvalidRequest


def meeting(text):
    (found,) = FORMAT.parse(text).meetings
    return found


def spoken(text):
    return [(each.speaker, each.text) for each in meeting(text).utterances]


def kinds(text):
    return [(each.kind.value, each.text) for each in meeting(text).utterances if each.kind is not UtteranceKind.SPEECH]


def mended(text):
    return list(FORMAT.parse(text).mended)


TEAM = """# Search weekly, 2024-03-18

## Attendees

- Ann Lee
- Bo Kim

## Ranking

**Ann Lee:** The new ranking is *out*, see [the notes](https://example.org/notes).
It took a week.

Two people asked about it.

- Bo: I saw `rank_v2` in <https://example.org/log>.
  - It is slow.
- Nobody said this.

### Action items

- [ ] Ann: measure it
- [x] write it down
- none

## Other

Bo: Nothing else.
"""


def test_team_minutes_give_title_day_people_turns_and_action_items():
    found = meeting(TEAM)

    assert (found.title, found.held_on, found.participants) == (
        "Search weekly, 2024-03-18", date(2024, 3, 18), ("Ann Lee", "Bo Kim"),
    )  # fmt: skip
    assert [(each.speaker, each.text, each.kind.value) for each in found.utterances] == [
        ("", "Ranking", "speech"),
        ("Ann Lee", "The new ranking is out, see the notes.\nIt took a week.", "speech"),
        ("Ann Lee", "Two people asked about it.", "speech"),
        ("Bo", "I saw rank_v2 in https://example.org/log.", "speech"),
        ("Bo", "It is slow.", "speech"),
        ("Ann Lee", "Nobody said this.", "speech"),
        ("", "Action items", "speech"),
        ("", "[ ] Ann: measure it", "action"),
        ("", "[x] write it down", "action"),
        ("", "none", "speech"),
        ("", "Other", "speech"),
        ("Bo", "Nothing else.", "speech"),
    ]


KOREAN = """# 주간 회의록

- 일시: 2024년 3월 18일 (월) 14:00
- 참석자: 김철수, 이영희, 박민수

## 1. 검색 품질

김철수: 순위가 바뀌었습니다.
이영희: 언제부터요?

- **박민수**: 어제부터입니다.

결정: 다음 주에 배포한다

## 할 일

1. 이영희 지표 정리
2. 없음
"""


def test_korean_minutes_are_read_as_the_others():
    found = meeting(KOREAN)

    assert (found.held_on, found.participants) == (date(2024, 3, 18), ("김철수", "이영희", "박민수"))
    assert spoken(KOREAN)[1:] == [
        ("", "1. 검색 품질"),
        ("김철수", "순위가 바뀌었습니다."),
        ("이영희", "언제부터요?"),
        ("박민수", "어제부터입니다."),
        ("", "결정: 다음 주에 배포한다"),
        ("", "할 일"),
        ("", "이영희 지표 정리"),
        ("", "없음"),
    ]
    assert kinds(KOREAN) == [("decision", "결정: 다음 주에 배포한다"), ("action", "이영희 지표 정리")]


def test_a_heading_with_a_time_is_a_speaker_where_no_line_has_a_name():
    text = "# Sync\n\n## Ann Lee [00:00:05]\n\nHello.\n\nAgain.\n\n## [00:01:10] Bo Kim\n\nHi.\n"

    assert meeting(text).utterances == (
        Utterance("Ann Lee", "Hello.", 5_000),
        Utterance("Ann Lee", "Again."),
        Utterance("Bo Kim", "Hi.", 70_000),
    )


def test_a_heading_with_a_time_is_a_chapter_where_lines_have_names():
    text = "# Sync\n\n## Opening (00:00:05)\n\nAnn: Hello.\n\nBo: Hi.\n\nAnn: Bye.\n"

    assert spoken(text)[0] == ("", "Opening (00:00:05)")


@pytest.mark.parametrize(
    "written",
    [
        "**Ann Lee** [3:05]: Hi.",
        "**Ann Lee (00:03:05):** Hi.",
        "[00:03:05] Ann Lee: Hi.",
        "**Ann Lee** [3:05](https://example.org/v?t=185s): Hi.",
    ],
)
def test_the_time_beside_a_name_is_when_it_was_said(written):
    assert meeting(f"# Sync\n\n{written}\n").utterances == (Utterance("Ann Lee", "Hi.", 185_000),)


def test_a_time_whose_bracket_is_not_closed_still_follows_a_name():
    assert spoken("# T\n\n**Ann Lee** [3:05(https://x.org): Hi.\n") == [("Ann Lee", "[3:05(https://x.org): Hi.")]


def test_initials_stay_as_written_and_the_list_says_who_they_are():
    text = (
        "# Notes\n-----\n\nAnn Lee (AL), Bo Kim (BK), Cy Fox (CF)\n\nRemote:\nDi Orr (DO)\n-----\n\n## Topic\n\n"
        "AL: Yes.\n\nAL, BK: No.\n\nDO: So?\nTwo things: this.\n"
    )

    assert meeting(text).participants == ("Ann Lee", "Bo Kim", "Cy Fox")
    assert spoken(text)[-4:] == [("", "Topic"), ("AL", "Yes."), ("AL, BK", "No."), ("DO", "So?\nTwo things: this.")]


def test_nicks_in_brackets_speak_as_scribes_of_the_w3c_write_them():
    text = "# Call\n\n * [ann] Yes.\n   * [bo] Why?\n     * (nobody)\n * [it](https://x.org/1) is closed\n\n<cy> Bye.\n"

    assert spoken(text) == [("ann", "Yes."), ("bo", "Why?"), ("", "(nobody)"), ("", "it is closed"), ("cy", "Bye.")]


def test_a_label_is_no_speaker():
    text = "# Call\n\n**Where:** zoom\n\nTwo options:\n\n- wait\n- go\n\nRecording: https://example.org\n"

    assert [each.speaker for each in meeting(text).utterances] == [""] * 5


def test_somebody_in_the_list_of_attendees_on_a_line_above_items_says_them():
    text = "# Call\n\n## Present\n\n- Ann Lee\n\n## Topic\n\n- Ann\n  - Yes.\n  - No.\n"

    assert spoken(text) == [("", "Topic"), ("Ann", "Yes."), ("Ann", "No.")]


def test_attendees_of_whom_more_is_said_are_participants_and_stay_in_the_text():
    found = meeting("# Call\n\n## Attendees (sign in)\n\n1. Ann Lee (Example Ltd)\n2. Bo Kim @bo\n\n## Topic\n\nHi.\n")

    assert found.participants == ("Ann Lee", "Bo Kim")
    assert [each.text for each in found.utterances] == [
        "Attendees (sign in)", "Ann Lee (Example Ltd)", "Bo Kim @bo", "Topic", "Hi.",
    ]  # fmt: skip


def test_a_row_of_a_table_is_an_utterance_of_its_columns():
    text = "# Log\n\n| Topic | Action |\n|---|---|\n| Ranking | Ann measures |\n| Other | none |\n"

    assert spoken(text) == [("", "Topic: Ranking\nAction: Ann measures"), ("", "Topic: Other\nAction: none")]
    assert [each[0] for each in kinds(text)] == ["action"]


def test_a_table_of_speakers_is_a_transcript():
    text = "| 시간 | 발언자 | 내용 | 비고 |\n|---|---|---|---|\n"
    text += "| 00:01:05 | 김철수 | 네. | 웃음 |\n| | 이영희 | 아니요. | |\n"

    assert meeting(text).utterances == (Utterance("김철수", "네.\n비고: 웃음", 65_000), Utterance("이영희", "아니요."))


def test_a_box_in_a_cell_is_an_action_item():
    assert kinds("# T\n\n| a | b |\n|---|---|\n| [ ] call Bo | x |\n") == [("action", "a: [ ] call Bo\nb: x")]


def test_what_is_below_a_heading_of_decisions_is_one_until_somebody_speaks():
    text = "# T\n\n#### Conclusion/Resolution\n\n- Ship it\n- Tell them\n\n"
    text += "Ann: I doubt it.\n\nAnn: Really.\n\n## AI\n\n- models\n"

    assert kinds(text) == [("decision", "Ship it"), ("decision", "Tell them")]


def test_code_keeps_its_lines_and_no_name_is_looked_for_in_it():
    assert spoken("# T\n\nAnn: Look:\n\n```\nBo: 1\n\n  # x\n```\n\nAnn: Yes.\n")[1] == ("Ann", "Bo: 1\n\n  # x")


def test_comments_and_pictures_are_left_out_and_reported():
    text = "# T\n\n<!-- a\nb --> c <!-- d -->\n\n![logo](x.png)\n\n`<!--` stays\n"

    assert spoken(text)[0] == ("", "c")
    assert mended(text)[:3] == [
        Mending(3, "HTML comment was left out"),
        Mending(4, "HTML comment was left out"),
        Mending(6, "picture was left out"),
    ]


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("a **b *c* d** e", "a b c d e"),
        ("snake_case and 2 * 3 * 4 and __init__", "snake_case and 2 * 3 * 4 and init"),
        ("**김철수**는 ~~안~~ 갔다", "김철수는 안 갔다"),
        ("[a [b] c](u) <https://x.org/a_b_c> [](http://y.org)", "a [b] c https://x.org/a_b_c http://y.org"),
        (r"\*not\* \[x\](y) `*code_` &amp; &lt;b&gt;", "*not* [x](y) *code_ & <b>"),
        ("x<br>y <b>z</b> <ann@example.org> a < b", "x\ny z ann@example.org a < b"),
        ("[rob]: yes", "[rob]: yes"),
    ],
)
def test_marks_go_and_words_stay(source, shown):
    assert spoken(f"# T\n\nx\n\n{source}\n")[-1] == ("", shown)


def test_front_matter_says_what_the_meeting_is():
    text = '---\ntitle: "Weekly: search"\ndate: 2024-03-18\ntags: [a, b]\n'
    text += "attendees:\n  - Ann Lee\n  - Bo Kim\nroom: 4\n  deep\n---\nHi.\n"
    found = meeting(text)

    assert (found.title, found.held_on, found.tags, found.participants, found.attributes) == (
        "Weekly: search", date(2024, 3, 18), ("a", "b"), ("Ann Lee", "Bo Kim"), {"room": "4"},
    )  # fmt: skip
    assert [each.line for each in mended(text)] == [9]


@pytest.mark.parametrize(
    "written",
    [
        "2024-03-18",
        "March 18, 2024",
        "18 March 2024",
        "Mar 18, 2024",
        "2024년 3월 18일",
        "2024. 3. 18.",
        "2024/3/18",
        "Monday, March 18th, 2024",
    ],
)
def test_a_day_that_cannot_be_mistaken_is_taken_from_the_title(written):
    assert meeting(f"# Weekly {written}\n\nHi.\n").held_on == date(2024, 3, 18)


@pytest.mark.parametrize("written", ["3/4/2024", "Jan 4", "2024-13-40", "2024", "v2024.3.18.1234x", "03-18"])
def test_a_day_that_could_be_another_is_not(written):
    assert meeting(f"# Weekly {written}\n\nHi.\n").held_on in {None, date(2024, 3, 18)} - (
        set() if written.startswith("v") else {date(2024, 3, 18)}
    )


def test_several_days_are_reported_and_none_is_taken():
    text = "# Log\n\n## 2024.03.18 (월)\n\n- a\n\n## 2024.03.19\n\n- b\n"

    assert meeting(text).held_on is None
    assert mended(text) == [Mending(0, "its headings name 2 days; none was taken for the day of the meeting")]


def test_a_title_that_is_too_long_is_cut_and_kept_as_a_line():
    text = f"# {'a' * 600}\n\nHi.\n"

    assert len(meeting(text).title) == 512
    assert spoken(text)[0] == ("", "a" * 600)
    assert "cut" in mended(text)[0].what


def test_what_stands_too_deep_is_kept_and_reported():
    text = "# T\n\nx\n\n" + "> " * 200 + "deep\n"

    assert ("", "deep") in spoken(text)
    assert "levels deep" in mended(text)[0].what


def test_more_than_a_hundred_mendings_of_a_sort_are_summed_up():
    found = mended("# T\n\nx\n" + "\n<!-- a -->\n" * 150)

    assert len(found) == 101
    assert found[-1] == Mending(0, "50 more places: HTML comment was left out")


@pytest.mark.parametrize("text", ["- a\n" * 60_000, "a " * 5_000_000])
def test_more_than_minutes_can_be_is_refused_at_once(text):
    with pytest.raises(InvalidRequest) as refused:
        FORMAT.parse(text)

    assert "one file a meeting" in refused.value.violations[0].reason


def test_markdown_without_text_is_refused():
    with pytest.raises(InvalidRequest):
        FORMAT.parse("---\ntitle: x\n---\n\n<!-- a -->\n")


@pytest.mark.parametrize(
    "text", [TEAM, KOREAN, "- [ ] a\n", "| a | b |\n|---|---|\n| c | d |\n", "**Ann:** a\n\n**Bo:** b\n"]
)
def test_markdown_is_told_from_plain_text_and_leaves_room_for_what_is_more_certain(text):
    assert max(PLAIN_TEXT.sniff(text), LIKELY) < FORMAT.sniff(text) < CERTAIN


@pytest.mark.parametrize(
    "text",
    [
        "Ann: a\nBo: b\n",
        "WEBVTT\n\n# x\n",
        '{"a": 1}',
        "1\n00:00:01,000 --> 00:00:02,000\n- a\n- b\n",
        "○위원장 김철수  네.\n",
        "a,b\n1,2\n",
        "<html><h1>x</h1></html>",
        "#hashtag and #another\n",
    ],
)
def test_other_formats_are_not_claimed(text):
    assert FORMAT.sniff(text) == NEVER


@pytest.mark.parametrize(
    "piece",
    ["[", "[a](", "*a ", "_a ", "`", "<!--", "<a ", "![", "(", "\\", "> ", "- ", "|", "&", "#", "Ann: ", "A (A), "],
)
def test_a_long_line_of_the_worst_characters_takes_no_longer_than_its_length(piece):
    text = "# Attendees\n" + piece * (200_000 // len(piece)) + "x\n"

    assert meeting(text).utterances or meeting(text).participants


MARKS = st.sampled_from(
    [
        "#",
        "- ",
        "* ",
        "1. ",
        "> ",
        "|",
        "\n",
        "\n\n",
        "**",
        "_",
        "`",
        "```",
        "[",
        "](",
        ")",
        "<",
        "-->",
        "<!--",
        "---",
        "  ",
        "Ann",
        ": ",
        "[ ] ",
        "00:01",
        "2024-01-01",
        "참석자",
        "결정: ",
        "&#0;",
        "&#xd800;",
        "\ue000",
        "\x0b",
        "\u2028",
    ]
)


@given(st.lists(st.one_of(MARKS, st.text(max_size=5)), max_size=40).map("".join))
@settings(max_examples=300, deadline=None)
def test_any_text_is_read_or_refused(text):
    assert NEVER <= FORMAT.sniff(text) < CERTAIN
    try:
        found = meeting(text)
    except InvalidRequest:
        return
    assert all(each.text.strip() and "\0" not in each.text for each in found.utterances)
    assert found.utterances


PEOPLE = ("Ann Lee", "Bo Kim", "Kasper van der Valk", "김철수", "이영희 팀장", "Zoë Ó Dónaill")
WORDS = st.text(
    st.characters(codec="utf-8", exclude_categories=["C", "Z"], exclude_characters="\ue000\ue001\ue002"),
    min_size=1,
    max_size=8,
)
SAID = (
    st.lists(WORDS, min_size=1, max_size=8).map(" ".join).filter(lambda said: not said.isdigit() and not _opens(said))
)
TURN = st.builds(
    lambda speaker, text, start_s: Utterance(speaker, text, start_s and start_s * 1_000, kind=marked_kind(f"- {text}")),
    st.sampled_from(PEOPLE),
    SAID,
    st.none() | st.integers(1, 35_999),
)
# What Markdown minutes can carry: a title, a day, whole seconds, single lines; everybody who speaks is in the list.
MEETINGS = st.builds(
    lambda words, day, turns: Meeting(
        title=f"Weekly {words}", held_on=day, participants=PEOPLE, utterances=tuple(turns)
    ),
    st.from_regex(r"[a-z]{1,20}", fullmatch=True),
    st.dates(date(1990, 1, 1), date(2099, 12, 31)),
    st.lists(TURN, min_size=1, max_size=8),
)


def _opens(said):
    """Whether a text begins as a time or a link, which beside a name would be read as one."""
    return bool(re.match(r"[\[(]?\d+:\d|https?://|[:：]", said)) or said.startswith((":", "："))


def written(found):
    lines = ["---", f"title: {found.title}", f"date: {found.held_on}", "---", "", "## Attendees", ""]
    lines += [f"- {name}" for name in found.participants]
    lines += ["", "## Talk", ""]
    for each in found.utterances:
        time = ""
        if each.start_ms is not None:
            minutes, seconds = divmod(each.start_ms // 1_000, 60)
            time = f" [{minutes // 60:02}:{minutes % 60:02}:{seconds:02}]"
        lines += [f"**{each.speaker}**{time}: " + re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", each.text), ""]
    return "\n".join(lines)


@given(MEETINGS)
@settings(max_examples=200, deadline=None)
def test_a_meeting_that_is_written_is_read_again(written_meeting):
    found = meeting(written(written_meeting))

    heading, *turns = found.utterances
    assert heading == Utterance("", "Talk")
    assert (found.title, found.held_on, found.participants) == (
        written_meeting.title, written_meeting.held_on, written_meeting.participants,
    )  # fmt: skip
    assert tuple(turns) == written_meeting.utterances
