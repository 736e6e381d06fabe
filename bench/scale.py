"""Builds a database of so many chunks from real text, for `make bench-search`: the same one each time.

Keeps it in a PostgreSQL of its own in var/scale, beside those of other sizes. What was stopped goes on when it is
started again. Writes how long each stage took to var/bench/scale-N.json; a run that went on tells of its own part.
"""

import argparse
import os
import signal
import sys
import time
from pathlib import Path

from scale_data.building import Size, build
from scale_data.core import SETS
from scale_data.server import scale_server
from stack import ROOT

from sagwan_bench.environment import describe
from sagwan_bench.results import Figure, printed, write_results
from sagwan_client.errors import StackError


def main() -> int:
    """Builds, prints and writes."""
    options = _options()
    missing = [name for name in SETS if not (options.data / name).is_dir()]
    if missing:
        print(f"no {', '.join(missing)} in {options.data}", file=sys.stderr)
        return 2
    # What it starts is stopped on the way out, whoever ends it.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    size = Size(options.chunks, options.maintenance_mb, options.workers)
    begun = time.perf_counter()
    try:
        with scale_server() as server:
            figures = build(server, size, options.data, lambda remark: print(f"# {remark}", flush=True))
    except (StackError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    figures = printed([*figures, Figure("build_s", time.perf_counter() - begun, "s")])
    output = ROOT / "var" / "bench" / f"scale-{size.chunks}.json"
    environment = describe(ROOT, options.data / SETS[0] / "meetings.jsonl", packages=("asyncpg", "pgvector"))
    write_results(output, environment | {"maintenance_mb": size.maintenance_mb, "workers": size.workers}, figures)
    print(f"written to {output.relative_to(ROOT)}")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").partition("\n")[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("--chunks", type=int, required=True, metavar="N", help="how many, the real ones included")
    parser.add_argument("--data", type=Path, required=True, help="folder of evaluation data, such as ../shared/eval")
    parser.add_argument("--maintenance-mb", type=int, default=3_072, help="memory for building an index")
    parser.add_argument(
        "--workers",
        type=int,
        default=max(0, (os.cpu_count() or 1) - 1),
        help="processes that help to build one, in /dev/shm",
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
