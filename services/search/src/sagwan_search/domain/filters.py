"""What chunks and utterances must satisfy, as a tree of conditions."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final
from unicodedata import normalize

from sagwan_search.domain.lines import Utterance
from sagwan_search.domain.phrases import holds_phrase
from sagwan_text.speakers import speaker_key

MEETING_PREFIX: Final = "meetings/"
UTTERANCE_KINDS: Final = ("speech", "decision", "action")
LANGUAGE_TAG: Final = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")
"""The shape of a BCP-47 tag."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Conditions that must all hold; None and () do not restrict.

    A chunk satisfies them as a whole, but speakers, kinds and offsets of one Filter must hold for one and the same of
    its utterances. What is not known of it passes no condition, and hence passes `none_of`.

    Attributes:
        start_date: Held on this day or later.
        end_date: Held on this day or earlier.
        meeting_ids: One of these meetings.
        speaker_keys: Said by one of these, in the folded form of `sagwan_text.speakers`, as all keys here are.
        series_keys: From a meeting of one of these series.
        participant_keys: From a meeting with one of these participants.
        tag_keys: From a meeting with one of these tags.
        languages: From a meeting in one of these languages, in lower case; `ko` passes `ko-KR`.
        utterance_kinds: `speech`, `decision` or `action`.
        start_ms: Said at this offset or later, if only in part.
        end_ms: Said at this offset or earlier, if only in part.
        term_ids: The chunk holds all of these terms. Utterances cannot be asked for terms.
        phrase: The text holds these words in this order, as `phrases` reads them.
        all_of: All of these hold.
        any_of: At least one of these holds.
        none_of: None of these holds.
    """

    start_date: date | None = None
    end_date: date | None = None
    meeting_ids: tuple[str, ...] = ()
    speaker_keys: tuple[str, ...] = ()
    series_keys: tuple[str, ...] = ()
    participant_keys: tuple[str, ...] = ()
    tag_keys: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    utterance_kinds: tuple[str, ...] = ()
    start_ms: int | None = None
    end_ms: int | None = None
    term_ids: tuple[int, ...] = ()
    phrase: str | None = None
    all_of: tuple["Filter", ...] = ()
    any_of: tuple["Filter", ...] = ()
    none_of: tuple["Filter", ...] = ()

    def tree(self) -> Iterator["Filter"]:
        """This filter and all that it is made of."""
        yield self
        for each in (*self.all_of, *self.any_of, *self.none_of):
            yield from each.tree()

    def demanded(self) -> Iterator["Filter"]:
        """This filter and the parts of it without which nothing passes."""
        yield self
        for each in self.all_of:
            yield from each.demanded()

    def asks_for(self, utterance: Utterance) -> bool:
        """Whether a chunk that passes may do so for the sake of this utterance, as far as utterances are asked for."""
        return (
            self._said(utterance)
            and all(each.asks_for(utterance) for each in self.all_of)
            and (not self.any_of or any(each.asks_for(utterance) for each in self.any_of))
        )

    def _said(self, utterance: Utterance) -> bool:
        times = [time for time in (utterance.start_ms, utterance.end_ms) if time is not None]
        return (
            (not self.speaker_keys or speaker_key(utterance.speaker) in self.speaker_keys)
            and (not self.utterance_kinds or utterance.kind in self.utterance_kinds)
            and (self.phrase is None or holds_phrase(normalize("NFKC", utterance.text), self.phrase))
            and (self.start_ms is None or max(times, default=-1) >= self.start_ms)
            and (self.end_ms is None or (bool(times) and min(times) <= self.end_ms))
        )
