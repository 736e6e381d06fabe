"""Hits and lines as text for a terminal."""

from collections.abc import Iterable, Sequence

from google.protobuf.duration_pb2 import Duration
from rich.console import Console
from rich.text import Text

from sagwan.search.v1 import search_pb2
from sagwan_client.cli.console import print_indented, printable

LEG_NAMES = {search_pb2.LEG_LEXICAL: "lexical", search_pb2.LEG_VECTOR: "vector"}
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
    return ", ".join(f"{LEG_NAMES.get(each.leg, '?')} #{each.rank}" for each in ranked) or "no leg"


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


def lines_around(
    hit: search_pb2.Hit, *, context_lines: int
) -> tuple[Sequence[search_pb2.Line], search_pb2.Line | None, Sequence[search_pb2.Line]]:
    """The best line of a hit and what was said around it, across the bounds of its chunk.

    Args:
        hit: From a SearchResponse; its neighbours are used where it has them.
        context_lines: Lines wanted on each side. Fewer are there at an end of the meeting.

    Returns:
        Lines before, the best line (None for a hit without lines), lines after.
    """
    if not hit.lines:
        return (), None, ()
    best = hit.best_line if 0 <= hit.best_line < len(hit.lines) else 0
    before = [*hit.lines_before, *hit.lines[:best]]
    after = [*hit.lines[best + 1 :], *hit.lines_after]
    return before[max(0, len(before) - context_lines) :], hit.lines[best], after[:context_lines]


def meeting_heading(meeting: search_pb2.MeetingSummary) -> Text:
    """`Title  2026-02-11`, as far as each is known."""
    text = Text(printable(meeting.title or meeting.name), style="bold")
    if meeting.date:
        text.append(f"  {printable(meeting.date)}", style="not bold green")
    return text


def print_hit(console: Console, hit: search_pb2.Hit, rank: int, *, context_lines: int, named: bool = False) -> None:
    """Prints a hit: meeting and ranks, who said it and when, the best line between faint neighbours.

    Args:
        console: Where to.
        hit: From a SearchResponse.
        rank: Its place, from 1.
        context_lines: Lines to show before and after the best one, as far as the hit has them.
        named: Whether to print its resource name.
    """
    heading = Text.assemble((f"{rank:2}. ", "bold"), meeting_heading(hit.meeting))
    console.print(heading.append(f"  {legs_text(hit.legs)}", style="dim"))
    _print_said(console, hit, context_lines=context_lines, named=named)


def print_hits_of_meeting(
    console: Console, hits: Sequence[tuple[int, search_pb2.Hit]], *, context_lines: int, named: bool = False
) -> None:
    """Prints hits of one meeting under one heading, each with its rank."""
    console.print(meeting_heading(hits[0][1].meeting))
    for rank, hit in hits:
        console.print(Text.assemble((f"{rank:2}. ", "bold"), (legs_text(hit.legs), "dim")))
        _print_said(console, hit, context_lines=context_lines, named=named)


def _print_said(console: Console, hit: search_pb2.Hit, *, context_lines: int, named: bool) -> None:
    if named:
        print_indented(console, Text(printable(hit.name), style="dim"), indent=_INDENT)
    before, best, after = lines_around(hit, context_lines=context_lines)
    if best is None:
        return
    for line in before:
        print_indented(console, _faint(line), indent=_INDENT)
    who = spoken(best)
    if who.plain:
        print_indented(console, who, indent=_INDENT)
    print_indented(console, highlighted(best), indent=_INDENT)
    for line in after:
        print_indented(console, _faint(line), indent=_INDENT)


def _faint(line: search_pb2.Line) -> Text:
    """A neighbour: on a terminal only as much of it as fits on one line."""
    speaker = f"{printable(line.speaker)}: " if line.speaker else ""
    return Text(f"{speaker}{printable(line.text)}", style="dim", no_wrap=True, overflow="ellipsis")
