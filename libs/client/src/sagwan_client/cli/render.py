"""Hits and lines as text for a terminal."""

from collections.abc import Iterable

from google.protobuf.duration_pb2 import Duration
from rich.console import Console
from rich.text import Text

from sagwan.search.v1 import search_pb2
from sagwan_client.cli.console import print_indented, printable

_LEG_NAMES = {search_pb2.LEG_LEXICAL: "lexical", search_pb2.LEG_VECTOR: "vector"}
_HIGHLIGHT_STYLE = "bold yellow"
_INDENT = 4


def clock(offset: Duration) -> str:
    """An offset as `h:mm:ss`, cut to the second."""
    minutes, seconds = divmod(offset.seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}"


def milliseconds(duration: Duration) -> float:
    """A duration in milliseconds."""
    return duration.ToTimedelta().total_seconds() * 1_000


def legs_text(legs: Iterable[search_pb2.LegScore]) -> str:
    """`lexical #2, vector #1`, in the order of the legs; `no leg` when none found it."""
    ranked = sorted(legs, key=lambda each: each.leg)
    return ", ".join(f"{_LEG_NAMES.get(each.leg, '?')} #{each.rank}" for each in ranked) or "no leg"


def highlighted(line: search_pb2.Line) -> Text:
    """A line's words with its highlights marked; offsets count code points, as Python's strings do."""
    text = Text(printable(line.text))
    for highlight in line.highlights:
        text.stylize(_HIGHLIGHT_STYLE, highlight.start, highlight.end)
    return text


def spoken(line: search_pb2.Line) -> Text:
    """`Speaker  0:12:04`, as far as each is known."""
    text = Text(printable(line.speaker), style="cyan")
    if line.HasField("start_offset"):
        text.append(f"{'  ' if line.speaker else ''}{clock(line.start_offset)}", style="green")
    return text


def print_hit(console: Console, hit: search_pb2.Hit, rank: int, *, context_lines: int) -> None:
    """Prints a hit: meeting and ranks, who said it and when, the best line between faint neighbours.

    Args:
        console: Where to.
        hit: From a SearchResponse.
        rank: Its place, from 1.
        context_lines: Lines of the same chunk to show before and after the best one, at most.
    """
    title = printable(hit.meeting.title or hit.meeting.name)
    heading = Text.assemble((f"{rank:2}. ", "bold"), (title, "bold"))
    if hit.meeting.date:
        heading.append(f"  {printable(hit.meeting.date)}", style="green")
    heading.append(f"  {legs_text(hit.legs)}", style="dim")
    console.print(heading)
    if not hit.lines:
        return
    best = hit.best_line if 0 <= hit.best_line < len(hit.lines) else 0
    who = spoken(hit.lines[best])
    if who.plain:
        print_indented(console, who, indent=_INDENT)
    for line in hit.lines[max(0, best - context_lines) : best]:
        print_indented(console, _faint(line), indent=_INDENT)
    print_indented(console, highlighted(hit.lines[best]), indent=_INDENT)
    for line in hit.lines[best + 1 : best + 1 + context_lines]:
        print_indented(console, _faint(line), indent=_INDENT)


def _faint(line: search_pb2.Line) -> Text:
    """A neighbour: on a terminal only as much of it as fits on one line."""
    speaker = f"{printable(line.speaker)}: " if line.speaker else ""
    return Text(f"{speaker}{printable(line.text)}", style="dim", no_wrap=True, overflow="ellipsis")
