"""What is typed, asked, answered and selected. Pure: time and calls are elsewhere."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

from sagwan.search.v1 import search_pb2

# How long typing has to rest before a question is asked.
TYPING_PAUSE_MS = 150
LINES_OF_A_PAGE = 10


@dataclass(frozen=True, slots=True)
class Question:
    """One page of one question.

    Attributes:
        text: The words.
        page: From 0.
        page_token: What opens the page; empty for the first.
        pause_ms: How long to wait for a newer question before this one is asked.
        attempt: From 0; the same question asked again after it failed is another one.
    """

    text: str
    page: int = 0
    page_token: str = ""
    pause_ms: int = TYPING_PAUSE_MS
    attempt: int = 0


@dataclass(frozen=True, slots=True)
class Session:
    """The state of a search as one types; each method gives the state after an event.

    Attributes:
        question: The newest; None while nothing is typed.
        waiting: Whether its answer is still to come.
        answered: The question that `answer` answers: an older one until the newest is answered.
        answer: What is shown; None while there is nothing.
        latency_ms: How long it took.
        tokens: What opens each known page of the answered question, the first included.
        selected: Index of a hit of the answer.
        opened: Whether that hit is read rather than the list of hits.
        line: Index of a line of the opened hit, neighbours included.
        error: Why the newest question has no answer; empty when it may still get one.
    """

    question: Question | None = None
    waiting: bool = False
    answered: Question | None = None
    answer: search_pb2.SearchResponse | None = None
    latency_ms: float = 0.0
    tokens: tuple[str, ...] = ("",)
    selected: int = 0
    opened: bool = False
    line: int = 0
    error: str = ""

    @property
    def awaited(self) -> Question | None:
        """The one question that should be under way."""
        return self.question if self.waiting else None

    @property
    def hits(self) -> Sequence[search_pb2.Hit]:
        """The hits that are shown."""
        return self.answer.hits if self.answer else ()

    @property
    def hit(self) -> search_pb2.Hit | None:
        """The selected hit."""
        return self.hits[self.selected] if self.hits else None

    @property
    def lines(self) -> Sequence[search_pb2.Line]:
        """The lines of the selected hit among those around it."""
        return lines_of(self.hit) if self.hit else ()

    def typed(self, text: str) -> Self:
        """The text has changed to this; space around it asks nothing new."""
        text = text.strip()
        if not text:
            return type(self)()
        if self.question and self.question.text == text:
            return self
        return replace(self, question=Question(text), waiting=True, opened=False, error="")

    def replied(self, question: Question, answer: search_pb2.SearchResponse, latency_ms: float) -> Self:
        """An answer has come; one to an older question is too late."""
        if question != self.awaited:
            return self
        known = self.tokens[: question.page + 1] if question.page else ("",)
        return replace(
            self,
            waiting=False,
            answered=question,
            answer=answer,
            latency_ms=latency_ms,
            tokens=(*known, answer.next_page_token) if answer.next_page_token else known,
            selected=0,
            opened=False,
            line=0,
        )

    def failed(self, question: Question, reason: str) -> Self:
        """A call has failed. What was found before stays."""
        return replace(self, waiting=False, error=reason) if question == self.awaited else self

    def moved(self, step: int) -> Self:
        """The selection goes so many hits, or in an opened hit lines, down."""
        if self.opened:
            return replace(self, line=_within(self.line + step, self.lines))
        return replace(self, selected=_within(self.selected + step, self.hits))

    def paged(self, step: int) -> Self:
        """So many pages on: of hits, or of the lines of an opened hit. Where there is none, nothing changes."""
        if self.opened:
            return self.moved(step * LINES_OF_A_PAGE)
        if self.question is None or self.answered is None or self.question.text != self.answered.text or self.waiting:
            return self
        page = self.answered.page + step
        if not 0 <= page < len(self.tokens):
            return self
        question = Question(self.question.text, page, self.tokens[page], pause_ms=0, attempt=self.question.attempt + 1)
        return replace(self, question=question, waiting=True, error="")

    def entered(self) -> Self:
        """Opens the selected hit at its best line, closes an opened one; after a failure, asks again."""
        if self.error and self.question:
            again = replace(self.question, pause_ms=0, attempt=self.question.attempt + 1)
            return replace(self, question=again, waiting=True, error="")
        if self.opened or self.hit is None:
            return self.closed()
        best = _within(self.hit.best_line, self.hit.lines)
        return replace(self, opened=True, line=len(self.hit.lines_before) + best)

    def closed(self) -> Self:
        """The list of hits is shown again."""
        return replace(self, opened=False, line=0)


def lines_of(hit: search_pb2.Hit) -> Sequence[search_pb2.Line]:
    """The lines of a hit among those around it."""
    return [*hit.lines_before, *hit.lines, *hit.lines_after]


def _within(index: int, items: Sequence[object]) -> int:
    return min(max(index, 0), max(len(items) - 1, 0))
