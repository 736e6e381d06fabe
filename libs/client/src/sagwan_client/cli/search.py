"""`sagwan search`: finds what was said."""

import sys
import time
from typing import Annotated

import typer

from sagwan.search.v1 import search_pb2
from sagwan_client.cli.answers import print_answer
from sagwan_client.cli.asking import FusionMethod, Mode, SearchOptions, Weights, weights_of
from sagwan_client.cli.console import output, print_json, run_with_client
from sagwan_client.cli.corrections import PlainOption
from sagwan_client.cli.explain import print_explanation
from sagwan_client.cli.filters import JsonOption, takes_filter
from sagwan_client.cli.pages import Page, PageOption, PageTokenOption
from sagwan_client.client import SagwanClient

_HITS, _HITS_OF_A_SCREEN = 5, 10
_LINES, _LINES_OF_A_SCREEN = 1, 2
_HITS_PER_MEETING = 3


@takes_filter
def search(
    wanted: search_pb2.Filter,
    question: Annotated[str | None, typer.Argument(help="What you want to find, in words.")] = None,
    mode: Annotated[Mode, typer.Option(help="Which legs answer.")] = Mode.HYBRID,
    fusion: Annotated[
        FusionMethod | None,
        typer.Option(help="How the legs' rankings become one; left out, as the service finds best."),
    ] = None,
    weights: Annotated[
        Weights | None,
        typer.Option(parser=weights_of, metavar="LEXICAL,VECTOR", help="What each leg weighs, such as 0.7,1."),
    ] = None,
    plain: PlainOption = False,
    limit: Annotated[
        int | None,
        typer.Option(
            "--limit", "-n", min=1, max=100, help=f"Hits of a page; {_HITS} if left out, {_HITS_OF_A_SCREEN} with -i."
        ),
    ] = None,
    page: PageOption = None,
    page_token: PageTokenOption = None,
    context: Annotated[
        int | None,
        typer.Option(
            "--context",
            "-C",
            min=0,
            max=100,
            help=f"Lines before and after the best one; {_LINES} if left out. "
            f"With -i, chunks before and after an opened hit; {_LINES_OF_A_SCREEN} if left out.",
        ),
    ] = None,
    group: Annotated[
        bool, typer.Option("--group", "-g", help=f"By meeting, the best {_HITS_PER_MEETING} hits of each.")
    ] = False,
    per_meeting: Annotated[
        int | None, typer.Option(min=1, max=100, metavar="N", help="By meeting, the best N hits of each.")
    ] = None,
    facets: Annotated[bool, typer.Option("--facets", help="Count meetings, speakers, months and tags.")] = False,
    explain: Annotated[bool, typer.Option("--explain", help="Show why the hits rank as they do.")] = False,
    interactive: Annotated[bool, typer.Option("--interactive", "-i", help="Search as you type.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Find what was said, by whom and when.

    \b
    Besides words the question may hold
      "a phrase"          literally these words, required of every hit
      -word -"a phrase"   what must not be there
      speaker:NAME        also participant: series: tag: meeting: lang: kind:
      after: before:      2026-01-31, 2026-01 or 2026
      from: to:           h:mm:ss or m:ss of the recording
    -tag:x excludes; several values of one key mean any of them. Write -- before a question that begins with a dash.
    """  # noqa: D301  # the backspace keeps lines as they are
    grouped = group or per_meeting is not None
    one_answer = {
        "--json": as_json,
        "--explain": explain,
        "--facets": facets,
        "--group": grouped,
        "--page": page is not None,
        "--page-token": page_token is not None,
    }
    if interactive:
        _refuse_unless_interactive([name for name, given in one_answer.items() if given])
    elif question is None:
        raise typer.BadParameter("is missing: say what you want to find, or use --interactive", param_hint="QUESTION")
    wanted_page = Page.of(page, page_token)
    if facets and wanted_page != Page():
        raise typer.BadParameter("counts come with the first page", param_hint="--facets")
    options = SearchOptions(
        filter=wanted,
        mode=mode,
        method=fusion,
        weights=weights,
        page_size=limit or (_HITS_OF_A_SCREEN if interactive else _HITS),
        context_lines=(_LINES_OF_A_SCREEN if interactive else _LINES) if context is None else context,
        hits_per_meeting_max=(per_meeting or _HITS_PER_MEETING) if grouped else 0,
        explain=explain,
        facets=facets,
        plain=plain,
    )
    if interactive:
        _search_while_typing(options, question or "")
    else:
        _search_once(options, question or "", wanted_page, as_json=as_json)


def _search_once(options: SearchOptions, question: str, page: Page, *, as_json: bool) -> None:
    async def ask(client: SagwanClient) -> tuple[search_pb2.SearchResponse, float]:
        begun = time.perf_counter()
        answer = await page.fetch(lambda token: options.ask(client, question, page_token=token))
        return answer, (time.perf_counter() - begun) * 1_000

    answer, client_ms = run_with_client(ask)
    if as_json:
        print_json(answer)
        return
    console = output()
    first_rank = page.first_rank(options.page_size)
    print_answer(
        console,
        answer,
        client_ms=client_ms,
        context_lines=options.context_lines,
        first_rank=first_rank,
        grouped=options.hits_per_meeting_max > 0,
        more=page.next_option(answer),
    )
    if options.explain:
        console.print()
        print_explanation(console, answer, first_rank=first_rank)


def _search_while_typing(options: SearchOptions, text: str) -> None:
    # Drawing on a whole terminal takes a library that no other command needs.
    from sagwan_client.cli.interactive import Screen
    from sagwan_client.local.signals import ended_by_signals

    async def run(client: SagwanClient) -> None:
        screen = Screen(lambda asked: options.ask(client, asked.text, page_token=asked.page_token), text=text)
        with ended_by_signals():
            await screen.run()

    run_with_client(run)


def _refuse_unless_interactive(options_of_one_answer: list[str]) -> None:
    if options_of_one_answer:
        raise typer.BadParameter("cannot go with --interactive", param_hint=options_of_one_answer[0])
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise typer.BadParameter("takes a terminal to type in and to draw on", param_hint="--interactive")
