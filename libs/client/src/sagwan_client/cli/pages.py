"""Which page of an answer a command shows, and how it gets there."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Self

import typer

from sagwan.search.v1 import search_pb2

_PAGES_MAX = 100

PageOption = Annotated[int | None, typer.Option(min=1, max=_PAGES_MAX, help="Which page, from 1.")]
PageTokenOption = Annotated[
    str | None, typer.Option(metavar="TOKEN", help="The `next_page_token` of the page before, for scripts.")
]


@dataclass(frozen=True, slots=True)
class Page:
    """Which page of an answer is wanted.

    Attributes:
        number: From 1; 1 where only a token says which.
        token: What opens it; None where the number says which.
    """

    number: int = 1
    token: str | None = None

    @classmethod
    def of(cls, number: int | None, token: str | None) -> Self:
        """The page that options name, the first if none does.

        Raises:
            typer.BadParameter: Both do.
        """
        if number is not None and token is not None:
            raise typer.BadParameter("a page is named by its number or by a token, not by both", param_hint="--page")
        return cls(number or 1, token)

    async def fetch(self, ask: Callable[[str], Awaitable[search_pb2.SearchResponse]]) -> search_pb2.SearchResponse:
        """Asks for it: by its token at once, by its number through those before it.

        Args:
            ask: Makes a call with a page token, empty for the first page.

        Raises:
            typer.BadParameter: There are fewer pages.
        """
        answer = await ask(self.token or "")
        for number in range(1, self.number):
            if not answer.next_page_token:
                raise typer.BadParameter(f"the last page is {number}", param_hint="--page")
            answer = await ask(answer.next_page_token)
        return answer

    def first_rank(self, page_size: int) -> int:
        """Place of its first hit. A token does not say how many came before: those of its page count from 1."""
        return (self.number - 1) * page_size + 1

    def next_option(self, answer: search_pb2.SearchResponse) -> str:
        """What to add to the command to see the page after it; empty when it is the last."""
        if not answer.next_page_token:
            return ""
        return f"--page {self.number + 1}" if self.token is None else f"--page-token {answer.next_page_token}"
