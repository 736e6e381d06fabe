"""A real Prometheus that watches a stack, with the project's own configuration and rules."""

import json
import math
import re
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import urlopen

import yaml
from stack import ROOT, Stack

_READY_TIMEOUT_S = 30.0
_SCRAPE_INTERVAL_S = 1


@dataclass(frozen=True, slots=True)
class Prometheus:
    """A Prometheus that runs.

    Attributes:
        url: Where it answers.
    """

    url: str

    def range(self, expression: str, *, begin_s: float, end_s: float, step_s: float = 1.0) -> list[dict[str, Any]]:
        """What a panel would draw."""
        return self._asked("query_range", query=expression, start=begin_s, end=end_s, step=step_s)

    def now(self, expression: str, *, at_s: float | None = None) -> list[tuple[dict[str, str], float]]:
        """Labels and values at a moment."""
        when = {} if at_s is None else {"time": at_s}
        found = self._asked("query", query=expression, **when)
        return [(each["metric"], float(each["value"][1])) for each in found]

    def exemplars(self, expression: str, *, begin_s: float, end_s: float) -> list[dict[str, Any]]:
        """Exemplars of the series that an expression reads."""
        return self._get("query_exemplars", query=expression, start=begin_s, end=end_s)

    def rule_groups(self) -> list[dict[str, Any]]:
        """The groups of rules, each rule with how its last evaluation went."""
        groups: list[dict[str, Any]] = self._get("rules")["groups"]
        return groups

    def _asked(self, what: str, **parameters: Any) -> list[dict[str, Any]]:
        result: list[dict[str, Any]] = self._get(what, **parameters)["result"]
        return result

    def _get(self, what: str, **parameters: Any) -> Any:
        with urlopen(f"{self.url}/api/v1/{what}?{urlencode(parameters)}", timeout=30) as answer:
            found = json.load(answer)
        assert found["status"] == "success", found
        assert not found.get("warnings"), found
        return found["data"]


@contextmanager
def watching(stack: Stack, folder: Path, port: int) -> Iterator[Prometheus]:
    """Runs Prometheus on the project's configuration, with the stack's addresses and no patience."""
    (folder / "rules").mkdir()
    for file in (ROOT / "deploy/prometheus/rules").glob("*.yml"):
        # A rule that is evaluated each minute has nothing to show in a test of one.
        faster = re.sub(
            r"^  interval: .*$", f"  interval: {_SCRAPE_INTERVAL_S}s", file.read_text("utf-8"), flags=re.MULTILINE
        )
        (folder / "rules" / file.name).write_text(faster, encoding="utf-8")
    config = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text(encoding="utf-8"))
    config["global"] = dict.fromkeys(
        ("scrape_interval", "scrape_timeout", "evaluation_interval"), f"{_SCRAPE_INTERVAL_S}s"
    )
    for job in config["scrape_configs"]:
        job["static_configs"] = [{"targets": [stack.metrics_address(job["job_name"])]}]
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config), encoding="utf-8")
    command = [
        "prometheus",
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--enable-feature=exemplar-storage",
    ]
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_until_ready(url, process, folder / "prometheus.log")
        yield Prometheus(url)
    finally:
        process.terminate()
        process.wait(30)


def _wait_until_ready(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    give_up = time.monotonic() + _READY_TIMEOUT_S
    while True:
        try:
            with urlopen(f"{url}/-/ready", timeout=1):
                return
        except (URLError, ConnectionError, TimeoutError):
            if process.poll() is not None or time.monotonic() > give_up:
                raise RuntimeError(f"Prometheus does not run:\n{log.read_text(errors='replace')}") from None
            time.sleep(0.1)


def filled_in(expression: str, variables: Mapping[str, str]) -> str:
    """An expression as Grafana sends it."""
    for name, value in variables.items():
        expression = expression.replace(name, value)
    assert "$" not in expression, expression
    return expression


def numbers(drawn: list[dict[str, Any]]) -> list[float]:
    """All values of an answer to `range`."""
    return [float(value) for series in drawn for _, value in series["values"]]


def are_numbers(values: list[float]) -> bool:
    """Whether all are finite."""
    return all(map(math.isfinite, values))
