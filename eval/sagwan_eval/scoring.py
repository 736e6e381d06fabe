"""What rankings are worth, question by question, and how sure that is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import ir_measures
import numpy as np
from ir_measures import RR, R, nDCG
from numpy.typing import NDArray

NDCG, RECALL, RECIPROCAL_RANK = "nDCG@10", "recall@10", "MRR"
_MEASURES = {nDCG @ 10: NDCG, R @ 10: RECALL, RR: RECIPROCAL_RANK}
_RESAMPLES = 2_000
_LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean over questions with the interval in which it lies.

    Attributes:
        value: The mean.
        low: Where the 95 % interval begins.
        high: Where it ends.
    """

    value: float
    low: float
    high: float


def measured(
    gains: Mapping[str, Mapping[str, int]], rankings: Mapping[str, Sequence[str]]
) -> dict[str, dict[str, float]]:
    """nDCG@10 (gains as they are given), recall@10 and reciprocal rank, by measure and question.

    Args:
        gains: By question, what each document that answers it is worth.
        rankings: By question, documents without repetition, best first; an empty one is worth nothing.
    """
    run = {
        question: {document: -float(rank) for rank, document in enumerate(documents)}
        for question, documents in rankings.items()
    }
    values = {name: dict.fromkeys(rankings, 0.0) for name in _MEASURES.values()}
    for each in ir_measures.iter_calc(_MEASURES, {question: dict(gains[question]) for question in rankings}, run):
        values[_MEASURES[each.measure]][each.query_id] = each.value
    return values


def mean(values: Sequence[float]) -> Mean:
    """The mean with its percentile bootstrap interval (Efron, 1979): 2,000 resamples of the questions, same seed."""
    found = np.asarray(values)
    low, high = np.quantile(_resampled(found), [(1 - _LEVEL) / 2, (1 + _LEVEL) / 2])
    return Mean(float(found.mean()), float(low), float(high))


def _resampled(values: NDArray[np.float64]) -> NDArray[np.float64]:
    rng = np.random.default_rng(0)
    return np.array([values[rng.integers(len(values), size=len(values))].mean() for _ in range(_RESAMPLES)])
