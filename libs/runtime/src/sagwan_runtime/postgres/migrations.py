"""Brings a database to the schema of this version: numbered SQL files, each applied once, in order, under a lock.

docs/decisions/0003-migrations.md says why this is ours. Files are named `0001_what_it_does.sql`. Each runs in a
transaction of its own together with the row that records it.
"""

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import asyncpg

# Two processes migrating at once wait for each other. The number is "sagw" in ASCII.
_LOCK_ID = 0x73616777
_FILE_NAME = re.compile(r"^(?P<version>\d{4})_[a-z0-9_]+\.sql$")
_CREATE_LEDGER = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    version    integer     PRIMARY KEY,
    file_name  text        NOT NULL,
    sha256     bytea       NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
)
"""


class MigrationError(Exception):
    """The files and the database do not fit together, or a file failed."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One file.

    Attributes:
        version: Its number.
        file_name: Its name.
        sql: Its text.
    """

    version: int
    file_name: str
    sql: str

    @property
    def sha256(self) -> bytes:
        """Digest of its text: an applied file must never change."""
        return hashlib.sha256(self.sql.encode()).digest()


def ordered(files: Iterable[tuple[str, str]]) -> list[Migration]:
    """The migrations of `(file name, text)` pairs, in order.

    Raises:
        MigrationError: A name does not follow the pattern, or the numbers are not 1, 2, 3, ….
    """
    found: list[Migration] = []
    for file_name, sql in files:
        match = _FILE_NAME.match(file_name)
        if match is None:
            raise MigrationError(f"{file_name} is not named like 0001_what_it_does.sql")
        found.append(Migration(int(match["version"]), file_name, sql))
    found.sort(key=lambda each: each.version)
    if [each.version for each in found] != list(range(1, len(found) + 1)):
        raise MigrationError("migrations must be numbered 1, 2, 3, … without a gap")
    return found


async def migrate(connection: asyncpg.Connection, migrations: Sequence[Migration]) -> list[Migration]:
    """Applies what is missing and returns it.

    Args:
        connection: As the owner of the schema.
        migrations: All files, in order.

    Raises:
        MigrationError: An applied file has changed, the database is newer than the files, or a file failed; the
            failing file has left no trace.
    """
    await connection.execute("SELECT pg_advisory_lock($1)", _LOCK_ID)
    try:
        await connection.execute(_CREATE_LEDGER)
        rows = await connection.fetch("SELECT version, sha256 FROM schema_migrations")
        applied = {row["version"]: row["sha256"] for row in rows}
        _refuse_drift(applied, migrations)
        missing = [each for each in migrations if each.version not in applied]
        for migration in missing:
            await _apply(connection, migration)
        return missing
    finally:
        await connection.execute("SELECT pg_advisory_unlock($1)", _LOCK_ID)


def _refuse_drift(applied: dict[int, bytes], migrations: Sequence[Migration]) -> None:
    known = {each.version: each for each in migrations}
    for version, sha256 in applied.items():
        if version not in known:
            raise MigrationError(f"the database has migration {version}, which this version does not know")
        if known[version].sha256 != sha256:
            raise MigrationError(f"{known[version].file_name} was changed after it had been applied")


async def _apply(connection: asyncpg.Connection, migration: Migration) -> None:
    try:
        async with connection.transaction():
            await connection.execute(migration.sql)
            await connection.execute(
                "INSERT INTO schema_migrations (version, file_name, sha256) VALUES ($1, $2, $3)",
                migration.version,
                migration.file_name,
                migration.sha256,
            )
    except asyncpg.PostgresError as error:
        raise MigrationError(f"{migration.file_name}: {error}") from error
