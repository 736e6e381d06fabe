"""The text syntax at the command line: how to go without it, and what was looked for in place of what was typed."""

from collections.abc import Iterable, Iterator
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from sagwan.search.v1 import search_pb2
from sagwan_client.cli.console import printable

PlainOption = Annotated[bool, typer.Option("--plain", help="Take the question as words alone, without syntax.")]


def correction_lines(corrections: Iterable[search_pb2.Correction]) -> Iterator[str]:
    """A line for each word that was looked for otherwise, and for each value that nothing has."""
    for each in corrections:
        written, replacement = printable(each.written), printable(each.replacement)
        looked_for = f"Looked for {replacement} instead of {written}."
        meant = f"Nothing is called {written}. Did you mean {replacement}?"
        yield looked_for if each.applied else meant


def print_corrections(console: Console, corrections: Iterable[search_pb2.Correction]) -> None:
    """Prints what was looked for otherwise."""
    for line in correction_lines(corrections):
        console.print(Text(line, style="yellow"))
