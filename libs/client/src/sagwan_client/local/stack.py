"""The whole stack on one machine, up in order and down in the opposite one."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sagwan_client.client import SERVING, SagwanClient
from sagwan_client.errors import StackError
from sagwan_client.local.ports import Endpoint, endpoint_of
from sagwan_client.local.postgres import EmbeddedPostgres, embedded_postgres
from sagwan_client.local.processes import (
    ChildProcess,
    kept_running,
    start,
    stop,
    wait_until_serving,
)
from sagwan_client.local.schema import (
    DATABASE_NAME,
    ensure_database,
    ensure_local_key,
    migrated,
    migrations_folder,
    owner_connection,
    without_password,
)
from sagwan_client.local.state import StateFolder
from sagwan_client.settings import ClientSettings

_READY_TIMEOUT_S = 120.0
# Services drain for 10 s by default.
_STOP_GRACE_S = 20.0
_DEFAULT_PORTS = {"embedder": (50051, 9101), "ingest": (50052, 9102), "search": (50053, 9103)}

Report = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class RunningService:
    """A service that serves.

    Attributes:
        child: Its process.
        endpoint: Where it listens.
        ready_s: Time from its start until it served.
    """

    child: ChildProcess
    endpoint: Endpoint
    ready_s: float


@dataclass(frozen=True, slots=True)
class DatabaseTarget:
    """The database of a stack.

    Attributes:
        dsn: For the services.
        owner_dsn: For migrations and keys.
        embedded: The server, if it is ours.
    """

    dsn: str
    owner_dsn: str
    embedded: EmbeddedPostgres | None = None

    @property
    def kind(self) -> str:
        """`embedded` or `external`."""
        return "embedded" if self.embedded else "external"


@dataclass(frozen=True, slots=True)
class RunningStack:
    """A stack that serves.

    Attributes:
        services: By name.
        settings: For a client of it.
        database: What it keeps its data in.
        state: Its folder.
    """

    services: Mapping[str, RunningService]
    settings: ClientSettings
    database: DatabaseTarget
    state: StateFolder

    async def keep_running(self, tell: Callable[[StackError], None]) -> StackError:
        """Starts services again when they end by themselves, and returns what to tell when that is of no use any more.

        Args:
            tell: Told of each end that is followed by a new start.
        """

        def restarted(death: StackError) -> None:
            self.describe()
            tell(death)

        ends = [kept_running(each.child, restarted) for each in self.services.values()]
        if self.database.embedded:
            ends.append(self.database.embedded.until_it_ends())
        tasks = [asyncio.create_task(end) for end in ends]
        try:
            ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
        return ended.pop().result()

    def describe(self) -> None:
        """Writes stack.json, for those who look from outside."""
        self.state.write_stack(_description(self.services, self.database))


@asynccontextmanager
async def running_stack(
    home: Path, *, report: Report, environment: Mapping[str, str] = os.environ
) -> AsyncIterator[RunningStack]:
    """Brings the stack up, and down again on leaving.

    Args:
        home: Its `var/` holds all state.
        report: Told what was done and how many seconds it took, step by step.
        environment: Settings of the services and of the database.

    Raises:
        StackError: Something cannot run, with the reason and the log that tells more. What had started is stopped.
    """
    state = StateFolder(home / "var")
    async with AsyncExitStack() as stack:
        stack.enter_context(state.locked())
        _require_model(state, environment)
        endpoints = {
            name: endpoint_of(name, environment, port=port, metrics_port=metrics_port)
            for name, (port, metrics_port) in _DEFAULT_PORTS.items()
        }
        # The embedder needs no database: it loads its model while that starts. It is also the last to go, because calls
        # that search and ingest are finishing may need it.
        common = _child_environment(environment, endpoints, state)
        embedder = await stack.enter_async_context(_children(["embedder"], common, state, report))
        database = await stack.enter_async_context(_database(state, report, environment))
        key = await _prepared(database, migrations_folder(home, environment), state, report)
        begun = time.perf_counter()
        others = await stack.enter_async_context(
            _children(["ingest", "search"], {**common, "SAGWAN_DATABASE_URL": database.dsn}, state, report)
        )
        settings = ClientSettings(
            search_target=endpoints["search"].address,
            ingest_target=endpoints["ingest"].address,
            embedder_target=endpoints["embedder"].address,
            api_key=key,
            home=home,
        )
        services = await _all_serving([*embedder, *others], endpoints, settings)
        report("embedder, ingest, search", time.perf_counter() - begun)
        stack.callback(state.forget_stack)
        running = RunningStack(services, settings, database, state)
        running.describe()
        yield running


@asynccontextmanager
async def _database(
    state: StateFolder, report: Report, environment: Mapping[str, str]
) -> AsyncIterator[DatabaseTarget]:
    dsn = environment.get("SAGWAN_DATABASE_URL")
    if dsn:
        yield DatabaseTarget(dsn, environment.get("SAGWAN_DATABASE_OWNER_URL") or dsn)
        return
    begun = time.perf_counter()
    with embedded_postgres(state.postgres) as server:
        await ensure_database(server.dsn("postgres"))
        report("PostgreSQL (embedded)", time.perf_counter() - begun)
        dsn = server.dsn(DATABASE_NAME)
        yield DatabaseTarget(dsn, dsn, server)


async def _prepared(database: DatabaseTarget, migrations: Path, state: StateFolder, report: Report) -> str:
    """Brings schema, tenant and key up to date, and returns the key."""
    begun = time.perf_counter()
    async with owner_connection(database.owner_dsn) as connection:
        await migrated(connection, migrations)
        key = await ensure_local_key(connection, state)
    report("schema, tenant, key", time.perf_counter() - begun)
    return key


@asynccontextmanager
async def _children(
    names: Sequence[str], environment: Mapping[str, str], state: StateFolder, report: Report
) -> AsyncIterator[list[ChildProcess]]:
    """Services that are starting: each waits by itself for what it needs before it says that it serves."""
    children: list[ChildProcess] = []
    try:
        for name in names:
            # One by one: those that did start must be known when a later one fails.
            child = await start(name, f"sagwan_{name}", environment=environment, log=state.log_file(name))
            children.append(child)
        yield children
    finally:
        begun = time.perf_counter()
        killed = {child.name for child in await stop(children, grace_s=_STOP_GRACE_S)}
        told = ", ".join(f"{name} (killed)" if name in killed else name for name in names)
        report(f"stopped {told}", time.perf_counter() - begun)


async def _all_serving(
    children: Sequence[ChildProcess], endpoints: Mapping[str, Endpoint], settings: ClientSettings
) -> dict[str, RunningService]:
    async with SagwanClient.from_settings(settings) as client:

        async def served(child: ChildProcess) -> RunningService:
            async def is_serving() -> bool:
                return await client.health(child.name) == SERVING

            ready_s = await wait_until_serving(child, is_serving, timeout_s=_READY_TIMEOUT_S)
            return RunningService(child, endpoints[child.name], ready_s)

        try:
            async with asyncio.TaskGroup() as group:
                waits = {child.name: group.create_task(served(child)) for child in children}
        except ExceptionGroup as failures:
            # The first child that failed is told about; the others are stopped in any case.
            raise failures.exceptions[0] from None
        return {name: wait.result() for name, wait in waits.items()}


def _require_model(state: StateFolder, environment: Mapping[str, str]) -> None:
    folder = Path(environment.get("SAGWAN_EMBEDDER_MODEL") or state.model)
    if not folder.is_dir() or not any(folder.iterdir()):
        raise StackError(
            f"no embedding model in {folder}: build it once with `python -m sagwan_embedder.build --output {folder}`"
        )


def _child_environment(
    environment: Mapping[str, str], endpoints: Mapping[str, Endpoint], state: StateFolder
) -> dict[str, str]:
    """What the environment says, and where it says nothing, what fits this stack; nothing about the database."""
    embedder = endpoints["embedder"].address
    child = {
        "SAGWAN_EMBEDDER_MODEL": str(state.model),
        "SAGWAN_INGEST_EMBEDDER_TARGET": embedder,
        "SAGWAN_SEARCH_EMBEDDER_TARGET": embedder,
        **environment,
    }
    for name, endpoint in endpoints.items():
        child[f"SAGWAN_{name.upper()}_PORT"] = str(endpoint.port)
        child[f"SAGWAN_{name.upper()}_METRICS_PORT"] = str(endpoint.metrics_port)
    for variable in ("SAGWAN_DATABASE_URL", "SAGWAN_DATABASE_OWNER_URL"):
        child.pop(variable, None)
    return child


def _description(services: Mapping[str, RunningService], database: DatabaseTarget) -> dict[str, Any]:
    return {
        "pid": os.getpid(),
        "started_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "services": {
            name: {
                "pid": each.child.pid,
                "address": each.endpoint.address,
                "port": each.endpoint.port,
                "metrics_address": each.endpoint.metrics_address,
                "metrics_port": each.endpoint.metrics_port,
                "log": str(each.child.log),
            }
            for name, each in services.items()
        },
        "database": {"kind": database.kind, "dsn": without_password(database.dsn)},
    }
