"""`sagwan index`: looking after the index of vectors."""

import json
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from sagwan.search.v1 import index_admin_pb2, search_pb2
from sagwan_client.cli.charts import draw_curve
from sagwan_client.cli.console import ExitCode, notices, output, print_json, printable, run_with_client
from sagwan_client.cli.filters import JsonOption, takes_filter
from sagwan_client.cli.plans import print_plans
from sagwan_client.client import SagwanClient

index = typer.Typer(no_args_is_help=True, help="Look after the index of vectors (with a key of the scope admin).")


class Kind(StrEnum):
    """Kinds of index, as they are typed."""

    exact = "exact"
    hnsw = "hnsw"
    ivfflat = "ivfflat"


class Quantization(StrEnum):
    """What an index keeps of a vector, as it is typed."""

    none = "none"
    halfvec = "halfvec"
    binary = "binary"


_KINDS = {each: index_admin_pb2.IndexKind.Value(f"INDEX_KIND_{each.name.upper()}") for each in Kind}
_QUANTIZATIONS = {
    each: index_admin_pb2.Quantization.Value(f"QUANTIZATION_{each.name.upper()}") for each in Quantization
}
_KIND_NAMES = {value: each.value for each, value in _KINDS.items()}
_QUANTIZATION_NAMES = {value: each.value for each, value in _QUANTIZATIONS.items()}


@index.command()
def status(as_json: JsonOption = False) -> None:
    """Show how the index is, and what would be done next and why."""
    found = run_with_client(lambda client: client.index_status())
    if as_json:
        print_json(found)
    else:
        print_status(output(), found)


@index.command()
@takes_filter
def plan(
    query: Annotated[str, typer.Argument(help="A question.")],
    wanted: search_pb2.Filter,
    as_json: JsonOption = False,
) -> None:
    """Run a search under EXPLAIN, and show how PostgreSQL does each of its legs."""
    legs = run_with_client(lambda client: client.plan_query(query, wanted))
    if as_json:
        print_json(index_admin_pb2.PlanQueryResponse(legs=legs))
    else:
        print_plans(output(), legs)


@index.command()
def tune(
    recall: Annotated[
        float, typer.Option(min=0.01, max=1, help="Share of the true nearest ten that searches should find.")
    ] = 0.95,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only measure; leave the settings as they are.")] = False,
    quantization: Annotated[
        list[Quantization] | None,
        typer.Option(help="Build this beside the index and try it too. May be repeated."),
    ] = None,
    chart: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Draw the curve into a PNG (with the extra `chart`).")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Find the cheapest settings that reach a recall, and keep them."""

    async def work(client: SagwanClient) -> list[index_admin_pb2.TuneIndexProgress]:
        steps = []
        asked = [_QUANTIZATIONS[each] for each in quantization or ()]
        with _bar("tuning") as bar:
            task = bar.add_task("", total=1.0)
            async for step in client.tune_index(recall, apply=not dry_run, quantizations=asked):
                steps.append(step)
                bar.update(task, completed=step.progress, description=_settings(step.point.settings))
        return steps

    steps = run_with_client(work)
    points = [each.point for each in steps if each.HasField("point")]
    last = steps[-1]
    if chart is not None:
        draw_curve(chart, points, last.chosen, recall)
    if as_json:
        print(json.dumps([_as_dict(each) for each in steps], ensure_ascii=False, indent=2))
    else:
        print_curve(output(), points, last.chosen, recall)
        console = notices()
        drawn = f"{last.drawn_count} chunks in place of more"
        console.print(Text(f"Measured with {last.asked_count} questions that were asked, and {drawn}."))
        if not dry_run:
            console.print("Searches use it from now on.")
    if last.chosen.recall < recall:
        notices().print(Text(f"No setting reaches {recall:g}.", style="red"))
        raise typer.Exit(ExitCode.REFUSED)


@index.command()
def rebuild(
    kind: Annotated[
        Kind | None, typer.Option(help="What to build; as it is when left out, and hnsw where there is none.")
    ] = None,
    quantization: Annotated[
        Quantization | None,
        typer.Option(help="What it keeps of a vector; as it is when left out; halfvec at first."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Build the index anew beside the one in use, and swap them. It goes on when you stop watching."""

    async def work(client: SagwanClient) -> index_admin_pb2.IndexStatus:
        wanted = _KINDS[kind] if kind else index_admin_pb2.INDEX_KIND_UNSPECIFIED
        kept = _QUANTIZATIONS[quantization] if quantization else index_admin_pb2.QUANTIZATION_UNSPECIFIED
        with _bar("building") as bar:
            task = bar.add_task("", total=1.0)
            async for step in client.rebuild_index(wanted, kept):
                bar.update(task, completed=step.progress, description=printable(step.phase))
        return await client.index_status()

    found = run_with_client(work)
    if as_json:
        print_json(found)
    else:
        print_status(output(), found)


def print_status(console: Console, found: index_admin_pb2.IndexStatus) -> None:
    """Prints a line a figure, and those of the kind only."""
    hnsw, ivfflat = (found.kind == _KINDS[each] for each in (Kind.hnsw, Kind.ivfflat))
    recall = "never measured"
    if found.measured_recall >= 0:
        recall = f"{found.measured_recall:.3f} on {found.measure_time.ToDatetime():%Y-%m-%d %H:%M} UTC"
    if found.recall_target:
        recall += f", tuned for {found.recall_target:g}"
    kind = _KIND_NAMES.get(found.kind, "unknown")
    if hnsw or ivfflat:
        kind += f" over {_QUANTIZATION_NAMES.get(found.quantization, 'unknown')}".replace("over none", "over floats")
    built = f" ({found.built_row_count:,} when it was built)" if found.built_row_count else ""
    buffered = f", {found.buffered_share:.0%} of it in shared buffers" if found.buffered_share >= 0 else ""
    lines = {
        "model": printable(found.model),
        "kind": kind,
        "rows": f"about {found.row_count:,}{built}",
        "graph": f"m {found.m}, ef_construction {found.ef_construction}" if hnsw else "",
        "lists": f"{found.lists:,}, of which a search looks at {found.probes:,}" if ivfflat else "",
        "search": f"ef_search {found.ef_search}, iterative scan {found.iterative_scan}" if hnsw else "",
        "size": f"{_size(found.size_bytes)}{buffered}" if hnsw or ivfflat else "",
        "scans": f"{found.scan_count:,}, which gave {found.tuple_count:,} entries" if hnsw or ivfflat else "",
        "recall@10": recall if hnsw or ivfflat else "1: every row is compared",
        "to build": f"about {_size(found.build_memory_bytes)} of memory",
        "building": f"{printable(found.build_phase)}, {found.build_progress:.0%}" if found.build_phase else "",
        "next": printable(found.advice),
    }
    table = Table.grid(padding=(0, 2))
    for name, value in lines.items():
        if value:
            table.add_row(Text(name, style="dim"), Text(value))
    console.print(table)


def print_curve(
    console: Console,
    points: Sequence[index_admin_pb2.TuningPoint],
    chosen: index_admin_pb2.TuningPoint,
    target: float,
) -> None:
    """Prints a line for each setting that was tried."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("settings")
    table.add_column("recall@10", justify="right")
    table.add_column("P50", justify="right")
    table.add_column("")
    for each in points:
        kept = each == chosen
        table.add_row(
            Text(_settings(each.settings), style="bold" if kept else ""),
            Text(f"{each.recall:.3f}", style="green" if each.recall >= target else "yellow"),
            Text(f"{each.p50_ms:.2f} ms"),
            Text("<- chosen" if kept else "", style="bold green"),
        )
    console.print(table)


def _as_dict(message: Message) -> dict[str, object]:
    return MessageToDict(message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)


def _settings(settings: Sequence[str]) -> str:
    return printable(" ".join(each.partition(".")[2] or each for each in settings))


def _size(count: int) -> str:
    return f"{count / (1 << 20):,.1f} MB"


def _bar(what: str) -> Progress:
    console = notices()
    return Progress(
        TextColumn(what),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
        TextColumn("{task.description}", style="dim"),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
