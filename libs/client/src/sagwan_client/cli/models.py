"""`sagwan models`: changing the embedding model of a running system."""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated

import typer
from google.protobuf.json_format import MessageToDict
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from sagwan.ingest.v1 import models_pb2
from sagwan_client.cli.console import notices, output, print_json, printable, run_with_client
from sagwan_client.cli.filters import JsonOption
from sagwan_client.client import SagwanClient

models = typer.Typer(
    no_args_is_help=True, help="Change the embedding model while the system runs (with a key of the scope admin)."
)

_PREFIX = "models/"
_SHORT = 12
_STATES = {
    models_pb2.MODEL_STATE_AVAILABLE: ("available", "dim"),
    models_pb2.MODEL_STATE_FILLING: ("filling", "yellow"),
    models_pb2.MODEL_STATE_SERVING: ("serving", "green"),
    models_pb2.MODEL_STATE_RETIRED: ("retired", "dim"),
}

ModelArgument = Annotated[
    str, typer.Argument(metavar="MODEL", help="Its digest as `sagwan models list` shows it, or the beginning of it.")
]


@models.command("list")
def list_models(
    watch: Annotated[
        float, typer.Option("--watch", metavar="SECONDS", min=0, help="List again and again, until Ctrl-C.")
    ] = 0,
    as_json: JsonOption = False,
) -> None:
    """Show every model: what it is for, how far it is filled, and whether an embedder runs it."""
    before: dict[str, int] = {}
    while True:
        found = run_with_client(lambda client: client.list_models())
        if as_json:
            print(json.dumps([_as_dict(each) for each in found], ensure_ascii=False, indent=2))
        else:
            rates = {each.name: (each.vector_count - before.get(each.name, each.vector_count)) for each in found}
            print_models(output(), found, {name: count / watch for name, count in rates.items()} if before else {})
        if not watch:
            return
        before = {each.name: each.vector_count for each in found}
        time.sleep(watch)


@models.command()
def add(
    model: Annotated[
        str, typer.Argument(metavar="[MODEL]", help="Which, if embedders run several that were not added.")
    ] = "",
    as_json: JsonOption = False,
) -> None:
    """Make a model known that an embedder runs. It serves nobody yet."""

    async def work(client: SagwanClient) -> models_pb2.Model:
        return await client.add_model(await _named(client, model) if model else "")

    added = run_with_client(work)
    if as_json:
        print_json(added)
    else:
        print_models(output(), [added], {})
        notices().print(Text.assemble("Next: ", (f"sagwan models fill {_short(added)}", "bold")))


@models.command()
def fill(model: ModelArgument, as_json: JsonOption = False) -> None:
    """Give every chunk a vector of the model, while the old one serves. Stop and repeat it as you like."""

    async def work(client: SagwanClient) -> models_pb2.FillModelProgress:
        last = models_pb2.FillModelProgress()
        name = await _named(client, model)
        with _progress() as show:
            async for last in client.fill_model(name):
                show(last)
        return last

    done = run_with_client(work)
    if as_json:
        print_json(done)
    else:
        output().print(Text(f"{done.vector_count:,} of {done.chunk_count:,} chunks have a vector."))
        notices().print(Text.assemble("Next: ", (f"sagwan models switch {printable(model)}", "bold")))


@models.command()
def switch(model: ModelArgument, as_json: JsonOption = False) -> None:
    """Let the model serve in place of the one that does, which is kept until it is dropped."""

    async def work(client: SagwanClient) -> models_pb2.Model:
        return await client.switch_model(await _named(client, model))

    serving = run_with_client(work)
    if as_json:
        print_json(serving)
    else:
        print_models(output(), [serving], {})


@models.command()
def drop(model: ModelArgument) -> None:
    """Remove a model that does not serve, with its vectors."""

    async def work(client: SagwanClient) -> str:
        name = await _named(client, model)
        await client.drop_model(name)
        return name

    notices().print(Text(f"Dropped {printable(run_with_client(work))}."))


def print_models(console: Console, found: Sequence[models_pb2.Model], rates: dict[str, float]) -> None:
    """Prints a line a model."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("digest", "model", "state", "filled"):
        table.add_column(column, no_wrap=True)
    table.add_column("embedder", no_wrap=True)
    for each in found:
        state, style = _STATES.get(each.state, ("unknown", "red"))
        counts = f"{each.vector_count:,} of {each.chunk_count:,}"
        if rates.get(each.name):
            counts += f" ({rates[each.name]:,.1f}/s)"
        table.add_row(
            Text(printable(_short(each)), style="bold"),
            Text(printable(each.label)),
            Text(state, style=style),
            Text("-" if each.state == models_pb2.MODEL_STATE_AVAILABLE else counts),
            Text("answers", style="green") if each.reachable else Text("none", style="red"),
        )
    console.print(table)


async def _named(client: SagwanClient, beginning: str) -> str:
    """The resource name of the model whose digest begins so.

    Raises:
        typer.BadParameter: There is none, or there are several.
    """
    beginning = beginning.removeprefix(_PREFIX)
    names = [each.name for each in await client.list_models() if each.name.startswith(_PREFIX + beginning)]
    if len(names) != 1:
        how_many = "no model's digest begins" if not names else f"the digests of {len(names)} models begin"
        raise typer.BadParameter(f"{how_many} with {printable(beginning)}", param_hint="MODEL")
    return names[0]


@contextmanager
def _progress() -> Iterator[Callable[[models_pb2.FillModelProgress], None]]:
    """A bar over chunks, on a terminal only; what it yields is told of each progress."""
    console = notices()
    columns = (
        TextColumn("filling"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]:,.0f} chunks/s"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("fill", total=None, rate=0.0)

        def show(progress: models_pb2.FillModelProgress) -> None:
            bar.update(task, completed=progress.vector_count, total=progress.chunk_count, rate=progress.rate)

        yield show


def _short(model: models_pb2.Model) -> str:
    return model.name.removeprefix(_PREFIX)[:_SHORT]


def _as_dict(model: models_pb2.Model) -> dict[str, object]:
    return MessageToDict(model, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)
