"""Counts of what a ranking's chunks have in common."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from sagwan_text.speakers import speaker_key

FACET_VALUES_MAX: Final = 50
"""Values that a facet has at most."""


@dataclass(frozen=True, slots=True)
class RankedMeeting:
    """A meeting that has chunks in a ranking.

    Attributes:
        meeting_id: Which.
        held_on: The day it was held, if known.
        tags: Its tags, as written.
        chunk_count: Its chunks in the ranking.
    """

    meeting_id: str
    held_on: date | None
    tags: Sequence[str]
    chunk_count: int


@dataclass(frozen=True, slots=True)
class RankedSpeaker:
    """Somebody who speaks in chunks of a ranking.

    Attributes:
        name: As most often written there.
        chunk_count: Chunks of the ranking that the speaker speaks in.
    """

    name: str
    chunk_count: int


@dataclass(frozen=True, slots=True)
class Facet:
    """One property of a ranking's chunks.

    Attributes:
        property: `meeting`, `speaker`, `month` or `tag`.
        values: Values with the number of chunks that have each, most frequent first, equally frequent ones in the order
            of the alphabet.
    """

    property: str
    values: Sequence[tuple[str, int]]


def facets_of(meetings: Sequence[RankedMeeting], speakers: Iterable[RankedSpeaker]) -> list[Facet]:
    """The facets of a ranking; those that nothing has a value of have no values."""
    by_meeting = {each.meeting_id: each.chunk_count for each in meetings}
    by_speaker = {each.name: each.chunk_count for each in speakers}
    by_month: Counter[str] = Counter()
    for each in meetings:
        if each.held_on:
            by_month[each.held_on.isoformat()[:7]] += each.chunk_count
    return [
        Facet("meeting", _most_frequent(by_meeting)),
        Facet("speaker", _most_frequent(by_speaker)),
        Facet("month", _most_frequent(by_month)),
        Facet("tag", _most_frequent(_tag_counts(meetings))),
    ]


def _tag_counts(meetings: Iterable[RankedMeeting]) -> dict[str, int]:
    """Chunks by tag: spellings that differ in case, width and spaces only are one, shown as most often written."""
    spellings: dict[str, Counter[str]] = {}
    counts: Counter[str] = Counter()
    for meeting in meetings:
        keys = {tag: speaker_key(tag) for tag in meeting.tags}
        for tag, key in keys.items():
            spellings.setdefault(key, Counter())[tag] += meeting.chunk_count
        for key in set(keys.values()):
            counts[key] += meeting.chunk_count
    return {min(spellings[key], key=lambda tag: (-spellings[key][tag], tag)): count for key, count in counts.items()}


def _most_frequent(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda value: (-value[1], value[0]))[:FACET_VALUES_MAX]
