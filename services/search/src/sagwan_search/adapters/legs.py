"""The legs of one transaction, each by the way that looks at the fewest rows that pass its filter."""

import json
from collections.abc import Mapping, Sequence

from sagwan_runtime.postgres.database import Session
from sagwan_runtime.postgres.queries import Query
from sagwan_runtime.postgres.sparse import sparse_vector
from sagwan_search.adapters.index_sql import index_name
from sagwan_search.adapters.narrowing import EVERYTHING, Narrowing
from sagwan_search.adapters.vectors import ServingTable, planned, vector_leg, vectors_among
from sagwan_search.domain.candidates import Selection
from sagwan_search.domain.filters import Filter
from sagwan_search.domain.fusion import Candidate, Leg
from sagwan_search.domain.indexes import EXACT, IndexKind, IndexPlan
from sagwan_search.domain.lexical import WeightedTerm
from sagwan_search.domain.narrowing import Choice, NarrowingLimits, Way, choose, without_finding_first
from sagwan_search.ports import Vector
from sagwan_text.terms import TERM_IDS_MAX

# An estimate is no count: what was taken for few may be so many, and is worth finding still.
_MISJUDGED_TIMES, _MISJUDGED_MIN = 2, 1_000


class Legs:
    """Finds chunks by their words, by their vectors and by their days, for one transaction.

    Args:
        session: The transaction.
        queries: Those of `queries.sql`.
        narrowing: Makes its filter ready.
        limits: Up to where what passes it is found first.
    """

    def __init__(
        self, session: Session, queries: Mapping[str, Query], narrowing: Narrowing, limits: NarrowingLimits
    ) -> None:
        self._session = session
        self._queries = queries
        self._narrowing = narrowing
        self._limits = limits
        self._narrowed = EVERYTHING
        self._passing: int | None = None
        self._matches: list[int] | None = None
        self._sought = False
        self._choices: dict[Leg, Choice] = {}
        self._index_asked: tuple[ServingTable, Vector, int] | None = None

    async def narrow(self, condition: Filter) -> None:
        """Restricts the legs to what passes a filter."""
        self._narrowed = await self._narrowing.chunks(self._session, condition)
        self._passing = self._matches = None
        self._sought = False

    async def lexical(self, selection: Selection, scored: Sequence[WeightedTerm], depth: int) -> list[Candidate]:
        """Chunks that are candidates, by BM25 over the scored terms, best first."""
        query, terms = self._queries["lexical_leg"], self._narrowed.terms
        if self._narrowed is EVERYTHING:
            choice = Choice(Way.TERMS, "no filter")
        elif self._narrowed.chunks is None:
            choice = Choice(Way.TERMS, "the filter is a condition of the same statement")
        elif (found := await self._found_first()) is not None:
            choice = _prefiltered(found)
            terms = json.dumps({"chunk_ids": found})
        else:
            choice = Choice(
                Way.TERMS, f"only a look at a chunk tells whether it passes, from the best on until {depth:,} do"
            )
            query = self._queries["lexical_leg_checked"].with_condition("passes", self._narrowed.chunks)
        weights = sparse_vector({term.term_id: term.weight for term in scored}, TERM_IDS_MAX)
        rows = await self._session.fetch(query, selection.keys, weights, terms, depth, selection.scored_max)
        self._choices[Leg.LEXICAL] = choice
        return [Candidate(row["chunk_id"], row["score"]) for row in rows]

    async def nearest(self, serving: ServingTable, vector: Vector, depth: int) -> list[Candidate]:
        """Chunks nearest to a vector, by cosine, best first.

        As many as were asked for wherever so many pass the filter: where an index gave up, all rows are compared.
        """
        choice = choose(
            serving.plan.kind,
            self._limits,
            passing=await self._passing_estimate(),
            row_count=serving.row_count,
            depth=depth,
            looked_at=self._narrowed.chunks is not None,
        )
        if choice.way is Way.PREFILTER:
            if self._among_meetings():
                self._choices[Leg.VECTOR] = Choice(
                    Way.PREFILTER, "all chunks of the meetings that pass were looked at", choice.figures
                )
                return await self._compared(serving, EXACT, vector, depth)
            among = await self._found()
            if among is not None:
                self._choices[Leg.VECTOR] = _prefiltered(among)
                rows = await self._session.fetch(vectors_among(self._queries, serving), vector, among, depth)
                return [Candidate(row["chunk_id"], row["score"]) for row in rows]
            choice = without_finding_first(
                serving.plan.kind, "far more chunks pass the filter than were expected", choice.figures
            )
        found = await self._compared(serving, serving.plan, vector, depth)
        self._index_asked = (serving, vector, depth) if choice.way is Way.INDEX else None
        if len(found) < depth and await self._index_is_asked():
            choice = Choice(Way.EXACT, f"the index gave no more than {len(found):,} of {depth:,}")
            self._index_asked = None
            found = await self._compared(serving, EXACT, vector, depth)
        self._choices[Leg.VECTOR] = choice
        return found

    async def newest(self, depth: int) -> list[int]:
        """Chunks that pass the filter, those of the newest meetings first, then as they were said."""
        found = await self._found_first()
        passes = "true" if found is not None else self._narrowed.rows
        query = self._queries["newest"].with_condition("passes", passes)
        return [row["chunk_id"] for row in await self._session.fetch(query, found, depth)]

    async def choice(self, leg: Leg) -> Choice | None:
        """How a leg found what it did and why; None for a leg that took no part."""
        if leg is Leg.VECTOR and self._index_asked is not None and not await self._index_is_asked():
            return Choice(Way.EXACT, "PostgreSQL expects it to take less than the index of vectors")
        return self._choices.get(leg)

    async def few_pass(self, most: int) -> bool:
        """Whether there is a filter that no more than so many chunks pass; no where more are expected.

        They are found, for conditions that say the same many times are expected to keep next to nothing.
        """
        passing = await self._passing_estimate()
        # Meetings of more chunks are not named where these are looked for.
        worth_finding = min(most, self._limits.keyed_chunks_max)
        found = await self._found() if passing is not None and passing <= worth_finding else None
        return found is not None and len(found) <= most

    def _among_meetings(self) -> bool:
        """Whether to look at all chunks of the meetings that pass: hardly more than pass altogether."""
        of_meetings, passing = self._narrowed.of_meetings, self._passing
        return of_meetings is not None and passing is not None and of_meetings <= _misjudged(passing)

    async def _passing_estimate(self) -> int | None:
        """About how many chunks pass the filter; None without one."""
        if self._passing is None and self._narrowed is not EVERYTHING:
            self._passing = await self._narrowing.estimate(self._session, self._narrowed)
        return self._passing

    async def _found(self) -> list[int] | None:
        """All chunks that pass the filter; None where they are far more than expected."""
        if not self._sought and self._passing is not None:
            self._sought = True
            most = min(_misjudged(self._passing), self._limits.compared_max)
            self._matches = await self._narrowing.matches(self._session, self._narrowed, most)
        return self._matches

    async def _found_first(self) -> list[int] | None:
        """All chunks that pass the filter, where they are few."""
        passing = await self._passing_estimate()
        return await self._found() if passing is not None and passing <= self._limits.found_first_max else None

    async def _index_is_asked(self) -> bool:
        """Whether PostgreSQL finds the index worth asking: with few rows left by a filter, it compares all of them."""
        if self._index_asked is None:
            return False
        serving, vector, depth = self._index_asked
        query = planned(vector_leg(self._queries, serving, serving.plan, passes=self._narrowed.vectors))
        plan = await self._session.fetch_value(query, vector, depth, serving.settings.rescored)
        return index_name(serving.name, serving.plan.kind) in plan

    async def _compared(self, serving: ServingTable, plan: IndexPlan, vector: Vector, depth: int) -> list[Candidate]:
        query = vector_leg(self._queries, serving, plan, passes=self._narrowed.vectors)
        rescored = 1 if plan.kind is IndexKind.EXACT else serving.settings.rescored
        rows = await self._session.fetch(query, vector, depth, rescored)
        return [Candidate(row["chunk_id"], row["score"]) for row in rows]


def _misjudged(expected: int) -> int:
    return max(_MISJUDGED_TIMES * expected, _MISJUDGED_MIN)


def _prefiltered(found: Sequence[int]) -> Choice:
    return Choice(Way.PREFILTER, f"{len(found):,} chunks pass the filter and were found first")
