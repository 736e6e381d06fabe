import pytest

from sagwan_runtime.auth import CachedKeyStore, key_digest
from sagwan_runtime.errors import DependencyUnavailable
from sagwan_runtime.postgres.keys import PostgresKeyStore
from sagwan_runtime.postgres.tenants import ensure_tenant, issue_key, key_is_known

pytestmark = pytest.mark.integration


@pytest.fixture
async def keys(open_service_database, database_url):
    return PostgresKeyStore(await open_service_database(database_url))


@pytest.fixture
def tenant_of(keys):
    """Whom a key stands for, and what it may do."""

    async def asked(key):
        principal = await keys.principal_of(key_digest(key))
        return None if principal is None else (principal.tenant_id, principal.scopes)

    return asked


async def revoke(owner, key):
    await owner.execute("UPDATE api_keys SET revoked_at = now() WHERE key_sha256 = $1", key_digest(key))


async def test_a_key_names_its_tenant_and_what_it_may_do(tenant_of, owner, tenants):
    reader = await issue_key(owner, tenants.a, "laptop")
    admin = await issue_key(owner, tenants.b, "operator", ["admin", "export"])

    assert await tenant_of(reader) == (tenants.a, frozenset())
    assert await tenant_of(admin) == (tenants.b, {"admin", "export"})


async def test_every_key_of_a_tenant_leads_to_the_same_secret_and_no_other_tenant_s(keys, owner, tenants):
    issued = [await issue_key(owner, tenant, "laptop") for tenant in (tenants.a, tenants.a, tenants.b)]

    mine, mine_too, other = [(await keys.principal_of(key_digest(key))).token_key for key in issued]

    assert mine == mine_too != other
    assert len(mine) == len(other) == 32


async def test_a_secret_is_not_written_with_the_caller_it_belongs_to(keys, owner, tenants):
    principal = await keys.principal_of(key_digest(await issue_key(owner, tenants.a, "laptop")))

    assert repr(principal.token_key) not in repr(principal)


async def test_a_key_that_nobody_issued_is_not_known(keys, owner, tenants):
    await issue_key(owner, tenants.a, "laptop")

    assert await keys.principal_of(key_digest("sgw_guess")) is None


async def test_a_revoked_key_is_not_known_any_more(tenant_of, owner, tenants):
    key = await issue_key(owner, tenants.a, "laptop")
    other = await issue_key(owner, tenants.a, "phone")

    await revoke(owner, key)

    assert await tenant_of(key) is None
    assert await tenant_of(other) == (tenants.a, frozenset())
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
    known = await keys.principal_of(key_digest(key))

    await revoke(owner, key)

    assert known is not None
    assert await keys.principal_of(key_digest(key)) == known


async def test_without_a_database_a_key_is_neither_known_nor_unknown(open_service_database, unused_tcp_port):
    keys = PostgresKeyStore(await open_service_database(f"postgresql://sagwan@127.0.0.1:{unused_tcp_port}/sagwan"))

    with pytest.raises(DependencyUnavailable):
        await keys.principal_of(key_digest("sgw_guess"))
