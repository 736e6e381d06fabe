"""How many tokens a second: the service against a raw loop, against sentence-transformers, against a plain export.

All take part in one run, turn and turn about, and each ratio is the median of the rounds' own ratios, so that what else
the machine does falls on both sides of it. Tokens are real ones; padding does not count.

The service and the raw loop get all of a round's texts. The two slower rivals get an eighth of them, chosen so that it
pads as little as the whole. Each rival's way to batch is the fastest in trials before the first round.
"""

import itertools
import os
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from embedder_bench.batches import thinned
from embedder_bench.batching_metrics import batching_figures
from embedder_bench.calls import all_answered, batched, closed_loop
from embedder_bench.exported import ExportedSession, exported_graph
from embedder_bench.raw import RawSession, RawTokenizer, loaded
from embedder_bench.reference import ReferenceMissing, reference_folder, torch_session
from embedder_bench.run import Run
from embedder_bench.service import Service, cpu_seconds, running
from embedder_bench.texts import endless_passages
from sagwan_bench.results import Figure, at_least
from sagwan_embedder.domain.model import Kind

_SEED = 3
_CALLERS = 8
_BATCH = 32
_ROUNDS = 5
_ROUND_TEXTS = 512
# Of sixteen runs of neighbours in length a part has two, from the middle outwards as rounds go on.
_PART_STRIDE = 8
_PART_OFFSETS = (3, 4, 2, 5, 1)
_TRIALS = 2
_WARM_UP_TEXTS = 64
_COMPARED_TEXTS = 8
_RAW = ("raw_alone", "raw_at_once")
_TO_RAW = at_least(0.95)
_TO_TORCH = at_least(3.0)
_TO_EXPORTED = at_least(1.3)


class Rival(Protocol):
    """What the service is compared with."""

    @property
    def options(self) -> tuple[int, ...]:
        """Ways to batch that are worth trying."""
        ...

    def seconds(self, texts: Sequence[str], option: int) -> float:
        """Time to embed the texts."""
        ...

    def vectors(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """One unit vector a text: [texts, dimension]."""
        ...


@dataclass(frozen=True, slots=True)
class _Round:
    """Tokens a second by name in one round, and the processor time (share of one core) while the service worked."""

    tokens_per_s: Mapping[str, float]
    service_cpu: float
    client_cpu: float


def throughput_figures(run: Run) -> Iterator[Figure]:
    """Tokens a second of each, and the ratios that are claimed."""
    model = loaded(run.model)
    tokenizer = RawTokenizer(model)
    passages = endless_passages(run.texts, _SEED)
    with ExitStack() as stack:
        rivals: dict[str, Rival] = {
            "raw_alone": RawSession(model.encoder, tokenizer),
            "raw_at_once": RawSession(model.encoder, tokenizer, at_once=model.encoder.runs_at_once),
        }
        rivals |= _others(run, stack, tokenizer)
        service = stack.enter_context(running(run))
        size = run.count(_ROUND_TEXTS)
        first = list(itertools.islice(passages, size))
        trial = _part(first, tokenizer, 0)
        options = {name: _fastest(rival, trial) for name, rival in rivals.items()}
        # The first call of a fresh process pays for buffers that the others find.
        all_answered(closed_loop(service.address, batched(first[:_WARM_UP_TEXTS], _BATCH), callers=_CALLERS))
        rounds = [
            _round(service, list(itertools.islice(passages, size)), number, tokenizer, rivals, options)
            for number in range(_ROUNDS)
        ]
        yield from _speeds(rounds, options)
        yield from _agreement(rivals, first[:_COMPARED_TEXTS])
        yield from batching_figures(service.page(), "throughput")


def _others(run: Run, stack: ExitStack, tokenizer: RawTokenizer) -> dict[str, Rival]:
    """Those that are there; why another is not is told."""
    others: dict[str, Rival] = {}
    try:
        (prompt,) = tokenizer.prompted([""], Kind.PASSAGE)
        torch = stack.enter_context(torch_session(run, reference_folder(run), prompt))
        run.tell("torch: " + ", ".join(f"{name} {version}" for name, version in torch.versions.items()))
        others["torch"] = torch
    except ReferenceMissing as missing:
        run.tell(f"torch was not measured: {missing}")
    try:
        others["exported"] = ExportedSession(exported_graph(run), tokenizer)
    except ReferenceMissing as missing:
        run.tell(f"exported was not measured: {missing}")
    return others


def _fastest(rival: Rival, texts: Sequence[str]) -> int:
    """The way to batch with the least time; each is tried in turn, so that a slow moment hits all."""
    times: dict[int, list[float]] = {option: [] for option in rival.options}
    for _ in range(_TRIALS):
        for option in rival.options:
            times[option].append(rival.seconds(texts, option))
    return min(times, key=lambda option: min(times[option]))


def _round(
    service: Service,
    texts: list[str],
    number: int,
    tokenizer: RawTokenizer,
    rivals: Mapping[str, Rival],
    options: Mapping[str, int],
) -> _Round:
    requests = list(batched(texts, _BATCH))
    service_cpu_s, client_cpu_s = service.cpu_s, cpu_seconds(os.getpid())
    started_s = time.perf_counter()
    answers = all_answered(closed_loop(service.address, requests, callers=_CALLERS))
    seconds = time.perf_counter() - started_s
    service_cpu = (service.cpu_s - service_cpu_s) / seconds
    client_cpu = (cpu_seconds(os.getpid()) - client_cpu_s) / seconds
    tokens_per_s = {"service": sum(answer.tokens for answer in answers) / seconds}
    for name, rival in rivals.items():
        given = texts if name in _RAW else _part(texts, tokenizer, number)
        tokens = sum(map(len, tokenizer.ids(given, Kind.PASSAGE)))
        tokens_per_s[name] = tokens / rival.seconds(given, options[name])
    tokens_per_s["raw"] = max(tokens_per_s[name] for name in _RAW)
    return _Round(tokens_per_s, service_cpu, client_cpu)


def _part(texts: list[str], tokenizer: RawTokenizer, number: int) -> list[str]:
    """An eighth of a round's texts, another one each round."""
    offset = _PART_OFFSETS[number % len(_PART_OFFSETS)]
    lengths = [len(ids) for ids in tokenizer.ids(texts, Kind.PASSAGE)]
    return [texts[index] for index in thinned(lengths, group=_BATCH, stride=_PART_STRIDE, offset=offset)]


def _speeds(rounds: Sequence[_Round], options: Mapping[str, int]) -> Iterator[Figure]:
    def median_of(name: str) -> float | None:
        speeds = [each.tokens_per_s[name] for each in rounds if name in each.tokens_per_s]
        return statistics.median(speeds) if speeds else None

    def ratio(one: str, other: str) -> float | None:
        pairs = [(each.tokens_per_s.get(one), each.tokens_per_s.get(other)) for each in rounds]
        ratios = [above / below for above, below in pairs if above is not None and below is not None]
        return statistics.median(ratios) if ratios else None

    for name in ("service", "raw", *_RAW, "torch", "exported"):
        yield Figure(f"{name}_tokens_per_s", median_of(name), "tokens/s")
    for name in _RAW:
        yield Figure(f"{name}_best_batch", options[name], "tokens")
    yield Figure("torch_best_batch", options.get("torch"), "texts")
    yield Figure("exported_best_batch", options.get("exported"), "texts")
    yield Figure("service_to_raw", ratio("service", "raw"), "times", _TO_RAW)
    yield Figure("service_to_torch", ratio("service", "torch"), "times", _TO_TORCH)
    yield Figure("raw_to_torch", ratio("raw", "torch"), "times")
    yield Figure("service_to_exported", ratio("service", "exported"), "times", _TO_EXPORTED)
    yield Figure("raw_to_exported", ratio("raw", "exported"), "times")
    ratios = [each.tokens_per_s["service"] / each.tokens_per_s["raw"] for each in rounds]
    yield Figure("service_to_raw_lowest_round", min(ratios), "times")
    yield Figure("service_cpu_busy", statistics.median(each.service_cpu for each in rounds), "cores")
    yield Figure("client_cpu_busy", statistics.median(each.client_cpu for each in rounds), "cores")


def _agreement(rivals: Mapping[str, Rival], texts: Sequence[str]) -> Iterator[Figure]:
    """The least cosine to the raw session's vectors: that the rivals compute the same thing."""
    expected = rivals[_RAW[0]].vectors(texts)
    for name in ("torch", "exported"):
        rival = rivals.get(name)
        least = None if rival is None else float((rival.vectors(texts) * expected).sum(axis=1).min())
        yield Figure(f"{name}_cosine_to_raw_min", least, "cosine")
