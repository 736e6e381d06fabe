"""Measures the graphs that were tried for the default model, against torch and a plain export of the same weights.

Prints a row a figure and writes var/bench/graphs.json. What needs a package that is not there is listed as not
installed. With --ndcg it also scores retrieval, which embeds 7,000 passages with every graph that is scored.
"""

import argparse
import os
import random
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from importlib.util import find_spec
from itertools import islice
from pathlib import Path

from embedder_bench.batches import thinned
from embedder_bench.exported import exported_graph
from embedder_bench.raw import RawTokenizer, TokenIds, loaded
from embedder_bench.reference import ReferenceMissing, finished, reference_folder, torch_session
from embedder_bench.run import ROOT, Run, add_run_arguments, prepared
from embedder_bench.texts import endless_passages
from graph_bench import quality
from graph_bench.resident import save
from graph_bench.runners import (
    GraphRunner,
    Runner,
    Sample,
    TorchRunner,
    default_onnx_batches,
    onnx_batches,
    openvino_batches,
)
from graph_bench.timing import Timed, latencies_ms, median_ratio, rounds
from graph_bench.variants import exact_gelu, float32_graph, fuse_norms, in_blocks, no_mask, rewritten

from sagwan_bench.results import Figure, printed, write_results
from sagwan_embedder.adapters.model_folder import GRAPH_FILE
from sagwan_embedder.domain.model import Kind

_HERE = Path(__file__).parent
_SEED = 5
_TEXTS = 256
# Each round has another quarter of the texts, in runs of neighbours in length.
_GROUP = 16
_STRIDE = 4
_COMPARED_TEXTS = 200
_ALONE_TEXTS = 48
_CHUNK_TOKENS = 256
_QUERY_TOKENS = 12
_LATENCY_TIMES = 25
# Of 8, 16, 32 and 64 the fastest for each on two cores.
_TORCH_TEXTS = 8
_EXPORT_TEXTS = 8
_EXPORT_TIMEOUT_S = 300
_RESIDENT_TIMEOUT_S = 900
_RESIDENT_TEXTS = 1_000
_RESIDENT_LEANING = 1.5
# Name, padded tokens of a batch, threads of a run, runs at once.
_RESIDENT = (("int8", 1_024, 2, 1), ("int8", 2_048, 2, 1), ("int8_lanes", 1_024, 1, 2), ("int8_lanes", 512, 1, 2))
_SCORED = ("float32", "int8", "exported")
_BASE = "int8"
_EXACT = "float32"


class _Bench:
    """Runners by name, and the texts that they get."""

    def __init__(self, run: Run, folder: Path, stack: ExitStack) -> None:
        self._run = run
        self._folder = folder
        self._tokenizer = RawTokenizer(loaded(run.model))
        self.runners: dict[str, Runner] = dict(self._own_graphs())
        self._add_others(stack)
        self.bulk = self.cut(list(islice(endless_passages(run.texts, _SEED), run.count(_TEXTS))), Kind.PASSAGE)

    def cut(self, texts: list[str], kind: Kind) -> Sample:
        """Texts with their token ids."""
        return Sample(texts, self._tokenizer.ids(texts, kind))

    def part(self, number: int) -> Sample:
        """A quarter of the texts that pads as little as the whole does."""
        lengths = list(map(len, self.bulk.ids))
        return _of(self.bulk, thinned(lengths, group=_GROUP, stride=_STRIDE, offset=number % _STRIDE))

    def mixed(self) -> list[TokenIds]:
        """Token ids of texts of every length that the model takes, more of them short than long."""
        chooser = random.Random(_SEED)
        texts = list(islice(endless_passages(self._run.texts, _SEED), self._run.count(_RESIDENT_TEXTS)))
        return [
            ids[: max(1, round(len(ids) * chooser.random() ** _RESIDENT_LEANING))]
            for ids in self.cut(texts, Kind.PASSAGE).ids
        ]

    def _own_graphs(self) -> Iterator[tuple[str, Runner]]:
        served = self._run.model / GRAPH_FILE
        exact = float32_graph(self._folder)
        yield _BASE, GraphRunner(onnx_batches(served, threads=0))
        yield f"{_BASE}_2048", GraphRunner(onnx_batches(served, threads=0), tokens_max=2_048)
        for tokens_max in (512, 1_024):
            lanes = GraphRunner(onnx_batches(served, threads=1), tokens_max=tokens_max, lanes=os.cpu_count() or 1)
            yield f"{_BASE}_lanes_{tokens_max}", lanes
        yield _EXACT, GraphRunner(onnx_batches(exact, threads=0))
        for name, source, rewrite in (
            ("fused_norm", served, fuse_norms),
            ("exact_gelu", served, exact_gelu),
            ("no_mask", served, no_mask),
            ("blocks_8_bits", exact, in_blocks(8)),
            ("blocks_4_bits", exact, in_blocks(4)),
        ):
            graph = rewritten(source, self._folder / f"{name}.onnx", rewrite)
            yield name, GraphRunner(onnx_batches(graph, threads=0))

    def _add_others(self, stack: ExitStack) -> None:
        """Those that need other packages; why one is not there is told."""
        try:
            exported = default_onnx_batches(exported_graph(self._run))
            self.runners["exported"] = GraphRunner(exported, texts_max=_EXPORT_TEXTS)
            (prompt,) = self._tokenizer.prompted([""], Kind.PASSAGE)
            folder = reference_folder(self._run)
            torch = stack.enter_context(torch_session(self._run, folder, prompt))
            self.runners["torch"] = TorchRunner(torch, _TORCH_TEXTS)
            if find_spec("openvino"):
                plain = self._folder / "plain.onnx"
                script = str(_HERE / "embedder_bench" / "plain_export.py")
                finished(self._run, (script, str(folder), str(plain)), timeout_s=_EXPORT_TIMEOUT_S)
                self.runners["openvino_float32"] = GraphRunner(openvino_batches(plain))
        except ReferenceMissing as missing:
            self._run.tell(str(missing))
        absent = [name for name in ("exported", "torch", "openvino_float32") if name not in self.runners]
        if absent:
            self._run.tell(f"not installed: {', '.join(absent)}")


def main() -> int:
    """Measures, prints and writes."""
    options = _options()
    run, environment = prepared(options, ("numpy", "onnxruntime"))
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        bench = _Bench(run, Path(name), stack)
        figures = printed(_measured(bench, run, options))
    output = run.scratch / ("graphs.json" if run.is_whole else "graphs-trial.json")
    write_results(output, environment, figures)
    print(f"written to {output.relative_to(ROOT)}")
    return 0


def _measured(bench: _Bench, run: Run, options: argparse.Namespace) -> Iterator[Figure]:
    yield from _quality_figures(bench)
    yield from _speed_figures(list(rounds(bench.runners, [bench.part(each) for each in range(options.rounds)])))
    for name, tokens in (("chunk", _CHUNK_TOKENS), ("query", _QUERY_TOKENS)):
        longest = max(range(len(bench.bulk.ids)), key=lambda index: len(bench.bulk.ids[index]))
        one = Sample(bench.bulk.texts[:1], [bench.bulk.ids[longest][:tokens]])
        graphs = {name: runner for name, runner in bench.runners.items() if isinstance(runner, GraphRunner)}
        for graph, found in latencies_ms(graphs, one, _LATENCY_TIMES).items():
            yield Figure(f"{graph}_{name}_p50_ms", statistics.median(found), "ms")
            yield Figure(f"{graph}_{name}_max_ms", max(found), "ms")
    for each, tokens_max, threads, lanes in _RESIDENT:
        peak = _resident_mb(run.model / GRAPH_FILE, bench.mixed(), (tokens_max, threads, lanes))
        yield Figure(f"{each}_{tokens_max}_peak_mb", peak, "MB")
    if options.ndcg:
        yield from _retrieval_figures(bench, options.data)


def _quality_figures(bench: _Bench) -> Iterator[Figure]:
    compared = _of(bench.bulk, range(min(_COMPARED_TEXTS, len(bench.bulk.ids))))
    lone = _of(compared, range(min(_ALONE_TEXTS, len(compared.ids))))
    exact = bench.runners[_EXACT].vectors(compared)
    for name, runner in bench.runners.items():
        together = runner.vectors(compared)
        likeness = quality.cosines(together, exact)
        company = quality.cosines(quality.alone(runner, lone), together[: len(lone.ids)])
        yield Figure(f"{name}_cosine_min", float(likeness.min()), "cosine")
        yield Figure(f"{name}_cosine_median", float(statistics.median(likeness)), "cosine")
        yield Figure(f"{name}_alone_cosine_min", float(company.min()), "cosine")


def _speed_figures(found: Sequence[dict[str, Timed]]) -> Iterator[Figure]:
    for name in found[0]:
        yield Figure(f"{name}_tokens_per_s", statistics.median(each[name].tokens_per_s for each in found), "tokens/s")
        yield Figure(f"{name}_to_{_BASE}", median_ratio(found, name, _BASE), "times")
        if name != "torch":
            yield Figure(f"{name}_cpu_us", statistics.median(each[name].cpu_us_a_token for each in found), "us/token")


def _retrieval_figures(bench: _Bench, data: Path) -> Iterator[Figure]:
    for folder in quality.SETS:
        among = quality.retrieval_set(data / folder, bench.cut)
        for name in _SCORED:
            if name in bench.runners:
                score = quality.ndcg(bench.runners[name], among)
                yield Figure(f"{name}_ndcg_{folder.replace('/', '_')}", score, "nDCG@10")


def _resident_mb(graph: Path, texts: list[TokenIds], settings: tuple[int, int, int]) -> float:
    with tempfile.TemporaryDirectory() as name:
        tokens = Path(name) / "tokens.npz"
        save(tokens, texts)
        done = subprocess.run(
            [sys.executable, "-m", "graph_bench.resident", str(graph), str(tokens), *map(str, settings)],
            capture_output=True,
            check=True,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(_HERE), *sys.path])},
            timeout=_RESIDENT_TIMEOUT_S,
        )
    return float(done.stdout)


def _of(sample: Sample, indices: Sequence[int]) -> Sample:
    return Sample([sample.texts[index] for index in indices], [sample.ids[index] for index in indices])


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").partition("\n")[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    add_run_arguments(parser)
    parser.add_argument("--rounds", type=int, default=5, help="times that each graph is timed in bulk")
    parser.add_argument("--ndcg", action="store_true", help="score retrieval too: an hour on two cores")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
