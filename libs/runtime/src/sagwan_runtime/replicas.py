"""One service in several processes that share its port: the kernel hands each new connection to one of them.

Processes are spawned and never forked: gRPC's threads do not survive a fork. Each has its own metrics page, because a
counter that several processes write cannot carry exemplars.
"""

import multiprocessing
import signal
import socket
from collections.abc import Callable, Iterable
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from types import FrameType

import structlog

_log = structlog.get_logger(__name__)


def run_replicas(target: Callable[[int], None], count: int, *, host: str, port: int, stop_timeout_s: float) -> bool:
    """Runs `target(0)` to `target(count - 1)`, each in a process, until SIGTERM or SIGINT; then stops them all.

    When one ends by itself the others are stopped too: whoever runs the service starts it again as a whole.

    Args:
        target: Serves with `share_port`; must be picklable.
        count: Number of processes.
        host: Where they will listen.
        port: The port that they share.
        stop_timeout_s: How long they may drain before they are killed.

    Returns:
        Whether they ended because they were told to.

    Raises:
        OSError: The port is taken.
    """
    _refuse_taken_port(host, port)
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=target, args=(index,), name=f"replica-{index}") for index in range(count)]
    told = False
    asked: set[BaseProcess] = set()

    def stop(*_: int | FrameType | None) -> None:
        nonlocal told
        told = True
        _ask_to_stop(processes, asked)

    previous = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        started = [process for process in processes if not told and _started(process)]
        wait([process.sentinel for process in started])
        if not told:
            _log.error("replica ended", ended=[each.name for each in started if each.exitcode is not None])
        _ask_to_stop(started, asked)
        for process in started:
            process.join(stop_timeout_s)
            if process.is_alive():
                process.kill()
                process.join()
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
    return told and all(process.exitcode == 0 for process in started)


def _started(process: BaseProcess) -> bool:
    process.start()
    return True


def _ask_to_stop(processes: Iterable[BaseProcess], asked: set[BaseProcess]) -> None:
    """Once each: one that has drained no longer handles the signal, and would be killed by it on its way out."""
    for process in processes:
        if process not in asked and process.pid is not None:
            asked.add(process)
            process.terminate()


def _refuse_taken_port(host: str, port: int) -> None:
    """Processes that share a port would share it with a stranger too, silently."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((host, port))
