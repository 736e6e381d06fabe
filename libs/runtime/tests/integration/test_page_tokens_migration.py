"""The migration that brings secrets for page tokens, on a database that has tenants and keys already."""

import pytest

from sagwan_runtime.auth import key_digest
from sagwan_runtime.postgres.keys import PostgresKeyStore
from sagwan_runtime.postgres.migrations import migrate
from sagwan_runtime.postgres.tenants import ensure_tenant, issue_key

pytestmark = pytest.mark.integration


async def test_tenants_that_were_there_before_get_a_secret_each_and_their_keys_go_on_working(
    connect, empty_database_url, migrations, open_service_database
):
    owner = await connect(empty_database_url)
    await migrate(owner, [each for each in migrations if each.version < 7])
    tenants = [await ensure_tenant(owner, name) for name in ("a", "b")]
    issued = [await issue_key(owner, tenant_id, "laptop", ["admin"]) for tenant_id in tenants]

    await migrate(owner, migrations)

    keys = PostgresKeyStore(await open_service_database(empty_database_url))
    found = [await keys.principal_of(key_digest(key)) for key in issued]
    assert [(each.tenant_id, each.scopes) for each in found] == [(tenant_id, {"admin"}) for tenant_id in tenants]
    assert len({each.token_key for each in found}) == 2
