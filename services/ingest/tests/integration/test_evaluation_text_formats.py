"""Real transcripts and minutes that are plain text, read from beside the repository where they are.

The counts were made with grep, or by eye: names before colons, times that begin a line, marks.
"""

from datetime import UTC, date, datetime

import pytest

from sagwan_ingest.domain.formats.registry import Hints, read_transcript
from sagwan_ingest.domain.meeting import UtteranceKind

pytestmark = pytest.mark.integration


@pytest.fixture
def read(present):
    def reading(path, encoding="utf-8"):
        whole = present(f"formats/{path}")
        return read_transcript(whole.read_bytes().decode(encoding).encode(), Hints(file_name=whole.name))

    return reading


@pytest.mark.parametrize(
    ("path", "started_at", "attendees", "turns", "paragraphs", "speakers", "times", "names_alone"),
    [
        ("05_PPGC_Transcript.md", datetime(2023, 7, 13, 15, 1, tzinfo=UTC), 28, 22, 3, 5, 0, 0),
        ("12_PPGC_Transcript.md", datetime(2023, 11, 16, 16, 5, tzinfo=UTC), 30, 21, 0, 6, 0, 0),
        ("26_PPGC_Transcripts.md", datetime(2024, 10, 24, 14, 51, tzinfo=UTC), 30, 59, 0, 6, 5, 0),
        ("27_PPGC_Transcripts.md", datetime(2024, 11, 21, 15, 51, tzinfo=UTC), 30, 115, 0, 7, 9, 13),
    ],
)
def test_google_meet(read, path, started_at, attendees, turns, paragraphs, speakers, times, names_alone):
    transcript = read(f"google_meet/{path}")
    (meeting,) = transcript.meetings

    assert transcript.format_name == "google-meet"
    assert (meeting.title, meeting.started_at) == ("Polygon Protocol Governance Call", started_at)
    assert len(meeting.participants) == attendees
    assert len(meeting.utterances) == turns + paragraphs
    assert len({each.speaker for each in meeting.utterances}) == speakers
    assert {each.speaker for each in meeting.utterances} <= set(meeting.participants)
    assert sum(1 for each in meeting.utterances if each.start_ms is not None) == times
    assert sum(1 for each in transcript.mended if "no text after it" in each.what) == names_alone


@pytest.mark.parametrize(
    ("path", "times", "reactions"),
    [
        ("acdc_2026-02-05_174.chat.txt", 136, 67),
        ("acdc_2026-02-19_175.chat.txt", 130, 92),
        ("acdc_2026-03-19_176.chat.txt", 306, 78),
    ],
)
def test_zoom_chats(read, path, times, reactions):
    transcript = read(f"zoom/{path}")
    (meeting,) = transcript.meetings

    assert transcript.format_name == "zoom-chat"
    assert len(transcript.mended) == reactions
    assert len(meeting.utterances) == times - reactions
    assert all(each.speaker and each.start_ms for each in meeting.utterances)


def test_a_saved_zoom_transcript(read):
    transcript = read("zoom/zoom_saved_transcript_example.txt")
    (meeting,) = transcript.meetings

    assert transcript.format_name == "zoom-transcript"
    assert len(meeting.utterances) == 12
    assert {each.speaker for each in meeting.utterances} == {"Johnny Doe", "Janet Dough"}
    assert (meeting.utterances[0].start_ms, meeting.utterances[-1].start_ms) == (0, 35_000)


def test_text_whose_lines_begin_with_times(read):
    transcript = read("otter/204-take-the-psf-survey-and-will-carlton-drop-by.txt")
    (meeting,) = transcript.meetings

    assert (transcript.format_name, transcript.mended) == ("text", ())
    assert [each.start_ms for each in meeting.utterances[:3]] == [0, 4_000, 10_000]
    assert len(meeting.utterances) == 583
    assert all(each.start_ms is not None for each in meeting.utterances)


@pytest.mark.parametrize(
    ("path", "day", "turns", "members"),
    [("law_10.txt", date(2019, 4, 26), 362, 16), ("law_11.txt", date(2019, 4, 29), 267, 18)],
)
def test_minutes_of_the_national_assembly(read, path, day, turns, members):
    transcript = read(f"korean/{path}", encoding="cp949")
    (meeting,) = transcript.meetings

    assert transcript.format_name == "council"
    assert "사법개혁특별위원회회의록" in meeting.title
    assert meeting.held_on == day
    assert len(meeting.participants) == members
    assert sum(1 for each in meeting.utterances if each.speaker) == turns
    # Every member who speaks attended; one writes his name in Chinese characters, and one who speaks is an official.
    named = {word for each in meeting.utterances for word in each.speaker.split() if not word.startswith("위원")}
    assert named - {"鄭宗燮", "수석전문위원", "전상수"} <= set(meeting.participants)


def test_a_debate_of_the_european_parliament(read):
    transcript = read("other/europarl_chapter.txt")
    (meeting,) = transcript.meetings

    assert transcript.format_name == "europarl"
    assert meeting.title == "The protection and welfare of animals 2006-2010 (debate)"
    # 28 speakers' tags and 72 paragraphs' tags.
    assert len(meeting.utterances) == 100
    assert all(each.speaker for each in meeting.utterances)


def test_minutes_of_a_working_group(read):
    transcript = read("markdown_minutes/httpwg_ietf85_minutes.txt")
    (meeting,) = transcript.meetings
    actions = [each for each in meeting.utterances if each.kind is UtteranceKind.ACTION]

    assert meeting.title == "HTTPbis IETF85 Minutes"
    assert len(actions) == 7
    assert all(each.text.startswith("ACTION: ") and not each.speaker for each in actions)
    assert {"mnot", "rf", "roy fielding", "Eliot Lear"} <= {each.speaker for each in meeting.utterances}


@pytest.mark.parametrize(
    ("path", "encoding", "paragraphs"),
    [
        ("korean/skyblue.txt", "cp949", 80),
        ("korean/encoding_EUC-KR__ude_euc1.txt", "cp949", 1),
        ("korean/encoding_EUC-KR__ude_euc2.txt", "cp949", 4),
    ],
)
def test_prose_is_read_as_paragraphs_that_nobody_says(read, path, encoding, paragraphs):
    transcript = read(path, encoding)
    (meeting,) = transcript.meetings

    assert transcript.format_name == "text"
    assert len(meeting.utterances) == paragraphs
    assert {each.speaker for each in meeting.utterances} == {""}
