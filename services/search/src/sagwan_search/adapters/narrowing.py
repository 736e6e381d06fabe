"""Filters as PostgreSQL is asked for them: meetings resolved to keys while they are few; migrations/0014 writes."""

import json
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sagwan_runtime.postgres.database import Session
from sagwan_runtime.postgres.queries import Query
from sagwan_search.domain.filters import Filter
from sagwan_search.domain.narrowing import NarrowingLimits
from sagwan_search.domain.phrases import phrase_pattern

# What is kept of filters at most: some megabytes.
_REMEMBERED_MAX = 256
_REMEMBERED_CHARACTERS_MAX = 4_000
_MEETING_FIELDS: Final = ("meeting_ids", "series_keys", "participant_keys", "tag_keys", "languages")
_OTHER_FIELDS: Final = ("speaker_keys", "utterance_kinds", "start_ms", "end_ms", "term_ids")
_GROUPS: Final = ("all_of", "any_of", "none_of")


@dataclass(frozen=True, slots=True)
class Narrowed:
    """A filter, ready for the legs.

    Attributes:
        terms: For lexical_matches, as JSON.
        vectors: Condition on a row of vectors.
        chunks: Condition on a row of terms for what lexical_matches passes; None when that holds all of the filter.
        rows: The filter as a condition on any row of terms.
    """

    terms: str
    vectors: str
    chunks: str | None
    rows: str


EVERYTHING: Final = Narrowed(terms="{}", vectors="true", chunks=None, rows="true")
"""What no filter restricts."""


class Narrowing:
    """Makes filters ready."""

    def __init__(self, queries: Mapping[str, Query], limits: NarrowingLimits) -> None:
        """Takes the statements, by name, and up to where meetings are named by their keys."""
        self._queries = queries
        self._limits = limits
        # The same filter has the same conditions. Both halves of a search ask for them, and so does its next page.
        self._written: OrderedDict[str, Narrowed] = OrderedDict()

    async def chunks(self, session: Session, condition: Filter) -> Narrowed:
        """A filter for the legs of one transaction."""
        if condition == Filter():
            return EVERYTHING
        return await self._conditions(session, await self._resolved(session, condition))

    async def estimate(self, session: Session, narrowed: Narrowed) -> int:
        """About how many chunks pass a filter, or more where only a look at each can tell."""
        return int(await session.fetch_value(self._queries["filter_estimate"], narrowed.terms))

    async def matches(self, session: Session, narrowed: Narrowed, most: int) -> list[int] | None:
        """All chunks that pass a filter; None when more than so many may."""
        found: list[int] = await session.fetch_value(self._queries["filter_matches"], narrowed.terms, most + 1)
        if len(found) > most:
            return None
        if narrowed.chunks is not None:
            query = self._queries["passing_chunks"].with_condition("passes", narrowed.chunks)
            found = await session.fetch_value(query, found)
        return found

    async def utterances(self, session: Session, condition: Filter) -> str:
        """A filter as a condition on utterances and their meetings."""
        if condition == Filter():
            return "true"
        resolved = await self._resolved(session, condition)
        passes: str = await session.fetch_value(self._queries["utterance_filter"], resolved)
        return passes

    async def _conditions(self, session: Session, terms: str) -> Narrowed:
        if terms in self._written:
            self._written.move_to_end(terms)
            return self._written[terms]
        (row,) = await session.fetch(self._queries["filter_conditions"], terms)
        found = Narrowed(terms, row["vectors"], None if row["held_by_terms"] else row["chunks"], row["chunks"])
        if len(terms) <= _REMEMBERED_CHARACTERS_MAX:
            self._written[terms] = found
            if len(self._written) > _REMEMBERED_MAX:
                self._written.popitem(last=False)
        return found

    async def _resolved(self, session: Session, condition: Filter) -> str:
        """A filter as JSON, as `filter_condition` reads it, with the keys of the meetings that parts leave, if few."""
        asked: dict[str, int] = {}
        for each in condition.tree():
            if fields := _meeting_fields(each):
                asked.setdefault(json.dumps(fields), len(asked))
        keys: dict[int, Sequence[int]] = {}
        many: set[int] = set()
        if asked:
            places = [{"place": place, **json.loads(fields)} for fields, place in asked.items()]
            rows = await session.fetch(
                self._queries["resolve_meetings"], json.dumps(places), self._limits.meeting_keys_max + 1
            )
            keys = {row["place"]: row["meeting_keys"] for row in rows}
            many = {
                row["place"]
                for row in rows
                if len(row["meeting_keys"]) > self._limits.meeting_keys_max
                or row["chunk_count"] > self._limits.keyed_chunks_max
            }

        def as_json(part: Filter) -> dict[str, Any]:
            written = _own_fields(part)
            if fields := _meeting_fields(part):
                place = asked[json.dumps(fields)]
                written |= fields if place in many else {"meeting_keys": keys.get(place, [])}
            for name in _GROUPS:
                if group := getattr(part, name):
                    written[name] = [as_json(each) for each in group]
            return written

        return json.dumps(as_json(condition))


def _meeting_fields(part: Filter) -> dict[str, Sequence[str]]:
    return {name: value for name in _MEETING_FIELDS if (value := getattr(part, name))}


def _own_fields(part: Filter) -> dict[str, Any]:
    """What `filter_condition` knows without looking at meetings."""
    written: dict[str, Any] = {
        name: value for name in _OTHER_FIELDS if (value := getattr(part, name)) not in (None, ())
    }
    for name in ("start_date", "end_date"):
        if day := getattr(part, name):
            written[name] = day.isoformat()
    if part.phrase is not None:
        written["text_pattern"] = phrase_pattern(part.phrase)
    return written
