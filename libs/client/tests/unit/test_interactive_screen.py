"""The screen of `sagwan search --interactive`: real keys, a service over gRPC, a terminal that keeps what is drawn."""

import asyncio
from collections.abc import Iterator
from contextlib import asynccontextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prompt_toolkit.data_structures import Size
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput
from prompt_toolkit.utils import get_cwidth
from rich.cells import cell_len

from sagwan.search.v1 import search_pb2
from sagwan_client.cli.asking import SearchOptions
from sagwan_client.cli.console import printable
from sagwan_client.cli.interactive import Screen
from sagwan_client.cli.interactive.session import Session
from sagwan_client.cli.interactive.view import excerpt, line_rows, list_rows, status_row
from sagwan_client.client import SagwanClient
from sagwan_client.settings import ClientSettings

UP, DOWN, PAGE_UP, PAGE_DOWN, ENTER, ESCAPE, CONTROL_C = "\x1b[A", "\x1b[B", "\x1b[5~", "\x1b[6~", "\r", "\x1b", "\x03"


class _Terminal(DummyOutput):
    """Keeps what stands in each cell."""

    def __init__(self, *, rows: int = 16, columns: int = 60) -> None:
        self._size = Size(rows=rows, columns=columns)
        self._cells: dict[tuple[int, int], str] = {}
        self._row = self._column = 0

    def get_size(self) -> Size:
        return self._size

    def write(self, data: str) -> None:
        for character in data:
            if character == "\r":
                self._column = 0
            elif character == "\n":
                self._row += 1
            else:
                self._cells[self._row, self._column] = character
                width = get_cwidth(character)
                for taken in range(1, width):
                    self._cells[self._row, self._column + taken] = ""
                self._column += width

    write_raw = write

    def cursor_goto(self, row: int = 0, column: int = 0) -> None:
        self._row, self._column = row, column

    def cursor_up(self, amount: int) -> None:
        self._row -= amount

    def cursor_down(self, amount: int) -> None:
        self._row += amount

    def cursor_forward(self, amount: int) -> None:
        self._column += amount

    def cursor_backward(self, amount: int) -> None:
        self._column -= amount

    def erase_screen(self) -> None:
        self._cells.clear()

    def erase_end_of_line(self) -> None:
        for row, column in list(self._cells):
            if row == self._row and column >= self._column:
                del self._cells[row, column]

    def erase_down(self) -> None:
        self.erase_end_of_line()
        for row, column in list(self._cells):
            if row > self._row:
                del self._cells[row, column]

    @property
    def lines(self) -> list[str]:
        return [
            "".join(self._cells.get((row, column), " ") for column in range(self._size.columns)).rstrip()
            for row in range(self._size.rows)
        ]

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


class _Keyboard:
    """Types, and waits for what the terminal then shows."""

    def __init__(self, pipe, terminal: _Terminal, running: asyncio.Task[None]) -> None:
        self._pipe = pipe
        self._terminal = terminal
        self._running = running

    def press(self, keys: str) -> None:
        self._pipe.send_text(keys)

    async def until_shown(self, *parts: str, gone: str | None = None) -> str:
        async with asyncio.timeout(10):
            while not all(part in self._terminal.text for part in parts) or (gone and gone in self._terminal.text):
                assert not self._running.done(), "it has been left"
                await asyncio.sleep(0.01)
        return self._terminal.text

    async def until_left(self) -> None:
        await asyncio.wait_for(self._running, 10)


@pytest.fixture
def pipe() -> Iterator[object]:
    with create_pipe_input() as pipe:
        yield pipe


@asynccontextmanager
async def _screen(pipe, *, text: str = "", **options):
    terminal = _Terminal()
    asked = SearchOptions(filter=search_pb2.Filter(), page_size=2, context_lines=2, **options)
    async with SagwanClient.from_settings(ClientSettings.from_environment()) as client:
        screen = Screen(
            lambda question: asked.ask(client, question.text, page_token=question.page_token),
            text=text,
            keyboard=pipe,
            terminal=terminal,
        )
        running = asyncio.create_task(screen.run())
        try:
            yield _Keyboard(pipe, terminal, running)
        finally:
            running.cancel()
            await asyncio.wait([running])


async def test_what_is_typed_is_found_and_what_was_typed_on_the_way_is_not_asked(search_service, pipe):
    async with _screen(pipe) as keyboard:
        await keyboard.until_shown("Type what you want to find.")
        for syllable in "열람실":
            keyboard.press(syllable)
        shown = await keyboard.until_shown("search> 열람실", "❯ 예산  2026-03-04  lexical #1")
        assert "봉현택  0:00:00  열람실은 자정까지" in shown
        assert "2 hits, page 1, more follow" in shown
    assert [request.query for request in search_service.requests] == ["열람실"]


async def test_a_question_can_be_there_from_the_start_and_be_mended(search_service, pipe):
    async with _screen(pipe, text="예산은요") as keyboard:
        await keyboard.until_shown("search> 예산은요", "Nothing found.")
        keyboard.press("\x7f")
        await keyboard.until_shown("열람실 예산은 그대로", gone="Nothing found.")
    assert [request.query for request in search_service.requests] == ["예산은요", "예산은"]


async def test_a_pasted_paragraph_goes_on_the_one_line(search_service, pipe):
    async with _screen(pipe) as keyboard:
        keyboard.press("\x1b[200~열람실\r\n예산은\n\x1b[201~")
        await keyboard.until_shown("search> 열람실 예산은", "1 hit")
    assert [request.query for request in search_service.requests] == ["열람실 예산은"]


async def test_a_selected_hit_is_read_with_what_was_said_around_it(search_service, pipe):
    async with _screen(pipe, text="열람실") as keyboard:
        await keyboard.until_shown("❯ 예산  2026-03-04  lexical #1")
        keyboard.press(DOWN)
        await keyboard.until_shown("❯ 예산  2026-03-04  lexical #2")
        keyboard.press(ENTER)
        shown = await keyboard.until_shown("❯ 봉현택  0:02:00  열람실 예산은 그대로", gone="lexical #1")
        assert [line.strip() for line in shown.splitlines()[2:7]] == [
            "예산  2026-03-04",
            "봉현택  0:00:00  열람실은 자정까지",
            "라은경  0:01:00  심야버스는 7월부터",
            "❯ 봉현택  0:02:00  열람실 예산은 그대로",
            "국진호  0:03:00  열람실 표결은 다음 주",
        ]
        keyboard.press(UP)
        await keyboard.until_shown("❯ 라은경")
        keyboard.press(ESCAPE)
        await keyboard.until_shown("❯ 예산  2026-03-04  lexical #2")


async def test_pages_are_turned_forth_and_back(search_service, pipe):
    async with _screen(pipe, text="열람실") as keyboard:
        await keyboard.until_shown("lexical #1")
        keyboard.press(PAGE_DOWN)
        shown = await keyboard.until_shown("❯ Outage review", "page 2", gone="lexical #1")
        assert "more follow" not in shown
        keyboard.press(PAGE_UP)
        await keyboard.until_shown("lexical #1", "page 1", gone="Outage review")
    assert [request.page_token for request in search_service.requests] == ["", "2", ""]


@pytest.mark.parametrize("keys", [ESCAPE, CONTROL_C])
async def test_one_leaves_by_a_key(search_service, pipe, keys):
    async with _screen(pipe, text="열람실") as keyboard:
        await keyboard.until_shown("lexical #1")
        keyboard.press(keys)
        await keyboard.until_left()


async def test_an_opened_hit_can_be_left_for_good(search_service, pipe):
    async with _screen(pipe, text="열람실") as keyboard:
        await keyboard.until_shown("lexical #1")
        keyboard.press(ENTER)
        await keyboard.until_shown("Enter/Esc back")
        keyboard.press(CONTROL_C)
        await keyboard.until_left()


async def test_a_failure_stands_in_the_status_line_and_enter_asks_again(search_service, pipe):
    search_service.busy = True
    async with _screen(pipe, text="열람") as keyboard:
        shown = await keyboard.until_shown("resource exhausted: too many searches at once")
        assert "Enter ask again" in shown.splitlines()[-1]
        search_service.busy = False
        keyboard.press(ENTER)
        await keyboard.until_shown("lexical #1", "2 hits", gone="too many searches")


async def test_typing_goes_on_after_a_failure_and_what_was_found_stays(search_service, pipe):
    async with _screen(pipe, text="열람") as keyboard:
        await keyboard.until_shown("lexical #1")
        search_service.busy = True
        keyboard.press("실")
        await keyboard.until_shown("too many searches at once", "lexical #1")
        search_service.busy = False
        keyboard.press(" 예산")
        await keyboard.until_shown("search> 열람실 예산", "1 hit, page 1", gone="too many searches")


async def test_nobody_there_is_said(environment, pipe):
    async with _screen(pipe, text="열람실") as keyboard:
        await keyboard.until_shown("No service answers.")


def _found(*lines: search_pb2.Line, **options) -> Session:
    hit = search_pb2.Hit(meeting=search_pb2.MeetingSummary(title="t\x1b[2J"), lines=lines)
    session = Session().typed("x")
    return session.replied(session.awaited, search_pb2.SearchResponse(hits=[hit], **options), 1.0)


def test_no_control_character_reaches_the_terminal():
    line = search_pb2.Line(speaker="A\x07", text="red \x1b[31m\nand more")
    session = _found(line, degraded=True, degraded_reason="late\x1b[H")
    rows = [*list_rows(session, width=80), *line_rows(session), status_row(session)]
    assert not any(ord(character) < 32 or character == "\x7f" for row in rows for _, text in row for character in text)


def test_the_status_line_says_what_an_answer_lacks():
    session = _found(
        degraded=True, degraded_reason="the embedder is late", partial=True, partial_reason="12 words left out"
    )
    shown = "".join(text for _, text in status_row(session))
    assert "Degraded: the embedder is late" in shown
    assert "Partial: 12 words left out" in shown


def test_the_status_line_says_what_was_looked_for_otherwise():
    shown = "".join(
        text
        for _, text in status_row(
            _found(
                corrections=[
                    search_pb2.Correction(written="김철소", replacement="김철수", applied=True),
                    search_pb2.Correction(written="wen harow", replacement="Wen Harrow"),
                ]
            )
        )
    )
    assert "Looked for 김철수 instead of 김철소." in shown
    assert "Did you mean Wen Harrow?" in shown


@pytest.mark.parametrize("pad", ["x", "가", "😀"])
@pytest.mark.parametrize("columns", [30, 60])
def test_a_match_far_into_a_line_is_brought_into_sight(pad, columns):
    text = f"{pad * 200}예산{pad * 200}"
    line = search_pb2.Line(text=text, highlights=[search_pb2.Highlight(start=200, end=202)])
    row = excerpt(line, cells=columns)
    shown = "".join(part for _, part in row)
    marked = [part for style, part in row if style == "class:highlight"]
    assert marked == ["예산"]
    assert cell_len(shown[: shown.index("예산") + 2]) <= columns


@given(st.text(min_size=1, max_size=80), st.lists(st.integers(0, 80), max_size=6), st.integers(1, 40))
def test_what_is_marked_is_marked_wherever_a_line_is_cut(text, bounds, columns):
    ends = sorted({min(each, len(text)) for each in bounds})
    pairs = list(zip(ends[::2], ends[1::2], strict=False))
    marks = [search_pb2.Highlight(start=start, end=end) for start, end in pairs]
    row = excerpt(search_pb2.Line(text=text, highlights=marks), cells=columns)
    marked = [part for style, part in row if style == "class:highlight"]
    assert marked == [printable(text)[start:end] for start, end in pairs]
    assert printable(text).endswith("".join(part for _, part in row).removeprefix("…"))


def test_a_match_near_the_beginning_leaves_the_line_as_it_is():
    line = search_pb2.Line(text="예산 " * 100, highlights=[search_pb2.Highlight(start=0, end=2)])
    assert "".join(part for _, part in excerpt(line, cells=20)) == "예산 " * 100
