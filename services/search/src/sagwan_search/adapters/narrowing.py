"""Filters as PostgreSQL is asked for them: meetings resolved to keys while they are few; migrations/0014 writes."""

import json
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import asyncpg

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
        of_meetings: Chunks of the meetings whose keys `vectors` demands: no more pass, and an index leads to them. None
            when it demands none.
    """

    terms: str
    vectors: str
    chunks: str | None
    rows: str
    of_meetings: int | None = None


EVERYTHING: Final = Narrowed(terms="{}", vectors="true", chunks=None, rows="true")
"""What no filter restricts."""


@dataclass(frozen=True, slots=True)
class _Resolved:
    """A filter as `filter_condition` reads it.

    Attributes:
        terms: For rows of terms.
        vectors: For rows of vectors, with the keys of more meetings.
        of_meetings: As in `Narrowed`.
    """

    terms: str
    vectors: str
    of_meetings: int | None


class Narrowing:
    """Makes filters ready."""

    def __init__(self, queries: Mapping[str, Query], limits: NarrowingLimits) -> None:
        """Takes the statements, by name, and up to where meetings are named by their keys."""
        self._queries = queries
        self._limits = limits
        # The same filter has the same conditions. Both halves of a search ask for them, and so does its next page.
        self._written: OrderedDict[tuple[str, str], Narrowed] = OrderedDict()

    async def chunks(self, session: Session, condition: Filter) -> Narrowed:
        """A filter for the legs of one transaction."""
        if condition == Filter():
            return EVERYTHING
        return await self._conditions(session, await self._resolved(session, condition))

    async def estimate(self, session: Session, narrowed: Narrowed) -> int:
        """About how many chunks pass a filter, or more where only a look at each can tell."""
        expected = int(await session.fetch_value(self._queries["filter_estimate"], narrowed.terms))
        # What a look at a row's meeting tells is not estimated, but guessed.
        return expected if narrowed.of_meetings is None else min(expected, narrowed.of_meetings)

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
        passes: str = await session.fetch_value(self._queries["utterance_filter"], resolved.terms)
        return passes

    async def _conditions(self, session: Session, resolved: _Resolved) -> Narrowed:
        key = (resolved.terms, resolved.vectors)
        if key in self._written:
            self._written.move_to_end(key)
            found = self._written[key]
        else:
            (row,) = await session.fetch(self._queries["filter_conditions"], *key)
            chunks = None if row["held_by_terms"] else row["chunks"]
            found = Narrowed(resolved.terms, row["vectors"], chunks, row["chunks"])
            if sum(map(len, key)) <= _REMEMBERED_CHARACTERS_MAX:
                self._written[key] = found
                if len(self._written) > _REMEMBERED_MAX:
                    self._written.popitem(last=False)
        return replace(found, of_meetings=resolved.of_meetings)

    async def _resolved(self, session: Session, condition: Filter) -> _Resolved:
        """A filter with the keys of the meetings that its parts leave, where these are few."""
        asked = {fields: None for each in condition.tree() if (fields := _meetings_asked(each))}
        rows: list[asyncpg.Record] = []
        if asked:
            written = f"[{','.join(asked)}]"
            rows = await session.fetch(self._queries["resolve_meetings"], written, self._limits.meeting_keys_max + 1)
        by_place = {row["place"]: row for row in rows}
        found = {
            fields: _Meetings(by_place[place]["meeting_keys"], int(by_place[place]["chunk_count"]))
            if place in by_place
            else _Meetings()
            for place, fields in enumerate(asked)
        }
        named = {fields: each for fields, each in found.items() if len(each.keys) <= self._limits.meeting_keys_max}
        small = {fields: each for fields, each in named.items() if each.chunk_count <= self._limits.keyed_chunks_max}
        demanded = [
            named[fields].chunk_count for each in condition.demanded() if (fields := _meetings_asked(each)) in named
        ]
        return _Resolved(
            terms=json.dumps(_as_json(condition, small)),
            vectors=json.dumps(_as_json(condition, named)),
            of_meetings=min(demanded, default=None),
        )


@dataclass(frozen=True, slots=True)
class _Meetings:
    """Meetings that pass part of a filter, and the chunks that they have."""

    keys: Sequence[int] = ()
    chunk_count: int = 0


def _as_json(part: Filter, named: Mapping[str, _Meetings]) -> dict[str, Any]:
    """A filter as `filter_condition` reads it, with the keys of those meetings that are known by name."""
    written = _own_fields(part)
    if fields := _meetings_asked(part):
        written |= {"meeting_keys": list(named[fields].keys)} if fields in named else json.loads(fields)
    for name in _GROUPS:
        if group := getattr(part, name):
            written[name] = [_as_json(each, named) for each in group]
    return written


def _meetings_asked(part: Filter) -> str:
    """What a part says of meetings, as JSON; empty when it says nothing."""
    fields = _meeting_fields(part)
    return json.dumps(fields) if fields else ""


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
