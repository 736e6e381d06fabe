"""Services as child processes: started, waited for until they serve, started again when they end, drained, killed."""

import asyncio
import os
import signal
import sys
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from sagwan_client.errors import StackError
from sagwan_client.local import launch
from sagwan_client.local.state import tail

_POLL_INTERVAL_S = 0.05
_RESTART_DELAY_S = 0.5
# A service that ends this often within the window will not be better the next time.
_ENDS_MAX = 5
_ENDS_WINDOW_S = 120.0


@dataclass(slots=True, eq=False)
class ChildProcess:
    """A service that runs as a child of this process. It can be started again, and is another process then.

    Attributes:
        name: `embedder`, `ingest` or `search`.
        module: What `python -m` runs.
        environment: What it is told.
        log: Where its output goes.
        process: Its handle.
        started_at_s: `time.perf_counter()` when it was last started.
    """

    name: str
    module: str
    environment: Mapping[str, str]
    log: Path
    process: asyncio.subprocess.Process
    started_at_s: float

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.process.pid

    async def until_it_ends(self) -> StackError:
        """Waits until it ends, and returns the error that its end is, when nobody asked for it."""
        await self.process.wait()
        return self.death()

    def death(self) -> StackError:
        """The error that its end is."""
        return StackError(
            f"{self.name} ended by itself ({_how(self.process.returncode)}); the end of {self.log}:",
            log_tail=tail(self.log),
        )

    async def restart(self) -> None:
        """Starts it again after it ended; its log goes on where it stopped."""
        self.started_at_s = time.perf_counter()
        with self.log.open("ab") as sink:
            self.process = await _spawn(self.module, self.environment, sink)


async def start(name: str, module: str, *, environment: Mapping[str, str], log: Path) -> ChildProcess:
    """Starts `python -m module` in a session of its own: a Ctrl-C at the terminal reaches only the supervisor."""
    started_at_s = time.perf_counter()
    with log.open("wb") as sink:
        process = await _spawn(module, environment, sink)
    return ChildProcess(name, module, environment, log, process, started_at_s)


async def kept_running(child: ChildProcess, tell: Callable[[StackError], None]) -> StackError:
    """Starts a child again whenever it ends by itself, until it has ended too often in too short a time.

    Args:
        child: A child that runs.
        tell: Told of each end that is followed by a new start, after that start.

    Returns:
        Its last end.
    """
    ends_s: deque[float] = deque(maxlen=_ENDS_MAX)
    while True:
        death = await child.until_it_ends()
        ends_s.append(time.monotonic())
        if len(ends_s) == _ENDS_MAX and ends_s[-1] - ends_s[0] < _ENDS_WINDOW_S:
            return death
        await asyncio.sleep(_RESTART_DELAY_S)
        await child.restart()
        tell(death)


async def wait_until_serving(
    child: ChildProcess, is_serving: Callable[[], Awaitable[bool]], *, timeout_s: float
) -> float:
    """Waits until a child serves, and returns how many seconds that took since it was started.

    Raises:
        StackError: It ended before, or does not serve in time; with the end of its log.
    """
    waits_until_s = time.perf_counter() + timeout_s
    while not await is_serving():
        if child.process.returncode is not None:
            raise child.death()
        if time.perf_counter() > waits_until_s:
            raise StackError(
                f"{child.name} does not serve after {timeout_s:g} s; the end of {child.log}:",
                log_tail=tail(child.log),
            )
        await asyncio.sleep(_POLL_INTERVAL_S)
    return time.perf_counter() - child.started_at_s


async def stop(children: Sequence[ChildProcess], *, grace_s: float) -> list[ChildProcess]:
    """Sends SIGTERM to all, and SIGKILL to what is left after `grace_s`.

    Returns:
        Those that had to be killed.
    """
    if not children:
        return []
    for child in children:
        _signal(child, signal.SIGTERM)
    waits = {asyncio.create_task(child.process.wait()): child for child in children}
    _, late = await asyncio.wait(waits, timeout=grace_s)
    for wait in late:
        _signal(waits[wait], signal.SIGKILL)
    await asyncio.gather(*late)
    return [waits[wait] for wait in late]


async def _spawn(module: str, environment: Mapping[str, str], sink: BinaryIO) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-IS",
        launch.__file__,
        str(os.getpid()),
        module,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=sink,
        stderr=asyncio.subprocess.STDOUT,
        env=environment,
        start_new_session=True,
    )


def _signal(child: ChildProcess, number: signal.Signals) -> None:
    if child.process.returncode is None:
        with suppress(ProcessLookupError):
            child.process.send_signal(number)


def _how(returncode: int | None) -> str:
    if returncode is not None and returncode < 0:
        return signal.Signals(-returncode).name
    return f"exit code {returncode}"
