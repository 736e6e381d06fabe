"""The folder that holds the state of a local stack."""

import fcntl
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sagwan_client.errors import StackError

_TAIL_BYTES = 16 << 10
_TAIL_LINES = 20


@dataclass(frozen=True, slots=True)
class StateFolder:
    """`var/` of a home.

    Attributes:
        root: The folder itself.
    """

    root: Path

    @property
    def postgres(self) -> Path:
        """Data of the embedded PostgreSQL."""
        return self.root / "postgres"

    @property
    def model(self) -> Path:
        """Files of the embedding model."""
        return self.root / "model"

    @property
    def key_file(self) -> Path:
        """The key of the local tenant."""
        return self.root / "api_key"

    @property
    def run(self) -> Path:
        """What belongs to one run: logs, the lock, stack.json."""
        return self.root / "run"

    @property
    def stack_file(self) -> Path:
        """What runs, for those who look from outside."""
        return self.run / "stack.json"

    def log_file(self, service: str) -> Path:
        """Log of a service's current or last run."""
        return self.run / f"{service}.log"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Holds the folder for this process; the kernel lets go of it however the process ends.

        Raises:
            StackError: Another process holds it.
        """
        self.run.mkdir(parents=True, exist_ok=True)
        with (self.run / "lock").open("a+", encoding="ascii") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.seek(0)
                holder = lock.read().strip() or "unknown"
                raise StackError(
                    f"a stack is up already in {self.root} (process {holder}): use it, or stop it first"
                ) from None
            lock.truncate(0)
            lock.write(f"{os.getpid()}\n")
            lock.flush()
            yield

    def read_key(self) -> str:
        """The key of the local tenant; empty when there is none."""
        try:
            return self.key_file.read_text(encoding="ascii").strip()
        except (FileNotFoundError, UnicodeDecodeError):
            return ""

    def write_key(self, key: str) -> None:
        """Keeps the key so that only its owner reads it."""
        _write_atomically(self.key_file, f"{key}\n")

    def write_stack(self, stack: Mapping[str, Any]) -> None:
        """Says what runs."""
        _write_atomically(self.stack_file, f"{json.dumps(stack, indent=2)}\n")

    def forget_stack(self) -> None:
        """Says that nothing runs."""
        self.stack_file.unlink(missing_ok=True)


def tail(log: Path) -> str:
    """The last lines of a log; empty when there is none."""
    try:
        with log.open("rb") as stream:
            stream.seek(max(0, log.stat().st_size - _TAIL_BYTES))
            text = stream.read().decode("utf-8", errors="replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-_TAIL_LINES:])


def _write_atomically(path: Path, text: str) -> None:
    """Replaces a file in one step; it is readable by its owner only from its first byte on."""
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", dir=path.parent, prefix=f".{path.name}.", delete=False
    ) as draft:
        try:
            draft.write(text)
            draft.flush()
            os.fsync(draft.fileno())
            Path(draft.name).replace(path)
        except BaseException:
            Path(draft.name).unlink(missing_ok=True)
            raise
