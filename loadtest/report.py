"""Runs the search load against a running stack and holds what it measured against the targets.

The same run is seen from both ends: by locust as a client, and by the search service in its own histogram, read
before and after. Exit status: 0 when every target holds, 1 when one is missed, 2 when the run could not be made.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from sagwan_loadtest.search_run import ClientView, client_figures, server_figures

from sagwan_bench.environment import describe
from sagwan_bench.pages import PageUnavailable, read
from sagwan_bench.quantiles import CounterReset
from sagwan_bench.results import Figure, below, write_results
from sagwan_client.settings import home_folder, local_stack

_ROOT = Path(__file__).resolve().parent.parent
_METRICS_PORTS = {"embedder": 9101, "ingest": 9102, "search": 9103}
_RSS_TARGET_MB = below(500)
_RSS_SAMPLE_S = 1.0
_STOP_TIMEOUT_S = 10


class RunFailed(Exception):
    """Locust could not make the run."""


def main() -> int:
    """Makes the run, prints the figures, writes them, and judges them."""
    options = _options()
    try:
        figures = _measure(options)
        environment = describe(_ROOT, options.queries)
    except (PageUnavailable, CounterReset, RunFailed, OSError) as error:
        print(f"report: {error}", file=sys.stderr)
        return 2
    environment |= {"users": options.users, "duration_s": options.duration}
    write_results(options.output, environment, figures)
    print("\n".join(each.as_row() for each in figures))
    print(f"written to {options.output}")
    return 1 if any(each.passes is False for each in figures) else 0


def _measure(options: argparse.Namespace) -> list[Figure]:
    page_urls = {service: getattr(options, f"{service}_metrics") for service in _METRICS_PORTS}
    before = read(page_urls["search"])
    client, rss_max_mb = _run_locust(options, page_urls)
    after = read(page_urls["search"])
    return [
        *client_figures(client),
        *server_figures(before, after),
        *(Figure(f"{service}_rss_max_mb", mb, "MB", _RSS_TARGET_MB) for service, mb in rss_max_mb.items()),
    ]


def _run_locust(options: argparse.Namespace, page_urls: Mapping[str, str]) -> tuple[ClientView, dict[str, float]]:
    """Runs locust to its end and reads every service's memory each second meanwhile; an MB is 10^6 bytes."""
    rss_max_mb = dict.fromkeys(page_urls, 0.0)
    with tempfile.TemporaryDirectory() as scratch:
        stem = Path(scratch) / "stats"
        running = subprocess.Popen(
            [
                *(sys.executable, "-m", "locust", "--headless", "--only-summary"),
                *("--locustfile", str(Path(__file__).with_name("locustfile.py"))),
                *("--users", str(options.users), "--spawn-rate", str(options.spawn_rate)),
                *("--run-time", f"{options.duration}s", "--stop-timeout", str(_STOP_TIMEOUT_S)),
                *("--json-file", str(stem), "--exit-code-on-error", "0"),
            ],
            env={**os.environ, "SAGWAN_LOAD_QUERIES": str(options.queries)},
        )
        try:
            while not _ended_within(running, _RSS_SAMPLE_S):
                for service, url in page_urls.items():
                    now_mb = read(url).total("process_resident_memory_bytes") / 1e6
                    rss_max_mb[service] = max(rss_max_mb[service], now_mb)
        finally:
            running.terminate()
            running.wait()
        stats = stem.with_suffix(".json")
        if running.returncode != 0 or not stats.exists():
            raise RunFailed(f"locust ended with status {running.returncode}")
        return ClientView.of(json.loads(stats.read_text())), rss_max_mb


def _ended_within(running: subprocess.Popen[bytes], seconds: float) -> bool:
    try:
        running.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").partition("\n")[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--duration", type=int, default=60, help="seconds")
    parser.add_argument("--users", type=int, default=10, help="users at once")
    parser.add_argument("--spawn-rate", type=float, default=1, help="users begun a second")
    parser.add_argument(
        "--queries",
        type=Path,
        default=Path(os.environ.get("SAGWAN_LOAD_QUERIES", _ROOT / "samples/questions.jsonl")),
        help="JSON lines with a text each",
    )
    running = local_stack(home_folder({"SAGWAN_HOME": str(_ROOT), **os.environ})).get("services", {})
    for service, port in _METRICS_PORTS.items():
        address = running.get(service, {}).get("metrics_address") or f"127.0.0.1:{port}"
        parser.add_argument(
            f"--{service}-metrics",
            default=f"http://{address}/metrics",
            help=f"metrics page of the {service} service",
        )
    parser.add_argument("--output", type=Path, default=_ROOT / "var/loadtest/search.json", help="the result")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
