"""Measures what the project claims of its first whole path, on real meetings, and holds it against the targets.

Starts a stack of its own in var/figures. Prints a row a figure, writes var/eval/figures.json, and exits with 1 when a
target is missed.
"""

import argparse
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from sagwan_eval.finding import finding_figures
from sagwan_eval.keeping import keeping_figures, speaker_figures
from sagwan_eval.memory import memory_figures
from sagwan_eval.telling import telling_figures
from sagwan_eval.under_load import load_figures
from stack import ROOT, Stack, running

from sagwan_bench.environment import describe
from sagwan_bench.results import Figure, printed, write_results

_HOME = ROOT / "var" / "figures"
_OUTPUT = ROOT / "var" / "eval" / "figures.json"


def main() -> int:
    """Measures, prints, writes and judges."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of evaluation data, such as ../shared/eval")
    parser.add_argument("--load-seconds", type=int, default=60, help="length of the load run")
    options = parser.parse_args()
    missing = [name for name in ("qmsum/val", "seoul_edu/dev", "ko_mrc") if not (options.data / name).is_dir()]
    if missing:
        print(f"no {', '.join(missing)} in {options.data}", file=sys.stderr)
        return 2
    shutil.rmtree(_HOME, ignore_errors=True)
    _HOME.mkdir(parents=True)
    with running(_HOME, model_dir=ROOT / "var" / "model") as stack:
        figures = printed(_measured(stack, options.data, options.load_seconds))
    environment = describe(ROOT, options.data / "qmsum" / "val" / "meetings.jsonl")
    write_results(_OUTPUT, environment, figures)
    print(f"written to {_OUTPUT.relative_to(ROOT)}")
    return 1 if any(each.passes is False for each in figures) else 0


def _measured(stack: Stack, data: Path, load_seconds: int) -> Iterator[Figure]:
    """In an order in which each figure finds what it needs: the load runs on the English meetings alone."""
    yield from memory_figures(stack, data)
    yield from finding_figures(stack, data)
    yield from keeping_figures(stack, data)
    yield from load_figures(stack, data, load_seconds)
    yield from speaker_figures(stack, data)
    yield from telling_figures(stack)


if __name__ == "__main__":
    sys.exit(main())
