"""The lines that head minutes (`일시: …`, `Attendees: …`) and the fields of a meeting that they become."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, tzinfo

from sagwan_ingest.domain.formats.dates import when_in
from sagwan_ingest.domain.meeting import Meeting
from sagwan_ingest.domain.validation import (
    ATTRIBUTE_VALUE_CHARACTERS_MAX,
    ATTRIBUTES_MAX,
    PARTICIPANTS_MAX,
    SPEAKER_CHARACTERS_MAX,
    TITLE_CHARACTERS_MAX,
)

# Keys in lower case and without the spaces that Korean minutes put between syllables.
# fmt: off
_TITLE = frozenset({"title", "meetingtitle", "제목", "회의명", "회의제목"})
_DATE = frozenset({
    "date", "meetingdate", "dateandtime", "date/time", "datetime", "when",
    "일시", "날짜", "일자", "회의일시", "회의일", "회의일자", "회의날짜",
})
_PEOPLE = frozenset({
    "attendees", "participants", "present", "inattendance", "attending", "attendance", "memberspresent", "speakers",
    "참석자", "참석", "참석인원", "참가자", "참여자", "출석", "출석자", "출석위원", "회의참석자", "참석명단",
    "참석자명단",
})
_OTHERS = frozenset({
    "location", "place", "venue", "where", "duration", "time", "absent", "regrets", "apologies",
    "장소", "회의장소", "시간", "회의시간", "불참", "불참자", "작성일", "작성일자", "소요시간",
    "팀명", "부서", "차수", "회차",
})
# Offices: a header where a name follows once, a speaker otherwise.
_OFFICES = frozenset({
    "chair", "chairs", "scribe", "scribes", "host", "facilitator", "moderator", "organizer", "notetaker", "notesby",
    "minutesby", "recorder", "secretary", "작성자", "기록자", "서기", "진행자", "사회자", "주재", "주관", "진행",
})
# fmt: on
_HEADER = re.compile(
    r"\s{0,8}(?:[-*+•▪■□◦○◎▶※]\s{0,4}|\d{1,2}[.)]\s{1,4})?[*_]{0,3}(?P<key>[^\W\d_][^:：\n]{0,30}?)[*_]{0,3}\s{0,4}"
    r"[:：][*_]{0,3}\s{0,8}"
)
# "일  시  2019년4월26일": no colon, but two spaces.
_SPACED_HEADER = re.compile(r"\s{0,8}(?P<key>일\s{0,4}시|장\s{0,4}소)\s{2,8}")
_LIST_MARK = re.compile(r"\s{0,8}(?:[-*+•▪◦○·]|\d{1,3}[.)])\s{1,4}")
# "김철수 이영희": apart by spaces alone, which is sure only where none of the words can be an office.
_SPACED_NAMES = re.compile(r"[가-힣]{3}(?: [가-힣]{3}){1,40}")
_CAN_BE_AN_OFFICE = re.compile(r"[가-힣]{2}(?:장|님|관|사|감)(?: |\Z)")
_OFFICE_NAMES_WORDS_MAX = 8
_LISTED_NAME_CHARACTERS_MAX = 60


@dataclass(slots=True)
class Headers:
    """What the head of minutes says about the meeting.

    Attributes:
        zone: The zone of times that are written without one; None where that is not known.
    """

    zone: tzinfo | None = None
    title: str = ""
    held_on: date | None = None
    started_at: datetime | None = None
    participants: list[str] = field(default_factory=list)
    attributes: dict[str, str] = field(default_factory=dict)

    def take(self, line: str, following: Sequence[str] = ()) -> int:
        """Takes a header line, and says how many lines it was: 0 when it is no header, or one that has been given.

        Args:
            line: As written.
            following: The lines after it up to the next empty one, where a list of names may stand.
        """
        found = header(line)
        if found is None:
            return 0
        key, value = found
        kind = key_of(key)
        if kind in _PEOPLE:
            listed = list(_listed(following)) if not value else []
            return 1 + len(listed) if self._people([*names(value), *listed]) else 0
        if not value or len(value) > ATTRIBUTE_VALUE_CHARACTERS_MAX:
            return 0
        if kind in _TITLE and not self.title and len(value) <= TITLE_CHARACTERS_MAX:
            self.title = value
            return 1
        return int(self._date(key, value) if kind in _DATE else self._other(key, value))

    def completed(self, meeting: Meeting) -> Meeting:
        """The meeting with these fields."""
        return replace(
            meeting,
            title=self.title,
            held_on=self.held_on,
            started_at=self.started_at,
            participants=tuple(self.participants),
            attributes=self.attributes,
        )

    def _people(self, people: Sequence[str]) -> bool:
        unfit = any(len(each) > SPEAKER_CHARACTERS_MAX for each in people)
        # A second list is that of another meeting in the same file, or of those who came later: it stays text.
        if not people or unfit or self.participants or len(people) > PARTICIPANTS_MAX:
            return False
        self.participants += people
        return True

    def _date(self, key: str, value: str) -> bool:
        when = when_in(value, self.zone)
        if when and not self.held_on:
            self.held_on, self.started_at = when.day, when.instant
            if (when.begin, when.end) == (0, len(value)) and (when.instant or not when.clock):
                return True
        # What else is written there, such as a time of no known zone, is kept.
        return self._other(key, value)

    def _other(self, key: str, value: str) -> bool:
        if key in self.attributes or len(self.attributes) >= ATTRIBUTES_MAX:
            return False
        self.attributes[key] = value
        return True


def header(line: str) -> tuple[str, str] | None:
    """The key and the value of a line that heads minutes, as written; None for any other line."""
    found = _HEADER.match(line) or _SPACED_HEADER.match(line)
    if not found:
        return None
    value = line[found.end() :].strip()
    kind = key_of(found["key"])
    office = kind in _OFFICES and value and len(value.split()) <= _OFFICE_NAMES_WORDS_MAX and value[-1] not in ".?!"
    known = office or kind in _TITLE or kind in _DATE or kind in _PEOPLE or kind in _OTHERS
    return (found["key"], value) if known else None


def is_office(name: str) -> bool:
    """Whether a name is that of an office, which can head minutes and can speak."""
    return key_of(name) in _OFFICES


def is_key(name: str) -> bool:
    """Whether a name before a colon heads minutes and is nobody's."""
    kind = key_of(name)
    return kind in _TITLE or kind in _DATE or kind in _PEOPLE or kind in _OTHERS


def key_of(key: str) -> str:
    """A key as it is compared."""
    return "".join(key.split()).casefold()


def names(value: str) -> list[str]:
    """The names in a list of attendees, apart by commas and the like, but not by those in brackets."""
    if _SPACED_NAMES.fullmatch(value) and not _CAN_BE_AN_OFFICE.search(value):
        return value.split()
    found: list[str] = []
    begin = depth = 0
    apart = re.compile(r"[()]|[,，、;；]|\s{2,}|\t")
    for mark in apart.finditer(value):
        if mark[0] in "()":
            depth = max(0, depth + (1 if mark[0] == "(" else -1))
        elif not depth:
            found.append(value[begin : mark.start()])
            begin = mark.end()
    found.append(value[begin:])
    return [name for each in found if (name := each.strip().removeprefix("and ").strip(" ."))]


def _listed(lines: Sequence[str]) -> Sequence[str]:
    """The names that stand in a list, a line each, under their header."""
    listed: list[str] = []
    for line in lines:
        name = line[mark.end() :].strip() if (mark := _LIST_MARK.match(line)) else ""
        if not name or len(name) > _LISTED_NAME_CHARACTERS_MAX or ":" in name:
            break
        listed.append(name)
    return listed
