"""Filters as PostgreSQL is asked for them: meetings resolved to keys, then conditions that migrations/0008 writes."""

import json
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sagwan_runtime.postgres.database import Session
from sagwan_runtime.postgres.queries import Query
from sagwan_search.domain.filters import Filter
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
        chunk_ids: All chunks that pass, where they were found first.
    """

    terms: str
    vectors: str
    chunks: str | None
    rows: str
    chunk_ids: Sequence[int] | None = None

    def lexical_leg(self, queries: Mapping[str, Query]) -> Query:
        """The statement of the lexical leg."""
        if self.chunks is None:
            return queries["lexical_leg"]
        return queries["lexical_leg_checked"].with_condition("passes", self.chunks)

    def newest(self, queries: Mapping[str, Query]) -> tuple[Query, Sequence[int] | None]:
        """The statement of what passes, the newest first, and the chunks that it looks at; None for all."""
        passes = "true" if self.chunk_ids is not None else self.rows
        return queries["newest"].with_condition("passes", passes), self.chunk_ids


EVERYTHING: Final = Narrowed(terms="{}", vectors="true", chunks=None, rows="true")
"""What no filter restricts."""


class Narrowing:
    """Makes filters ready."""

    def __init__(self, queries: Mapping[str, Query], *, found_first_max: int) -> None:
        """Takes the statements.

        Args:
            queries: By name.
            found_first_max: When the terms that a filter asks for leave up to so many chunks, these are found first,
                and each leg looks at exactly them. When they leave more, the legs come by enough on their way.
        """
        self._queries = queries
        self._found_first_max = found_first_max
        # The same filter has the same conditions. Both halves of a search ask for them, and so does its next page.
        self._written: OrderedDict[str, Narrowed] = OrderedDict()

    async def chunks(self, session: Session, condition: Filter) -> Narrowed:
        """A filter for the legs of one transaction."""
        if condition == Filter():
            return EVERYTHING
        found = await self._conditions(session, await _resolved(session, self._queries, condition))
        if not condition.requires_terms:
            return found
        rows = await session.fetch(self._queries["filter_matches"], found.terms, self._found_first_max + 1)
        if len(rows) > self._found_first_max:
            return found
        chunk_ids = [row["chunk_id"] for row in rows]
        if found.chunks is not None:
            query = self._queries["passing_chunks"].with_condition("passes", found.chunks)
            chunk_ids = [row["chunk_id"] for row in await session.fetch(query, chunk_ids)]
        return Narrowed(json.dumps({"chunk_ids": chunk_ids}), found.vectors, None, found.rows, chunk_ids)

    async def utterances(self, session: Session, condition: Filter) -> str:
        """A filter as a condition on utterances and their meetings."""
        if condition == Filter():
            return "true"
        resolved = await _resolved(session, self._queries, condition)
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


async def _resolved(session: Session, queries: Mapping[str, Query], condition: Filter) -> str:
    """A filter as JSON, as `filter_condition` reads it, with the keys of the meetings that its parts leave."""
    asked: dict[str, int] = {}
    for each in condition.tree():
        if fields := _meeting_fields(each):
            asked.setdefault(json.dumps(fields), len(asked))
    keys: dict[int, Sequence[int]] = {}
    if asked:
        places = [{"place": place, **json.loads(fields)} for fields, place in asked.items()]
        rows = await session.fetch(queries["resolve_meetings"], json.dumps(places))
        keys = {row["place"]: row["meeting_keys"] for row in rows}

    def as_json(part: Filter) -> dict[str, Any]:
        written = _own_fields(part)
        if fields := _meeting_fields(part):
            written["meeting_keys"] = keys.get(asked[json.dumps(fields)], [])
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
