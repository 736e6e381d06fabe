"""A database with a tenant and a model, and both services over it."""

from collections.abc import AsyncIterator

import asyncpg
import pytest
from embedders import HashingEmbedder, serving

from sagwan_runtime.embedders import Embedders
from sagwan_runtime.postgres.tenants import ensure_tenant, issue_key

DIMENSION = 16


@pytest.fixture
async def database_url(new_database) -> str:
    return await new_database()


@pytest.fixture
async def owner(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database_url)
    yield connection
    connection.terminate()


@pytest.fixture
async def key(owner: asyncpg.Connection) -> tuple[tuple[str, str], ...]:
    """What a caller of the one tenant sends."""
    issued = await issue_key(owner, await ensure_tenant(owner, "council"), "tests")
    return (("authorization", f"Bearer {issued}"),)


@pytest.fixture
async def embedder(owner: asyncpg.Connection) -> HashingEmbedder:
    """Runs the model that serves."""
    await owner.execute("SELECT register_model('hashes', 'one', 'none', 'one', $1)", DIMENSION)
    return HashingEmbedder("one", DIMENSION)


@pytest.fixture
async def embedders(embedder: HashingEmbedder) -> AsyncIterator[Embedders]:
    async with serving(embedder) as way:
        yield way
