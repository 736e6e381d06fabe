"""Who is calling: an API key names the tenant."""

import hashlib
import time
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Protocol
from uuid import UUID

from sagwan_runtime.calls import Call, Scope
from sagwan_runtime.errors import PermissionDenied, Unauthenticated

_SCHEME = "bearer "


@dataclass(frozen=True, slots=True)
class Principal:
    """The caller that a key stands for.

    Attributes:
        tenant_id: Whose rows the call may see.
        token_key: The tenant's secret that page tokens are signed with.
        scopes: What it may do besides reading and writing meetings, such as `admin`.
    """

    tenant_id: UUID
    token_key: bytes = field(repr=False)
    scopes: frozenset[str] = frozenset()


class KeyStore(Protocol):
    """Where keys are looked up."""

    async def principal_of(self, key_sha256: bytes) -> Principal | None:
        """The principal of a key that is known and not revoked."""
        ...


class CachedKeyStore:
    """Remembers known keys for a short time, so that a search does not begin with a query for its key.

    A revoked key works for at most `ttl_s` longer. Unknown keys are not remembered, so that a new key works at once.
    """

    def __init__(self, store: KeyStore, *, ttl_s: float = 10.0, entries_max: int = 10_000) -> None:
        self._store = store
        self._ttl_s = ttl_s
        self._entries_max = entries_max
        self._known: OrderedDict[bytes, tuple[float, Principal]] = OrderedDict()

    async def principal_of(self, key_sha256: bytes) -> Principal | None:
        """The principal of a key, from memory where it is fresh."""
        entry = self._known.get(key_sha256)
        if entry is not None and entry[0] > time.monotonic():
            return entry[1]
        principal = await self._store.principal_of(key_sha256)
        self._known.pop(key_sha256, None)
        if principal is not None:
            self._known[key_sha256] = (time.monotonic() + self._ttl_s, principal)
            if len(self._known) > self._entries_max:
                self._known.popitem(last=False)
        return principal


_principal: ContextVar[Principal] = ContextVar("sagwan_principal")


def current_principal() -> Principal:
    """The caller of the RPC being answered.

    Raises:
        Unauthenticated: The RPC runs outside the `authenticated` scope.
    """
    try:
        return _principal.get()
    except LookupError:
        raise Unauthenticated("this call names no tenant") from None


def require_scope(scope: str) -> Principal:
    """The caller of the RPC being answered, whose key must have a scope.

    Raises:
        PermissionDenied: It has not.
        Unauthenticated: The RPC runs outside the `authenticated` scope.
    """
    principal = current_principal()
    if scope not in principal.scopes:
        raise PermissionDenied(f"this takes a key with the scope {scope}")
    return principal


def key_digest(key: str) -> bytes:
    """SHA-256 of a key: the only form in which the database holds it. Keys are random, so no salt is needed."""
    return hashlib.sha256(key.encode()).digest()


def authenticated(keys: KeyStore) -> Scope:
    """Requires `authorization: Bearer <key>` with a known key."""

    @asynccontextmanager
    async def scope(call: Call) -> AsyncIterator[None]:
        header = call.metadata.get("authorization", "")
        if not header.lower().startswith(_SCHEME):
            raise Unauthenticated("send the API key as metadata `authorization: Bearer <key>`")
        principal = await keys.principal_of(key_digest(header[len(_SCHEME) :].strip()))
        if principal is None:
            raise Unauthenticated("the API key is not known or was revoked")
        _principal.set(principal)
        yield

    return scope
