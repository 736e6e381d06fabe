"""`sagwan search`: finds what was said."""

import time
from typing import Annotated

import typer

from sagwan.search.v1 import search_pb2
from sagwan_client.cli.answers import print_answer
from sagwan_client.cli.asking import FusionMethod, Mode, SearchOptions, Weights, weights_of
from sagwan_client.cli.console import output, print_json, run_with_client
from sagwan_client.cli.explain import print_explanation
from sagwan_client.cli.filters import JsonOption, takes_filter
from sagwan_client.client import SagwanClient

_HITS_PER_MEETING = 3
_PAGES_MAX = 100


@takes_filter
def search(
    question: Annotated[str, typer.Argument(help="What you want to find, in words.")],
    wanted: search_pb2.Filter,
    mode: Annotated[Mode, typer.Option(help="Which legs answer.")] = Mode.HYBRID,
    fusion: Annotated[
        FusionMethod | None,
        typer.Option(help="How the legs' rankings become one; left out, as the service finds best."),
    ] = None,
    weights: Annotated[
        Weights | None,
        typer.Option(parser=weights_of, metavar="LEXICAL,VECTOR", help="What each leg weighs, such as 0.7,1."),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=100, help="Hits of a page.")] = 5,
    page: Annotated[int | None, typer.Option(min=1, max=_PAGES_MAX, help="Which page, from 1.")] = None,
    page_token: Annotated[
        str | None, typer.Option(metavar="TOKEN", help="The `next_page_token` of the page before, for scripts.")
    ] = None,
    context: Annotated[
        int, typer.Option("--context", "-C", min=0, max=100, help="Lines before and after the best one.")
    ] = 1,
    group: Annotated[
        bool, typer.Option("--group", "-g", help=f"By meeting, the best {_HITS_PER_MEETING} hits of each.")
    ] = False,
    per_meeting: Annotated[
        int | None, typer.Option(min=1, max=100, metavar="N", help="By meeting, the best N hits of each.")
    ] = None,
    facets: Annotated[bool, typer.Option("--facets", help="Count meetings, speakers, months and tags.")] = False,
    explain: Annotated[bool, typer.Option("--explain", help="Show why the hits rank as they do.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Find what was said, by whom and when."""
    if page is not None and page_token is not None:
        raise typer.BadParameter("a page is named by its number or by a token, not by both", param_hint="--page")
    grouped = group or per_meeting is not None
    options = SearchOptions(
        filter=wanted,
        mode=mode,
        method=fusion,
        weights=weights,
        page_size=limit,
        context_lines=context,
        hits_per_meeting_max=(per_meeting or _HITS_PER_MEETING) if grouped else 0,
        explain=explain,
        facets=facets,
    )
    number = page or 1

    async def ask(client: SagwanClient) -> tuple[search_pb2.SearchResponse, float]:
        begun = time.perf_counter()
        if page_token is not None:
            answer = await options.ask(client, question, page_token=page_token)
        else:
            answer = await options.ask_page(client, question, number)
        return answer, (time.perf_counter() - begun) * 1_000

    answer, client_ms = run_with_client(ask)
    if as_json:
        print_json(answer)
        return
    console = output()
    # A token does not say how many hits came before it.
    print_answer(
        console,
        answer,
        client_ms=client_ms,
        context_lines=context,
        first_rank=(number - 1) * limit + 1,
        grouped=grouped,
        more=f"--page {number + 1}" if page_token is None else f"--page-token {answer.next_page_token}",
    )
    if explain:
        console.print()
        print_explanation(console, answer, first_rank=(number - 1) * limit + 1)
