"""`python -m sagwan_monitoring` writes rules and dashboards; `--check` says whether the committed ones differ."""

import argparse
import difflib
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder

from sagwan_monitoring.alerts import alert_groups
from sagwan_monitoring.boards.capacity import capacity
from sagwan_monitoring.boards.embedder import embedder
from sagwan_monitoring.boards.ingest import ingest
from sagwan_monitoring.boards.overview import overview
from sagwan_monitoring.boards.postgres import postgres
from sagwan_monitoring.boards.search import search
from sagwan_monitoring.recording import recording_groups

_DEPLOY = Path(__file__).resolve().parent.parent
_HEADER = "# Written by `make monitoring` from deploy/sagwan_monitoring; edit it there.\n"


def generated() -> dict[str, str]:
    """The content of each file that this package writes, by path under deploy/."""
    boards = (overview(), search(), embedder(), ingest(), postgres(), capacity())
    dashboards = {
        f"grafana/dashboards/{board.uid}.json": json.dumps(board, cls=JSONEncoder, indent=2, sort_keys=True) + "\n"
        for board in boards
    }
    return {
        "prometheus/rules/slo.yml": _rules(recording_groups()),
        "prometheus/rules/alerts.yml": _rules(alert_groups()),
        **dashboards,
    }


def differences(folder: Path, files: Mapping[str, str]) -> list[str]:
    """Unified differences between what is in a folder and what should be, files too many included."""
    lines: list[str] = []
    for name, content in files.items():
        path = folder / name
        there = path.read_text(encoding="utf-8") if path.exists() else ""
        lines += difflib.unified_diff(there.splitlines(), content.splitlines(), f"committed/{name}", name, lineterm="")
    written = {(folder / name).resolve() for name in files}
    for kind in ("prometheus/rules/*.yml", "grafana/dashboards/*.json"):
        lines += [f"{path} is written by nothing" for path in folder.glob(kind) if path.resolve() not in written]
    return lines


class _Dumper(yaml.SafeDumper):
    """Writes text of several lines as such, and everything out in full."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002  # the signature is the library's
        """Always."""
        return True


_Dumper.add_representer(
    str,
    lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None),
)


def _rules(groups: list[dict[str, Any]]) -> str:
    return _HEADER + yaml.dump({"groups": groups}, Dumper=_Dumper, sort_keys=False, width=1_000, allow_unicode=True)


def main() -> int:
    """Writes, or checks."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing; exit status 1 where something differs")
    parser.add_argument("--output", type=Path, default=_DEPLOY, help="the folder, deploy/ by default")
    options = parser.parse_args()
    files = generated()
    if options.check:
        found = differences(options.output, files)
        sys.stdout.write("".join(f"{line}\n" for line in found))
        return 1 if found else 0
    for name, content in files.items():
        path = options.output / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
