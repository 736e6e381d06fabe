"""`sagwan context`: passages for a language model."""

from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from sagwan.search.v1 import search_pb2
from sagwan_client.cli.answers import print_shortcomings
from sagwan_client.cli.console import notices, output, print_json, printable, run_with_client
from sagwan_client.cli.corrections import PlainOption, print_corrections
from sagwan_client.cli.filters import JsonOption, takes_filter
from sagwan_client.cli.render import highlighted


@takes_filter
def context(
    question: Annotated[str, typer.Argument(help="What the passages should be about, in words.")],
    wanted: search_pb2.Filter,
    tokens: Annotated[
        int, typer.Option("--tokens", "-t", min=1, max=100_000, help="Tokens that all lines together may have.")
    ] = 2_000,
    plain: PlainOption = False,
    as_json: JsonOption = False,
) -> None:
    """Gather passages for a language model: cited, in order, within a budget of tokens."""
    answer = run_with_client(lambda client: client.get_context(question, wanted, token_budget=tokens, plain_text=plain))
    if as_json:
        print_json(answer)
    else:
        print_passages(output(), notices(), answer)


def print_passages(console: Console, aside: Console, answer: search_pb2.GetContextResponse) -> None:
    """Prints each passage under its citation.

    Args:
        console: For the passages, and nothing that a language model should not read.
        aside: For what is to be said about them.
        answer: What the service said.
    """
    for place, passage in enumerate(answer.passages):
        if place:
            console.print()
        console.print(Text(printable(passage.citation), style="bold"))
        for line in passage.lines:
            speaker = Text(f"{printable(line.speaker)}: " if line.speaker else "", style="cyan")
            console.print(Text.assemble(speaker, highlighted(line)))
    print_corrections(aside, answer.corrections)
    if not answer.passages:
        aside.print("Nothing found.")
    print_shortcomings(aside, answer)
    count = f"{len(answer.passages)} passage{'' if len(answer.passages) == 1 else 's'}"
    aside.print(Text(f"{count}, about {answer.token_count:,} tokens", style="dim"))
