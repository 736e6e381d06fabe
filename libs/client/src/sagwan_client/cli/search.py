"""`sagwan search`: finds what was said."""

import enum
import time
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from sagwan.search.v1 import search_pb2
from sagwan_client.cli.console import output, print_json, printable, run_with_client
from sagwan_client.cli.filters import JsonOption, takes_filter
from sagwan_client.cli.render import milliseconds, print_hit
from sagwan_client.client import SagwanClient


class Mode(enum.StrEnum):
    """Which legs answer."""

    HYBRID = "hybrid"
    LEXICAL = "lexical"
    VECTOR = "vector"


_MODES = {
    Mode.HYBRID: search_pb2.SEARCH_MODE_HYBRID,
    Mode.LEXICAL: search_pb2.SEARCH_MODE_LEXICAL,
    Mode.VECTOR: search_pb2.SEARCH_MODE_VECTOR,
}


@takes_filter
def search(
    wanted: search_pb2.Filter,
    question: Annotated[str, typer.Argument(help="What you want to find, in words.")],
    mode: Annotated[Mode, typer.Option(help="Which legs answer.")] = Mode.HYBRID,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=100, help="Hits at most.")] = 5,
    context: Annotated[int, typer.Option("--context", "-C", min=0, help="Lines around the best one, at most.")] = 1,
    as_json: JsonOption = False,
) -> None:
    """Find what was said, by whom and when."""

    async def ask(client: SagwanClient) -> tuple[search_pb2.SearchResponse, float]:
        begun = time.perf_counter()
        answer = await client.search(question, filter=wanted, mode=_MODES[mode], page_size=limit)
        return answer, (time.perf_counter() - begun) * 1_000

    answer, client_ms = run_with_client(ask)
    if as_json:
        print_json(answer)
    else:
        print_answer(output(), answer, client_ms=client_ms, context_lines=context)


def print_answer(console: Console, answer: search_pb2.SearchResponse, *, client_ms: float, context_lines: int) -> None:
    """Prints hits best first, then what the answer lacks and how long it took."""
    for rank, hit in enumerate(answer.hits, start=1):
        print_hit(console, hit, rank, context_lines=context_lines)
        console.print()
    if not answer.hits:
        console.print("Nothing found.")
    if answer.degraded:
        reason = printable(answer.degraded_reason) or "a leg did not answer"
        console.print(Text(f"Degraded: {reason}", style="yellow"))
    count = f"{len(answer.hits)} hit{'' if len(answer.hits) == 1 else 's'}"
    service_ms = milliseconds(answer.timings.total)
    console.print(Text(f"{count} in {client_ms:.0f} ms (service {service_ms:.0f} ms)", style="dim"))
