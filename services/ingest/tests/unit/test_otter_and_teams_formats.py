from datetime import date

import pytest

from sagwan_ingest.domain.formats import otter, teams_text
from sagwan_ingest.domain.formats.format import CERTAIN, LIKELY, NEVER, Mending

OTTER = """Weekly sync
Thu, Oct 08, 2020 2:59PM • 41:12

SUMMARY KEYWORDS
budget, tea

SPEAKERS
Ann Lee, Unknown Speaker

Ann Lee  0:03\u0020\u0020
Hello, everybody.
It is 10:30

0:15\u0020\u0020
Nobody knows who says this.

김철수  1:02:03
네.

Bob  1:02:09

Transcribed by https://otter.ai
"""

TEAMS = """Web Governance-20260615_133555-Meeting Transcript
15 June 2026, 03:35am
27m 42s
Nick Miller started transcription
Ann Lee   0:03
that from the planning
Bob Ray   0:41
Yes.
Nick Miller stopped transcription
"""

CUES = (
    "0:0:3.450 --> 0:0:5.210\nAnn Lee\nHello\nthere.\n\n0:1:0.0 --> 0:0:59.0\n김철수\n네.\n0:1:2.0 --> 0:1:3.0\nSo.\n"
)


def started(meeting):
    return [(each.start_ms, each.speaker, each.text) for each in meeting.utterances]


def test_an_otter_transcript_is_read_with_its_head():
    transcript = otter.FORMAT.parse(OTTER)
    (meeting,) = transcript.meetings

    assert started(meeting) == [
        (3_000, "Ann Lee", "Hello, everybody.\nIt is 10:30"),
        (15_000, "", "Nobody knows who says this."),
        (3_723_000, "김철수", "네."),
    ]
    assert (meeting.title, meeting.held_on, meeting.started_at) == ("Weekly sync", date(2020, 10, 8), None)
    assert meeting.participants == ("Ann Lee", "Unknown Speaker")
    assert meeting.attributes == {"date": "Thu, Oct 08, 2020 2:59PM • 41:12", "keywords": "budget, tea"}
    assert transcript.mended == (
        Mending(20, "name has no text after it; the turn was left out"),
        Mending(22, "the line in which Otter names itself was left out"),
    )


def test_a_teams_transcript_is_read_with_its_head():
    (meeting,) = otter.FORMAT.parse(TEAMS).meetings

    assert started(meeting) == [
        (None, "", "Nick Miller started transcription"),
        (3_000, "Ann Lee", "that from the planning"),
        (41_000, "Bob Ray", "Yes."),
        (None, "", "Nick Miller stopped transcription"),
    ]
    assert (meeting.title, meeting.held_on) == ("Web Governance", date(2026, 6, 15))
    assert meeting.attributes == {"date": "15 June 2026, 03:35am", "duration": "27m 42s"}


def test_lines_above_the_turns_that_are_not_understood_stay():
    (meeting,) = otter.FORMAT.parse("Some words\nmore\n\nAnn  0:03\nHi.\n\nBob  0:05\nHo.\n").meetings

    assert started(meeting)[0] == (None, "", "Some words\nmore")


def test_cues_pasted_from_teams_are_read():
    transcript = teams_text.FORMAT.parse(CUES)
    (meeting,) = transcript.meetings

    assert [(each.start_ms, each.end_ms, each.speaker, each.text) for each in meeting.utterances] == [
        (3_450, 5_210, "Ann Lee", "Hello\nthere."),
        (60_000, None, "김철수", "네."),
        (62_000, 63_000, "", "So."),
    ]
    assert transcript.mended == (Mending(6, "turn ended before it began; its end was left out"),)


def test_each_knows_its_own():
    assert otter.FORMAT.sniff(OTTER) > LIKELY
    assert otter.FORMAT.sniff(TEAMS) > LIKELY
    assert teams_text.FORMAT.sniff(CUES) == CERTAIN
    assert otter.FORMAT.sniff(CUES) == teams_text.FORMAT.sniff(OTTER) == NEVER


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Ann: Hi.\nBob: Ho.",
        "Lunch  12:30\nTea  16:00\nDinner  19:00\n",
        "We met at 10:30\nand parted at 11:45\nas friends.",
        "WEBVTT\n\n00:01.000 --> 00:02.000\nHi",
        "1\n00:00:01,000 --> 00:00:02,000\nHi\n",
        "00:00:01.000 --> 00:00:02.000\nHi\n",
    ],
)
def test_other_text_is_neither(text):
    assert (otter.FORMAT.sniff(text), teams_text.FORMAT.sniff(text)) == (NEVER, NEVER)
