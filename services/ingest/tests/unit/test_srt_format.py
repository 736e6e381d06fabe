import re
import time
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from refusals import reason_of

from sagwan_ingest.domain.formats.format import CERTAIN, LIKELY, NEVER, Mending, Parsed
from sagwan_ingest.domain.formats.srt import FORMAT
from sagwan_ingest.domain.meeting import Meeting, Utterance
from sagwan_runtime.errors import InvalidRequest

UNTIMED = "cue has no times; its text was kept without times"
UNREADABLE = "times of a cue cannot be read; its text was kept without times"


def utterances(text):
    (meeting,) = FORMAT.parse(text).meetings
    return meeting.utterances


def times(written):
    (utterance,) = utterances(f"1\n{written}\nHi\n")
    return utterance.start_ms, utterance.end_ms


MEETING = """1
00:00:01,000 --> 00:00:03,500
김민수: 회의를 시작하겠습니다.

2
00:00:04,000 --> 00:00:06,000
Ann Lee: Thank you.
<i>Good morning</i>, all.

3
00:00:06,500 --> 00:00:07,000
(laughs)
"""


def test_cues_are_utterances_with_their_times_and_the_names_that_open_them():
    parsed = FORMAT.parse(MEETING)

    assert parsed.meetings[0].utterances == (
        Utterance("김민수", "회의를 시작하겠습니다.", 1_000, 3_500),
        Utterance("Ann Lee", "Thank you. Good morning, all.", 4_000, 6_000),
        Utterance("", "(laughs)", 6_500, 7_000),
    )
    assert parsed.mended == ()


@pytest.mark.parametrize(
    "change", [(r"(?m)^\d+\n", ""), (r"(?<=\d),(?=\d)", "."), (r"\n\n(?=\d+\n0)", "\n"), (r"\n\n", "\n\n \n\n")]
)
def test_no_index_a_dot_and_any_number_of_empty_lines_read_alike(change):
    pattern, put = change

    changed = re.sub(pattern, put, MEETING)

    assert changed != MEETING
    assert utterances(changed) == tuple(utterances(MEETING))


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("00:00:01,000 --> 00:00:02,500", (1_000, 2_500)),
        ("00:00:01.000 --> 00:00:02,500", (1_000, 2_500)),
        ("0:00:01,5-->0:00:02,50  X1:000 X2:000 Y1:050 Y2:100", (1_500, 2_500)),
        ("\t100:00:00,000 --> 100:00:01,000", (360_000_000, 360_001_000)),
        ("00:01,000 --> 00:02,000", (1_000, 2_000)),
        ("00:00:01 --> 00:00:10", (1_000, 10_000)),
    ],
)
def test_times_are_read_in_the_ways_that_people_write_them(written, expected):
    assert times(written) == expected


@pytest.mark.parametrize("written", ["00:61:00,000 --> 00:62:00,000", "00:00:0a,000 --> 00:00:02,000", "0:1 -->"])
def test_a_cue_whose_times_cannot_be_read_keeps_its_text_without_times(written):
    parsed = FORMAT.parse(f"1\n00:00:01,000 --> 00:00:02,000\nOne\n\n2\n{written}\nTwo\n")

    assert parsed.meetings[0].utterances[1] == Utterance("", "Two")
    assert parsed.mended == (Mending(6, UNREADABLE),)


def test_an_index_without_times_keeps_its_text_without_times():
    parsed = FORMAT.parse(
        "1\n00:00:01,000 --> 00:00:02,000\nOne\n\n2\nTwo\n\n3\n00:00:05,000 --> 00:00:06,000\nThree\n"
    )

    assert [(each.text, each.start_ms) for each in parsed.meetings[0].utterances] == [
        ("One", 1_000),
        ("Two", None),
        ("Three", 5_000),
    ]
    assert parsed.mended == (Mending(5, UNTIMED),)


def test_an_empty_line_in_a_cue_ends_nothing():
    assert [each.text for each in utterances("1\n00:00:01,000 --> 00:00:02,000\nOne\n\nmore\n\n2024\n")] == [
        "One more 2024"
    ]


def test_a_number_is_text_where_cues_have_no_index():
    cues = "00:00:01,000 --> 00:00:02,000\nHow many?\n\n00:00:02,000 --> 00:00:03,000\n42\n\n"

    assert [each.text for each in utterances(cues + "00:00:04,000 --> 00:00:05,000\nI see.\n")] == [
        "How many?",
        "42",
        "I see.",
    ]


def test_text_above_the_first_cue_is_left_out_and_reported():
    parsed = FORMAT.parse("A film\n\n" + MEETING)

    assert parsed.meetings[0].utterances == utterances(MEETING)
    assert parsed.mended == (Mending(1, "text before the first cue was left out"),)


@pytest.mark.parametrize(
    ("payload", "text"),
    [
        ('<b>We</b> <font color="#ff0000" size=9>all</font> <U>agree</U>', "We all agree"),
        (r"{\an8}{\i1}We all{\i0} agree", "We all agree"),
        ("{y:i}We all agree", "We all agree"),
        ("a &lt;b&gt; &amp; c&#39;s", "a <b> & c's"),
        ("R&D; 2<3,5>1 <Ann> {really} x --> y", "R&D; 2<3,5>1 <Ann> {really} x --> y"),
    ],
)
def test_markup_goes_and_what_people_write_stays(payload, text):
    assert [each.text for each in utterances(f"1\n00:00:01,000 --> 00:00:02,000\n{payload}\n")] == [text]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("Hello", "line 1: holds no times such as 00:00:01,000 --> 00:00:02,000"),
        ("1\n00:00:01,000 --> 00:00:02,000\n<b></b>\n", "line 2: holds no cue with text in it: cue has no text"),
        ("Hi\n00:00:01,000 --> 00:00:02,000\n", "line 1: holds no cue with text in it: text before the first cue"),
    ],
)
def test_a_file_that_says_nothing_is_refused_with_the_reason(text, why):
    assert reason_of(FORMAT.parse, text).startswith(why)


@pytest.mark.parametrize(
    ("head", "likely"),
    [
        (MEETING, CERTAIN),
        ("\n\n" + MEETING, CERTAIN),
        ("00:00:01,000 --> 00:00:02,000\nHi", CERTAIN),
        ("1\n00:00:01.000 --> 00:00:02.000\nHi", CERTAIN),
        ("00:00:01.000 --> 00:00:02.000\nHi", LIKELY),
        ("00:01.000 --> 00:02.000\nHi", NEVER),
        ("WEBVTT\n\n00:00:01.000 --> 00:00:02.000\nHi", NEVER),
        ("Hi\n\n" + MEETING, NEVER),
        ("1\n2\n3", NEVER),
        ("00:00:01 Ann: a --> b", NEVER),
    ],
)
def test_a_file_is_known_by_the_times_that_it_begins_with(head, likely):
    assert FORMAT.sniff(head) == likely


name = st.from_regex(r"[A-Z][a-z]{1,8}( [A-Z][a-z]{1,8}){0,2}|[가-힣]{2,4}", fullmatch=True)
word = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"], exclude_characters="<>{}&"), min_size=1)
phrase = st.lists(word, min_size=1, max_size=5).map(" ".join)


@st.composite
def meetings(draw):
    """What SRT can carry: turns that name their speaker, with a second between them, and no markup in their text."""
    at_ms, turns = 0, []
    for _ in range(draw(st.integers(1, 6))):
        start_ms = at_ms + draw(st.integers(1_000, 10**7))
        at_ms = start_ms + draw(st.integers(0, 10**6))
        turns.append(Utterance(draw(name), draw(phrase), start_ms, at_ms))
    return Meeting(utterances=tuple(turns))


def clock(milliseconds):
    seconds, thousandths = divmod(milliseconds, 1_000)
    return f"{seconds // 3_600:02}:{seconds // 60 % 60:02}:{seconds % 60:02},{thousandths:03}"


def written(meeting):
    return "\n".join(
        f"{index}\n{clock(each.start_ms)} --> {clock(each.end_ms)}\n{each.speaker}: {each.text}\n"
        for index, each in enumerate(meeting.utterances, start=1)
    )


@given(meetings())
@settings(max_examples=200, deadline=None)
def test_a_meeting_that_is_written_reads_as_itself(meeting):
    assert FORMAT.parse(written(meeting)) == Parsed((meeting,))


PARTS = [
    "\n",
    "\n\n",
    "1\n",
    "00:00:01,000 --> 00:00:02,000",
    " --> ",
    "00:",
    "9" * 30,
    "<i>",
    "<",
    "{\\",
    "- ",
    "Ann: ",
    "hi",
]


@given(st.lists(st.sampled_from(PARTS), max_size=30).map("".join) | st.text())
def test_any_text_is_read_or_refused(text):
    try:
        said, violations = utterances(text), ()
    except InvalidRequest as refused:
        said, violations = (), refused.violations

    assert bool(said) != bool(violations)
    assert all(each.text.strip() for each in said)


@pytest.mark.parametrize(
    "unit", ["<", "<b ", "{\\", "&#", "- ", "[", "a: ", "\t", "00:", "--> ", "0:-->\n", "1\n", "\n", "a "]
)
def test_a_long_line_of_anything_takes_time_in_proportion(unit):
    began = time.process_time()
    with suppress(InvalidRequest):
        FORMAT.parse("1\n00:00:01,000 --> 00:00:02,000\n" + unit * 30_000)

    assert time.process_time() - began < 2
    assert FORMAT.sniff((unit * 16_384)[:16_384]) == NEVER
