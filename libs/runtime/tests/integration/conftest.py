"""Fixtures of the runtime's integration tests: a database as its owner and as the services' role."""

import asyncio
import os
from contextlib import AsyncExitStack
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import asyncpg
import pytest
from lines import line_to_postgres

from sagwan_runtime.metrics import DatabaseMetrics
from sagwan_runtime.postgres.database import SERVICE_ROLE, open_database
from sagwan_runtime.postgres.migrations import ordered
from sagwan_runtime.postgres.tenants import ensure_tenant
from sagwan_runtime.settings import DatabaseSettings

REPOSITORY = Path(__file__).parents[4]


class Tenants(NamedTuple):
    a: UUID
    b: UUID


@pytest.fixture(scope="session")
def migrations():
    return ordered((path.name, path.read_text()) for path in (REPOSITORY / "migrations").glob("*.sql"))


@pytest.fixture(scope="module")
def database_url(postgres_url, migrated_template):
    """A database with the schema. The tests of a module share it, for making one takes longer than most of them do:
    each has tenants of its own.
    """
    name = f"sagwan_runtime_{os.getpid()}"

    async def on_server(*statements):
        server = await asyncpg.connect(postgres_url)
        for statement in statements:
            await server.execute(statement)
        await server.close()

    drop = f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"
    asyncio.run(on_server(drop, f"CREATE DATABASE {name} TEMPLATE {migrated_template}"))
    yield urlsplit(postgres_url)._replace(path=f"/{name}").geturl()
    asyncio.run(on_server(drop))


@pytest.fixture
async def connect():
    """Opens plain connections, which are closed with the test."""
    async with AsyncExitStack() as stack:

        async def open_connection(url, **options):
            connection = await asyncpg.connect(url, **options)
            stack.callback(connection.terminate)
            return connection

        yield open_connection


@pytest.fixture
async def owner(connect, database_url):
    """A connection as the owner of the schema, whom row-level security does not bind."""
    return await connect(database_url)


@pytest.fixture
async def service(connect, database_url):
    """A plain connection as the services' role, for statements that no service would send."""
    return await connect(database_url, server_settings={"role": SERVICE_ROLE})


@pytest.fixture
async def tenants(owner):
    return Tenants(await ensure_tenant(owner, f"a {uuid4()}"), await ensure_tenant(owner, f"b {uuid4()}"))


@pytest.fixture
async def as_tenant(service):
    """Runs one statement as the services' role in a transaction that has named a tenant, or none."""

    async def run(tenant_id, sql, *args):
        async with service.transaction():
            if tenant_id is not None:
                await service.execute("SELECT set_config('sagwan.tenant_id', $1, true)", str(tenant_id))
            return await service.fetch(sql, *args)

    return run


@pytest.fixture
async def open_service_database(registry, tracer):
    """Opens databases as a service does."""
    metrics = DatabaseMetrics(registry)
    async with AsyncExitStack() as stack:

        async def open_one(url, connection_settings=None, **settings):
            return await stack.enter_async_context(
                open_database(
                    DatabaseSettings(url=url, **settings),
                    metrics,
                    tracer,
                    application_name="sagwan-test",
                    connection_settings=connection_settings,
                )
            )

        yield open_one


@pytest.fixture
async def empty_database_url(postgres_url):
    """A database without the schema."""
    name = f"sagwan_empty_{os.getpid()}"
    server = await asyncpg.connect(postgres_url)
    await server.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    await server.execute(f"CREATE DATABASE {name}")
    yield urlsplit(postgres_url)._replace(path=f"/{name}").geturl()
    await server.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await server.close()


@pytest.fixture
async def slow_line(postgres_url):
    """A line to PostgreSQL that can be made to carry nothing, in either direction, without being cut."""
    async with line_to_postgres(postgres_url) as line:
        yield line
