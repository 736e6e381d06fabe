"""Days as minutes write them, where they cannot be mistaken: the year in four digits, the month named or after it."""

import re
from datetime import date

from sagwan_ingest.domain.formats.dates import calendar_day

_MONTH = (
    r"(?P<{}>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?"
)
_DAY = re.compile(
    r"(?<!\d)(?P<y1>(?:19|20)\d\d)(?:"
    r"-(?P<m1>\d{1,2})-(?P<d1>\d{1,2})(?!\d)"
    r"|/(?P<m2>\d{1,2})/(?P<d2>\d{1,2})(?!\d)"
    r"|\.[ ]?(?P<m3>\d{1,2})\.[ ]?(?P<d3>\d{1,2})(?!\d)"
    r"|[ ]{0,3}년[ ]{0,3}(?P<m4>\d{1,2})[ ]{0,3}월[ ]{0,3}(?P<d4>\d{1,2})[ ]{0,3}일)"
    rf"|\b{_MONTH.format('m5')}[ ]{{1,3}}(?P<d5>\d{{1,2}})(?:st|nd|rd|th)?,?[ ]{{1,3}}(?P<y5>(?:19|20)\d\d)(?!\d)"
    rf"|(?<!\d)(?P<d6>\d{{1,2}})(?:st|nd|rd|th)?[ ]{{1,3}}{_MONTH.format('m6')},?[ ]{{1,3}}(?P<y6>(?:19|20)\d\d)(?!\d)",
    re.IGNORECASE,
)
# Around a day on a line of its own: a weekday, brackets, the hour.
_AROUND = re.compile(
    r"(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?|[월화수목금토일]요일|[월화수목금토일]|[\s,.()\[\]~-]+",
    re.IGNORECASE,
)


def days_in(text: str) -> set[date]:
    """Every day that `text` names; a day that no calendar has is none."""
    return {day for match in _DAY.finditer(text) if (day := _day(match))}


def is_only_a_day(text: str) -> bool:
    """Whether `text` names one day and says nothing else."""
    match = _DAY.search(text)
    if not match or not _day(match):
        return False
    return not _AROUND.sub("", text[: match.start()] + " " + text[match.end() :])


def _day(match: re.Match[str]) -> date | None:
    groups = match.groupdict()
    form = next(n for n in "123456" if groups[f"d{n}"])
    year = groups["y1"] or groups.get(f"y{form}") or ""
    return calendar_day(year, groups[f"m{form}"], groups[f"d{form}"])
