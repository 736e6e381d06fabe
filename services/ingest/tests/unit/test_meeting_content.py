from dataclasses import fields, replace
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagwan_ingest.domain.meeting import Meeting, Utterance, UtteranceKind, content_sha256, language_of

SEOUL = timezone(timedelta(hours=9))

MEETING = Meeting(
    meeting_id="weekly-1",
    title="Weekly",
    started_at=datetime(2024, 3, 5, 10, 0, tzinfo=SEOUL),
    held_on=date(2024, 3, 5),
    language="ko",
    participants=("김철수", "Ann"),
    tags=("budget",),
    series="weekly",
    source="weekly.vtt",
    attributes={"room": "3", "floor": "2"},
    utterances=(Utterance("Ann", "Hello.", 0, 900), Utterance("", "네.")),
)

OTHER_VALUES = {
    "meeting_id": "weekly-2",
    "title": "weekly",
    "started_at": datetime(2024, 3, 5, 10, 1, tzinfo=SEOUL),
    "held_on": None,
    "language": "en",
    "participants": ("Ann", "김철수"),
    "tags": (),
    "series": "",
    "source": "weekly.srt",
    "attributes": {"room": "32", "floor": ""},
    "utterances": MEETING.utterances[:1],
}

OTHER_UTTERANCE_VALUES = {
    "speaker": "ann",
    "text": "Hello",
    "start_ms": None,
    "end_ms": 901,
    "kind": UtteranceKind.DECISION,
}


def test_the_content_hash_is_thirty_two_bytes_and_the_same_for_equal_meetings():
    assert len(content_sha256(MEETING)) == 32
    assert content_sha256(replace(MEETING)) == content_sha256(MEETING)


def test_the_canonical_form_does_not_drift():
    assert content_sha256(MEETING).hex() == "42a3078bd95a6b37e921f1cb857c7518442949bfd5a7e14feb84d229cc117a46"


@pytest.mark.parametrize("name", [each.name for each in fields(Meeting)])
def test_any_field_of_a_meeting_changes_its_hash(name):
    assert content_sha256(replace(MEETING, **{name: OTHER_VALUES[name]})) != content_sha256(MEETING)


@pytest.mark.parametrize("name", [each.name for each in fields(Utterance)])
def test_any_field_of_an_utterance_changes_the_hash(name):
    first = replace(MEETING.utterances[0], **{name: OTHER_UTTERANCE_VALUES[name]})
    edited = replace(MEETING, utterances=(first, *MEETING.utterances[1:]))

    assert content_sha256(edited) != content_sha256(MEETING)


def test_text_that_moves_from_one_utterance_to_the_next_changes_the_hash():
    one = replace(MEETING, utterances=(Utterance("", "ab"), Utterance("", "c")))
    other = replace(MEETING, utterances=(Utterance("", "a"), Utterance("", "bc")))

    assert content_sha256(one) != content_sha256(other)


def test_the_order_of_attributes_and_the_offset_of_an_instant_are_no_content():
    same = replace(
        MEETING,
        attributes=dict(reversed(MEETING.attributes.items())),
        started_at=MEETING.started_at.astimezone(UTC),
    )

    assert content_sha256(same) == content_sha256(MEETING)


@given(st.text(), st.text())
def test_texts_have_equal_hashes_only_when_they_are_equal(one, other):
    hashes = [content_sha256(replace(MEETING, title=title)) for title in (one, other)]

    assert (hashes[0] == hashes[1]) == (one == other)


def test_text_that_utf_8_cannot_hold_has_a_hash_too():
    assert content_sha256(replace(MEETING, title="\ud800")) != content_sha256(MEETING)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("예산안을 심사하겠습니다.", "ko"),
        ("We will review the budget.", "en"),
        ("이번 sprint 에서 API gateway 를 배포했습니다.", "ko"),
        ("The word 사관 names the court diarists of Joseon.", "en"),
        ("予算案を審議します", ""),
        ("Мы обсудим бюджет", ""),
        ("12:30, 100 %", ""),
        ("", ""),
    ],
)
def test_the_language_is_found_by_the_share_of_scripts(text, language):
    assert language_of([Utterance("", text)]) == language


def test_the_language_is_that_of_the_whole_meeting_and_not_of_its_first_words():
    opening, rest = Utterance("", "Okay, good morning."), Utterance("", "그러면 회의를 시작하겠습니다. " * 5)

    assert language_of([opening, rest]) == "ko"
