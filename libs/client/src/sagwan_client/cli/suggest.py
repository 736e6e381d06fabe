"""`sagwan suggest`: completes what somebody begins to type."""

from typing import Annotated

import typer
from rich.text import Text

from sagwan.search.v1 import search_pb2
from sagwan_client.cli.console import output, print_json, printable, run_with_client
from sagwan_client.cli.filters import JsonOption


def suggest(
    prefix: Annotated[str, typer.Argument(help="The beginning of a word; an unfinished syllable will do.")],
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=100, help="Completions at most.")] = 10,
    as_json: JsonOption = False,
) -> None:
    """Complete the names of speakers, tags and titles, the most frequent first."""
    suggestions = run_with_client(lambda client: client.suggest(prefix, page_size=limit))
    if as_json:
        print_json(search_pb2.SuggestResponse(suggestions=suggestions))
        return
    console = output()
    for each in suggestions:
        console.print(Text.assemble(printable(each.value), (f"  {printable(each.property)}", "dim")))
    if not suggestions:
        console.print("Nothing begins like that.")
