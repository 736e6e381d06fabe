"""The schema of a database, and its tenants and keys, as the schema's owner."""

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from sagwan_client.errors import StackError
from sagwan_client.local.state import StateFolder
from sagwan_client.settings import local_stack
from sagwan_runtime.postgres.migrations import Migration, MigrationError, migrate, ordered
from sagwan_runtime.postgres.tenants import ensure_tenant, issue_key, key_is_known

DATABASE_NAME = "sagwan"
LOCAL_TENANT = "local"

_CONNECT_TIMEOUT_S = 10.0
# One order of text on every machine, and letters of all languages, whatever locale the machine has.
_CREATE_DATABASE = f"""
CREATE DATABASE {DATABASE_NAME} TEMPLATE template0 ENCODING 'UTF8'
LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8' LOCALE 'C'
"""


@asynccontextmanager
async def owner_connection(dsn: str) -> AsyncIterator[asyncpg.Connection]:
    """One connection to a database.

    Raises:
        StackError: It cannot be reached, or refuses what is asked of it.
    """
    try:
        connection = await asyncpg.connect(dsn, timeout=_CONNECT_TIMEOUT_S)
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, ValueError) as error:
        reason = str(error) or type(error).__name__
        raise StackError(f"PostgreSQL at {without_password(dsn)} cannot be used: {reason}") from error
    try:
        yield connection
    except asyncpg.PostgresError as error:
        raise StackError(f"PostgreSQL at {without_password(dsn)}: {error}") from error
    finally:
        await connection.close(timeout=_CONNECT_TIMEOUT_S)


async def ensure_database(maintenance_dsn: str) -> None:
    """Makes the database `sagwan` on a server that lacks it."""
    async with owner_connection(maintenance_dsn) as connection:
        if not await connection.fetchval("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", DATABASE_NAME):
            await connection.execute(_CREATE_DATABASE)


async def migrated(connection: asyncpg.Connection, folder: Path) -> list[Migration]:
    """Applies the migrations of a folder that the database lacks, and returns them.

    Raises:
        StackError: The folder holds none, or they do not fit the database.
    """
    try:
        return await migrate(connection, _migrations_in(folder))
    except MigrationError as error:
        raise StackError(f"the schema cannot be brought up to date: {error}") from error


def _migrations_in(folder: Path) -> list[Migration]:
    files = [(file.name, file.read_text(encoding="utf-8")) for file in folder.glob("*.sql")]
    if not files:
        raise StackError(f"no migrations in {folder}: run in the repository, or set SAGWAN_MIGRATIONS_DIR")
    return ordered(files)


async def ensure_local_key(connection: asyncpg.Connection, state: StateFolder) -> str:
    """The key of the tenant `local`: the one that is kept, or a new one where the database does not know it.

    Whoever runs the stack administers it, so a new key has the scope `admin`.
    """
    tenant_id = await ensure_tenant(connection, LOCAL_TENANT)
    key = state.read_key()
    if not key or not await key_is_known(connection, key):
        key = await issue_key(connection, tenant_id, LOCAL_TENANT, ["admin"])
        state.write_key(key)
    return key


def migrations_folder(home: Path, environment: Mapping[str, str] = os.environ) -> Path:
    """`SAGWAN_MIGRATIONS_DIR`, else `migrations` of the home."""
    return Path(environment.get("SAGWAN_MIGRATIONS_DIR") or home / "migrations")


def owner_dsn(home: Path, environment: Mapping[str, str] = os.environ) -> str:
    """`SAGWAN_DATABASE_OWNER_URL`, else `SAGWAN_DATABASE_URL`, else the embedded database that runs in this home.

    Raises:
        StackError: There is none of them.
    """
    dsn = environment.get("SAGWAN_DATABASE_OWNER_URL") or environment.get("SAGWAN_DATABASE_URL")
    database = local_stack(home).get("database", {})
    if not dsn and database.get("kind") == "embedded":
        dsn = database.get("dsn")
    if not dsn:
        raise StackError("no database: set SAGWAN_DATABASE_URL, or start one with `sagwan up`")
    return dsn


def without_password(dsn: str) -> str:
    """A DSN that may be shown."""
    try:
        parts = urlsplit(dsn)
    except ValueError:
        return "the given URL"
    if not parts.scheme.startswith("postgres"):
        # Not a URL, so there is no telling which part of it is the password.
        return "the given URL"
    user, at, host = parts.netloc.rpartition("@")
    query = "&".join(each for each in parts.query.split("&") if "password" not in each.lower())
    return urlunsplit(parts._replace(netloc=f"{user.partition(':')[0]}{at}{host}", query=query))
