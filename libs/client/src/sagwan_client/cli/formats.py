"""`sagwan formats`: what transcripts can come in."""

from rich import box
from rich.console import Console
from rich.table import Table

from sagwan.ingest.v1 import ingest_pb2
from sagwan_client.cli.console import output, print_json, printable, run_with_client
from sagwan_client.cli.filters import JsonOption


def formats(as_json: JsonOption = False) -> None:
    """List the formats of transcripts that can be brought in. Each is found from the content, whatever the name."""
    answer = run_with_client(lambda client: client.list_formats())
    if as_json:
        print_json(answer)
    else:
        print_formats(output(), answer)


def print_formats(console: Console, answer: ingest_pb2.ListFormatsResponse) -> None:
    """Prints a line a format: its name, the suffixes of its files, and what it is."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("Format", style="bold", no_wrap=True)
    table.add_column("Files", no_wrap=True)
    table.add_column("What it is")
    for each in answer.formats:
        suffixes = " ".join(map(printable, each.suffixes))
        table.add_row(printable(each.name), suffixes or "by content", printable(each.description))
    console.print(table)
