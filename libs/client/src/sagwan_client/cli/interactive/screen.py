"""Keys in, rows out, on a whole terminal."""

import asyncio
from collections.abc import Awaitable, Callable

from prompt_toolkit.application import Application
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.data_structures import Point
from prompt_toolkit.document import Document
from prompt_toolkit.filters import Condition
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.input import Input
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.keys import Keys
from prompt_toolkit.layout import (
    BufferControl,
    ConditionalContainer,
    FormattedTextControl,
    HSplit,
    Layout,
    ScrollOffsets,
    VSplit,
    Window,
)
from prompt_toolkit.output import Output
from prompt_toolkit.styles import Style

from sagwan.search.v1 import search_pb2
from sagwan_client.cli.interactive.asker import Asker, Change
from sagwan_client.cli.interactive.session import Question, Session
from sagwan_client.cli.interactive.view import (
    Row,
    keys_row,
    line_rows,
    list_rows,
    meeting_row,
    selected_row,
    status_row,
)

_PROMPT = "search> "
_STYLE = Style.from_dict(
    {
        "prompt": "bold",
        "title": "bold",
        "time": "ansigreen",
        "speaker": "ansicyan",
        "highlight": "bold ansiyellow",
        "mark": "bold ansimagenta",
        "faint": "ansibrightblack",
        "warning": "ansiyellow",
        "error": "ansired",
    }
)
# An Escape that nothing follows is the key of that name; terminals send what follows one at once.
_ESCAPE_WAIT_S = 0.05


class Screen:
    """A line to type in, what was found, and a line that says what is going on."""

    def __init__(
        self,
        ask: Callable[[Question], Awaitable[search_pb2.SearchResponse]],
        *,
        text: str = "",
        keyboard: Input | None = None,
        terminal: Output | None = None,
    ) -> None:
        """Lays everything out.

        Args:
            ask: Makes one call.
            text: What is typed already.
            keyboard: Where keys come from; this process's terminal if left out.
            terminal: What is drawn on; this process's terminal if left out.
        """
        self._ask = ask
        self._asker: Asker | None = None
        self._session = Session()
        self._words = Buffer(
            document=Document(text), multiline=False, on_text_changed=lambda buffer: self._typed(buffer.text)
        )
        self._application: Application[None] = Application(
            layout=self._layout(),
            key_bindings=self._keys(),
            style=_STYLE,
            full_screen=True,
            input=keyboard,
            output=terminal,
        )
        self._application.ttimeoutlen = _ESCAPE_WAIT_S
        self._application.timeoutlen = _ESCAPE_WAIT_S

    async def run(self) -> None:
        """Draws, and answers what is typed, until one leaves."""
        async with asyncio.TaskGroup() as tasks:
            self._asker = Asker(tasks, self._ask, self._change)
            self._typed(self._words.text)
            try:
                await self._application.run_async(handle_sigint=False)
            finally:
                self._asker.follow(None)

    def _change(self, change: Change) -> None:
        self._session = change(self._session)
        if self._asker:
            self._asker.follow(self._session.awaited)
        self._application.invalidate()

    def _typed(self, text: str) -> None:
        self._change(lambda session: session.typed(text))

    def _layout(self) -> Layout:
        opened = Condition(lambda: self._session.opened)
        typing = Window(BufferControl(self._words), height=1)
        prompt = Window(FormattedTextControl([("class:prompt", _PROMPT)]), width=len(_PROMPT), height=1)
        found = Window(
            FormattedTextControl(
                lambda: _text(*list_rows(self._session, width=self._application.output.get_size().columns)),
                get_cursor_position=self._selected,
                show_cursor=False,
            ),
            # Both rows of the selected hit are seen.
            scroll_offsets=ScrollOffsets(bottom=1),
        )
        read = Window(
            FormattedTextControl(
                lambda: _text(*line_rows(self._session)), get_cursor_position=self._selected, show_cursor=False
            ),
            wrap_lines=True,
            scroll_offsets=ScrollOffsets(top=2, bottom=2),
        )
        rows = [
            VSplit([prompt, typing]),
            Window(char="─", style="class:faint", height=1),
            ConditionalContainer(found, ~opened),
            ConditionalContainer(HSplit([_row(lambda: meeting_row(self._session)), read]), opened),
            _row(lambda: status_row(self._session)),
            _row(lambda: keys_row(self._session)),
        ]
        return Layout(HSplit(rows), focused_element=typing)

    def _selected(self) -> Point:
        return Point(0, selected_row(self._session))

    def _keys(self) -> KeyBindings:
        keys = KeyBindings()
        changes: dict[str, Change] = {
            "up": lambda session: session.moved(-1),
            "down": lambda session: session.moved(1),
            "pageup": lambda session: session.paged(-1),
            "pagedown": lambda session: session.paged(1),
            "enter": lambda session: session.entered(),
        }
        for key, change in changes.items():
            keys.add(key)(lambda _, change=change: self._change(change))

        @keys.add(Keys.BracketedPaste)
        def paste(event: KeyPressEvent) -> None:
            # There is one line to type in: a paragraph goes on it.
            event.current_buffer.insert_text(" ".join(event.data.splitlines()))

        @keys.add("escape")
        def back(event: KeyPressEvent) -> None:
            if self._session.opened:
                self._change(lambda session: session.closed())
            else:
                event.app.exit()

        @keys.add("c-c")
        def leave(event: KeyPressEvent) -> None:
            event.app.exit()

        return keys


def _row(row: Callable[[], Row]) -> Window:
    return Window(FormattedTextControl(lambda: _text(row())), height=1)


def _text(*rows: Row) -> StyleAndTextTuples:
    """Rows as the one text that prompt_toolkit takes."""
    text: StyleAndTextTuples = []
    for index, row in enumerate(rows):
        text += [("", "\n"), *row] if index else row
    return text
