"""A pool of connections as the services' role, and transactions that see one tenant.

Every connection runs as the role `sagwan_service`, which owns nothing and is bound by row-level security, whatever
user the DSN names. Every statement runs in a transaction that has said whose rows it may see.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any
from uuid import UUID

import asyncpg
import structlog
from opentelemetry import trace
from pgvector.asyncpg import register_vector

from sagwan_runtime.deadline import Deadline
from sagwan_runtime.errors import DeadlineExceeded, DependencyUnavailable
from sagwan_runtime.metrics import DatabaseMetrics
from sagwan_runtime.postgres.queries import Query
from sagwan_runtime.settings import DatabaseSettings
from sagwan_runtime.spans import client_span, current_exemplar, kept_trace_id, mark_failed, sql_comment

SERVICE_ROLE = "sagwan_service"

_log = structlog.get_logger(__name__)
# A server that has stopped answering must not hold a call past its deadline.
_CLEAN_UP_TIMEOUT_S = 1.0

# Who only reads sees one state of the database through all of its statements.
_BEGIN, _BEGIN_READING = "BEGIN", "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"


class Session:
    """One transaction, seeing one tenant's rows.

    Each method takes a named query and its parameters, is a span and a measurement of that name, and raises domain
    errors only.
    """

    def __init__(
        self,
        connection: asyncpg.Connection,
        metrics: DatabaseMetrics,
        tracer: trace.Tracer,
        deadline: Deadline,
    ) -> None:
        self._connection = connection
        self._metrics = metrics
        self._tracer = tracer
        self._deadline = deadline

    async def fetch(self, query: Query, *args: Any) -> list[asyncpg.Record]:
        """All rows."""
        rows: list[asyncpg.Record] = await self._run("fetch", query, *args)
        return rows

    async def fetch_row(self, query: Query, *args: Any) -> asyncpg.Record | None:
        """The first row, if any."""
        return await self._run("fetchrow", query, *args)

    async def fetch_value(self, query: Query, *args: Any) -> Any:
        """The first column of the first row; None without a row."""
        return await self._run("fetchval", query, *args)

    async def execute(self, query: Query, *args: Any) -> None:
        """Runs a statement whose rows do not matter."""
        await self._run("fetch", query, *args)

    async def execute_many(self, query: Query, rows: Iterable[Sequence[Any]]) -> None:
        """Runs a statement once a row, pipelined."""
        await self._run("executemany", query, rows)

    async def _run(self, method: str, query: Query, *args: Any) -> Any:
        """Runs a statement by one of the driver's methods."""
        with self._observed(query):
            return await getattr(self._connection, method)(query.sql, *args, timeout=self._deadline.remaining_s())

    async def name_tenant(self, tenant_id: UUID) -> None:
        """Says whose rows the transaction sees from here on."""
        with driver_errors():
            await self._connection.execute(_naming(tenant_id), timeout=self._deadline.remaining_s())

    @contextmanager
    def _observed(self, query: Query) -> Iterator[None]:
        begun = time.perf_counter()
        attributes = {"db.system.name": "postgresql", "db.query.summary": query.name}
        with client_span(self._tracer, query.name, attributes) as span:
            try:
                with driver_errors():
                    yield
            except BaseException as error:
                mark_failed(span, type(error.__cause__ or error).__name__)
                self._count(error)
                raise
            finally:
                elapsed_s = time.perf_counter() - begun
                self._metrics.statement_seconds.labels(query.name).observe(elapsed_s, current_exemplar())

    def _count(self, error: BaseException) -> None:
        if isinstance(error, DeadlineExceeded):
            self._metrics.failures.labels("late").inc()
        elif isinstance(error, DependencyUnavailable):
            self._metrics.failures.labels("unavailable").inc()


class Database:
    """The pool, and the way to a transaction."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        metrics: DatabaseMetrics,
        tracer: trace.Tracer,
        *,
        application_name: str,
        acquire_timeout_s: float,
    ) -> None:
        self._pool = pool
        self._metrics = metrics
        self._tracer = tracer
        self._application_name = application_name
        self._acquire_timeout_s = acquire_timeout_s

    @asynccontextmanager
    async def tenant(self, tenant_id: UUID, deadline: Deadline, *, read_only: bool = False) -> AsyncIterator[Session]:
        """A transaction that sees one tenant's rows; commits on leaving, rolls back on an exception."""
        # Both in one round trip: a search has two transactions.
        begin = f"{_BEGIN_READING if read_only else _BEGIN}; {_naming(tenant_id)}"
        async with self._transaction(deadline, begin) as session:
            yield session

    @asynccontextmanager
    async def transaction(self, deadline: Deadline, *, read_only: bool = False) -> AsyncIterator[Session]:
        """A transaction that sees no tenant's rows until it names one; else as `tenant`."""
        async with self._transaction(deadline, _BEGIN_READING if read_only else _BEGIN) as session:
            yield session

    @asynccontextmanager
    async def _transaction(self, deadline: Deadline, begin: str) -> AsyncIterator[Session]:
        async with self._connection(deadline) as connection:
            try:
                with driver_errors():
                    await connection.execute(begin + self._naming_trace(), timeout=deadline.remaining_s())
                yield Session(connection, self._metrics, self._tracer, deadline)
                with driver_errors():
                    await connection.execute("COMMIT", timeout=deadline.remaining_s())
            except BaseException:
                await _roll_back(connection)
                raise

    def _naming_trace(self) -> str:
        """What tells the server whose trace a transaction is part of, for a round trip that is made anyway.

        A comment behind each statement would make each a text of its own, to be prepared anew. The application's name
        stands beside all of them instead, in pg_stat_activity and in the server's log.
        """
        trace_id = kept_trace_id()
        if trace_id is None:
            return ""
        name = f"{self._application_name} {trace_id}"
        return f"; SELECT set_config('application_name', '{name}', true){sql_comment()}"

    @asynccontextmanager
    async def untenanted(self, deadline: Deadline) -> AsyncIterator[Session]:
        """Statements that see no tenant's rows, such as the look-up of a key. Each commits by itself."""
        async with self._connection(deadline) as connection:
            yield Session(connection, self._metrics, self._tracer, deadline)

    @asynccontextmanager
    async def _connection(self, deadline: Deadline) -> AsyncIterator[asyncpg.Connection]:
        begun = time.perf_counter()
        try:
            with self._metrics.acquire_waiting.track_inprogress(), driver_errors():
                connection = await self._acquired(deadline)
        except DependencyUnavailable:
            self._metrics.failures.labels("unavailable").inc()
            raise
        finally:
            self._metrics.acquire_seconds.observe(time.perf_counter() - begun)
        try:
            yield connection
        finally:
            # Shielded: a cancelled call must still hand its connection back.
            await asyncio.shield(self._release(connection))

    async def _acquired(self, deadline: Deadline) -> asyncpg.Connection:
        wait_s = min(self._acquire_timeout_s, deadline.remaining_s())
        try:
            return await self._pool.acquire(timeout=wait_s)
        except TimeoutError:
            deadline.remaining_s()
            raise DependencyUnavailable("no database connection was free in time") from None
        except (asyncpg.PostgresError, ValueError) as error:
            # No such role or type before the first migration, a wrong password, a database that is not there.
            raise DependencyUnavailable("the database refuses connections or is not migrated yet") from error

    async def _release(self, connection: asyncpg.Connection) -> None:
        try:
            await self._pool.release(connection, timeout=_CLEAN_UP_TIMEOUT_S)
        except Exception:  # noqa: BLE001  # whatever it is, the pool has closed the connection
            _log.warning("a database connection was lost while it was handed back", exc_info=True)


def _naming(tenant_id: UUID) -> str:
    """The statement that says whose rows a transaction sees; what a UUID is written with needs no quoting."""
    return f"SELECT set_config('sagwan.tenant_id', '{tenant_id}', true)"


async def _nothing_to_reset(_connection: asyncpg.Connection) -> None:
    """Stands for the driver's statements: whatever is set is set for a transaction, and nothing else outlives one.

    The driver still rolls back what was left open. A cut that nobody has noticed is met by the next call, as it begins.
    """


async def _roll_back(connection: asyncpg.Connection) -> None:
    """Rolls back, and stays silent where that fails: the caller must learn what went wrong first.

    A connection that cannot roll back is closed when it is handed back, which ends its transaction too.
    """
    with suppress(DeadlineExceeded, DependencyUnavailable), driver_errors():
        await connection.execute("ROLLBACK", timeout=_CLEAN_UP_TIMEOUT_S)


@contextmanager
def driver_errors() -> Iterator[None]:
    """Lets no error type of the driver past: the caller learns what to do, the log keeps the original as its cause.

    Raises:
        DeadlineExceeded: The statement ran out of time.
        DependencyUnavailable: The database cannot be reached or is shutting down, a lock was not free in time, or a
            table is not there: the schema is not up to date, or the table has just gone with its model.
    """
    try:
        yield
    except (TimeoutError, asyncpg.QueryCanceledError) as error:
        raise DeadlineExceeded("the database did not answer in time") from error
    except (
        OSError,
        asyncpg.PostgresConnectionError,
        asyncpg.OperatorInterventionError,
        asyncpg.InsufficientResourcesError,
        asyncpg.InterfaceError,
        asyncpg.InternalClientError,
        asyncpg.ReadOnlySQLTransactionError,
    ) as error:
        raise DependencyUnavailable("the database cannot be reached") from error
    except (
        asyncpg.DeadlockDetectedError,
        asyncpg.SerializationError,
        asyncpg.LockNotAvailableError,
        asyncpg.UndefinedTableError,
    ) as error:
        raise DependencyUnavailable("the database asks to try again", retry_after_ms=50) from error


@asynccontextmanager
async def open_database(
    settings: DatabaseSettings,
    metrics: DatabaseMetrics,
    tracer: trace.Tracer,
    *,
    application_name: str,
    connection_settings: Mapping[str, str] | None = None,
) -> AsyncIterator[Database]:
    """A pool as the services' role. It connects when first used, so a service starts before its database does.

    Args:
        settings: Where, and within which limits.
        metrics: Times statements and waits.
        tracer: Writes a span a statement.
        application_name: As `pg_stat_activity` shows it.
        connection_settings: PostgreSQL settings of every connection, besides those that every service has.
    """
    pool = asyncpg.create_pool(
        settings.url.get_secret_value(),
        min_size=0,
        max_size=settings.pool_size_max,
        statement_cache_size=settings.statement_cache_size,
        init=register_vector,
        reset=_nothing_to_reset,
        server_settings={
            "role": SERVICE_ROLE,
            "application_name": application_name,
            "statement_timeout": str(settings.statement_timeout_ms),
            # Plans of these queries depend on their parameters (how selective a filter is), so generic ones are wrong.
            "plan_cache_mode": "force_custom_plan",
            "jit": "off",
            **(connection_settings or {}),
        },
    )
    await pool
    metrics.connections_max.set(settings.pool_size_max)
    metrics.connections.labels("idle").set_function(pool.get_idle_size)
    metrics.connections.labels("busy").set_function(lambda: pool.get_size() - pool.get_idle_size())
    try:
        yield Database(
            pool,
            metrics,
            tracer,
            application_name=application_name,
            acquire_timeout_s=settings.acquire_timeout_ms / 1_000,
        )
    finally:
        try:
            async with asyncio.timeout(5):
                await pool.close()
        except TimeoutError:
            pool.terminate()
