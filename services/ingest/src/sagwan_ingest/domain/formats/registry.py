"""The formats that are known, and how one is found and read."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from sagwan_ingest.domain.formats import (
    council,
    csv_turns,
    docx,
    europarl,
    fireflies,
    google_meet,
    json_turns,
    jsonl,
    markdown,
    otter,
    plain_text,
    srt,
    teams_text,
    webvtt,
    whisper,
    zoom_chat,
    zoom_transcript,
)
from sagwan_ingest.domain.formats.encoding import decode
from sagwan_ingest.domain.formats.format import CERTAIN, CONTENT, LIKELY, NEVER, BinaryFormat, Format, Mending, Parsed
from sagwan_ingest.domain.meeting import Meeting
from sagwan_runtime.errors import InvalidRequest

TEXT_FORMATS: tuple[Format, ...] = (
    jsonl.FORMAT,
    webvtt.FORMAT,
    srt.FORMAT,
    google_meet.FORMAT,
    zoom_chat.FORMAT,
    zoom_transcript.FORMAT,
    teams_text.FORMAT,
    otter.FORMAT,
    council.FORMAT,
    europarl.FORMAT,
    csv_turns.FORMAT,
    whisper.FORMAT,
    fireflies.FORMAT,
    json_turns.FORMAT,
    markdown.FORMAT,
    plain_text.FORMAT,
)
BINARY_FORMATS: tuple[BinaryFormat, ...] = (docx.FORMAT,)

_HEAD_CHARACTERS = 16_384
# They are kept in one transaction, which holds a lock for each.
_MEETINGS_MAX = 1_000

_LEADING_DATE = re.compile(r"(\d{4}-\d{2}-\d{2})(?!\d)")
_WORD_BREAKS = re.compile(r"[-_\s]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Hints:
    """What is known about a transcript besides its bytes.

    Attributes:
        meeting_id: The id to keep it under; wins over the transcript's own.
        file_name: Gives the source, and for a single meeting the title and the day where the transcript has none:
            `2024-03-05_weekly-sync.vtt` is "weekly sync", held on 2024-03-05. A path is allowed.
        format_name: One of `format_names()`; found from the content when empty.
    """

    meeting_id: str = ""
    file_name: str = ""
    format_name: str = ""


@dataclass(frozen=True, slots=True)
class Transcript:
    """A transcript that was read, of whatever format.

    Attributes:
        format_name: The format it was in.
        meetings: At least one, completed from the hints; not validated, and the id may still be empty.
        mended: What had to be mended, in the order of the lines.
    """

    format_name: str
    meetings: tuple[Meeting, ...]
    mended: tuple[Mending, ...]


def read_transcript(content: bytes, hints: Hints) -> Transcript:
    """Reads a file of any known format.

    Raises:
        InvalidRequest: Naming `content` and where it cannot be read, `format` when no format of that name is known, or
            `meeting_id` when one is given for several meetings.
    """
    name, parsed = _read(content, hints)
    return Transcript(name, _completed(parsed.meetings, hints), parsed.mended)


def formats() -> tuple[Format | BinaryFormat, ...]:
    """The formats that are known."""
    return (*TEXT_FORMATS, *BINARY_FORMATS)


def format_names() -> list[str]:
    """The formats that are known, as callers write them."""
    return [each.name for each in formats()]


def _read(content: bytes, hints: Hints) -> tuple[str, Parsed]:
    """The format's name and what its parser made of the content."""
    if hints.format_name and hints.format_name not in format_names():
        raise InvalidRequest.field("format", f"is not one of {', '.join(format_names())}")
    for binary in BINARY_FORMATS:
        if hints.format_name == binary.name or (not hints.format_name and binary.matches(content)):
            return binary.name, binary.parse(content)
    decoded = decode(content)
    if not decoded.text.strip():
        raise InvalidRequest.field(CONTENT, "is empty")
    found = _named(hints.format_name) if hints.format_name else _detected(decoded.text, hints.file_name)
    parsed = found.parse(decoded.text)
    mended = sorted((*decoded.mended, *parsed.mended), key=lambda each: each.line)
    return found.name, Parsed(parsed.meetings, tuple(mended))


def _named(name: str) -> Format:
    return next(each for each in TEXT_FORMATS if each.name == name)


def _detected(text: str, file_name: str) -> Format:
    """The format that the content most looks like; where that is weak, the one of the file's suffix.

    Between two that are likely and have suffixes of their own, the suffix decides unless the content is certain.

    A suffix that is known sends even odd content to its parser, which can say what is wrong with it. One that is not
    known keeps content that could be anything from being read as plain text.
    """
    head = text[:_HEAD_CHARACTERS]
    scores = {each.name: each.sniff(head) for each in TEXT_FORMATS}
    likeliest = max(TEXT_FORMATS, key=lambda each: scores[each.name])
    suffix = _stem_and_suffix(file_name)[1]
    named = next((each for each in TEXT_FORMATS if suffix in each.suffixes), None)
    if named and likeliest.suffixes and scores[named.name] >= LIKELY and scores[likeliest.name] < CERTAIN:
        return named
    if scores[likeliest.name] >= LIKELY:
        return likeliest
    if named:
        return named
    if scores[likeliest.name] > NEVER and not suffix:
        return likeliest
    raise InvalidRequest.field(
        CONTENT,
        f"is in no format that is known ({', '.join(format_names())}); name the format if it is one of them",
    )


def _completed(meetings: Sequence[Meeting], hints: Hints) -> tuple[Meeting, ...]:
    if len(meetings) > _MEETINGS_MAX:
        raise InvalidRequest.field(
            CONTENT, f"holds {len(meetings):,} meetings; at most {_MEETINGS_MAX:,} are kept at once: split it"
        )
    if len(meetings) > 1:
        if hints.meeting_id:
            raise InvalidRequest.field(
                "meeting_id", f"must be empty, because the content holds {len(meetings)} meetings"
            )
        return tuple(replace(each, source=each.source or hints.file_name) for each in meetings)
    (meeting,) = meetings
    held_on, title = _day_and_title(_stem_and_suffix(hints.file_name)[0])
    return (
        replace(
            meeting,
            meeting_id=hints.meeting_id or meeting.meeting_id,
            title=meeting.title or title,
            held_on=meeting.held_on or held_on,
            source=meeting.source or hints.file_name,
        ),
    )


def _day_and_title(stem: str) -> tuple[date | None, str]:
    leading = _LEADING_DATE.match(stem)
    day = None
    if leading:
        try:
            day = date.fromisoformat(leading[1])
        except ValueError:
            day = None
    rest = stem[len(leading[1]) :] if leading and day else stem
    return day, _WORD_BREAKS.sub(" ", rest).strip()


def _stem_and_suffix(file_name: str) -> tuple[str, str]:
    base = re.split(r"[/\\]", file_name)[-1]
    stem, dot, suffix = base.rpartition(".")
    return (stem, f".{suffix.lower()}") if dot and stem else (base, "")
