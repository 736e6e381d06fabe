"""`sagwan meetings` and `sagwan delete`: what is kept, and keeping it no longer."""

from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from sagwan.ingest.v1 import ingest_pb2
from sagwan_client.cli.console import notices, output, print_json, printable, run_with_client
from sagwan_client.cli.filters import JsonOption
from sagwan_client.client import meeting_name


def meetings(
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=1_000, help="Meetings at most.")] = 50,
    as_json: JsonOption = False,
) -> None:
    """List the meetings that are kept, newest first."""
    answer = run_with_client(lambda client: client.list_meetings(page_size=limit))
    if as_json:
        print_json(answer)
    else:
        print_meetings(output(), answer)


def delete(
    meeting: Annotated[str, typer.Argument(metavar="MEETING", help="Its id or resource name.")],
) -> None:
    """Remove every trace of a meeting."""
    run_with_client(lambda client: client.delete_meeting(meeting))
    notices().print(Text(f"Deleted {printable(meeting_name(meeting))}."))


def print_meetings(console: Console, answer: ingest_pb2.ListMeetingsResponse) -> None:
    """Prints two lines a meeting, and how many there are in all."""
    if not answer.meetings:
        console.print("No meetings yet: bring some in with `sagwan ingest PATH`.")
        return
    for each in answer.meetings:
        meeting_id = each.name.removeprefix("meetings/")
        title = printable(each.title or meeting_id)
        console.print(Text.assemble((f"{printable(each.date):10}", "green"), "  ", (title, "bold")))
        counts = f"{each.utterance_count:,} utterances, {each.chunk_count:,} chunks"
        console.print(Text(f"            {printable(meeting_id)}  {counts}", style="dim"))
    if answer.next_page_token:
        shown, total = len(answer.meetings), answer.total_size
        console.print(Text(f"… the newest {shown:,} of {total:,}", style="dim"))
