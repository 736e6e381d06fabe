"""`sagwan status`: whether everything is well."""

import asyncio
import json
from dataclasses import asdict, dataclass

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from sagwan_client.cli.console import ExitCode, output, printable, run_with_client
from sagwan_client.cli.filters import JsonOption
from sagwan_client.client import SERVING, UNREACHABLE, SagwanClient
from sagwan_client.errors import SagwanCallError
from sagwan_client.settings import ClientSettings, local_stack


@dataclass(frozen=True, slots=True)
class ServiceStatus:
    """One service.

    Attributes:
        name: `embedder`, `ingest` or `search`.
        address: Where it was asked.
        metrics_address: Where it gives its metrics; empty when it does not run here.
        health: `SERVING`, `NOT_SERVING` or `UNREACHABLE`.
    """

    name: str
    address: str
    metrics_address: str
    health: str


@dataclass(frozen=True, slots=True)
class StackStatus:
    """Everything that `sagwan status` knows.

    Attributes:
        services: In the order a request meets them.
        model: As `name@revision/quantization`; empty when the embedder does not say.
        meetings: Meetings of this tenant; None when that cannot be asked.
        problem: Why meetings cannot be counted; empty when they can.
    """

    services: tuple[ServiceStatus, ...]
    model: str
    meetings: int | None
    problem: str

    @property
    def well(self) -> bool:
        """Whether every service serves and the key is accepted."""
        return all(each.health == SERVING for each in self.services) and self.meetings is not None


def status(as_json: JsonOption = False) -> None:
    """Show the health of each service, the model, and how many meetings are kept."""
    settings = ClientSettings.from_environment()
    found = run_with_client(lambda client: _ask(client, settings), settings=settings)
    if as_json:
        print(json.dumps({**asdict(found), "well": found.well}, ensure_ascii=False, indent=2))
    else:
        print_status(output(), found)
    raise typer.Exit(ExitCode.DONE if found.well else ExitCode.REFUSED)


async def _ask(client: SagwanClient, settings: ClientSettings) -> StackStatus:
    addresses = {
        "search": settings.search_target,
        "ingest": settings.ingest_target,
        "embedder": settings.embedder_target,
    }
    here = local_stack(settings.home).get("services", {})
    healths = await asyncio.gather(*(client.health(name) for name in addresses))
    services = tuple(
        ServiceStatus(name, address, here.get(name, {}).get("metrics_address", ""), health)
        for (name, address), health in zip(addresses.items(), healths, strict=True)
    )
    reachable = {each.name for each in services if each.health != UNREACHABLE}
    meetings, problem = await _count_meetings(client) if "ingest" in reachable else (None, "")
    model = await _model(client) if "embedder" in reachable else ""
    return StackStatus(services, model, meetings, problem)


async def _model(client: SagwanClient) -> str:
    try:
        model = await client.model()
    except SagwanCallError:
        return ""
    return f"{model.name}@{model.revision}/{model.quantization}"


async def _count_meetings(client: SagwanClient) -> tuple[int | None, str]:
    try:
        return (await client.list_meetings(page_size=1)).total_size, ""
    except SagwanCallError as error:
        return None, error.message


def print_status(console: Console, found: StackStatus) -> None:
    """Prints a line a service, then model and meetings."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("service", "address", "metrics", "health"):
        table.add_column(column)
    for each in found.services:
        style = "green" if each.health == SERVING else "red"
        table.add_row(
            Text(each.name, style="bold"),
            Text(each.address),
            Text(each.metrics_address or "-"),
            Text(each.health, style=style),
        )
    console.print(table)
    if found.model:
        console.print(Text(f"model     {printable(found.model)}"))
    if found.meetings is not None:
        console.print(Text(f"meetings  {found.meetings:,}"))
    elif found.problem:
        console.print(Text(f"meetings  {printable(found.problem)}", style="red"))
    if all(each.health == UNREACHABLE for each in found.services):
        console.print("Nothing answers. Is it up? Run [bold]make up[/] (or [bold]sagwan up[/]).")
