"""What a graph's vectors are worth: likeness to float32's, and whether they find what they should."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from graph_bench.runners import Runner, Sample, Vectors
from sagwan_bench import ranking
from sagwan_embedder.domain.model import Kind

SETS = ("koen_parallel/dev/en2ko", "koen_parallel/dev/ko2en", "ko_mrc", "qmsum/val")
_TOP = 10

Cut = Callable[[list[str], Kind], Sample]


def cosines(one: Vectors, other: Vectors) -> NDArray[np.float32]:
    """Of each row with its partner."""
    found: NDArray[np.float32] = np.sum(one * other, axis=1)
    return found


def alone(runner: Runner, sample: Sample) -> Vectors:
    """The vectors of texts that have a batch each."""
    pairs = zip(sample.texts, sample.ids, strict=True)
    return np.concatenate([runner.vectors(Sample([text], [ids])) for text, ids in pairs])


@dataclass(frozen=True, slots=True)
class RetrievalSet:
    """Passages, the questions that have an answer among them, and the gain of each passage for each question."""

    passages: Sample
    questions: Sample
    gains: list[dict[int, int]]


def retrieval_set(folder: Path, cut: Cut) -> RetrievalSet:
    """Reads a set. Passages are their `text`: the sets' titles name the source, or stand in the text."""
    corpus, queries = (_lines(folder / f"{name}.jsonl") for name in ("corpus", "queries"))
    row_of = {str(each["_id"]): row for row, each in enumerate(corpus)}
    gains: dict[str, dict[int, int]] = {}
    for line in (folder / "qrels.tsv").read_text(encoding="utf-8").splitlines()[1:]:
        query, passage, grade = line.split("\t")
        gains.setdefault(query, {})[row_of[passage]] = 2 ** int(grade) - 1
    asked = [each for each in queries if each["_id"] in gains]
    return RetrievalSet(
        cut([str(each["text"]) for each in corpus], Kind.PASSAGE),
        cut([str(each["text"]) for each in asked], Kind.QUERY),
        [gains[str(each["_id"])] for each in asked],
    )


def ndcg(runner: Runner, among: RetrievalSet) -> float:
    """nDCG@10 by cosine, with gains of 2^grade - 1 (Burges et al. 2005)."""
    likeness = runner.vectors(among.questions) @ runner.vectors(among.passages).T
    scores = []
    for row, gains in zip(likeness, among.gains, strict=True):
        found = [gains.get(int(passage), 0) for passage in np.argsort(-row, kind="stable")[:_TOP]]
        scores.append(ranking.ndcg(found, gains.values(), depth=_TOP))
    return float(np.mean(scores))


def _lines(file: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
