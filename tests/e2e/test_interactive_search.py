"""`sagwan search --interactive` on a real terminal, against the whole stack."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from stack import SAGWAN, Stack

pytestmark = pytest.mark.e2e

# What moves the cursor or sets colours, which may stand between any two words.
_CONTROLS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_TIMEOUT_S = 30


class _Terminal:
    """A person at a terminal, 80 columns wide."""

    def __init__(self, process: subprocess.Popen[bytes], end: int) -> None:
        self.process = process
        self._end = end
        self._written = b""

    @property
    def written(self) -> str:
        return self._written.decode(errors="replace")

    def type(self, keys: str) -> None:
        """Types, and forgets what was shown before."""
        self._written = b""
        os.write(self._end, keys.encode())

    def wait_for(self, *parts: str) -> None:
        give_up = time.monotonic() + _TIMEOUT_S
        while not all(part in _CONTROLS.sub("", self.written) for part in parts):
            assert time.monotonic() < give_up, f"{parts} not in {self.written!r}"
            self._read()

    def wait_for_end(self) -> int:
        give_up = time.monotonic() + _TIMEOUT_S
        while self.process.poll() is None:
            assert time.monotonic() < give_up
            self._read()
        self._read()
        return self.process.returncode

    def _read(self) -> None:
        if select.select([self._end], [], [], 0.1)[0]:
            self._written += os.read(self._end, 65_536)


@contextmanager
def _searching(stack: Stack, *arguments: str) -> Iterator[_Terminal]:
    end, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 80, 0, 0))
    before = termios.tcgetattr(theirs)
    process = subprocess.Popen(
        [str(SAGWAN), "search", "--interactive", *arguments],
        env={**stack.environment, "TERM": "xterm-256color"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    terminal = _Terminal(process, end)
    try:
        yield terminal
        assert terminal.wait_for_end() == 0
        assert "\x1b[?1049l" in terminal.written
        assert termios.tcgetattr(theirs) == before
    finally:
        process.kill()
        process.wait()
        os.close(theirs)
        os.close(end)


def test_what_a_person_types_is_found_read_and_left(stack):
    with _searching(stack) as terminal:
        terminal.wait_for("Type what you want to find.")
        terminal.type("캐시 적중률이 떨어진 이유")
        terminal.wait_for("목요일 검색 싱크", "2026-03-12", "hits, page 1", "적중률")
        terminal.type("\r")
        terminal.wait_for("Enter/Esc back")
        terminal.type("\x1b")
        terminal.wait_for("Esc leave")
        terminal.type("\x1b")


def test_filters_hold_while_one_types(stack):
    with _searching(stack, "budget", "--speaker", "Wen Harrow") as terminal:
        terminal.wait_for("Wen Harrow", "page 1")
        terminal.type("\x03")


def test_a_terminal_is_given_back_when_the_command_is_told_to_end(stack):
    with _searching(stack, "budget") as terminal:
        terminal.wait_for("page 1")
        terminal.process.send_signal(signal.SIGTERM)
