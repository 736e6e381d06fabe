"""The moment by which an answer must be there, carried from hop to hop."""

import time
from dataclasses import dataclass
from typing import Protocol, Self

from sagwan_runtime.errors import DeadlineExceeded


class _TimeLimited(Protocol):
    def time_remaining(self) -> float | None: ...


@dataclass(frozen=True, slots=True)
class Deadline:
    """A point on this process's monotonic clock.

    Attributes:
        at_s: `time.monotonic()` when time is up.
    """

    at_s: float

    @classmethod
    def after(cls, seconds: float) -> Self:
        """The deadline so many seconds from now."""
        return cls(time.monotonic() + seconds)

    @classmethod
    def of_call(cls, context: _TimeLimited, *, longest_s: float) -> Self:
        """The caller's deadline, or ours where the caller set none or a later one."""
        remaining = context.time_remaining()
        return cls.after(longest_s if remaining is None else min(remaining, longest_s))

    def remaining_s(self) -> float:
        """Seconds left.

        Raises:
            DeadlineExceeded: There are none.
        """
        left = self.at_s - time.monotonic()
        if left <= 0:
            raise DeadlineExceeded("the deadline passed before the work was done")
        return left

    def no_later_than(self, seconds: float) -> "Deadline":
        """The earlier of this deadline and `seconds` from now."""
        return Deadline(min(self.at_s, time.monotonic() + seconds))
