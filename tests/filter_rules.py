"""What filters mean, as plain Python that looks at one chunk or utterance at a time: the expectation of real ones."""

import re
import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date

from sagwan_search.domain.filters import Filter
from sagwan_search.domain.lines import Utterance
from sagwan_search.domain.phrases import phrase_pattern
from sagwan_text.speakers import speaker_key


@dataclass(frozen=True, slots=True)
class MeetingFacts:
    """What filters may ask of a meeting."""

    meeting_id: str
    held_on: date | None = None
    series: str = ""
    participants: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    language: str = ""


def passes(
    condition: Filter, meeting: MeetingFacts, said: Sequence[Utterance], text: str, term_ids: Collection[int] = ()
) -> bool:
    """Whether a chunk passes a filter: its utterances, text and terms. An utterance is one that holds itself alone."""

    def member(part: Filter) -> bool:
        return passes(part, meeting, said, text, term_ids)

    return (
        _meeting_passes(condition, meeting)
        and any(_utterance_passes(condition, each) for each in said)
        and set(condition.term_ids) <= set(term_ids)
        and (
            condition.phrase is None
            or re.search(phrase_pattern(condition.phrase), unicodedata.normalize("NFKC", text), re.IGNORECASE)
            is not None
        )
        and all(member(each) for each in condition.all_of)
        and (not condition.any_of or any(member(each) for each in condition.any_of))
        and not any(member(each) for each in condition.none_of)
    )


def _meeting_passes(condition: Filter, meeting: MeetingFacts) -> bool:
    held_on, language = meeting.held_on, meeting.language.lower()
    return (
        (condition.start_date is None or (held_on is not None and held_on >= condition.start_date))
        and (condition.end_date is None or (held_on is not None and held_on <= condition.end_date))
        and (not condition.meeting_ids or meeting.meeting_id in condition.meeting_ids)
        and (not condition.series_keys or speaker_key(meeting.series) in condition.series_keys)
        and (not condition.participant_keys or not _keys(meeting.participants).isdisjoint(condition.participant_keys))
        and (not condition.tag_keys or not _keys(meeting.tags).isdisjoint(condition.tag_keys))
        and (not condition.languages or any(language == t or language.startswith(f"{t}-") for t in condition.languages))
    )


def _utterance_passes(condition: Filter, said: Utterance) -> bool:
    begin = said.end_ms if said.start_ms is None else said.start_ms
    end = said.start_ms if said.end_ms is None else said.end_ms
    return (
        (not condition.speaker_keys or speaker_key(said.speaker) in condition.speaker_keys)
        and (not condition.utterance_kinds or said.kind in condition.utterance_kinds)
        and (condition.start_ms is None or (end is not None and end >= condition.start_ms))
        and (condition.end_ms is None or (begin is not None and begin <= condition.end_ms))
    )


def _keys(names: Sequence[str]) -> set[str]:
    return {speaker_key(name) for name in names}
