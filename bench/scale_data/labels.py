"""What a meeting is called and marked with, by its number, so that filters keep known shares of the chunks."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

SHARES: Final = (0.5, 0.05, 0.005, 0.0005)
"""What the filters keep of all chunks."""

FIRST_DAY: Final = date(2021, 1, 4)
DAYS: Final = 1_826
SERIES_COUNT: Final = 300

SHARE_TAGS: Final = ("all-hands", "quarterly", "annual", "founding")
"""On one meeting of 2, of 20, of 200 and of 2,000."""

SHARE_SPEAKERS: Final = ("Dana Whitfield", "Ravi Menon", "서하늘", "Ines Corral")
"""They speak in as many of the recombined chunks as `SHARES` says."""

_ORDINARY_TAGS = ("budget", "design", "facilities", "staff", "교육", "안전", "예산", "시설")
_TOPICS = ("Platform", "Classroom", "Interface", "Budget", "Research", "Safety", "교육위원회", "예산", "시설", "연구")
# Both have no factor in common with what they step through, so neighbours in number lie far apart in time and series.
_DAY_STEP, _SERIES_STEP = 977, 77


@dataclass(frozen=True, slots=True)
class Labels:
    """What is known of a meeting besides what was said.

    Attributes:
        title: What it is called.
        held_on: Its day.
        series: The series that it belongs to.
        tags: One that many have, and those that stand for a share of all meetings.
    """

    title: str
    held_on: date
    series: str
    tags: tuple[str, ...]


def labels_of(number: int) -> Labels:
    """The labels of a meeting; numbers count from 0 over all meetings of a database."""
    held_on = FIRST_DAY + timedelta(days=number * _DAY_STEP % DAYS)
    place = number * _SERIES_STEP % SERIES_COUNT
    series = f"{_TOPICS[place % len(_TOPICS)]} {place // len(_TOPICS) + 1}"
    # Meetings take turns in their two languages: of two neighbours both have it, or none.
    rare = [tag for tag, share in zip(SHARE_TAGS, SHARES, strict=True) if number // 2 % round(1 / share) == 0]
    return Labels(
        title=f"{series}, {held_on.isoformat()}",
        held_on=held_on,
        series=series,
        tags=(_ORDINARY_TAGS[number % len(_ORDINARY_TAGS)], *rare),
    )


def days_of_share(share: float) -> tuple[date, date]:
    """The first and the last day of a span that holds this share of all days, from the first on: somebody met on it."""
    return FIRST_DAY, FIRST_DAY + timedelta(days=max(1, round(DAYS * share)) - 1)
