"""A stack of its own for tests and measurements: `sagwan up` in a folder of its own, on free ports."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
SAGWAN = Path(sys.executable).parent / "sagwan"
_SERVING_TIMEOUT_S = 120.0
_STOP_TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class Stack:
    """A running stack.

    Attributes:
        home: Its folder.
        environment: For commands that should find it.
        process: `sagwan up`.
    """

    home: Path
    environment: Mapping[str, str]
    process: subprocess.Popen[str]

    @property
    def description(self) -> dict[str, Any]:
        """What `sagwan up` says of it: pids, addresses, the database."""
        text = (self.home / "var" / "run" / "stack.json").read_text(encoding="utf-8")
        described: dict[str, Any] = json.loads(text)
        return described

    def address(self, service: str) -> str:
        """Where a service listens."""
        return str(self.description["services"][service]["address"])

    def metrics_address(self, service: str) -> str:
        """Where a service's metrics are."""
        return str(self.description["services"][service]["metrics_address"])

    def pid(self, service: str) -> int:
        """A service's process."""
        return int(self.description["services"][service]["pid"])

    @property
    def api_key(self) -> str:
        """The key of its tenant."""
        return (self.home / "var" / "api_key").read_text(encoding="utf-8").strip()

    @property
    def database_url(self) -> str:
        """The database, as its owner."""
        return str(self.description["database"]["dsn"])

    def wait_until_serving(self) -> None:
        """Waits until every service says SERVING.

        Raises:
            RuntimeError: `sagwan up` has ended, or it takes too long.
        """
        give_up = time.monotonic() + _SERVING_TIMEOUT_S
        while self.run("status", check=False).returncode != 0:
            if self.process.poll() is not None or time.monotonic() > give_up:
                log = (self.home / "up.log").read_text(encoding="utf-8")
                raise RuntimeError(f"the stack does not serve:\n{log}")
            time.sleep(0.2)

    def run(self, *arguments: str, check: bool = True, **settings: str) -> subprocess.CompletedProcess[str]:
        """Runs a `sagwan` command against it, with further environment variables."""
        environment = {**self.environment, **settings}
        return subprocess.run([str(SAGWAN), *arguments], env=environment, check=check, capture_output=True, text=True)


@contextmanager
def running(home: Path, *, model_dir: Path, **settings: str) -> Iterator[Stack]:
    """Brings a stack up, and down again on leaving.

    Args:
        home: Its folder, made if need be; what an earlier stack left there is found again.
        model_dir: The embedding model.
        settings: Further environment variables.
    """
    ports = {
        f"SAGWAN_{service}_{kind}": "0"
        for service in ("EMBEDDER", "INGEST", "SEARCH")
        for kind in ("PORT", "METRICS_PORT")
    }
    environment = {
        **os.environ,
        **ports,
        "SAGWAN_HOME": str(home),
        "SAGWAN_MIGRATIONS_DIR": str(ROOT / "migrations"),
        "SAGWAN_EMBEDDER_MODEL": str(model_dir),
        **settings,
    }
    environment.pop("SAGWAN_API_KEY", None)
    home.mkdir(parents=True, exist_ok=True)
    with (home / "up.log").open("w", encoding="utf-8") as output:
        process = subprocess.Popen(
            [str(SAGWAN), "up"], env=environment, stdout=output, stderr=subprocess.STDOUT, text=True
        )
    stack = Stack(home, environment, process)
    try:
        stack.wait_until_serving()
        yield stack
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(_STOP_TIMEOUT_S)
