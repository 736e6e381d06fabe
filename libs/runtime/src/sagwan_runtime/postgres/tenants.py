"""Tenants and their keys, managed as the owner of the schema."""

import secrets
from collections.abc import Sequence
from uuid import UUID

import asyncpg

from sagwan_runtime.auth import key_digest

_KEY_PREFIX = "sgw_"
_KEY_BYTES = 32


async def ensure_tenant(connection: asyncpg.Connection, name: str) -> UUID:
    """The tenant of that name, made when it is not there."""
    await connection.execute("INSERT INTO tenants (name) VALUES ($1) ON CONFLICT (name) DO NOTHING", name)
    tenant_id: UUID = await connection.fetchval("SELECT tenant_id FROM tenants WHERE name = $1", name)
    return tenant_id


async def issue_key(connection: asyncpg.Connection, tenant_id: UUID, name: str, scopes: Sequence[str] = ()) -> str:
    """A new key for a tenant. It is returned once; the database keeps its digest only."""
    key = _KEY_PREFIX + secrets.token_urlsafe(_KEY_BYTES)
    await connection.execute(
        "INSERT INTO api_keys (key_sha256, tenant_id, name, scopes) VALUES ($1, $2, $3, $4)",
        key_digest(key),
        tenant_id,
        name,
        list(scopes),
    )
    return key


async def key_is_known(connection: asyncpg.Connection, key: str) -> bool:
    """Whether a key is there and not revoked."""
    known: bool = await connection.fetchval(
        "SELECT EXISTS (SELECT FROM api_keys WHERE key_sha256 = $1 AND revoked_at IS NULL)",
        key_digest(key),
    )
    return known
