import asyncio
import os
from urllib.parse import urlsplit

import asyncpg
import pytest

from sagwan_runtime.postgres.migrations import Migration, MigrationError, migrate, ordered

pytestmark = pytest.mark.integration

FIRST = ("0001_first.sql", "CREATE TABLE first (x integer);")
SECOND = ("0002_second.sql", "CREATE TABLE second (x integer);")
BROKEN = ("0002_second.sql", "CREATE TABLE second (x integer); SELECT * FROM nowhere;")


@pytest.fixture
async def connection(connect, empty_database_url):
    return await connect(empty_database_url)


async def tables(connection):
    rows = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename")
    return [row["tablename"] for row in rows]


async def ledger(connection):
    return [row["version"] for row in await connection.fetch("SELECT version FROM schema_migrations ORDER BY version")]


async def test_an_empty_database_gets_every_file_and_the_second_run_changes_nothing(connection, migrations):
    assert await migrate(connection, migrations) == migrations
    before = await connection.fetch("SELECT * FROM schema_migrations ORDER BY version")

    assert await migrate(connection, migrations) == []

    assert await connection.fetch("SELECT * FROM schema_migrations ORDER BY version") == before
    assert [(row["file_name"], row["sha256"]) for row in before] == [(m.file_name, m.sha256) for m in migrations]


async def test_two_that_migrate_at_once_apply_each_file_once(connection, connect, empty_database_url, migrations):
    other = await connect(empty_database_url)

    applied = await asyncio.gather(migrate(connection, migrations), migrate(other, migrations))

    assert sorted(map(len, applied)) == [0, len(migrations)]
    assert await ledger(connection) == [each.version for each in migrations]


async def test_only_what_is_missing_is_applied(connection):
    await migrate(connection, ordered([FIRST]))

    applied = await migrate(connection, ordered([FIRST, SECOND]))

    assert [each.file_name for each in applied] == ["0002_second.sql"]
    assert await tables(connection) == ["first", "schema_migrations", "second"]


async def test_a_file_that_was_changed_after_it_was_applied_is_refused_before_anything_runs(connection):
    await migrate(connection, ordered([FIRST]))
    changed = (FIRST[0], FIRST[1] + " -- a comment")

    with pytest.raises(MigrationError, match=r"0001_first\.sql was changed"):
        await migrate(connection, ordered([changed, SECOND]))

    assert await tables(connection) == ["first", "schema_migrations"]


async def test_a_database_newer_than_the_files_is_refused(connection):
    await migrate(connection, ordered([FIRST, SECOND]))

    with pytest.raises(MigrationError, match="migration 2, which this version does not know"):
        await migrate(connection, ordered([FIRST]))


async def test_a_file_that_fails_leaves_no_trace_and_the_ones_before_it_stay(connection):
    with pytest.raises(MigrationError, match=r'0002_second\.sql: relation "nowhere" does not exist'):
        await migrate(connection, ordered([FIRST, BROKEN]))

    assert await tables(connection) == ["first", "schema_migrations"]
    assert await ledger(connection) == [1]


async def test_a_file_that_cannot_be_recorded_leaves_no_trace_either(connection):
    forging = (FIRST[0], FIRST[1] + "INSERT INTO schema_migrations VALUES (1, 'forged', '')")

    with pytest.raises(MigrationError, match="duplicate key"):
        await migrate(connection, ordered([forging]))

    assert await tables(connection) == ["schema_migrations"]
    assert await ledger(connection) == []


async def test_after_a_failure_the_next_run_goes_on_where_it_stopped(connection, connect, empty_database_url):
    other = await connect(empty_database_url)
    with pytest.raises(MigrationError):
        await migrate(connection, ordered([FIRST, BROKEN]))

    async with asyncio.timeout(5):
        applied = await migrate(other, ordered([FIRST, SECOND]))

    assert [each.version for each in applied] == [2]


async def test_an_owner_who_is_no_superuser_can_migrate(
    connection, connect, empty_database_url, migrations, postgres_url
):
    """Another database of the cluster has made the roles already, so this owner is an administrator of them."""
    await connection.execute("CREATE EXTENSION vector")
    owner_name = f"sagwan_owner_{os.getpid()}"
    database_name = urlsplit(empty_database_url).path.removeprefix("/")
    await connection.execute(f"CREATE ROLE {owner_name} CREATEROLE")
    for role in ("sagwan_service", "sagwan_definer"):
        if await connection.fetchval("SELECT to_regrole($1) IS NULL", role):
            await connection.execute(f"CREATE ROLE {role} NOLOGIN")
    await connection.execute(f"GRANT sagwan_service, sagwan_definer TO {owner_name} WITH ADMIN OPTION")
    await connection.execute(f"ALTER DATABASE {database_name} OWNER TO {owner_name}")
    try:
        as_owner = await connect(empty_database_url, server_settings={"role": owner_name})

        assert await migrate(as_owner, migrations) == migrations

        assert await as_owner.fetchval("SELECT register_model('m', 'r', 'int8', 'sha', 3)") == 1
        await as_owner.execute("INSERT INTO tenants (name) VALUES ('a')")
        assert await as_owner.fetchval("SELECT count(*) FROM tenants") == 1
        await as_owner.close()
    finally:
        server = await connect(postgres_url)
        await server.execute(f"ALTER DATABASE {database_name} OWNER TO CURRENT_USER")
        await connection.execute(f"REASSIGN OWNED BY {owner_name} TO CURRENT_USER")
        await connection.execute(f"DROP OWNED BY {owner_name} CASCADE")
        await connection.execute(f"DROP ROLE {owner_name}")


async def test_nothing_but_the_errors_of_migrations_leaves_for_a_file_that_is_no_sql(connection):
    with pytest.raises(MigrationError) as failed:
        await migrate(connection, [Migration(1, "0001_first.sql", "CREATE TABEL x ()")])

    assert isinstance(failed.value.__cause__, asyncpg.PostgresSyntaxError)
