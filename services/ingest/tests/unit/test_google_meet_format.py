from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from sagwan_ingest.domain.formats.format import CERTAIN, NEVER, Mending
from sagwan_ingest.domain.formats.google_meet import FORMAT

NOTICE = "This editable transcript was computer generated and might contain errors. People can also change the text."

MARKDOWN = f"""# Weekly call (2023-07-13 16:01 GMT+1) - Transcript

### Attendees:
Ann Lee, elouan le grand, Ann Lee's Presentation, Bob (Ops)

## Transcript

**{NOTICE}**

**Ann Lee:** Hello.
So: we begin.

Second paragraph.

elouan le grand: Yes.

00:05:00

Bob (Ops):

Ann Lee: Thanks.
**Meeting ended after 00:14:03 👋**
"""

NOTES = f"""Dec 17, 2025

## Weekly Dec 17, 2025 at 17:13 GMT+05:30 \\- Transcript

### Suggested next steps

- [ ] Bob will measure it.

### 00:00:00

**Ann:** Hi.\u0020\u0020
**Bob:** Ho.

### Transcription ended after 00:31:47

*{NOTICE}*
"""


def spoken(meeting):
    return [(each.start_ms, each.speaker, each.kind, each.text) for each in meeting.utterances]


def test_turns_are_read_in_bold_or_not():
    (meeting,) = FORMAT.parse(MARKDOWN).meetings

    assert spoken(meeting) == [
        (None, "Ann Lee", "speech", "Hello.\nSo: we begin."),
        (None, "Ann Lee", "speech", "Second paragraph."),
        (None, "elouan le grand", "speech", "Yes."),
        (300_000, "Ann Lee", "speech", "Thanks."),
    ]


def test_title_start_attendees_and_duration_are_the_meetings():
    transcript = FORMAT.parse(MARKDOWN)
    (meeting,) = transcript.meetings

    assert (meeting.title, meeting.held_on) == ("Weekly call", date(2023, 7, 13))
    assert meeting.started_at == datetime(2023, 7, 13, 16, 1, tzinfo=timezone(timedelta(hours=1)))
    assert meeting.participants == ("Ann Lee", "elouan le grand", "Bob (Ops)")
    assert meeting.attributes == {"duration": "00:14:03"}
    assert transcript.mended == (
        Mending(4, "shared screens among the attendees were left out"),
        Mending(8, "the notice that a computer wrote the transcript was left out"),
        Mending(19, "name has no text after it; the turn was left out"),
    )


def test_notes_before_the_transcript_are_kept_with_their_marks():
    (meeting,) = FORMAT.parse(NOTES).meetings

    assert spoken(meeting) == [
        (None, "", "speech", "### Suggested next steps"),
        (None, "", "action", "- [ ] Bob will measure it."),
        (0, "Ann", "speech", "Hi."),
        (None, "Bob", "speech", "Ho."),
    ]
    assert meeting.title == "Weekly"
    assert meeting.started_at.astimezone(UTC) == datetime(2025, 12, 17, 11, 43, tzinfo=UTC)


@pytest.mark.parametrize(
    ("title", "started_at", "attributes"),
    [
        ("Call – 2024/10/24 15:51 BST – Transcript", datetime(2024, 10, 24, 14, 51, tzinfo=UTC), {}),
        ("Call - 2024/10/24 15:51 KST - Transcript", datetime(2024, 10, 24, 6, 51, tzinfo=UTC), {}),
        ("Call - 2024/10/24 15:51 - Transcript", None, {"start": "15:51"}),
    ],
)
def test_a_start_needs_a_zone_that_is_known(title, started_at, attributes):
    (meeting,) = FORMAT.parse(f"{title}\nAttendees\nAnn, Bob\n\nAnn: Hi.\nBob: Ho.\n").meetings

    assert (meeting.title, meeting.held_on, meeting.started_at) == ("Call", date(2024, 10, 24), started_at)
    assert meeting.attributes == attributes
    assert [each.speaker for each in meeting.utterances] == ["Ann", "Bob"]


@pytest.mark.parametrize("text", [MARKDOWN, NOTES, "Call - Transcript\nAttendees\nAnn\nTranscript\nAnn: Hi."])
def test_its_own_signs_are_certain(text):
    assert FORMAT.sniff(text) == CERTAIN


@pytest.mark.parametrize("text", ["# Minutes\n\n## Attendees\n\n- Ann\n\n**Ann:** Hi.", "Ann: Hi.\nBob: Ho.", ""])
def test_other_minutes_are_not_taken(text):
    assert FORMAT.sniff(text) == NEVER


GEMINI = f"""---
type: meeting
---

# 📝 Notes

Feb 11, 2026

## Daily Standup

Meeting records [Transcript](?tab=t.6)

* **Welcome**: Ann was welcomed.

### Suggested next steps

- [ ] Ann will test.
- [ ] Bob will ask.

# 📖 Transcript

Feb 11, 2026

## Daily Standup \\- Transcript

### 00:00:00

**Ann:** Hi.

### Transcription ended after 00:42:45

*{NOTICE}*
"""


def test_the_notes_of_gemini_are_nobodys_turns():
    (meeting,) = FORMAT.parse(GEMINI).meetings

    assert FORMAT.sniff(GEMINI[:300]) == CERTAIN
    assert (meeting.title, meeting.held_on) == ("Daily Standup", date(2026, 2, 11))
    assert [(each.speaker, each.kind, each.text) for each in meeting.utterances] == [
        ("", "speech", "---\ntype: meeting\n---"),
        ("", "speech", "# 📝 Notes"),
        ("", "speech", "## Daily Standup"),
        ("", "speech", "Meeting records [Transcript](?tab=t.6)"),
        ("", "speech", "* **Welcome**: Ann was welcomed."),
        ("", "speech", "### Suggested next steps"),
        ("", "action", "- [ ] Ann will test."),
        ("", "action", "- [ ] Bob will ask."),
        ("Ann", "speech", "Hi."),
    ]
