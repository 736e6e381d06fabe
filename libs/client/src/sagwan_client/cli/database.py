"""`sagwan migrate`, `sagwan tenants` and `sagwan keys`: what the owner of the schema does."""

import asyncio
from typing import Annotated

import typer
from rich.text import Text

from sagwan_client.cli.console import notices, output, printable
from sagwan_client.cli.extras import local_extra
from sagwan_client.errors import StackError
from sagwan_client.settings import home_folder

tenants = typer.Typer(no_args_is_help=True, help="Manage tenants (as the schema's owner).")
keys = typer.Typer(no_args_is_help=True, help="Manage API keys (as the schema's owner).")


def migrate() -> None:
    """Bring the schema of SAGWAN_DATABASE_OWNER_URL (or SAGWAN_DATABASE_URL) up to date."""
    with local_extra():
        applied = asyncio.run(_migrate())
    for file_name in applied:
        output().print(Text(f"applied {file_name}"))
    if not applied:
        notices().print("The schema is up to date.")


@tenants.command("create")
def create_tenant(name: Annotated[str, typer.Argument(help="What to call it.")]) -> None:
    """Create a tenant; one of that name that is there already is left as it is."""
    with local_extra():
        tenant_id = asyncio.run(_create_tenant(name))
    output().print(Text(tenant_id))


@keys.command("create")
def create_key(
    tenant: Annotated[str, typer.Option(help="The tenant it is for, which must exist.")],
    scope: Annotated[
        list[str] | None, typer.Option(help="What it may do besides, such as admin. May be repeated.")
    ] = None,
    name: Annotated[str, typer.Option(help="What to call it, for those who list keys.")] = "command line",
) -> None:
    """Create an API key and print it. It is kept nowhere else: it cannot be shown again."""
    with local_extra():
        key = asyncio.run(_create_key(tenant, name, scope or []))
    output().print(Text(key))


async def _migrate() -> list[str]:
    from sagwan_client.local.schema import migrated, migrations_folder, owner_connection, owner_dsn

    home = home_folder()
    async with owner_connection(owner_dsn(home)) as connection:
        applied = await migrated(connection, migrations_folder(home))
    return [each.file_name for each in applied]


async def _create_tenant(name: str) -> str:
    from sagwan_client.local.schema import owner_connection, owner_dsn
    from sagwan_runtime.postgres.tenants import ensure_tenant

    async with owner_connection(owner_dsn(home_folder())) as connection:
        return str(await ensure_tenant(connection, name))


async def _create_key(tenant: str, name: str, scopes: list[str]) -> str:
    from sagwan_client.local.schema import owner_connection, owner_dsn
    from sagwan_runtime.postgres.tenants import issue_key

    async with owner_connection(owner_dsn(home_folder())) as connection:
        tenant_id = await connection.fetchval("SELECT tenant_id FROM tenants WHERE name = $1", tenant)
        if tenant_id is None:
            raise StackError(
                f"no tenant {printable(tenant)}: create it with `sagwan tenants create {printable(tenant)}`"
            )
        return await issue_key(connection, tenant_id, name, scopes)
