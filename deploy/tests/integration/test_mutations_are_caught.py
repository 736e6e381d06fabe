"""Faults put into metrics, rules and dashboards, each of which some check must notice.

What is written is written anew after each fault, so that it is not the comparison with what is committed that notices.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

pytestmark = pytest.mark.observability

ROOT = Path(__file__).resolve().parents[3]
NEEDED = ("deploy", "libs/runtime", "libs/bench", "docs/runbook.md", "pyproject.toml", "conftest.py")

METRICS = "libs/runtime/src/sagwan_runtime/metrics.py"
TARGETS = "libs/bench/src/sagwan_bench/targets.py"
CODE = "deploy/sagwan_monitoring"

# What notices: a file of tests, and those among them that are about it.
NAMES = ("deploy/tests/unit/test_dashboards_and_rules.py", "not committed")
REGISTRY = ("libs/runtime/tests/unit/test_metric_registry.py", "test")
BUDGETS = "deploy/tests/integration/test_budgets_burn.py"
LADDER = (BUDGETS, "from_its_burn_rate and search and latency")
ALERTS = "deploy/tests/integration/test_alerts_fire_and_clear.py"


class Fault(NamedTuple):
    what: str
    file: str
    old: str
    new: str
    noticed_by: tuple[str, str]


FAULTS = [
    Fault("rename a counter", METRICS, '"sagwan_search_degraded"', '"sagwan_search_degradations"', NAMES),
    Fault("rename a histogram", METRICS, '"sagwan_ingest_lag_seconds"', '"sagwan_ingest_delay_seconds"', NAMES),
    Fault("rename a gauge", METRICS, '"sagwan_database_acquire_waiting"', '"sagwan_database_waiting"', NAMES),
    Fault("rename a label of all calls", METRICS, '(*labels, "grpc_status"),', '(*labels, "status"),', NAMES),
    Fault("drop a label", METRICS, '("grpc_target", "grpc_method")', '("grpc_method",)', NAMES),
    Fault("a metric that nobody reads", METRICS, '"sagwan_process_cores"', '"sagwan_process_cpus"', NAMES),
    Fault("drop a bucket at a target", METRICS, "0.075, 0.1, 0.15", "0.075, 0.15", REGISTRY),
    Fault(
        "a counter that begins at 1", METRICS, '_begin(self.degraded, "lexical_leg", "vector_leg")', "pass", REGISTRY
    ),
    Fault("a typing error in a legend", f"{CODE}/boards/search.py", "{{reason}}", "{{reasons}}", NAMES),
    Fault("a quantile without its edges", f"{CODE}/queries.py", ', *by, "le")', ", *by)", NAMES),
    Fault("a stage that is not one", f"{CODE}/boards/search.py", 'stage="total"', 'stage="all"', NAMES),
    Fault("an alert without its section", f"{CODE}/alerts.py", '"ServiceDown"', '"ServiceAway"', NAMES),
    Fault("a target of the project", TARGETS, "SEARCH_P50_S = 0.5", "SEARCH_P50_S = 0.6", NAMES),
    Fault("the target of latency", TARGETS, "SEARCH_P99_S = 1.0", "SEARCH_P99_S = 2.0", LADDER),
    Fault("a burn rate", f"{CODE}/objectives.py", '"5m", 14.4', '"5m", 14.0', LADDER),
    Fault("another burn rate", f"{CODE}/objectives.py", '"30m", 6,', '"30m", 6.4,', LADDER),
    Fault(
        "a share that is promised",
        f"{CODE}/objectives.py",
        '            0.99,\n            f"99 % of the s',
        '            0.98,\n            f"99 % of the s',
        LADDER,
    ),
    Fault("a short window", f"{CODE}/objectives.py", '"6h", "30m"', '"6h", "5m"', (BUDGETS, "clears_soon")),
    Fault(
        "the floor on traffic",
        f"{CODE}/objectives.py",
        "_BAD_EVENTS_MIN = 3",
        "_BAD_EVENTS_MIN = 9",
        (BUDGETS, "low_traffic and enough and search and latency"),
    ),
    Fault(
        "no floor on traffic",
        f"{CODE}/objectives.py",
        "_BAD_EVENTS_MIN = 3",
        "_BAD_EVENTS_MIN = 0",
        (BUDGETS, "low_traffic and few and search and latency"),
    ),
    Fault("searches given up", f"{CODE}/queries.py", "~OK|CANCELLED|DEADLINE", "~OK|DEADLINE", (BUDGETS, "gave_up")),
    Fault(
        "a status that is a failure",
        f"{CODE}/queries.py",
        "|INTERNAL|",
        "|",
        (BUDGETS, "burn_rate and INTERNAL and 14.6"),
    ),
    Fault(
        "a threshold of degraded answers",
        f"{CODE}/alerts.py",
        "> 0.05\\nand\\n{questions}",
        "> 0.1\\nand\\n{questions}",
        (ALERTS, "SearchDegraded"),
    ),
    Fault(
        "how long calls may be many",
        f"{CODE}/alerts.py",
        '> 0.8",\n        lasts="5m"',
        '> 0.8",\n        lasts="30m"',
        (ALERTS, "CallsNearLimit"),
    ),
    Fault(
        "a label to join on",
        f"{CODE}/alerts.py",
        'job=SERVICES), "job", "instance")\n    most',
        'job=SERVICES), "job")\n    most',
        (ALERTS, "CallsNearLimit"),
    ),
    Fault(
        "nobody need wait",
        f"{CODE}/alerts.py",
        "\\nand {on}\\nmax_over_time({waiting}[5m]) > 0",
        "",
        (ALERTS, "DatabasePoolExhausted"),
    ),
    Fault("memory", TARGETS, "RESIDENT_BYTES = 500e6", "RESIDENT_BYTES = 512e6", (ALERTS, "MemoryNearLimit")),
    Fault("idle cores", TARGETS, "IDLE_CORES = 0.3", "IDLE_CORES = 0.4", (ALERTS, "IdleCpuHigh")),
]


@pytest.fixture
def checked(tmp_path):
    """Runs checks on a copy of what they are about: with a fault in it, or without."""
    for each in NEEDED:
        source, copy = ROOT / each, tmp_path / each
        copy.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, copy, ignore=shutil.ignore_patterns("__pycache__", "with_torch"))
        else:
            shutil.copy(source, copy)
    own = [str(tmp_path / each) for each in ("deploy", "libs/runtime/src", "libs/bench/src", "deploy/tests")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([*own, *filter(None, [os.environ.get("PYTHONPATH")])])}

    def run(noticed_by, fault=None):
        if fault is not None:
            file = tmp_path / fault.file
            text = file.read_text(encoding="utf-8")
            assert fault.old in text, "there is no such place any more: move the fault"
            file.write_text(text.replace(fault.old, fault.new), encoding="utf-8")
        options = {"cwd": tmp_path, "env": environment, "capture_output": True, "text": True, "check": False}
        written = subprocess.run([sys.executable, "-m", "sagwan_monitoring"], **options)
        # Code that no longer runs has been noticed too.
        if written.returncode:
            return written
        tests, about = noticed_by
        command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", tests, "-k", about]
        return subprocess.run(command, **options)

    return run


@pytest.mark.parametrize("fault", FAULTS, ids=lambda each: each.what)
def test_a_fault_is_noticed(checked, fault):
    done = checked(fault.noticed_by, fault)
    # 5 would say that no test was about it.
    assert done.returncode == 1, done.stdout + done.stderr


def test_without_a_fault_the_same_checks_pass(checked):
    for noticed_by in sorted({each.noticed_by for each in FAULTS}):
        done = checked(noticed_by)
        assert done.returncode == 0, done.stdout + done.stderr
