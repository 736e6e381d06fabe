"""Who is served next: rows of tokens that wait for the model, in an order that is fair to their callers.

Start-time fair queueing (Goyal, Vin and Cheng, 1996) with tokens for bytes: a row starts, in virtual time, where the
row that its caller sent before it ends, and never in the past; the lowest start is served first. So a caller who sends
ten thousand texts and one who sends ten share the model evenly while both wait.

Rows of one length waste nothing on padding. Each batch therefore holds the row whose turn it is and, from a window of
those whose turn comes soon, the rows nearest to it in length.
"""

import bisect
import itertools
from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sagwan_embedder.domain.batching import plan_batches


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """What rows of one call share.

    Attributes:
        caller: Whose share of the model they take.
        deadline_s: When nobody waits for them any more, on the clock that `WaitingLine.take` is told.
    """

    caller: str
    deadline_s: float


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """A sequence of tokens that waits.

    Attributes:
        call: The call that it belongs to.
        index: Its position in that call.
        ids: Its tokens, markers included.
    """

    call: Call
    index: int
    ids: NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Taken:
    """What left the line.

    Attributes:
        rows: The next batch; empty when nobody waits.
        expired: Rows that were dropped because their deadline had passed.
    """

    rows: list[Row]
    expired: list[Row]


@dataclass(frozen=True, slots=True, eq=False)
class _Turn:
    start: int
    # Among turns that start together, the row that came first is first.
    number: int
    row: Row


def _order(turn: _Turn) -> tuple[int, int]:
    return turn.start, turn.number


class WaitingLine:
    """Rows that wait.

    Args:
        batch_tokens_max: Padded tokens of a batch; a longer row goes alone.
        window_tokens: Tokens of the rows, in the order of their turns, among which those of similar length are sought.
    """

    def __init__(self, *, batch_tokens_max: int, window_tokens: int) -> None:
        self._batch_tokens_max = batch_tokens_max
        self._window_tokens = window_tokens
        self._turns: list[_Turn] = []
        self._numbers = itertools.count()
        self._now = 0
        self._ends: dict[str, int] = {}
        self._waiting: Counter[str] = Counter()

    @property
    def tokens(self) -> int:
        """Tokens of all rows that wait."""
        return self._waiting.total()

    def tokens_of(self, caller: str) -> int:
        """Tokens of a caller's rows."""
        return self._waiting[caller]

    def tokens_before(self, caller: str, tokens: int) -> int:
        """Tokens that are served before the last of so many more of a caller's would be, if nobody else came."""
        end = self._start_of_next(caller) + tokens
        return sum(len(turn.row.ids) for turn in self._turns[: bisect.bisect_left(self._turns, (end, 0), key=_order)])

    def add(self, rows: list[Row]) -> None:
        """Puts rows in line."""
        for row in rows:
            start = self._start_of_next(row.call.caller)
            self._ends[row.call.caller] = start + len(row.ids)
            bisect.insort(self._turns, _Turn(start, next(self._numbers), row), key=_order)
            self._waiting[row.call.caller] += len(row.ids)

    def remove(self, call: Call) -> int:
        """Drops the rows of a call that nobody waits for; says how many there were."""
        left = [turn for turn in self._turns if turn.row.call is not call]
        removed = len(self._turns) - len(left)
        self._replace(left)
        return removed

    def take(self, now_s: float) -> Taken:
        """Takes the next batch out of the line, and every row that has expired out of its window."""
        window: list[_Turn] = []
        expired: list[_Turn] = []
        tokens = 0
        for turn in self._turns:
            if tokens >= self._window_tokens:
                break
            if turn.row.call.deadline_s <= now_s:
                expired.append(turn)
            else:
                window.append(turn)
                tokens += len(turn.row.ids)
        batch = self._batch_of_the_first(window)
        seen = len(window) + len(expired)
        chosen = {turn.number for turn in batch}
        if window:
            self._now = window[0].start
        self._replace([turn for turn in window if turn.number not in chosen] + self._turns[seen:])
        return Taken([turn.row for turn in batch], [turn.row for turn in expired])

    def _batch_of_the_first(self, window: list[_Turn]) -> list[_Turn]:
        lengths = [len(turn.row.ids) for turn in window]
        batches = plan_batches(lengths, tokens_max=self._batch_tokens_max)
        return next(([window[index] for index in batch.indices] for batch in batches if 0 in batch.indices), [])

    def _start_of_next(self, caller: str) -> int:
        return max(self._now, self._ends.get(caller, 0))

    def _replace(self, turns: list[_Turn]) -> None:
        self._turns = turns
        self._waiting = Counter()
        for turn in turns:
            self._waiting[turn.row.call.caller] += len(turn.row.ids)
        # A caller whose last row ended in the past starts from now, as one does of whom nothing is known.
        self._ends = {caller: end for caller, end in self._ends.items() if end > self._now} if turns else {}
        self._now = self._now if turns else 0
