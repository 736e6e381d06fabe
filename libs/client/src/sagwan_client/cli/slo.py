"""`sagwan slo`: whether the project's targets hold."""

import json
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from sagwan_client.cli.console import ExitCode, notices, output, printable
from sagwan_client.cli.filters import JsonOption
from sagwan_client.settings import home_folder, local_stack
from sagwan_client.slo.pages import read_pages
from sagwan_client.slo.prometheus import read_prometheus
from sagwan_client.slo.readings import Readings, SourceUnavailable
from sagwan_client.slo.verdicts import Verdict, verdicts

_METRICS_PORTS = {"search": 9103, "ingest": 9102, "embedder": 9101}
_MARKS = {True: ("ok", "green"), False: ("MISSED", "red"), None: ("-", "dim")}


def slo(
    prometheus: Annotated[
        str,
        typer.Option(
            metavar="URL",
            envvar="SAGWAN_PROMETHEUS_URL",
            help="Prometheus to ask; without one, the services' own pages are read.",
        ),
    ] = "",
    window: Annotated[
        str, typer.Option(metavar="DURATION", help="How far back Prometheus looks, such as 30m, 1h or 7d.")
    ] = "1h",
    idle_seconds: Annotated[
        float, typer.Option(metavar="SECONDS", min=1, max=600, help="Without Prometheus: how long CPU is measured.")
    ] = 10,
    metrics: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SERVICE=URL", help="Where a service's metrics page is, if not as `sagwan status` shows it."
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show every target of the project with its measured value; exit status 1 when one is missed."""
    try:
        if prometheus:
            readings = read_prometheus(prometheus, window, list(_METRICS_PORTS))
        else:
            readings = read_pages(_page_urls(metrics or []), idle_seconds)
    except SourceUnavailable as error:
        notices().print(Text(printable(str(error)), style="red"))
        raise typer.Exit(ExitCode.NOT_RUN) from None
    judged = verdicts(readings)
    missed = any(each.passes is False for each in judged)
    if as_json:
        found = {"over": readings.over, "pass": not missed, "figures": [each.as_json() for each in judged]}
        print(json.dumps(found, ensure_ascii=False, indent=2))
    else:
        print_verdicts(output(), readings, judged)
    raise typer.Exit(ExitCode.REFUSED if missed else ExitCode.DONE)


def print_verdicts(console: Console, readings: Readings, judged: list[Verdict]) -> None:
    """Prints a line a target."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("target", no_wrap=True)
    table.add_column("measured", justify="right", no_wrap=True)
    for column in ("", "wanted", ""):
        table.add_column(column, no_wrap=True)
    table.add_column("", overflow="fold")
    for each in judged:
        figure = each.figure
        mark, style = _MARKS[each.passes]
        table.add_row(
            Text(figure.name),
            Text("-" if figure.value is None else f"{figure.value:,.4g}"),
            Text(figure.unit),
            Text("" if figure.target is None else str(figure.target)),
            Text(mark, style=style),
            Text(each.why, style="dim"),
        )
    console.print(table)
    console.print(Text(f"over {readings.over}", style="dim"))


def _page_urls(given: list[str]) -> dict[str, str]:
    here = local_stack(home_folder()).get("services", {})
    urls = {}
    for service, port in _METRICS_PORTS.items():
        address = here.get(service, {}).get("metrics_address") or f"127.0.0.1:{port}"
        urls[service] = f"http://{address}/metrics"
    for each in given:
        service, _, url = each.partition("=")
        if service not in urls or not url.startswith(("http://", "https://")):
            raise typer.BadParameter(f"{each} is not SERVICE=URL with one of {', '.join(urls)}", param_hint="--metrics")
        urls[service] = url
    return urls
