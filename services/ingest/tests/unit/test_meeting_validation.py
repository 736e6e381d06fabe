from dataclasses import replace
from datetime import datetime

import pytest

from sagwan_ingest.domain import validation
from sagwan_ingest.domain.meeting import Meeting, Utterance
from sagwan_ingest.domain.validation import validated
from sagwan_runtime.errors import InvalidRequest

MEETING = Meeting(meeting_id="m-1", utterances=(Utterance("Ann", "Hello.", 0, 900),))


def violations(**changes):
    with pytest.raises(InvalidRequest) as refused:
        validated(replace(MEETING, **changes))
    return {each.field: each.reason for each in refused.value.violations}


def test_a_meeting_without_faults_comes_back_as_it_is():
    assert validated(MEETING) is MEETING


@pytest.mark.parametrize("meeting_id", ["", "-a", "a b", "회의", "a" * 129, "a\n", "a/b"])
def test_an_id_that_is_no_resource_name_is_refused(meeting_id):
    assert list(violations(meeting_id=meeting_id)) == ["meeting_id"]


@pytest.mark.parametrize("meeting_id", ["a", "Bed002", "acdc__2026-02-05_174", "1.0~rc", "a" * 128])
def test_an_id_of_url_characters_is_accepted(meeting_id):
    assert validated(replace(MEETING, meeting_id=meeting_id)).meeting_id == meeting_id


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"title": "a\0b"}, "meeting.title"),
        ({"series": "\0"}, "meeting.series"),
        ({"source": "\0"}, "meeting.source"),
        ({"participants": ("Ann", "B\0b")}, "meeting.participants[1]"),
        ({"tags": ("\0",)}, "meeting.tags[0]"),
        ({"attributes": {"room": "\0"}}, "meeting.attributes[room]"),
        ({"attributes": {"\0": "3"}}, "meeting.attributes"),
        ({"utterances": (Utterance("A\0", "Hello."),)}, "utterances[0].speaker"),
        ({"utterances": (Utterance("A", "Hello."), Utterance("A", "a\0"))}, "utterances[1].text"),
    ],
)
def test_a_nul_character_is_refused_in_every_text(changes, field):
    found = violations(**changes)

    assert list(found) == [field]
    assert "NUL" in found[field]


def test_half_of_a_surrogate_pair_is_refused_with_its_position():
    found = violations(utterances=(Utterance("A", "ab\ud83d"),))

    assert found == {"utterances[0].text": "contains half of a surrogate pair at position 2"}


def test_emoji_and_old_hangul_are_accepted():
    utterances = (Utterance("👩‍💻", "ᄒᆞᆫ글 😀"),)

    assert validated(replace(MEETING, utterances=utterances)).utterances == utterances


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"title": "a" * 513}, "meeting.title"),
        ({"participants": ("Ann",) * 1_001}, "meeting.participants"),
        ({"participants": ("a" * 257,)}, "meeting.participants[0]"),
        ({"tags": ("t",) * 101}, "meeting.tags"),
        ({"tags": (" ",)}, "meeting.tags[0]"),
        ({"attributes": {str(n): "" for n in range(101)}}, "meeting.attributes"),
        ({"attributes": {"a": "b" * 4_097}}, "meeting.attributes[a]"),
        ({"attributes": {"": "b"}}, "meeting.attributes"),
        ({"utterances": (Utterance("a" * 257, "Hello."),)}, "utterances[0].speaker"),
        ({"utterances": (Utterance("", "a" * 100_001),)}, "utterances[0].text"),
        ({"language": "Korean language"}, "meeting.language"),
        ({"started_at": datetime(2024, 3, 5)}, "meeting.start_time"),  # noqa: DTZ001 - a naive time is the case
    ],
)
def test_what_passes_a_limit_is_refused_by_name(changes, field):
    assert list(violations(**changes)) == [field]


def test_a_text_at_its_limit_is_accepted():
    utterances = (Utterance("a" * 256, "가" * 100_000),)

    assert validated(replace(MEETING, title="b" * 512, utterances=utterances))


def test_more_utterances_than_the_limit_are_refused(monkeypatch):
    monkeypatch.setattr(validation, "UTTERANCES_MAX", 2)

    assert list(violations(utterances=(Utterance("", "a"),) * 3)) == ["utterances"]


@pytest.mark.parametrize("language", ["", "ko", "en-GB", "zh-Hant-TW"])
def test_language_tags_are_accepted(language):
    assert validated(replace(MEETING, language=language)).language == language


def test_an_end_before_its_start_is_refused():
    assert violations(utterances=(Utterance("", "a", 2_000, 1_999),)) == {
        "utterances[0].end_offset": "is before start_offset"
    }


@pytest.mark.parametrize("offset_ms", [-1, 2**31])
def test_an_offset_that_the_database_cannot_hold_is_refused(offset_ms):
    assert list(violations(utterances=(Utterance("", "a", offset_ms),))) == ["utterances[0].start_offset"]


def test_a_blank_utterance_keeps_its_place_but_a_meeting_of_nothing_else_is_refused():
    assert validated(replace(MEETING, utterances=(Utterance("A", " "), Utterance("B", "Yes."))))
    assert violations(utterances=(Utterance("A", " "), Utterance("B", ""))) == {"utterances": "has no text"}


def test_a_meeting_without_utterances_is_refused():
    assert violations(utterances=()) == {"utterances": "has no text"}


def test_violations_are_collected_but_not_without_end():
    with pytest.raises(InvalidRequest) as refused:
        validated(Meeting(utterances=(Utterance("", "\0"),) * 1_000))

    fields = [each.field for each in refused.value.violations]
    assert fields[:2] == ["meeting_id", "utterances[0].text"]
    assert len(fields) == validation.VIOLATIONS_MAX
