"""Measures ingest on real meetings, and holds it against the targets.

Starts a stack of its own in var/bench/ingest. Prints a row a figure, writes var/bench/ingest.json, and exits with 1
when a target is missed. With --meetings it takes the first so many, writes to a file of its own and stands for nothing.
"""

import argparse
import shutil
import sys
from itertools import islice
from pathlib import Path

from ingest_bench.importing import import_figures
from stack import ROOT, running

from sagwan_bench.environment import describe
from sagwan_bench.results import printed, write_results

_HOME = ROOT / "var" / "bench" / "ingest"
_SET = Path("qmsum") / "train" / "meetings.jsonl"


def main() -> int:
    """Measures, prints, writes and judges."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of evaluation data, such as ../shared/eval")
    parser.add_argument("--meetings", type=int, help="the first so many: a trial")
    options = parser.parse_args()
    meetings = options.data / _SET
    if not meetings.is_file():
        print(f"no {_SET} in {options.data}", file=sys.stderr)
        return 2
    shutil.rmtree(_HOME, ignore_errors=True)
    _HOME.mkdir(parents=True)
    environment = describe(ROOT, meetings)
    if options.meetings:
        part = _HOME / "meetings.jsonl"
        with meetings.open("rb") as lines:
            part.write_bytes(b"".join(islice(lines, options.meetings)))
        meetings = part
    with running(_HOME / "stack", model_dir=ROOT / "var" / "model") as stack:
        figures = printed(import_figures(stack, meetings))
    output = _HOME.parent / ("ingest-trial.json" if options.meetings else "ingest.json")
    write_results(output, environment, figures)
    print(f"written to {output.relative_to(ROOT)}")
    return 1 if any(each.passes is False for each in figures) else 0


if __name__ == "__main__":
    sys.exit(main())
