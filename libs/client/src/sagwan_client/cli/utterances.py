"""`sagwan utterances`: lists what someone said, without ranking."""

from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from sagwan.search.v1 import search_pb2
from sagwan_client.cli.console import output, print_indented, print_json, printable, run_with_client
from sagwan_client.cli.filters import JsonOption, takes_filter
from sagwan_client.cli.render import highlighted, spoken


@takes_filter
def utterances(
    wanted: search_pb2.Filter,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=1_000, help="Lines at most.")] = 50,
    as_json: JsonOption = False,
) -> None:
    """List what was said, in the order it was said."""
    answer = run_with_client(lambda client: client.list_utterances(wanted, page_size=limit))
    if as_json:
        print_json(answer)
    else:
        print_utterances(output(), answer)


def print_utterances(console: Console, answer: search_pb2.ListUtterancesResponse) -> None:
    """Prints the total, the count of each meeting, then the lines under their meetings."""
    total = answer.total_size
    console.print(Text(f"{total:,} utterance{'' if total == 1 else 's'}", style="bold"))
    for each in answer.meeting_counts:
        console.print(Text(f"{each.count:7,}  {printable(each.value)}"))
    current = ""
    for line in answer.utterances:
        meeting = line.utterance.rpartition("/utterances/")[0]
        if meeting != current:
            current = meeting
            console.print()
            console.print(Text(printable(meeting), style="bold"))
        print_indented(console, spoken(line).append("  ").append_text(highlighted(line)), indent=2)
    if answer.next_page_token:
        console.print(Text(f"… the first {len(answer.utterances):,} of {total:,}", style="dim"))
