"""API keys in PostgreSQL. The services' role may ask about one key at a time and can read none."""

from sagwan_runtime.auth import Principal
from sagwan_runtime.deadline import Deadline
from sagwan_runtime.postgres.database import Database
from sagwan_runtime.postgres.queries import Query

_AUTHENTICATE = Query("authenticate", "SELECT tenant_id, token_key, scopes FROM authenticate($1)")


class PostgresKeyStore:
    """Looks keys up by their digest."""

    def __init__(self, database: Database, *, timeout_s: float = 2.0) -> None:
        self._database = database
        self._timeout_s = timeout_s

    async def principal_of(self, key_sha256: bytes) -> Principal | None:
        """The principal of a key that is known and not revoked."""
        async with self._database.untenanted(Deadline.after(self._timeout_s)) as session:
            row = await session.fetch_row(_AUTHENTICATE, key_sha256)
        return None if row is None else Principal(row["tenant_id"], row["token_key"], frozenset(row["scopes"]))
