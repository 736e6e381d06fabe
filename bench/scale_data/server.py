"""The PostgreSQL that holds the databases: one server in var/scale, a database a size."""

import asyncio
import re
from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg
import psutil
from stack import ROOT

from sagwan_client.local.postgres import EmbeddedPostgres, embedded_postgres
from sagwan_client.local.schema import ensure_database, owner_connection
from sagwan_client.local.state import StateFolder
from sagwan_embedder.adapters.model_folder import read_card

HOME = ROOT / "var" / "scale"
MODEL = ROOT / "var" / "model"
_SHA256_DIGITS = 12
_NAME = re.compile(r"chunks_(?P<chunks>\d+)_(?P<model>[0-9a-f]+)")


def core_name() -> str:
    """The database of the real meetings, embedded by the model of this repository."""
    return f"core_{_model()}"


def database_name(chunks: int) -> str:
    """The database of so many chunks."""
    return f"chunks_{chunks}_{_model()}"


async def sizes(server: EmbeddedPostgres) -> list[int]:
    """The sizes of the databases that are whole."""
    connection = await asyncpg.connect(server.dsn("postgres"))
    try:
        names = await connection.fetch("SELECT datname FROM pg_database")
    finally:
        await connection.close()
    found = (_NAME.fullmatch(row["datname"]) for row in names)
    return sorted(int(each["chunks"]) for each in found if each and each["model"] == _model())


@contextmanager
def grown(server: EmbeddedPostgres, chunks: int) -> Iterator[str]:
    """A copy of the database of so many chunks that may be written into, until it is dropped. Errors as `copied`."""
    name = f"growing_{chunks}_{_model()}"
    with copied(server.dsn("postgres"), database_name(chunks), name):
        yield server.dsn(name)


@contextmanager
def copied(dsn: str, name: str, copy_name: str) -> Iterator[None]:
    """Copies a database, and drops the copy on leaving. One that a killed run has left is dropped before.

    Args:
        dsn: Another database of the server, as its superuser.
        name: What is copied. Nobody may be connected to it.
        copy_name: The copy.

    Raises:
        StackError: It is not there, or somebody is connected to it.
    """
    drop = f'DROP DATABASE IF EXISTS "{copy_name}" WITH (FORCE)'
    asyncio.run(_execute(dsn, drop))
    asyncio.run(_execute(dsn, f'CREATE DATABASE "{copy_name}" TEMPLATE "{name}" STRATEGY file_copy'))
    try:
        yield
    finally:
        asyncio.run(_execute(dsn, drop))


async def _execute(dsn: str, statement: str) -> None:
    async with owner_connection(dsn) as connection:
        await connection.execute(statement)


def _model() -> str:
    return read_card(MODEL).sha256[:_SHA256_DIGITS]


@contextmanager
def scale_server() -> Iterator[EmbeddedPostgres]:
    """Runs the server, for this process alone, with the memory that a server of its own would have.

    Raises:
        StackError: Another process has it, or it does not start.
    """
    with StateFolder(HOME).locked():
        with embedded_postgres(HOME / "postgres") as server:
            # Its locale is what the databases below are made with.
            asyncio.run(ensure_database(server.dsn("postgres")))
            asyncio.run(_configure(server.dsn("postgres")))
        with embedded_postgres(HOME / "postgres") as server:
            yield server


async def _configure(dsn: str) -> None:
    """A quarter of the memory for shared buffers, as PostgreSQL's manual says, and few checkpoints in a build."""
    settings = {
        "shared_buffers": f"{psutil.virtual_memory().total // 4 >> 20}MB",
        "max_wal_size": "8GB",
        "checkpoint_timeout": "30min",
    }
    connection = await asyncpg.connect(dsn)
    try:
        for name, value in settings.items():
            await connection.execute(f"ALTER SYSTEM SET {name} = '{value}'")
    finally:
        await connection.close()
