"""The embedded PostgreSQL, its schema and its key, for real."""

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import psutil
import pytest

from sagwan_client.errors import StackError
from sagwan_client.local.postgres import embedded_postgres
from sagwan_client.local.schema import (
    DATABASE_NAME,
    ensure_database,
    ensure_local_key,
    migrated,
    migrations_folder,
    owner_connection,
)
from sagwan_client.local.state import StateFolder
from sagwan_runtime.postgres.tenants import key_is_known

pytestmark = pytest.mark.integration

REPOSITORY = Path(__file__).resolve().parents[4]

_KILLED_SUPERVISOR = """
import os, signal, sys
from pathlib import Path
from sagwan_client.local.postgres import embedded_postgres
with embedded_postgres(Path(sys.argv[1])):
    print("up", flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def _postmaster(data: Path) -> psutil.Process:
    return psutil.Process(int((data / "postmaster.pid").read_text().split()[0]))


def _runs(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


@pytest.fixture
def state() -> Iterator[StateFolder]:
    # Not pytest's own folder: PostgreSQL, run as another user by root, must be able to enter each folder above.
    with tempfile.TemporaryDirectory(prefix="sagwan-") as folder:
        yield StateFolder(Path(folder) / "var")


async def test_an_empty_folder_becomes_a_migrated_database_with_a_key_that_stays(state):
    migrations = migrations_folder(REPOSITORY, {})
    with embedded_postgres(state.postgres) as server:
        for _ in range(2):
            await ensure_database(server.dsn("postgres"))
        async with owner_connection(server.dsn(DATABASE_NAME)) as connection:
            applied = await migrated(connection, migrations)
            assert [each.version for each in applied] == list(range(1, len(applied) + 1))
            assert await migrated(connection, migrations) == []
            assert await connection.fetchval("SELECT upper('ñ') || lower('Å')") == "Ñå"

            key = await ensure_local_key(connection, state)
            assert await ensure_local_key(connection, state) == key == state.read_key()
            assert await key_is_known(connection, key)
        process = _postmaster(state.postgres)
    assert not _runs(process)

    with embedded_postgres(state.postgres) as server:
        async with owner_connection(server.dsn(DATABASE_NAME)) as connection:
            assert await ensure_local_key(connection, state) == key
            await connection.execute("UPDATE api_keys SET revoked_at = now()")
            renewed = await ensure_local_key(connection, state)
            assert renewed != key
            assert await key_is_known(connection, renewed)


def test_a_server_that_a_killed_supervisor_left_is_taken_over_and_stopped(state):
    state.root.mkdir()
    killed = subprocess.run(
        [sys.executable, "-c", _KILLED_SUPERVISOR, str(state.postgres)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    orphan = _postmaster(state.postgres)
    assert _runs(orphan)
    with embedded_postgres(state.postgres) as server:
        assert server.pid == orphan.pid
    assert not _runs(orphan)


async def test_the_process_id_of_a_lost_server_may_belong_to_another_program_by_now(state):
    with embedded_postgres(state.postgres):
        left_behind = (state.postgres / "postmaster.pid").read_text().split("\n", 1)[1]
    (state.postgres / "postmaster.pid").write_text(f"{os.getpid()}\n{left_behind}")
    with embedded_postgres(state.postgres) as server:
        async with owner_connection(server.dsn("postgres")) as connection:
            assert await connection.fetchval("SELECT 1") == 1


async def test_a_server_that_was_killed_recovers(state):
    with embedded_postgres(state.postgres) as server:
        async with owner_connection(server.dsn("postgres")) as connection:
            await connection.execute("CREATE TABLE kept AS SELECT 1 AS value")
        psutil.Process(server.pid).kill()
        ended = await asyncio.wait_for(server.until_it_ends(), timeout=10)
        assert "ended by itself" in str(ended)
    with embedded_postgres(state.postgres) as server:
        async with owner_connection(server.dsn("postgres")) as connection:
            assert await connection.fetchval("SELECT value FROM kept") == 1


def test_a_folder_that_holds_something_else_is_refused_with_the_reason(state):
    (state.postgres / "mine").mkdir(parents=True)
    with pytest.raises(StackError, match="did not start") as caught, embedded_postgres(state.postgres):
        pytest.fail("initdb took a folder that is not empty")
    assert "exists but is not empty" in caught.value.log_tail


async def test_migrations_that_fail_are_told_without_a_traceback(state, tmp_path):
    folder = tmp_path / "migrations"
    folder.mkdir()
    with embedded_postgres(state.postgres) as server:
        async with owner_connection(server.dsn("postgres")) as connection:
            with pytest.raises(StackError, match="no migrations in"):
                await migrated(connection, folder)
            (folder / "0001_broken.sql").write_text("SELECT nonsense")
            with pytest.raises(StackError, match=r"0001_broken\.sql"):
                await migrated(connection, folder)


async def test_a_database_that_is_not_there_is_named_without_its_password():
    with pytest.raises(StackError) as caught:
        async with owner_connection("postgresql://ann:secret@127.0.0.1:1/sagwan"):
            pytest.fail("nothing listens on port 1")
    assert "ann@127.0.0.1:1" in str(caught.value)
    assert "secret" not in str(caught.value)


async def test_what_the_database_refuses_is_told_as_an_error_of_the_stack(state):
    with embedded_postgres(state.postgres) as server:
        with pytest.raises(StackError, match="does not exist") as caught:
            async with owner_connection(server.dsn("postgres")) as connection:
                await connection.execute("SELECT nonsense")
        assert isinstance(caught.value.__cause__, asyncpg.PostgresError)
