"""The builder of indexes: a connection of its own, with the rights of the tables' owner, that is open while it works.

Requests run as sagwan_service, which owns nothing and may build nothing. CREATE INDEX CONCURRENTLY cannot run inside a
transaction, so no function of the owner's can do it for them either. This connection therefore leaves out the start-up
setting that turns every other one into that role, and nothing that a caller sends reaches it.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

import asyncpg
import structlog

from sagwan_runtime.errors import Conflict, DeadlineExceeded, DependencyUnavailable
from sagwan_runtime.postgres.database import driver_errors
from sagwan_runtime.postgres.queries import Query
from sagwan_search.adapters.index_sql import NEXT_SUFFIX, OLD_SUFFIX, create_index, index_name
from sagwan_search.domain.index_upkeep import megabytes
from sagwan_search.domain.indexes import IndexKind, IndexPlan, SearchSettings
from sagwan_search.index_ports import BuildProgress, IndexedTable

_log = structlog.get_logger(__name__)
_CONNECT_TIMEOUT_S = 5.0
_STATEMENT_TIMEOUT_S = 10.0
# An index is removed when nobody reads it any more: after the longest transaction that has begun.
_DROP_TIMEOUT_S = 120.0
_WORK_MEMORY_MIN_BYTES = 64 << 20
_HEADROOM = 1.1
_AVAILABLE = "MemAvailable:"
# Scanning the table and putting rows in is most of a build; then it is compared with what was written meanwhile.
_BUILDING_SHARE = 0.9


class PostgresIndexBuilder:
    """Opens the builder's connection.

    Args:
        url: A login that owns the tables of vectors, or is a member of the role that does.
        queries: Those of `indexes.sql`.
        application_name: As `pg_stat_activity` shows it.
    """

    def __init__(self, url: str, queries: Mapping[str, Query], *, application_name: str) -> None:
        self._url = url
        self._queries = queries
        self._application_name = application_name

    @asynccontextmanager
    async def alone(self) -> AsyncIterator["PostgresIndexWork"]:
        """The work, while nobody else builds.

        Raises:
            Conflict: Somebody else builds.
            DependencyUnavailable: The database cannot be reached.
        """
        async with self._connection() as connection, self._connection() as watch:
            if not await _value(connection, self._queries["builder_lock"]):
                raise Conflict("an index is being built already")
            yield PostgresIndexWork(connection, watch, self._queries)

    async def buffered_share(self, table: IndexedTable) -> float | None:
        """Share of an index in shared buffers; None when the database does not tell."""
        if table.state.plan.kind is IndexKind.EXACT:
            return None
        async with self._connection() as connection:
            if not await _value(connection, self._queries["has_buffercache"]):
                return None
            share: float = await _value(
                connection, self._queries["buffered_share"], index_name(table.name, table.state.plan.kind)
            )
            return min(share, 1.0)

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[asyncpg.Connection]:
        try:
            with driver_errors():
                connection = await asyncpg.connect(
                    self._url,
                    timeout=_CONNECT_TIMEOUT_S,
                    server_settings={"application_name": self._application_name, "statement_timeout": "0"},
                )
        except (asyncpg.PostgresError, ValueError) as error:
            raise DependencyUnavailable("the database refuses the connection that builds indexes") from error
        try:
            yield connection
        finally:
            # The lock goes with the connection, whatever state that is in.
            with suppress(OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
                await asyncio.shield(connection.close(timeout=_CONNECT_TIMEOUT_S))


class PostgresIndexWork:
    """What the one builder does.

    Args:
        connection: Holds the lock, and builds.
        watch: Looks on.
        queries: Those of `indexes.sql`.
    """

    def __init__(self, connection: asyncpg.Connection, watch: asyncpg.Connection, queries: Mapping[str, Query]) -> None:
        self._connection = connection
        self._watch = watch
        self._watching = asyncio.Lock()
        self._queries = queries

    async def memory_bytes(self, table: IndexedTable) -> int | None:
        """Memory that the database server has available; None when it does not tell."""
        rights = await _row(self._connection, self._queries["builder_rights"], table.name)
        if not rights["may_read_files"]:
            return None
        text: str | None = await _value(self._connection, self._queries["server_memory"])
        for line in (text or "").splitlines():
            if line.startswith(_AVAILABLE):
                return int(line.split()[1]) << 10
        return None

    async def sweep(self, table: IndexedTable) -> list[str]:
        """Removes what builds left behind, and returns what that was."""
        query = self._queries["leftover_indexes"]
        with driver_errors():
            current = index_name(table.name, table.state.plan.kind)
            rows = await self._connection.fetch(query.sql, table.name, current, timeout=_STATEMENT_TIMEOUT_S)
        names = [row["index_name"] for row in rows]
        for name in names:
            await self._drop(name)
        if names:
            _log.info("removed what a build had left behind", indexes=names)
        return names

    async def build(self, table: IndexedTable, plan: IndexPlan, memory_bytes: int) -> None:
        """Builds an index beside the one in use, while the table is read and written.

        Raises:
            DependencyUnavailable: It did not end well. What is left of it is removed.
        """
        rights = await _row(self._connection, self._queries["builder_rights"], table.name)
        if not rights["may_build"]:
            raise DependencyUnavailable(
                "the login of SAGWAN_SEARCH_MAINTENANCE_URL may not build indexes: it must own the tables of vectors"
            )
        name = f"{table.name}{NEXT_SUFFIX}"
        work_memory = max(round(memory_bytes * _HEADROOM), _WORK_MEMORY_MIN_BYTES)
        try:
            await self._create(name, table, plan, work_memory, workers=None)
        except DependencyUnavailable as error:
            if not isinstance(error.__cause__, asyncpg.DiskFullError):
                raise
            # Workers share the memory through /dev/shm, of which a container may have little.
            _log.warning(
                "no shared memory for a parallel build; building without workers", needed=megabytes(work_memory)
            )
            await self._create(name, table, plan, work_memory, workers="0")
        if not await _value(self._connection, self._queries["index_is_valid"], name):
            raise DependencyUnavailable("the index was built and is not valid")

    async def promote(self, table: IndexedTable, plan: IndexPlan, settings: SearchSettings) -> None:
        """Puts what was built in place of the index in use, by name, and removes that."""
        old, retired = index_name(table.name, table.state.plan.kind), f"{table.name}{OLD_SUFFIX}"
        with driver_errors():
            async with self._connection.transaction():
                await self._connection.execute(self._queries["swap_timeout"].sql)
                await self._rename(old, retired)
                if plan.kind is not IndexKind.EXACT:
                    await self._rename(f"{table.name}{NEXT_SUFFIX}", index_name(table.name, plan.kind))
                await self._connection.execute(
                    self._queries["record_build"].sql,
                    table.model_id,
                    plan.kind.value,
                    plan.quantization.value,
                    plan.m,
                    plan.ef_construction,
                    plan.lists,
                    table.state.row_count,
                    settings.ef_search,
                    settings.probes,
                    settings.iterative_scan.value,
                    settings.rescored,
                )
        await self._drop(retired)

    async def discard(self, table: IndexedTable) -> None:
        """Removes what was built."""
        await self._drop(f"{table.name}{NEXT_SUFFIX}")

    async def progress(self) -> BuildProgress | None:
        """Where the build is; None when none runs."""
        async with self._watching:
            row = await _row(self._watch, self._queries["build_progress"], self._connection.get_server_pid())
        if row is None:
            return None
        done, total = row["tuples_done"], row["tuples_total"]
        if row["phase"].startswith("building"):
            return BuildProgress(row["phase"], _BUILDING_SHARE * (min(done / total, 1.0) if total else 0.0))
        late = row["phase"].startswith(("index validation", "waiting for old", "waiting for readers"))
        return BuildProgress(row["phase"], _BUILDING_SHARE if late else 0.0)

    async def _create(
        self, name: str, table: IndexedTable, plan: IndexPlan, work_memory: int, *, workers: str | None
    ) -> None:
        ended = False
        try:
            with driver_errors():
                await self._connection.fetch(self._queries["build_settings"].sql, f"{work_memory >> 10}kB", workers)
                # As long as it takes.
                await self._connection.execute(create_index(name, table.name, plan, table.state.dimension))
            ended = True
        except asyncpg.PostgresError as error:
            raise DependencyUnavailable("the database could not build the index") from error
        finally:
            if not ended:
                await asyncio.shield(self._removed(name))

    async def _removed(self, name: str) -> None:
        """Removes what is left of a build, if the database still answers; the next builder does it otherwise."""
        with suppress(DependencyUnavailable, DeadlineExceeded, asyncpg.PostgresError):
            async with self._watching:
                await self._drop(name, on=self._watch)

    async def _rename(self, name: str, to: str) -> None:
        query = self._queries["rename_index"].on_table("index", name).on_table("name", to)
        await self._connection.execute(query.sql)

    async def _drop(self, name: str, *, on: asyncpg.Connection | None = None) -> None:
        query = self._queries["drop_index"].on_table("index", name)
        with driver_errors():
            await (on or self._connection).execute(query.sql, timeout=_DROP_TIMEOUT_S)


async def _row(connection: asyncpg.Connection, query: Query, *args: Any) -> Any:
    with driver_errors():
        return await connection.fetchrow(query.sql, *args, timeout=_STATEMENT_TIMEOUT_S)


async def _value(connection: asyncpg.Connection, query: Query, *args: Any) -> Any:
    with driver_errors():
        return await connection.fetchval(query.sql, *args, timeout=_STATEMENT_TIMEOUT_S)
