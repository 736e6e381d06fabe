"""SIGTERM, SIGINT and SIGHUP as the cancellation of a task, so that `finally` runs whatever the moment."""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager

_NUMBERS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Ends the block early and quietly at the first signal; later ones do not hurry what is being taken down."""
    task = asyncio.current_task()
    if task is None:
        raise RuntimeError("signals can end a task only")
    loop = asyncio.get_running_loop()
    signalled = False

    def end_once() -> None:
        nonlocal signalled
        if not signalled:
            signalled = True
            task.cancel()

    for number in _NUMBERS:
        loop.add_signal_handler(number, end_once)
    try:
        yield
    except asyncio.CancelledError:
        if not signalled:
            raise
        task.uncancel()
    finally:
        for number in _NUMBERS:
            loop.remove_signal_handler(number)
