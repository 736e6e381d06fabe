"""What a format of text can carry reads as it was written, and no text whatever breaks a parser."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sagwan_ingest.domain.formats import (
    council,
    europarl,
    google_meet,
    otter,
    plain_text,
    teams_text,
    zoom_chat,
    zoom_transcript,
)
from sagwan_ingest.domain.meeting import Meeting, Utterance, UtteranceKind
from sagwan_runtime.errors import InvalidRequest

FORMATS = [each.FORMAT for each in (
    council, europarl, google_meet, otter, plain_text, teams_text, zoom_chat, zoom_transcript
)]  # fmt: skip

words = st.sampled_from(["b", "ß", "XY", "김", "철수", "위원", "네네", "漢", "жили", "O'Neill", "x-y", "né", "1", "24"])
# A beginning that is no digit, no office and no mark.
names = st.lists(words, max_size=2).map(lambda chosen: " ".join(["Nam", *chosen]))
lines = st.lists(words, max_size=4).map(lambda chosen: " ".join(["Said", *chosen]) + ".")
texts = st.lists(lines, min_size=1, max_size=2).map("\n".join)
days = st.dates(date(1990, 1, 1), date(2090, 12, 31))
people = st.lists(names, max_size=4, unique=True).map(tuple)
# Later ones would be times of day.
seconds = st.integers(0, 3_599).map((1_000).__mul__)
nothing = st.none()


def clock(time_ms):
    return f"{time_ms // 3_600_000:02}:{time_ms // 60_000 % 60:02}:{time_ms // 1_000 % 60:02}"


def turns(start=seconds, end=nothing):
    turn = st.tuples(names, texts, start, end)
    return st.lists(turn.map(lambda each: Utterance(*each)), min_size=1, max_size=4).map(tuple)


def read(format_, content):
    parsed = format_.parse(content)
    assert parsed.mended == ()
    return parsed.meetings[0]


def check(format_, content, meeting):
    assert read(format_, content) == meeting


@settings(max_examples=200, deadline=None)
@given(turns())
def test_zoom_chats_carry_names_times_and_messages(utterances):
    written = "".join(f"{clock(each.start_ms)}\t{each.speaker}:\t{each.text}\n" for each in utterances)

    check(zoom_chat.FORMAT, written, Meeting(utterances=utterances))


@settings(max_examples=200, deadline=None)
@given(turns())
def test_zoom_transcripts_carry_names_times_and_turns(utterances):
    written = "\n".join(f"[{each.speaker}] {clock(each.start_ms)}\n{each.text}\n" for each in utterances)

    check(zoom_transcript.FORMAT, written, Meeting(utterances=utterances))


@settings(max_examples=200, deadline=None)
@given(lines, days, people, turns(start=st.integers(0, 359_999).map((1_000).__mul__)))
def test_otter_carries_title_day_speakers_names_times_and_turns(title, day, speakers, utterances):
    head = f"{title}\n{day.isoformat()}\n\n" + (f"SPEAKERS\n{', '.join(speakers)}\n\n" if speakers else "")
    written = head + "\n".join(f"{each.speaker}  {clock(each.start_ms)}  \n{each.text}\n" for each in utterances)

    check(otter.FORMAT, written, Meeting(title=title, held_on=day, participants=speakers, utterances=utterances))


@settings(max_examples=200, deadline=None)
@given(turns(start=st.integers(0, 3_600_000), end=st.integers(3_600_000, 7_200_000)))
def test_teams_cues_carry_names_both_times_and_turns(utterances):
    def stamp(time_ms):
        minutes = time_ms // 60_000
        return f"{minutes // 60}:{minutes % 60}:{time_ms // 1_000 % 60}.{time_ms % 1_000:03}"

    written = "\n".join(
        f"{stamp(each.start_ms)} --> {stamp(each.end_ms)}\n{each.speaker}\n{each.text}" for each in utterances
    )

    check(teams_text.FORMAT, written, Meeting(utterances=utterances))


@settings(max_examples=200, deadline=None)
@given(lines, st.integers(0, 4_000_000_000), people, turns())
def test_google_meet_carries_title_start_attendees_names_times_and_turns(title, start, attendees, utterances):
    started_at = datetime.fromtimestamp(start // 60 * 60, UTC)
    head = f"# {title} ({started_at:%Y-%m-%d %H:%M} UTC) - Transcript\n"
    head += f"## Attendees\n{', '.join(attendees)}\n" if attendees else ""
    written = head + "\n".join(
        f"\n### {clock(each.start_ms)}\n\n**{each.speaker}:** {each.text}\n" for each in utterances
    )
    meeting = Meeting(
        title=title, held_on=started_at.date(), started_at=started_at, participants=attendees, utterances=utterances
    )

    check(google_meet.FORMAT, written, meeting)


@settings(max_examples=200, deadline=None)
@given(days, lines, turns(start=nothing))
def test_the_minutes_of_councils_carry_day_place_names_and_turns(day, place, utterances):
    head = f"일시: {day.year}년 {day.month}월 {day.day}일\n장소: {place}\n\n"
    written = head + "".join(f"○{each.speaker}  {each.text}\n" for each in utterances)

    check(council.FORMAT, written, Meeting(held_on=day, attributes={"장소": place}, utterances=utterances))


@settings(max_examples=200, deadline=None)
@given(lines, turns(start=nothing))
def test_europarl_carries_title_names_and_turns(title, utterances):
    written = f'<CHAPTER ID="1">\n{title}\n' + "".join(
        f'<SPEAKER ID="1" NAME="{each.speaker}">\n{each.text}\n' for each in utterances
    )

    check(europarl.FORMAT, written, Meeting(title=title, utterances=utterances))


@settings(max_examples=200, deadline=None)
@given(days, people, turns(), st.lists(st.tuples(st.sampled_from(["결정: ", "ACTION: "]), lines), max_size=3))
def test_plain_text_carries_day_attendees_names_times_turns_and_marks(day, attendees, utterances, marked):
    head = f"Date: {day.isoformat()}\n" + (f"Attendees: {', '.join(attendees)}\n" if attendees else "") + "\n"
    spoken = "".join(f"[{clock(each.start_ms)}] {each.speaker}: {each.text}\n" for each in utterances)
    written = head + spoken + "".join(f"{mark}{text}\n" for mark, text in marked)
    kinds = {"결정: ": UtteranceKind.DECISION, "ACTION: ": UtteranceKind.ACTION}
    minutes = tuple(Utterance("", mark + text, kind=kinds[mark]) for mark, text in marked)
    meeting = Meeting(held_on=day, participants=attendees, utterances=utterances + minutes)

    check(plain_text.FORMAT, written, meeting)


PARTS = [
    "\n", "\n\n", "Ann", "김철수", ":", "：", " ", "  ", "\t", "[00:01:02]", "00:01:02", "10:00:01", "○위원장 김철수  ",
    "0:0:1.5 --> 0:0:2.5", "◯출석 위원", "&#9711;", "(21시17분 개의)", "일시: 2024년 3월 5일", "Attendees", "**Ann:** ",
    "Date: 2024-03-05 10:00 UTC", "# T (2024-03-05 10:00 KST) - Transcript", "[Ann] 10:00:01", "Ann  0:03", "From ",
    " to ", "결정 사항:", "- ", "ACTION: ", "=====", '<SPEAKER ID="1" NAME="Ann">', "<P>", '<CHAPTER ID="1">', '"', "(",
    "*", "SPEAKERS", "Meeting ended after 00:14:03", "99:99:99", "25:61", "1999-13-45", "\x1c", "\u2028", "\u3000", "٣",
]  # fmt: skip


@pytest.mark.parametrize("format_", FORMATS, ids=lambda each: each.name)
@settings(max_examples=200, deadline=None)
@given(content=st.one_of(st.lists(st.sampled_from(PARTS), max_size=30).map("".join), st.text(max_size=80)))
def test_any_text_is_read_or_refused(format_, content):
    assert 0 <= format_.sniff(content) <= 1
    try:
        utterances, violations = format_.parse(content).meetings[0].utterances, ()
    except InvalidRequest as refused:
        utterances, violations = (), refused.violations

    assert bool(utterances) != bool(violations)
    assert all(each.field == "content" for each in violations)
    assert all(each.text.strip() and (each.start_ms or 0) >= 0 for each in utterances)


@pytest.mark.parametrize("format_", FORMATS, ids=lambda each: each.name)
@pytest.mark.parametrize(
    "part",
    [
        "a",
        "a ",
        " ",
        "*",
        "#",
        "[",
        "(",
        "- ",
        "1:",
        ":",
        "00:00:01 ",
        "A  ",
        "○a ",
        "&#",
        "<P",
        "From a to ",
        "\t",
        "김 ",
    ],
)
def test_a_line_of_a_million_characters_takes_no_time(format_, part):
    line = part * (1_000_000 // len(part))
    for content in (f"{line}\nAnn: Hi", f"Ann: {line}", f"[Ann] 10:00:01\n{line}", f"○{line}", f"0:0:1.5 --> {line}"):
        format_.sniff(content[:16_384])
        try:
            format_.parse(content)
        except InvalidRequest:
            continue
