"""What a meeting must be before it is kept: limits, and text that PostgreSQL and UTF-8 can hold."""

import re
from collections.abc import Iterator
from itertools import islice

from sagwan_ingest.domain.meeting import Meeting, Utterance
from sagwan_runtime.errors import Violation, refuse_if_any

MEETING_ID_CHARACTERS_MAX = 128
TITLE_CHARACTERS_MAX = 512
SERIES_CHARACTERS_MAX = 256
SOURCE_CHARACTERS_MAX = 2_048
LANGUAGE_CHARACTERS_MAX = 35  # RFC 5646, section 4.4.1
PARTICIPANTS_MAX = 1_000
TAGS_MAX = 100
TAG_CHARACTERS_MAX = 128
ATTRIBUTES_MAX = 100
ATTRIBUTE_KEY_CHARACTERS_MAX = 128
ATTRIBUTE_VALUE_CHARACTERS_MAX = 4_096
UTTERANCES_MAX = 200_000
SPEAKER_CHARACTERS_MAX = 256
TEXT_CHARACTERS_MAX = 100_000
OFFSET_MS_MAX = 2**31 - 1  # 24 days: longer than any meeting, short enough for every client's integers

# Violations travel in gRPC trailers, which are small; a person mends the first few and asks again.
VIOLATIONS_MAX = 20

_MEETING_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~-]*")
_LANGUAGE_TAG = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")


def validated(meeting: Meeting) -> Meeting:
    """The same meeting, known to be fit to keep.

    Fields are named as in IngestMeetingRequest, from its root: `meeting_id`, `meeting.title`, `utterances[3].text`.

    Raises:
        InvalidRequest: With the first VIOLATIONS_MAX violations.
    """
    refuse_if_any(islice(_violations(meeting), VIOLATIONS_MAX))
    return meeting


def _violations(meeting: Meeting) -> Iterator[Violation]:
    yield from _id_violations(meeting.meeting_id)
    yield from _text_violations("meeting.title", meeting.title, TITLE_CHARACTERS_MAX)
    yield from _text_violations("meeting.series", meeting.series, SERIES_CHARACTERS_MAX)
    yield from _text_violations("meeting.source", meeting.source, SOURCE_CHARACTERS_MAX)
    yield from _language_violations(meeting.language)
    if meeting.started_at is not None and meeting.started_at.utcoffset() is None:
        yield Violation("meeting.start_time", "has no offset from UTC")
    yield from _list_violations("meeting.participants", meeting.participants, PARTICIPANTS_MAX, SPEAKER_CHARACTERS_MAX)
    yield from _list_violations("meeting.tags", meeting.tags, TAGS_MAX, TAG_CHARACTERS_MAX)
    yield from _attribute_violations(meeting)
    yield from _utterances_violations(meeting.utterances)


def _id_violations(meeting_id: str) -> Iterator[Violation]:
    if not meeting_id:
        yield Violation("meeting_id", "is empty")
    elif len(meeting_id) > MEETING_ID_CHARACTERS_MAX or not _MEETING_ID.fullmatch(meeting_id):
        yield Violation(
            "meeting_id",
            f"is not 1 to {MEETING_ID_CHARACTERS_MAX} of A-Z a-z 0-9 . _ ~ - beginning with a letter or a digit",
        )


def _language_violations(language: str) -> Iterator[Violation]:
    if language and not (len(language) <= LANGUAGE_CHARACTERS_MAX and _LANGUAGE_TAG.fullmatch(language)):
        yield Violation("meeting.language", "is not a BCP-47 language tag such as ko or en-GB")


def _list_violations(field: str, values: tuple[str, ...], values_max: int, characters_max: int) -> Iterator[Violation]:
    if len(values) > values_max:
        yield Violation(field, f"has {len(values)} entries, at most {values_max} are allowed")
    for position, value in enumerate(values[:values_max]):
        if not value.strip():
            yield Violation(f"{field}[{position}]", "is empty")
        else:
            yield from _text_violations(f"{field}[{position}]", value, characters_max)


def _attribute_violations(meeting: Meeting) -> Iterator[Violation]:
    field = "meeting.attributes"
    if len(meeting.attributes) > ATTRIBUTES_MAX:
        yield Violation(field, f"has {len(meeting.attributes)} entries, at most {ATTRIBUTES_MAX} are allowed")
    for key, value in islice(meeting.attributes.items(), ATTRIBUTES_MAX):
        if not key.strip():
            yield Violation(field, "has an empty key")
        # The key goes into the path only once it is known to be short and printable there.
        unfit = list(_text_violations(field, key, ATTRIBUTE_KEY_CHARACTERS_MAX))
        if unfit:
            yield Violation(field, f"has a key that {unfit[0].reason}")
        else:
            yield from _text_violations(f"{field}[{key}]", value, ATTRIBUTE_VALUE_CHARACTERS_MAX)


def _utterances_violations(utterances: tuple[Utterance, ...]) -> Iterator[Violation]:
    if len(utterances) > UTTERANCES_MAX:
        yield Violation("utterances", f"has {len(utterances)} entries, at most {UTTERANCES_MAX} are allowed")
    if not any(each.text.strip() for each in utterances):
        yield Violation("utterances", "has no text")
    for position, each in enumerate(utterances[:UTTERANCES_MAX]):
        field = f"utterances[{position}]"
        yield from _text_violations(f"{field}.speaker", each.speaker, SPEAKER_CHARACTERS_MAX)
        yield from _text_violations(f"{field}.text", each.text, TEXT_CHARACTERS_MAX)
        yield from _offset_violations(field, each)


def _offset_violations(field: str, utterance: Utterance) -> Iterator[Violation]:
    start_ms, end_ms = utterance.start_ms, utterance.end_ms
    for name, offset_ms in (("start_offset", start_ms), ("end_offset", end_ms)):
        if offset_ms is not None and not 0 <= offset_ms <= OFFSET_MS_MAX:
            yield Violation(f"{field}.{name}", f"is not between 0 and {OFFSET_MS_MAX // 1_000} seconds")
    if start_ms is not None and end_ms is not None and end_ms < start_ms:
        yield Violation(f"{field}.end_offset", "is before start_offset")


def _text_violations(field: str, text: str, characters_max: int) -> Iterator[Violation]:
    """At most one violation: why `text` cannot be kept."""
    if len(text) > characters_max:
        yield Violation(field, f"has {len(text)} characters, at most {characters_max} are allowed")
    elif "\0" in text:
        yield Violation(field, f"contains a NUL character at position {text.index(chr(0))}")
    else:
        try:
            text.encode()
        except UnicodeEncodeError as error:
            yield Violation(field, f"contains half of a surrogate pair at position {error.start}")
