"""`sagwan ingest`: brings transcripts in."""

import json
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from sagwan.ingest.v1 import ingest_pb2
from sagwan_client.cli.console import notices, output, run_with_client
from sagwan_client.cli.filters import JsonOption
from sagwan_client.cli.tally import Tally, print_tally
from sagwan_client.client import SagwanClient
from sagwan_client.errors import SagwanCallError
from sagwan_client.transcripts import (
    STANDARD_INPUT,
    SUFFIXES,
    Item,
    Origin,
    UnsendableItem,
    found_files,
    items_of_files,
    items_of_stream,
)


def ingest(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="PATH",
            help=f"Files, patterns, folders (searched for {' '.join(SUFFIXES)}), or - for standard input.",
        ),
    ],
    meeting_id: Annotated[str, typer.Option("--id", metavar="ID", help="Keep the one transcript under this id.")] = "",
    format_name: Annotated[
        str, typer.Option("--format", metavar="NAME", help="One that `sagwan formats` lists; found out if left out.")
    ] = "",
    exclude: Annotated[
        list[str] | None,
        typer.Option(metavar="PATTERN", help="Leave out files of this name. May be repeated."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Bring transcripts in. The same content again changes nothing, so a broken import can simply be repeated."""
    items, total_bytes = _given(paths, meeting_id=meeting_id, format_name=format_name, exclude=exclude or ())
    tally = Tally()
    begun = time.perf_counter()

    def print_result() -> None:
        seconds = time.perf_counter() - begun
        if as_json:
            print(json.dumps(tally.as_json(seconds=seconds), ensure_ascii=False, indent=2))
        else:
            print_tally(output(), tally, seconds=seconds)

    try:
        with _progress(total_bytes) as advance:
            run_with_client(lambda client: import_items(client, items, tally, on_answer=advance))
    except SagwanCallError:
        # What was acknowledged before the failure is kept, and worth knowing.
        if tally.meetings or tally.refusals:
            print_result()
        raise
    print_result()
    raise typer.Exit(tally.exit_code)


async def import_items(
    client: SagwanClient,
    items: Iterable[Item],
    tally: Tally,
    *,
    on_answer: Callable[[Origin, Tally], None] = lambda *_: None,
) -> None:
    """Sends items over one call and counts what became of them.

    Args:
        client: Where to send them.
        items: Taken one by one, a few ahead of the answers.
        tally: Counted into, so that it is there even when the call fails half-way.
        on_answer: Told after each item.
    """
    waiting: deque[Origin] = deque()

    def requests() -> Iterator[ingest_pb2.IngestTranscriptRequest]:
        for item in items:
            if isinstance(item, UnsendableItem):
                tally.add_unsendable(item)
                on_answer(item.origin, tally)
            else:
                waiting.append(item.origin)
                yield item.request

    async for answer in client.import_transcripts(requests()):
        # Answers come in the order of the items.
        origin = waiting.popleft()
        tally.add(origin, answer)
        on_answer(origin, tally)


def _given(
    paths: Sequence[Path], *, meeting_id: str, format_name: str, exclude: Sequence[str]
) -> tuple[Iterator[Item], int]:
    """The items of what the command line names, and their size in bytes as far as it is known.

    Raises:
        typer.BadParameter: It names nothing, or what does not go together.
    """
    if Path(STANDARD_INPUT) in paths:
        if len(paths) > 1:
            raise typer.BadParameter("standard input cannot be mixed with files", param_hint="PATH")
        return items_of_stream(sys.stdin.buffer, meeting_id=meeting_id, format_name=format_name), 0
    try:
        files = found_files(paths, exclude=exclude)
    except FileNotFoundError as error:
        raise typer.BadParameter(str(error), param_hint="PATH") from None
    if not files:
        raise typer.BadParameter(f"no {' '.join(SUFFIXES)} file is there", param_hint="PATH")
    if meeting_id and len(files) > 1:
        raise typer.BadParameter("an id can be given to a single transcript only", param_hint="--id")
    items = items_of_files(files, meeting_id=meeting_id, format_name=format_name)
    return items, sum(_size_bytes(file) for file in files)


@contextmanager
def _progress(total_bytes: int) -> Iterator[Callable[[Origin, Tally], None]]:
    """A bar over bytes, on a terminal only; what it yields is told of each answered item."""
    console = notices()
    columns = (
        TextColumn("ingesting"),
        BarColumn(),
        TextColumn(
            "{task.fields[meetings]:,} meetings, {task.fields[rate]:,.0f} chunks/s, {task.fields[mended]:,} mended"
        ),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("ingest", total=total_bytes or None, meetings=0, rate=0.0, mended=0)
        begun = time.perf_counter()

        def advance(origin: Origin, tally: Tally) -> None:
            rate = tally.embedded_chunks / max(time.perf_counter() - begun, 1e-3)
            mended = len(tally.mendings)
            bar.update(task, advance=origin.size_bytes, meetings=tally.meetings, rate=rate, mended=mended)

        yield advance


def _size_bytes(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return 0
