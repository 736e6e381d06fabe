"""Days and instants as people write them at the head of minutes, in English and Korean."""

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone, tzinfo

_YEAR = r"(?P<y>(?:19|20)\d{2})"
_MONTH = r"(?P<m>jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}\.?"
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAY = r"(?P<d>\d{1,2})"
# Days in digits alone count with the year first only: 03/05/2024 is two days.
_DATES = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"(?<!\d){_YEAR}(?P<sep>[-/]|\. ?)(?P<m>\d{{1,2}})(?P=sep){_DAY}(?!\d)\.?",
        rf"(?<!\d){_YEAR} {{0,3}}년 {{0,3}}(?P<m>\d{{1,2}}) {{0,3}}월 {{0,3}}{_DAY} {{0,3}}일",
        rf"\b{_MONTH} {_DAY}(?:st|nd|rd|th)?,? {_YEAR}(?!\d)",
        rf"(?<!\d){_DAY}(?:st|nd|rd|th)? {_MONTH},? {_YEAR}(?!\d)",
    )
)
_CLOCK = re.compile(
    r"(?<![\d:])(?P<h>\d{1,2}):(?P<min>\d{2})(?::\d{2})?(?!\d)(?: ?(?P<half>[ap])\.?m\b\.?)?", re.IGNORECASE
)
_KOREAN_CLOCK = re.compile(r"(?:(?P<half>오전|오후) {0,3})?(?P<h>\d{1,2}) {0,3}시(?: {0,3}(?P<min>\d{1,2}) {0,3}분)?")
_OFFSET = re.compile(r"(?:UTC|GMT) ?(?P<sign>[+-])(?P<h>\d{1,2})(?::?(?P<min>\d{2}))?(?!\d)")
_ZONE = re.compile(r"\b[A-Z]{3,4}\b")
# Names that mean two zones (CST, IST) are not here.
_ZONE_HOURS = {
    "UTC": 0, "GMT": 0, "BST": 1, "CET": 1, "CEST": 2, "KST": 9, "JST": 9,
    "EST": -5, "EDT": -4, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7,
}  # fmt: skip

# A line that is longer is no heading, and is not searched.
_CHARACTERS_MAX = 300


@dataclass(frozen=True, slots=True)
class When:
    """A day found in a text.

    Attributes:
        day: The day.
        instant: The time of that day, timezone-aware; None unless both a time and a zone are written or given.
        clock: The time and the zone as written; empty when there is none.
        begin: Where in the text it begins.
        end: Where it ends, with its time and zone.
    """

    day: date
    instant: datetime | None
    clock: str
    begin: int
    end: int


def when_in(text: str, zone: tzinfo | None = None) -> When | None:
    """The first day that a short text names unmistakably, with the time and the zone that follow it.

    Args:
        text: A line.
        zone: Where none is written, the one meant.
    """
    if len(text) > _CHARACTERS_MAX:
        return None
    found = next(filter(None, (pattern.search(text) for pattern in _DATES)), None)
    day = calendar_day(found["y"], found["m"], found["d"]) if found else None
    if found is None or day is None:
        return None
    clock = clock_in(text[found.end() :])
    if clock is None:
        return When(day, None, "", *found.span())
    hour, minute, end = clock
    end += found.end()
    offset, zone_end = _zone(text, end)
    meant = timezone(offset) if offset is not None else zone
    instant = datetime(day.year, day.month, day.day, hour, minute, tzinfo=meant) if meant else None
    return When(day, instant, text[found.end() : zone_end].strip(), found.start(), zone_end)


def calendar_day(year: str, month: str, day: str) -> date | None:
    """A day from its digits; None when no calendar has it.

    Args:
        year: Its digits.
        month: Its digits, or its English name, of which three letters count.
        day: Its digits.
    """
    number = int(month) if month.isdecimal() else _MONTHS.index(month[:3].lower()) + 1
    try:
        return date(int(year), number, int(day))
    except ValueError:
        return None


def clock_in(text: str) -> tuple[int, int, int] | None:
    """The first time of day in a short text: hour, minute, and where it ends."""
    if len(text) > _CHARACTERS_MAX:
        return None
    found = _CLOCK.search(text) or _KOREAN_CLOCK.search(text)
    if not found:
        return None
    hour, minute = int(found["h"]), int(found["min"] or 0)
    half = (found["half"] or "").lower()
    if half and not 1 <= hour <= 12:
        return None
    hour = hour % 12 + 12 * (half in ("p", "오후")) if half else hour
    return (hour, minute, found.end()) if hour < 24 and minute < 60 else None


def _zone(text: str, begin: int) -> tuple[timedelta | None, int]:
    """How far from UTC the zone is that is written from `begin` on, and where it ends."""
    rest = text[begin : begin + 30]
    named = _OFFSET.search(rest)
    if named:
        offset = timedelta(hours=int(named["h"]), minutes=int(named["min"] or 0))
        if offset < timedelta(hours=24):
            return (offset if named["sign"] == "+" else -offset), begin + named.end()
    for word in _ZONE.finditer(rest):
        if word[0] in _ZONE_HOURS:
            return timedelta(hours=_ZONE_HOURS[word[0]]), begin + word.end()
    return None, begin
