"""Real minutes, read from beside the repository where they are; counted by pattern in their lines, and by eye."""

from collections import Counter
from datetime import date

import pytest

from sagwan_ingest.domain.formats.registry import Hints, read_transcript
from sagwan_ingest.domain.meeting import UtteranceKind
from sagwan_ingest.domain.validation import validated

pytestmark = pytest.mark.integration

MINUTES = "markdown_minutes"


@pytest.fixture
def read(present):
    def transcript(path):
        file = present(f"formats/{path}")
        return read_transcript(file.read_bytes(), Hints(meeting_id="m", file_name=file.name))

    return transcript


def test_all_minutes_are_read_and_fit_to_keep(read, present):
    formats = present("formats")
    folders = [(MINUTES, "*"), ("docx", "*"), ("korean", "*.md"), ("korean", "*.docx")]
    files = [file for folder, pattern in folders for file in sorted((formats / folder).glob(pattern))]
    assert files
    for file in files:
        found = read(file.relative_to(formats))

        assert found.format_name == ({".docx": "docx", ".txt": "text"}.get(file.suffix, "markdown")), file
        assert all(each.text.strip() for each in validated(found.meetings[0]).utterances), file


@pytest.mark.parametrize(
    ("name", "attendees", "held_on"),
    [
        ("w3c__minutes_2024-01-04-wecg.md", 14, None),
        ("ethereum_Meeting 189.md", 49, date(2024, 6, 6)),
        ("wasm_CG-03-26.md", 40, None),
        ("nodejs_meetings_2015-09-02.md", 10, date(2015, 9, 2)),
        ("nodejs_meetings_2024-07-24.md", 20, date(2024, 7, 24)),
        ("tc39_meetings_2013-01_jan-29.md", 16, date(2013, 1, 29)),
        ("tc39_meetings_2019-03_mar-26.md", 58, date(2019, 3, 26)),
        ("httpwg_ietf98_minutes.md", 0, date(2017, 3, 31)),
        ("httpwg_interim-21-02_minutes.md", 0, None),
    ],
)
def test_who_was_there_and_when_is_what_the_minutes_say(read, name, attendees, held_on):
    (found,) = read(f"{MINUTES}/{name}").meetings

    assert (len(found.participants), found.held_on) == (attendees, held_on)


def test_every_remark_of_a_scribed_call_has_its_nick(read):
    (found,) = read(f"{MINUTES}/w3c__minutes_2024-01-04-wecg.md").meetings

    assert sum(1 for each in found.utterances if each.speaker) == 71


def test_every_remark_of_a_recorded_call_has_its_time(read):
    (found,) = read(f"{MINUTES}/ethereum_Meeting 189.md").meetings
    starts = [each.start_ms for each in found.utterances if each.start_ms is not None]

    # 121 lines begin with a name and a time; the bracket of one is not closed.
    assert len(starts) == 120
    assert (starts[0], starts[-1]) == (180_000, 5_441_000)
    assert ("Tim Beiko", True) in {(each.speaker, "[1:18:58(" in each.text) for each in found.utterances}


def test_initials_speak_in_the_minutes_of_a_committee(read):
    (found,) = read(f"{MINUTES}/tc39_meetings_2019-03_mar-26.md").meetings
    speakers = Counter(each.speaker for each in found.utterances)

    # 256 paragraphs begin with initials, and two more are those of the one before.
    assert speakers.total() - speakers[""] == 258
    assert all(speaker.isupper() for speaker in speakers if speaker)
    unopposed = [each.kind for each in found.utterances if each.text == "no objections"]
    assert unopposed
    assert set(unopposed) == {UtteranceKind.DECISION}


def test_action_items_that_minutes_mark_are_kept_as_such(read):
    (found,) = read(f"{MINUTES}/httpwg_ietf85_minutes.txt").meetings

    assert sum(1 for each in found.utterances if each.kind is UtteranceKind.ACTION) == 7


def test_labels_of_lists_are_nobodys_name(read):
    for name in ("python_updates_2024-10-steering-council-update.md", "WebAssembly_main_2026_WG-2026-11-11.md"):
        (found,) = read(f"{MINUTES}/{name}").meetings

        assert {each.speaker for each in found.utterances} == {""}


def test_a_korean_form_names_its_people_and_no_single_day(read):
    transcript = read("korean/kookmin_회의록.docx")
    (found,) = transcript.meetings

    assert found.participants == ("김기성", "김윤성", "양성호", "정경진", "정예원")
    assert found.held_on is None
    assert any("name 14 days" in each.what for each in transcript.mended)


def test_a_transcript_in_a_document_names_every_speaker(read):
    (found,) = read("docx/vishalverma_transcript.docx").meetings

    assert [each.speaker for each in found.utterances] == [
        "Speaker 1",
        "Speaker 2",
        "Speaker 1",
        "Speaker 3",
        "Speaker 2",
    ]
