"""Measures what metrics and traces cost a search, and holds it against the targets.

Six stacks run at once, each with the sample meetings, and are asked in turn, round after round, so that a slow moment
of the machine falls on all of them: without metrics and traces; with metrics; and with both, whose collector takes the
spans, hangs, refuses, or is not there. Prints a row a figure, writes var/bench/observability.json, and exits with 1
when a target is missed. A shortened run is written to a file of its own and stands for nothing.
"""

import argparse
import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from observability_bench import collectors
from observability_bench.asking import asked
from stack import ROOT, Stack, running

from sagwan_bench.environment import describe
from sagwan_bench.results import Figure, at_most, printed, write_results
from sagwan_bench.samples import nearest_rank

_HOME = ROOT / "var" / "bench" / "observability"
_WITHOUT_METRICS = Path(__file__).parent / "observability_bench" / "without_metrics"
_COLLECTORS = {
    "plain": collectors.none,
    "metrics": collectors.none,
    "observed": collectors.taking,
    "absent": collectors.absent,
    "hanging": collectors.hanging,
    "refusing": collectors.refusing,
}
_ROUNDS, _SECONDS, _CALLERS, _WARM_UP_S = 20, 10.0, 4, 5.0
_COST_MAX, _P99_MAX = 0.03, 1.05
# Words that are in the samples, so that both legs have something to do; more of them than the embedder remembers.
_WORDS = (
    "budget",
    "심야버스",
    "kiln",
    "library",
    "payment",
    "latency",
    "water",
    "예산",
    "night shift",
    "retrospective",
)
_QUESTIONS = [f"{first} and {second} {number}" for number in range(60) for first in _WORDS for second in _WORDS]


def main() -> int:
    """Measures, prints, writes and judges."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=_ROUNDS, help="fewer make a trial")
    parser.add_argument(
        "--seconds", type=float, default=_SECONDS, help="of each round for each stack; fewer make a trial"
    )
    parser.add_argument("--sample-ratio", type=float, default=0.1, help="share of the traces that is kept")
    options = parser.parse_args()
    shutil.rmtree(_HOME, ignore_errors=True)
    with ExitStack() as resources:
        stacks = {way: _stack(resources, way, options.sample_ratio) for way in _COLLECTORS}
        for stack in stacks.values():
            asked(stack, _QUESTIONS, seconds=_WARM_UP_S, callers=_CALLERS)
        rounds = [_round(stacks, number, options.seconds) for number in range(options.rounds)]
    figures = printed(_figures(rounds, options.seconds))
    whole = options.rounds >= _ROUNDS and options.seconds >= _SECONDS
    output = _HOME.parent / ("observability.json" if whole else "observability-trial.json")
    said = {"rounds": options.rounds, "seconds": options.seconds, "sample_ratio": options.sample_ratio}
    write_results(output, describe(ROOT, ROOT / "samples" / "questions.jsonl") | said, figures)
    print(f"written to {output.relative_to(ROOT)}")
    return 1 if any(each.passes is False for each in figures) else 0


def _stack(resources: ExitStack, way: str, sample_ratio: float) -> Stack:
    home = _HOME / way
    settings = {
        "SAGWAN_OTLP_ENDPOINT": resources.enter_context(_COLLECTORS[way]()),
        "SAGWAN_TRACE_SAMPLE_RATIO": str(sample_ratio),
    }
    if way == "plain":
        settings["PYTHONPATH"] = os.pathsep.join(filter(None, [str(_WITHOUT_METRICS), os.environ.get("PYTHONPATH")]))
    stack = resources.enter_context(running(home, model_dir=ROOT / "var" / "model", **settings))
    stack.run("ingest", str(ROOT / "samples" / "meetings"))
    return stack


def _round(stacks: Mapping[str, Stack], number: int, seconds: float) -> dict[str, list[float]]:
    """Each stack's times of one round; another one begins each time."""
    ways = list(stacks)
    turn = number % len(ways)
    first = number * 400
    questions = _QUESTIONS[first % len(_QUESTIONS) :] + _QUESTIONS[: first % len(_QUESTIONS)]
    return {
        way: asked(stacks[way], questions, seconds=seconds, callers=_CALLERS) for way in (*ways[turn:], *ways[:turn])
    }


def _figures(rounds: list[dict[str, list[float]]], seconds: float) -> Iterator[Figure]:
    # Of all rounds together: a hundredth of one round is a handful of searches.
    pooled = {way: [each for times in rounds for each in times[way]] for way in _COLLECTORS}
    p99_ms = {way: _p99_ms(took) for way, took in pooled.items()}
    for way, took in pooled.items():
        yield Figure(f"{way}_searches_per_second", len(took) / (seconds * len(rounds)), "1/s")
        yield Figure(f"{way}_p99_ms", p99_ms[way], "ms")
    for way, limit in (("metrics", None), ("observed", at_most(_COST_MAX))):
        costs = [1 - len(times[way]) / len(times["plain"]) for times in rounds]
        yield Figure(f"{way}_cost_of_throughput", median(costs), "share", limit)
    for way in ("absent", "hanging", "refusing"):
        yield Figure(f"{way}_p99_over_tracing_off", p99_ms[way] / p99_ms["metrics"], "times", at_most(_P99_MAX))


def _p99_ms(took: list[float]) -> float:
    return (nearest_rank(0.99, took) or 0.0) * 1_000


if __name__ == "__main__":
    sys.exit(main())
