"""Latency under ten users, from the client and from the service's own histogram."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from stack import ROOT, Stack

from sagwan_bench.results import Figure, at_most, below, exactly

_NAMES = {
    "search_failures": exactly(0),
    "search_degraded_answers": exactly(0),
    "search_client_p50_ms": below(500),
    "search_client_p99_ms": below(1_000),
    "search_server_p50_ms": below(500),
    "search_server_p99_ms": below(1_000),
    "search_requests_per_second": None,
    "embedder_rss_max_mb": at_most(500),
    "ingest_rss_max_mb": at_most(500),
    "search_rss_max_mb": at_most(500),
}


def load_figures(stack: Stack, data: Path, seconds: int) -> Iterator[Figure]:
    """Runs locust with the set's own queries against the meetings that are there."""
    output = stack.home / "load.json"
    subprocess.run(
        [
            sys.executable,
            str(ROOT / "loadtest" / "report.py"),
            *("--duration", str(seconds), "--queries", str(data / "qmsum" / "val" / "queries.jsonl")),
            *("--output", str(output)),
        ],
        env=dict(stack.environment),
        check=False,
        stdout=subprocess.DEVNULL,
    )
    measured = {each["name"]: each for each in json.loads(output.read_text(encoding="utf-8"))["figures"]}
    for name, target in _NAMES.items():
        yield Figure(name, measured[name]["value"], measured[name]["unit"], target)
