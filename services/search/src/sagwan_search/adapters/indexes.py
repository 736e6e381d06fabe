"""Indexes of vectors as the services' role sees and searches them."""

import time
from collections.abc import Mapping
from typing import Any

from sagwan_runtime.deadline import Deadline
from sagwan_runtime.postgres.database import Database, Session
from sagwan_runtime.postgres.queries import Query
from sagwan_search.adapters.index_sql import applying, index_name
from sagwan_search.adapters.vectors import ServingTable, plan_of, settings_of, table_of, vector_leg
from sagwan_search.domain.index_upkeep import IndexState
from sagwan_search.domain.indexes import IndexKind, IndexPlan, SearchSettings
from sagwan_search.index_ports import IndexedTable, Sampled, Timed


class PostgresIndexStore:
    """What is recorded of indexes, and how they answer.

    Args:
        database: The service's pool: what is measured is what searches get.
        queries: Those of `indexes.sql`.
        search_queries: Those of `queries.sql`, of which the vector leg is measured.
    """

    def __init__(self, database: Database, queries: Mapping[str, Query], search_queries: Mapping[str, Query]) -> None:
        self._database = database
        self._queries = queries
        self._search_queries = search_queries

    async def tables(self, deadline: Deadline) -> list[IndexedTable]:
        """The tables in use, the serving one first; empty before the first ingest."""
        async with self._database.untenanted(deadline) as session:
            rows = await session.fetch(self._queries["index_tables"])
        return [_table(row) for row in rows]

    async def leftovers(self, table: IndexedTable, deadline: Deadline) -> list[str]:
        """Indexes of a table that a build left behind."""
        async with self._database.untenanted(deadline) as session:
            rows = await session.fetch(
                self._queries["leftover_indexes"], table.name, index_name(table.name, table.state.plan.kind)
            )
        return [row["index_name"] for row in rows]

    async def record_settings(
        self, table: IndexedTable, settings: SearchSettings, *, target: float, recall: float, deadline: Deadline
    ) -> None:
        """Lets an index be searched so from now on."""
        async with self._database.untenanted(deadline) as session:
            await session.execute(
                self._queries["record_settings"],
                table.model_id,
                settings.ef_search,
                settings.probes,
                settings.iterative_scan.value,
                settings.rescored,
                target,
                recall,
                table.state.row_count,
            )

    async def record_recall(self, table: IndexedTable, recall: float, deadline: Deadline) -> None:
        """Keeps what an index was found to find."""
        async with self._database.untenanted(deadline) as session:
            await session.execute(self._queries["record_recall"], table.model_id, recall, table.state.row_count)

    async def sampled(self, table: IndexedTable, count_max: int, deadline: Deadline) -> list[Sampled]:
        """Vectors of chunks drawn at random, of all tenants."""
        vector_of = self._queries["sampled_vector"].on_table("vectors", table.name)
        found = []
        async with self._database.transaction(deadline, read_only=True) as session:
            for row in await session.fetch(self._queries["sampled_chunks"], count_max):
                await session.name_tenant(row["tenant_id"])
                vector = await session.fetch_value(vector_of, row["chunk_id"])
                if vector is not None:
                    found.append(Sampled(row["tenant_id"], vector.to_numpy(), row["chunk_id"]))
        return found

    async def searched(
        self,
        table: IndexedTable,
        question: Sampled,
        plan: IndexPlan,
        settings: SearchSettings,
        depth: int,
        deadline: Deadline,
    ) -> Timed:
        """The vector leg as a search runs it, by an index and settings; EXACT compares every row."""
        serving = ServingTable(table.name, table.state.dimension, plan, settings)
        query = vector_leg(self._search_queries, serving, plan, passes="true")
        rescored = 1 if plan.kind is IndexKind.EXACT else settings.rescored
        async with self._database.tenant(question.tenant_id, deadline, read_only=True) as session:
            await self._apply(session, settings)
            begun = time.perf_counter()
            rows = await session.fetch(query, question.vector, depth, rescored)
            seconds = time.perf_counter() - begun
        return Timed([row["chunk_id"] for row in rows], [row["score"] for row in rows], seconds)

    async def _apply(self, session: Session, settings: SearchSettings) -> None:
        query = self._queries["apply_settings"].with_expression("applied", applying("i"))
        await session.fetch(query, settings.ef_search, settings.probes, settings.iterative_scan.value)


def _table(row: Mapping[str, Any]) -> IndexedTable:
    return IndexedTable(
        model_id=row["model_id"],
        label=row["label"],
        name=table_of(row["model_id"]),
        serves=row["state"] == "serving",
        state=IndexState(
            plan=plan_of(row),
            settings=settings_of(row),
            row_count=row["row_count"],
            dimension=row["dimension"],
            built_rows=row["built_rows"],
            recall=row["recall"],
            recall_rows=row["recall_rows"],
            recall_target=row["recall_target"],
            tuned_rows=row["tuned_rows"],
            is_there=row["is_there"],
        ),
        built_at=row["built_at"],
        recall_at=row["recall_at"],
        size_bytes=row["size_bytes"],
        scan_count=row["scan_count"],
        tuple_count=row["tuple_count"],
    )
