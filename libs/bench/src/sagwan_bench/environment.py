"""What a result was measured on."""

import hashlib
import os
import platform
import subprocess
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

_PACKAGES = ("grpcio", "locust", "protobuf")


def describe(root: Path, data_set: Path, *, packages: Sequence[str] = ()) -> dict[str, Any]:
    """CPU, cores, versions, commit and data set hash.

    Args:
        root: The repository.
        data_set: The file of questions.
        packages: Further packages whose version matters to what was measured.
    """
    return {
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "platform": platform.platform(),
        "versions": {
            "python": platform.python_version(),
            **{each: version(each) for each in (*_PACKAGES, *packages)},
        },
        "commit": _commit(root),
        "data_set": data_set.name,
        "data_set_sha256": hashlib.sha256(data_set.read_bytes()).hexdigest(),
    }


def _cpu_model() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown"


def _commit(root: Path) -> str:
    """The commit, with `+changes` where the work tree differs from it; `unknown` outside a repository."""
    try:
        commit = _git(root, "rev-parse", "HEAD")
        return f"{commit}+changes" if _git(root, "status", "--porcelain") else commit
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, check=True, text=True)
    return done.stdout.strip()
