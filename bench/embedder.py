"""Measures what the embedder claims, on real texts, and holds it against the targets.

Each claim starts an embedder of its own. Prints a row a figure, writes var/bench/embedder.json, and exits with 1 when a
target is missed. A shortened run is written to a file of its own and stands for nothing.
"""

import argparse
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from embedder_bench.idle import idle_figures
from embedder_bench.latency import chunk_figures, query_figures
from embedder_bench.memory import memory_figures
from embedder_bench.overload import overload_figures
from embedder_bench.parity import parity_figures
from embedder_bench.run import Run
from embedder_bench.texts import SETS, load
from embedder_bench.throughput import throughput_figures
from embedder_bench.under_bulk import bulk_figures

from sagwan_bench.environment import describe
from sagwan_bench.results import Figure, write_results
from sagwan_embedder.adapters.model_folder import read_card

ROOT = Path(__file__).resolve().parent.parent
_SCRATCH = ROOT / "var" / "bench"
# What the ratios survive: a shell and an editor.
_QUIET_LOAD = 0.5
_PACKAGES = ("numpy", "onnxruntime", "sentencepiece")
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
    missing = [name for name in SETS if not (options.data / name).is_dir()]
    if missing:
        print(f"no {', '.join(missing)} in {options.data}", file=sys.stderr)
        return 2
    _SCRATCH.mkdir(parents=True, exist_ok=True)
    remarks: list[str] = []

    def tell(remark: str) -> None:
        print(f"# {remark}", flush=True)
        remarks.append(remark)

    run = Run(
        model=options.model,
        scratch=_SCRATCH,
        torch_python=options.torch_python,
        texts=load(options.data),
        tell=tell,
        texts_max=options.texts,
        seconds_max=options.seconds,
    )
    load_average = os.getloadavg()[0]
    if load_average > _QUIET_LOAD:
        tell(f"the machine was not quiet before the run: load average {load_average:.1f}")
    environment = describe(ROOT, options.data / SETS[0] / "corpus.jsonl", packages=_PACKAGES)
    environment |= {"model_sha256": read_card(run.model).sha256, "load_average_before": load_average}
    figures = _measured(run, options.only)
    environment |= {"rows": options.only, "whole": run.is_whole, "remarks": remarks}
    whole = run.is_whole and options.only == list(_ROWS)
    output = _SCRATCH / ("embedder.json" if whole else "embedder-trial.json")
    write_results(output, environment, figures)
    print(f"written to {output.relative_to(ROOT)}")
    return 1 if any(each.passes is False for each in figures) else 0


def _measured(run: Run, rows: list[str]) -> list[Figure]:
    figures: list[Figure] = []
    for row in rows:
        started_s = time.perf_counter()
        for each in _ROWS[row](run):
            print(each.as_row(), flush=True)
            figures.append(each)
        print(f"# {row}: {time.perf_counter() - started_s:.0f} s", flush=True)
    return figures


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").partition("\n")[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of evaluation data, such as ../shared/eval")
    parser.add_argument("--only", type=_rows, default=list(_ROWS), metavar="ROW,…", help="these claims")
    parser.add_argument("--texts", type=int, help="most texts of a measurement: a trial")
    parser.add_argument("--seconds", type=float, help="longest timed stretch: a trial")
    parser.add_argument("--model", type=Path, default=ROOT / "var" / "model", help="folder of the model")
    parser.add_argument(
        "--torch-python",
        type=Path,
        default=Path(os.environ.get("SAGWAN_TORCH_PYTHON", ROOT / ".venv-torch" / "bin" / "python")),
        help="an interpreter with sentence-transformers, to compare with",
    )
    return parser.parse_args()


def _rows(value: str) -> list[str]:
    rows = value.split(",")
    unknown = [row for row in rows if row not in _ROWS]
    if unknown:
        raise argparse.ArgumentTypeError(f"no row {', '.join(unknown)}; there are {', '.join(_ROWS)}")
    return rows


if __name__ == "__main__":
    sys.exit(main())
