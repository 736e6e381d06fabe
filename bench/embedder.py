"""Measures what the embedder claims, on real texts, and holds it against the targets.

Each claim starts an embedder of its own. Prints a row a figure, writes var/bench/embedder.json, and exits with 1 when a
target is missed. A shortened run is written to a file of its own and stands for nothing.
"""

import argparse
import signal
import sys
import time
from collections.abc import Callable, Iterator

from embedder_bench.idle import idle_figures
from embedder_bench.latency import chunk_figures, query_figures
from embedder_bench.memory import memory_figures
from embedder_bench.overload import overload_figures
from embedder_bench.parity import parity_figures
from embedder_bench.run import ROOT, Run, add_run_arguments, prepared
from embedder_bench.throughput import throughput_figures
from embedder_bench.under_bulk import bulk_figures

from sagwan_bench.results import Figure, printed, write_results

_ROWS: dict[str, Callable[[Run], Iterator[Figure]]] = {
    "throughput": throughput_figures,
    "query": query_figures,
    "bulk": bulk_figures,
    "chunk": chunk_figures,
    "memory": memory_figures,
    "overload": overload_figures,
    "parity": parity_figures,
    "idle": idle_figures,
}


def main() -> int:
    """Measures, prints, writes and judges."""
    options = _options()
    # What it starts is stopped on the way out, whoever ends it.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    run, environment = prepared(options, ("numpy", "onnxruntime", "sentencepiece"))
    figures = _measured(run, options.only)
    whole = run.is_whole and options.only == list(_ROWS)
    output = run.scratch / ("embedder.json" if whole else "embedder-trial.json")
    write_results(output, environment | {"rows": options.only}, figures)
    print(f"written to {output.relative_to(ROOT)}")
    return 1 if any(each.passes is False for each in figures) else 0


def _measured(run: Run, rows: list[str]) -> list[Figure]:
    figures: list[Figure] = []
    for row in rows:
        started_s = time.perf_counter()
        figures += printed(_ROWS[row](run))
        print(f"# {row}: {time.perf_counter() - started_s:.0f} s", flush=True)
    return figures


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").partition("\n")[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    add_run_arguments(parser)
    parser.add_argument("--only", type=_rows, default=list(_ROWS), metavar="ROW,…", help="these claims")
    return parser.parse_args()


def _rows(value: str) -> list[str]:
    rows = value.split(",")
    unknown = [row for row in rows if row not in _ROWS]
    if unknown:
        raise argparse.ArgumentTypeError(f"no row {', '.join(unknown)}; there are {', '.join(_ROWS)}")
    return rows


if __name__ == "__main__":
    sys.exit(main())
