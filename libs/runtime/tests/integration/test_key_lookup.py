import pytest

from sagwan_runtime.auth import CachedKeyStore, Principal, key_digest
from sagwan_runtime.errors import DependencyUnavailable
from sagwan_runtime.postgres.keys import PostgresKeyStore
from sagwan_runtime.postgres.tenants import ensure_tenant, issue_key, key_is_known

pytestmark = pytest.mark.integration


@pytest.fixture
async def keys(open_service_database, database_url):
    return PostgresKeyStore(await open_service_database(database_url))


async def revoke(owner, key):
    await owner.execute("UPDATE api_keys SET revoked_at = now() WHERE key_sha256 = $1", key_digest(key))


async def test_a_key_names_its_tenant_and_what_it_may_do(keys, owner, tenants):
    reader = await issue_key(owner, tenants.a, "laptop")
    admin = await issue_key(owner, tenants.b, "operator", ["admin", "export"])

    assert await keys.principal_of(key_digest(reader)) == Principal(tenants.a)
    assert await keys.principal_of(key_digest(admin)) == Principal(tenants.b, frozenset({"admin", "export"}))


async def test_a_key_that_nobody_issued_is_not_known(keys, owner, tenants):
    await issue_key(owner, tenants.a, "laptop")

    assert await keys.principal_of(key_digest("sgw_guess")) is None


async def test_a_revoked_key_is_not_known_any_more(keys, owner, tenants):
    key = await issue_key(owner, tenants.a, "laptop")
    other = await issue_key(owner, tenants.a, "phone")

    await revoke(owner, key)

    assert await keys.principal_of(key_digest(key)) is None
    assert await keys.principal_of(key_digest(other)) == Principal(tenants.a)
    assert [await key_is_known(owner, each) for each in (key, other, "sgw_guess")] == [False, True, False]


async def test_the_database_keeps_no_key_itself(owner, tenants):
    key = await issue_key(owner, tenants.a, "laptop")

    row = await owner.fetchval("SELECT k::text FROM api_keys AS k WHERE tenant_id = $1", tenants.a)

    assert key not in row
    assert key.removeprefix("sgw_") not in row
    assert key_digest(key).hex() in row


async def test_two_keys_of_a_tenant_differ(owner, tenants):
    issued = {await issue_key(owner, tenants.a, "laptop") for _ in range(3)}

    assert len(issued) == 3
    assert all(key.startswith("sgw_") and len(key) > 40 for key in issued)


async def test_a_tenant_is_made_once(owner):
    assert await ensure_tenant(owner, "council") == await ensure_tenant(owner, "council")
    assert await ensure_tenant(owner, "council") != await ensure_tenant(owner, "board")


async def test_a_remembered_key_needs_no_database(open_service_database, database_url, owner, tenants):
    keys = CachedKeyStore(PostgresKeyStore(await open_service_database(database_url)))
    key = await issue_key(owner, tenants.a, "laptop")
    await keys.principal_of(key_digest(key))

    await revoke(owner, key)

    assert await keys.principal_of(key_digest(key)) == Principal(tenants.a)


async def test_without_a_database_a_key_is_neither_known_nor_unknown(open_service_database, unused_tcp_port):
    keys = PostgresKeyStore(await open_service_database(f"postgresql://sagwan@127.0.0.1:{unused_tcp_port}/sagwan"))

    with pytest.raises(DependencyUnavailable):
        await keys.principal_of(key_digest("sgw_guess"))
