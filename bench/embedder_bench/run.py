"""What every measurement of a run shares."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from embedder_bench.texts import SETS, EvaluationTexts, load
from sagwan_bench.environment import describe
from sagwan_embedder.adapters.model_folder import read_card

ROOT = Path(__file__).resolve().parent.parent.parent
# What the ratios survive: a shell and an editor.
_QUIET_LOAD = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of the benchmark.

    Attributes:
        model: Folder of the model that is served.
        scratch: Folder for what the comparisons need; kept from run to run.
        torch_python: An interpreter that has sentence-transformers, which may not be there.
        texts: The evaluation sets.
        tell: Takes a remark that belongs to the figures.
        texts_max: Most texts of one measurement; None for as many as the claim says.
        seconds_max: Longest timed stretch; None for as long as the claim says.
    """

    model: Path
    scratch: Path
    torch_python: Path
    texts: EvaluationTexts
    tell: Callable[[str], None]
    texts_max: int | None
    seconds_max: float | None

    @property
    def is_whole(self) -> bool:
        """Whether it measures as many texts, for as long, as the claims say."""
        return self.texts_max is None and self.seconds_max is None

    def count(self, claimed: int) -> int:
        """How many texts to measure with where a claim says this many."""
        return claimed if self.texts_max is None else min(claimed, self.texts_max)

    def seconds(self, claimed: float) -> float:
        """How long to measure where a claim says this long."""
        return claimed if self.seconds_max is None else min(claimed, self.seconds_max)


def add_run_arguments(parser: argparse.ArgumentParser) -> None:
    """What a run can be told: where the texts, the model and torch are, and whether it is a trial."""
    parser.add_argument("--data", type=Path, required=True, help="folder of evaluation data, such as ../shared/eval")
    parser.add_argument("--texts", type=int, help="most texts of a measurement: a trial")
    parser.add_argument("--seconds", type=float, help="longest timed stretch: a trial")
    parser.add_argument("--model", type=Path, default=ROOT / "var" / "model", help="folder of the model")
    parser.add_argument(
        "--torch-python",
        type=Path,
        default=Path(os.environ.get("SAGWAN_TORCH_PYTHON", ROOT / ".venv-torch" / "bin" / "python")),
        help="an interpreter with sentence-transformers, to compare with",
    )


def prepared(options: argparse.Namespace, packages: Sequence[str]) -> tuple[Run, dict[str, Any]]:
    """A run from its arguments, and the environment that its figures are written with.

    The environment's `remarks` grow with what the run tells.

    Args:
        options: Of a parser with `add_run_arguments`.
        packages: Whose versions matter to what is measured.

    Raises:
        SystemExit: The data lack a set.
    """
    missing = [name for name in SETS if not (options.data / name).is_dir()]
    if missing:
        print(f"no {', '.join(missing)} in {options.data}", file=sys.stderr)
        raise SystemExit(2)
    remarks: list[str] = []

    def tell(remark: str) -> None:
        print(f"# {remark}", flush=True)
        remarks.append(remark)

    scratch = ROOT / "var" / "bench"
    scratch.mkdir(parents=True, exist_ok=True)
    run = Run(
        model=options.model,
        scratch=scratch,
        torch_python=options.torch_python,
        texts=load(options.data),
        tell=tell,
        texts_max=options.texts,
        seconds_max=options.seconds,
    )
    load_average = os.getloadavg()[0]
    if load_average > _QUIET_LOAD:
        tell(f"the machine was not quiet before the run: load average {load_average:.1f}")
    environment = describe(ROOT, options.data / SETS[0] / "corpus.jsonl", packages=packages)
    environment |= {"model_sha256": read_card(run.model).sha256, "load_average_before": load_average}
    return run, environment | {"whole": run.is_whole, "remarks": remarks}
