"""Tests of rules and dashboards run Prometheus' own programs."""

import os
import shutil
from pathlib import Path

import pytest

# Where `make prometheus` unpacks Debian's package.
_UNPACKED = Path(__file__).resolve().parents[2] / "var" / "prometheus" / "usr" / "bin"


@pytest.fixture(autouse=True)
def _prometheus_programs(request, monkeypatch):
    """Skips tests that need Prometheus where there is none; where there must be one, they fail."""
    if request.node.get_closest_marker("observability") is None:
        return
    monkeypatch.setenv("PATH", f"{os.environ['PATH']}{os.pathsep}{_UNPACKED}")
    missing = [each for each in ("prometheus", "promtool") if shutil.which(each) is None]
    if missing and os.environ.get("SAGWAN_PROMETHEUS_REQUIRED"):
        pytest.fail(f"{' and '.join(missing)} must be here: `make prometheus`")
    if missing:
        pytest.skip(f"needs {' and '.join(missing)}: `make prometheus` unpacks Debian's package")
