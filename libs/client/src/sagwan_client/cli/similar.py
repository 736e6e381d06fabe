"""`sagwan similar`: finds what is like something."""

import re
import time
from typing import Annotated

import typer

from sagwan.search.v1 import search_pb2
from sagwan_client.cli.answers import print_answer
from sagwan_client.cli.console import output, print_json, run_with_client
from sagwan_client.cli.filters import JsonOption, takes_filter
from sagwan_client.cli.pages import Page, PageOption, PageTokenOption
from sagwan_client.client import SagwanClient

_NAME = re.compile(r"meetings/[^/\s]+/(chunks|utterances)/[0-9]+")


@takes_filter
def similar(
    like: Annotated[
        str,
        typer.Argument(
            metavar="LIKE",
            help="meetings/ID/chunks/N (as `search --explain` names hits), meetings/ID/utterances/N, or a text.",
        ),
    ],
    wanted: search_pb2.Filter,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=100, help="Hits of a page.")] = 5,
    page: PageOption = None,
    page_token: PageTokenOption = None,
    context: Annotated[
        int, typer.Option("--context", "-C", min=0, max=100, help="Lines of the same chunk around the best one.")
    ] = 1,
    as_json: JsonOption = False,
) -> None:
    """Find what is like a chunk, an utterance or a text, by meaning alone."""
    named = _NAME.fullmatch(like)
    kind = named[1].removesuffix("s") if named else "text"
    wanted_page = Page.of(page, page_token)

    async def ask(client: SagwanClient) -> tuple[search_pb2.SearchResponse, float]:
        begun = time.perf_counter()
        answer = await wanted_page.fetch(
            lambda token: client.find_similar(
                chunk=like if kind == "chunk" else "",
                utterance=like if kind == "utterance" else "",
                text=like if kind == "text" else "",
                filter=wanted,
                page_size=limit,
                page_token=token,
            )
        )
        return answer, (time.perf_counter() - begun) * 1_000

    answer, client_ms = run_with_client(ask)
    if as_json:
        print_json(answer)
        return
    print_answer(
        output(),
        answer,
        client_ms=client_ms,
        context_lines=context,
        first_rank=wanted_page.first_rank(limit),
        more=wanted_page.next_option(answer),
    )
