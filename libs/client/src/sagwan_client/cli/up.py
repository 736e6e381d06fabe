"""`sagwan up`: the whole stack on this machine."""

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from sagwan_client.cli.console import notices, output, printable_lines
from sagwan_client.cli.extras import local_extra
from sagwan_client.settings import home_folder

if TYPE_CHECKING:
    from sagwan_client.errors import StackError
    from sagwan_client.local.stack import RunningStack


def up() -> None:
    """Start everything on this machine, and stop it all on Ctrl-C.

    PostgreSQL is embedded unless SAGWAN_DATABASE_URL names one. State and logs live in var/.
    """
    with local_extra():
        asyncio.run(_up())


async def _up() -> None:
    from sagwan_client.local.signals import ended_by_signals
    from sagwan_client.local.stack import running_stack

    console = notices()
    with ended_by_signals():
        async with running_stack(home_folder(), report=lambda *step: print_step(console, *step)) as stack:
            print_stack(output(), stack)
            raise await stack.keep_running(partial(print_restart, console))


def print_step(console: Console, done: str, seconds: float) -> None:
    """Prints a step that is done and how long it took."""
    console.print(Text.assemble(("✓ ", "green"), f"{done:<28}", (f"{seconds:5.1f} s", "dim")))


def print_restart(console: Console, death: "StackError") -> None:
    """Says that a service ended by itself, what it said last, and that it was started again."""
    console.print(Text.assemble(("! ", "yellow"), str(death)))
    console.print(Text(printable_lines(death.log_tail), style="dim"))
    console.print(Text("  It was started again.", style="yellow"))


def print_stack(console: Console, stack: "RunningStack") -> None:
    """Prints where everything listens, and what to do next."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("service", "address", "metrics"):
        table.add_column(column)
    table.add_column("ready in", justify="right")
    for name, each in stack.services.items():
        table.add_row(
            Text(name, style="bold"),
            Text(each.endpoint.address),
            Text(each.endpoint.metrics_address),
            Text(f"{each.ready_s:.1f} s"),
        )
    console.print()
    console.print(table)
    console.print()
    console.print("The key is in var/api_key, logs are in var/run. Ctrl-C stops everything.", style="dim")
    console.print(Text.assemble("Next: ", ("sagwan ingest samples/meetings", "bold")))
    console.print(Text.assemble("then: ", ('sagwan search "why were shoppers charged twice"', "bold")))
