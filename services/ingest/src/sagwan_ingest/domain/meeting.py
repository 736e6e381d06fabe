"""A meeting and its utterances, and what is derived from them alone: content hash and language."""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from enum import StrEnum

# Raised whenever the canonical form changes, so that hashes of two forms never agree by accident.
_CANONICAL_FORM = "sagwan-meeting-1"

# A Hangul syllable carries about what this many Latin letters do (2.6 in translated sentence pairs).
_LATIN_LETTERS_PER_SYLLABLE = 2.5

_HANGUL = re.compile(r"[ᄀ-ᇿㄱ-ㆎꥠ-ꥼ가-힣ힰ-ퟻ]")
_LATIN = re.compile(r"[A-Za-zÀ-ÖØ-öø-ɏ]")


class UtteranceKind(StrEnum):
    """What kind of remark an utterance is, as the minutes mark it."""

    SPEECH = "speech"
    DECISION = "decision"
    ACTION = "action"


@dataclass(frozen=True, slots=True)
class Utterance:
    """One turn of one speaker.

    Attributes:
        speaker: As written; empty when not known.
        text: What was said, as written. A blank one keeps its place in the numbering and gives no chunk.
        start_ms: From the start of the recording.
        end_ms: From the start of the recording, not before `start_ms`.
        kind: What kind of remark it is.
    """

    speaker: str
    text: str
    start_ms: int | None = None
    end_ms: int | None = None
    kind: UtteranceKind = UtteranceKind.SPEECH


@dataclass(frozen=True, slots=True, kw_only=True)
class Meeting:
    """A meeting as it is kept. One from a parser may still lack its id.

    Attributes:
        meeting_id: The last segment of its resource name.
        title: What people call it.
        started_at: When it began, timezone-aware; None when only the day is known.
        held_on: The day it was held, as its participants would say it.
        language: BCP-47 code of its main language; empty when not known.
        participants: Who was there, as written.
        tags: Free labels.
        series: The series it belongs to, such as a weekly call.
        source: Where it came from: a file name, a URL, a system.
        attributes: Anything else, as text.
        utterances: Its turns in order.
    """

    meeting_id: str = ""
    title: str = ""
    started_at: datetime | None = None
    held_on: date | None = None
    language: str = ""
    participants: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    series: str = ""
    source: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)
    utterances: tuple[Utterance, ...] = ()


def content_sha256(meeting: Meeting) -> bytes:
    """SHA-256 (32 bytes) of a meeting's canonical form: equal meetings and only they have equal hashes.

    The canonical form is one JSON array a line, pure ASCII: the meeting's own fields, then each utterance. Instants are
    written in UTC and attributes in the order of their keys, because neither difference is one of content.
    """
    digest = hashlib.sha256()
    for line in _canonical_lines(meeting):
        digest.update(line)
    return digest.digest()


def _canonical_lines(meeting: Meeting) -> Iterator[bytes]:
    encode = json.JSONEncoder(ensure_ascii=True, allow_nan=False, separators=(",", ":")).encode
    started_at, held_on = meeting.started_at, meeting.held_on
    own = [
        _CANONICAL_FORM,
        meeting.meeting_id,
        meeting.title,
        None if started_at is None else started_at.astimezone(UTC).isoformat(),
        None if held_on is None else held_on.isoformat(),
        meeting.language,
        meeting.participants,
        meeting.tags,
        meeting.series,
        meeting.source,
        sorted(meeting.attributes.items()),
    ]
    yield f"{encode(own)}\n".encode()
    for each in meeting.utterances:
        turn = (each.speaker, each.text, each.start_ms, each.end_ms, each.kind)
        yield f"{encode(turn)}\n".encode()


def language_of(utterances: Iterable[Utterance]) -> str:
    """`ko` or `en` by the share of Hangul and Latin letters; empty when neither has most of the letters.

    Script is all that is looked at: any language written in Latin letters counts as `en`.
    """
    characters: Counter[str] = Counter()
    for each in utterances:
        characters.update(each.text)
    letters = sum(count for character, count in characters.items() if character.isalpha())
    hangul = sum(count for character, count in characters.items() if _HANGUL.match(character))
    latin = sum(count for character, count in characters.items() if _LATIN.match(character))
    if 2 * (hangul + latin) <= letters:
        return ""
    return "ko" if hangul * _LATIN_LETTERS_PER_SYLLABLE >= latin else "en"
