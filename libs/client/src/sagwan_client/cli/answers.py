"""Whole answers as text for a terminal: hits one by one or by meeting, counts, and what the answer lacks."""

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from sagwan.search.v1 import search_pb2
from sagwan_client.cli.console import printable
from sagwan_client.cli.corrections import print_corrections
from sagwan_client.cli.explain import bar
from sagwan_client.cli.render import milliseconds, print_hit, print_hits_of_meeting

_FACET_VALUES_MAX = 10
_BAR_CELLS = 10


def print_answer(
    console: Console,
    answer: search_pb2.SearchResponse,
    *,
    client_ms: float,
    context_lines: int,
    first_rank: int = 1,
    grouped: bool = False,
    more: str = "",
) -> None:
    """Prints hits best first, then what the answer lacks and how long it took.

    Args:
        console: Where to.
        answer: What the service said.
        client_ms: How long it took, seen from here.
        context_lines: Lines around the best one of each hit.
        first_rank: Place of the first hit among those of all pages.
        grouped: Whether hits of a meeting stand together, under the meeting of the best hit first.
        more: The option that shows the next page; empty when there is none.
    """
    ranked = list(enumerate(answer.hits, start=first_rank))
    named = answer.HasField("explanation")
    if grouped:
        for of_meeting in _by_meeting(ranked):
            print_hits_of_meeting(console, of_meeting, context_lines=context_lines, named=named)
            console.print()
    else:
        for rank, hit in ranked:
            print_hit(console, hit, rank, context_lines=context_lines, named=named)
            console.print()
    print_corrections(console, answer.corrections)
    if not answer.hits:
        console.print("Nothing found.")
    if answer.facets:
        print_facets(console, answer)
    print_shortcomings(console, answer)
    count = f"{len(answer.hits)} hit{'' if len(answer.hits) == 1 else 's'}"
    service_ms = milliseconds(answer.timings.total)
    console.print(Text(f"{count} in {client_ms:.0f} ms (service {service_ms:.0f} ms)", style="dim"))
    if more:
        console.print(Text(f"more: {more}", style="dim"))


def print_shortcomings(console: Console, answer: search_pb2.SearchResponse | search_pb2.GetContextResponse) -> None:
    """Prints which leg and which part of the question are missing from an answer; nothing when none is."""
    if answer.degraded:
        reason = printable(answer.degraded_reason) or "a leg did not answer"
        console.print(Text(f"Degraded: {reason}", style="yellow"))
    if answer.partial:
        reason = printable(answer.partial_reason) or "part of the question was left out"
        console.print(Text(f"Partial: {reason}", style="yellow"))


def print_facets(console: Console, answer: search_pb2.SearchResponse) -> None:
    """Prints how often each value of a property stands among the candidates."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="dim")
    table.add_column("property", style="bold", no_wrap=True)
    table.add_column("value", overflow="fold")
    table.add_column("candidates", justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for facet in answer.facets:
        largest = max((each.count for each in facet.values), default=0)
        for place, each in enumerate(facet.values[:_FACET_VALUES_MAX]):
            shown = printable(each.value.removeprefix("meetings/"))
            name = Text(printable(facet.property) if place == 0 else "")
            table.add_row(name, Text(shown), f"{each.count:,}", bar(each.count, largest, cells=_BAR_CELLS))
        left_out = len(facet.values) - _FACET_VALUES_MAX
        if left_out > 0:
            table.add_row("", Text(f"… and {left_out:,} more", style="dim"))
        table.add_section()
    console.print(table, soft_wrap=False)


def _by_meeting(ranked: list[tuple[int, search_pb2.Hit]]) -> list[list[tuple[int, search_pb2.Hit]]]:
    groups: dict[str, list[tuple[int, search_pb2.Hit]]] = {}
    for rank, hit in ranked:
        groups.setdefault(hit.meeting.name, []).append((rank, hit))
    return list(groups.values())
