"""JSON lines: one meeting a line, as `{"meeting_id": …, "turns": [{"speaker", "text", "start", "end"}, …]}`.

Besides: `title`, `date` (YYYY-MM-DD), `started_at` (ISO 8601 with an offset), `language`, `series`, `source`,
`participants` and `tags` (lists of text), `attributes` (an object). `start` and `end` are seconds. Any other scalar
becomes an attribute; a list or an object that is not known is left out and reported.

Or one meeting with a turn a line, as `{"speaker": "Kim", "text": "Hello", "start": 1.5}`.
"""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from typing import NoReturn

from sagwan_ingest.domain.formats.fields import Field, fields_of
from sagwan_ingest.domain.formats.format import (
    CERTAIN,
    LIKELY,
    NEVER,
    Format,
    Mending,
    Parsed,
    refused,
)
from sagwan_ingest.domain.formats.json_turns import utterances_of_items
from sagwan_ingest.domain.formats.mendings import Mendings
from sagwan_ingest.domain.meeting import Meeting, Utterance
from sagwan_ingest.domain.validation import UTTERANCES_MAX

_OBJECT_BEGINS = re.compile(r"\s*\{[^\S\n]*\"")

_KNOWN = "meeting_id title started_at date language participants tags series source attributes turns"
_FIELDS = frozenset(_KNOWN.split())
_SECONDS_MAX = 1e9


def _sniff(head: str) -> float:
    if not _OBJECT_BEGINS.match(head):
        return NEVER
    return CERTAIN if '"turns"' in head else LIKELY


def _parse(text: str) -> Parsed:
    meetings: list[Meeting] = []
    mended: list[Mending] = []
    line_of_id: dict[str, int] = {}
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        record = _Line(number, mended).record(line)
        if not meetings and _is_turn(record):
            return _parsed_turns(text)
        meeting = _Line(number, mended).meeting(record)
        before = line_of_id.setdefault(meeting.meeting_id, number)
        if meeting.meeting_id and before != number:
            raise refused(number, f"meeting_id {meeting.meeting_id!r} is that of line {before} too")
        meetings.append(meeting)
    return Parsed(tuple(meetings), tuple(mended))


def _is_turn(record: Mapping[str, object]) -> bool:
    fields = fields_of(list(record))
    return "turns" not in record and Field.TEXT in fields and (Field.SPEAKER in fields or Field.START in fields)


def _parsed_turns(text: str) -> Parsed:
    """One meeting, of which each line is a turn."""
    lines = [(number, line) for number, line in enumerate(text.split("\n"), start=1) if line.strip()]
    if len(lines) > UTTERANCES_MAX:
        raise refused(lines[UTTERANCES_MAX][0], f"is one turn more than the {UTTERANCES_MAX:,} that a meeting can have")
    mendings = Mendings()
    utterances = utterances_of_items([_Line(number, []).record(line) for number, line in lines], "turns", mendings)
    if not utterances:
        raise refused(lines[0][0], "is a turn, but not every line has a text, and most a speaker or a start")
    return Parsed((Meeting(utterances=tuple(utterances)),), mendings.all())


class _Line:
    """One line being read."""

    def __init__(self, number: int, mended: list[Mending]) -> None:
        self._number = number
        self._mended = mended

    def meeting(self, record: Mapping[str, object]) -> Meeting:
        return Meeting(
            meeting_id=self._text("meeting_id", record.get("meeting_id")),
            title=self._text("title", record.get("title")),
            started_at=self._instant(record.get("started_at")),
            held_on=self._day(record.get("date")),
            language=self._text("language", record.get("language")),
            participants=self._list("participants", record.get("participants")),
            tags=self._list("tags", record.get("tags")),
            series=self._text("series", record.get("series")),
            source=self._text("source", record.get("source")),
            attributes=dict(self._attributes(record)),
            utterances=tuple(self._utterances(record.get("turns"))),
        )

    def _refuse(self, reason: str) -> NoReturn:
        raise refused(self._number, reason)

    def record(self, line: str) -> Mapping[str, object]:
        try:
            record = json.loads(line, parse_constant=self._constant)
        except json.JSONDecodeError as error:
            self._refuse(f"is not one whole JSON value: {error.msg} at column {error.colno}")
        except RecursionError:
            self._refuse("nests too deeply")
        except ValueError:
            self._refuse("holds a number with too many digits")
        if not isinstance(record, dict):
            self._refuse("is not a JSON object; write one meeting a line")
        return record

    def _constant(self, name: str) -> NoReturn:
        self._refuse(f"holds {name}, which is not JSON")

    def _text(self, name: str, value: object) -> str:
        if value is None:
            return ""
        if not isinstance(value, str):
            self._refuse(f"{name} is not text")
        return value

    def _list(self, name: str, value: object) -> tuple[str, ...]:
        if value is None:
            return ()
        if not isinstance(value, list):
            self._refuse(f"{name} is not a list")
        return tuple(self._text(f"{name}[{place}]", each) for place, each in enumerate(value))

    def _day(self, value: object) -> date | None:
        text = self._text("date", value)
        try:
            return date.fromisoformat(text) if text else None
        except ValueError:
            self._refuse(f"date {text!r} is not a day written YYYY-MM-DD")

    def _instant(self, value: object) -> datetime | None:
        text = self._text("started_at", value)
        if not text:
            return None
        try:
            instant = datetime.fromisoformat(text)
            instant.astimezone(UTC)
        except ValueError:
            self._refuse(f"started_at {text!r} is not an ISO 8601 time")
        except OverflowError:
            self._refuse(f"started_at {text!r} lies outside the years 1 to 9999 in UTC")
        if instant.utcoffset() is None:
            self._refuse(f"started_at {text!r} has no offset from UTC")
        return instant

    def _attributes(self, record: Mapping[str, object]) -> Iterator[tuple[str, str]]:
        given = record.get("attributes") or {}
        if not isinstance(given, dict):
            self._refuse("attributes is not an object")
        others = {key: value for key, value in record.items() if key not in _FIELDS}
        for key, value in {**others, **given}.items():
            if isinstance(value, (list, dict)):
                what = f"field {key!r} holds a list or an object and was left out"
                self._mended.append(Mending(self._number, what))
            elif value is not None:
                yield key, value if isinstance(value, str) else json.dumps(value)

    def _utterances(self, turns: object) -> Iterator[Utterance]:
        if not isinstance(turns, list):
            self._refuse('has no list "turns"')
        for place, turn in enumerate(turns):
            if not isinstance(turn, dict) or not isinstance(turn.get("text"), str):
                self._refuse(f'turns[{place}] is not an object with a "text"')
            start_ms = self._milliseconds(f"turns[{place}].start", turn.get("start"))
            end_ms = self._milliseconds(f"turns[{place}].end", turn.get("end"))
            if start_ms is not None and end_ms is not None and end_ms < start_ms:
                what = f"turns[{place}] ended before it began; its end was left out"
                self._mended.append(Mending(self._number, what))
                end_ms = None
            speaker = self._text(f"turns[{place}].speaker", turn.get("speaker"))
            # A blank turn stays: turns are cited by their number.
            yield Utterance(speaker.strip(), turn["text"], start_ms, end_ms)

    def _milliseconds(self, name: str, seconds: object) -> int | None:
        if seconds is None:
            return None
        if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
            self._refuse(f"{name} is not a number of seconds")
        # 1e999 reads as infinity, and an integer may be too large for a float.
        if not 0 <= seconds <= _SECONDS_MAX:
            self._refuse(f"{name} is not a number of seconds from 0")
        return round(seconds * 1_000)


FORMAT = Format(
    name="jsonl",
    description="JSON lines: a meeting with its turns on each, or a turn on each",
    suffixes=(".jsonl", ".ndjson"),
    sniff=_sniff,
    parse=_parse,
)
