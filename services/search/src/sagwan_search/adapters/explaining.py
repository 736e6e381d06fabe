"""Searches whose legs tell how PostgreSQL does them: their statements, in their transactions, with their arguments."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any
from uuid import UUID

import asyncpg

from sagwan_runtime.deadline import Deadline
from sagwan_runtime.postgres.database import Database, Session
from sagwan_runtime.postgres.queries import Query
from sagwan_search.adapters.index_sql import index_name
from sagwan_search.adapters.postgres import PostgresMeetingStore, PostgresSearchSession
from sagwan_search.adapters.vectors import explained, serving_model, serving_table
from sagwan_search.domain.fusion import Leg
from sagwan_search.domain.indexes import IndexKind
from sagwan_search.domain.narrowing import USUAL_LIMITS, NarrowingLimits
from sagwan_search.domain.plans import LegPlan, read_plan
from sagwan_search.ports import SearchSession

_LEGS = {
    "lexical_leg": "lexical",
    "lexical_leg_checked": "lexical",
    "vector_leg": "vector",
    "vector_leg_among": "vector",
}


class _ExplainingSession(Session):
    """A session that runs each leg once more under EXPLAIN before it runs it. It has no state of its own to set up."""

    def __init__(self, session: Session, queries: Mapping[str, Query]) -> None:
        self._session = session
        self._queries = queries
        self.plans: list[tuple[str, str]] = []

    async def fetch(self, query: Query, *args: Any) -> list[asyncpg.Record]:
        """All rows."""
        if query.name in _LEGS:
            # What a function does inside, EXPLAIN does not tell outside of it.
            inside = self._queries["lexical_leg_explained"] if query.name == "lexical_leg" else explained(query)
            self.plans.append((_LEGS[query.name], await self._session.fetch_value(inside, *args)))
        return await self._session.fetch(query, *args)

    async def fetch_row(self, query: Query, *args: Any) -> asyncpg.Record | None:
        """The first row, if any."""
        return await self._session.fetch_row(query, *args)

    async def fetch_value(self, query: Query, *args: Any) -> Any:
        """The first column of the first row; None without a row."""
        return await self._session.fetch_value(query, *args)


class ExplainingStore(PostgresMeetingStore):
    """A store whose sessions keep the plans of their legs. One for each question that is explained.

    Args:
        database: The service's pool: same role, same settings.
        queries: Those of `queries.sql`.
        limits: Up to where filters are answered by what they keep.
    """

    def __init__(
        self, database: Database, queries: Mapping[str, Query], *, limits: NarrowingLimits = USUAL_LIMITS
    ) -> None:
        super().__init__(database, queries, limits=limits)
        self.plans: list[LegPlan] = []

    @asynccontextmanager
    async def look(self, tenant_id: UUID, deadline: Deadline) -> AsyncIterator[SearchSession]:
        """Opens a session."""
        async with self._database.tenant(tenant_id, deadline, read_only=True) as session:
            explaining = _ExplainingSession(session, self._queries)
            legs = self._legs(explaining)
            yield PostgresSearchSession(explaining, self._queries, legs)
            # A lexical leg that ran out of time has ended the transaction: it must not ask for more.
            index = await self._index(session) if any(leg == "vector" for leg, _ in explaining.plans) else ""
            for leg, plan in explaining.plans:
                found = read_plan(leg, plan, vector_index=index if leg == "vector" else "")
                chosen = await legs.choice(Leg(leg))
                self.plans.append(replace(found, choice="" if chosen is None else chosen.in_full))

    async def _index(self, session: Session) -> str:
        """The name of the serving model's index of vectors; empty where it has none."""
        row = await session.fetch_row(serving_model(self._queries))
        if row is None or row["kind"] == IndexKind.EXACT.value:
            return ""
        table = serving_table(row)
        return index_name(table.name, table.plan.kind)
