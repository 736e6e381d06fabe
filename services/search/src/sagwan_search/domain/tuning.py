"""Which settings to try on an index, and which of those that were tried to keep."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from sagwan_search.domain.indexes import (
    IndexKind,
    IndexPlan,
    IterativeScan,
    Quantization,
    SearchSettings,
    settings_for,
)

RECALL_DEPTH = 10
_EF_SEARCH = (20, 40, 64, 100, 160, 250, 400, 640, 1_000)
_RESCORED = (2, 4, 8, 16, 32)
# Scores travel as 4-byte floats.
_TIE = 1e-6
# Beyond it, nothing more is to be had by looking further.
_RECALL_ENOUGH = 0.999


@dataclass(frozen=True, slots=True)
class Point:
    """Settings and what they gave.

    Attributes:
        plan: The index.
        settings: How it was searched.
        recall: Share of the true nearest ten that came, in the mean.
        p50_s: Median time of the statement, in seconds.
    """

    plan: IndexPlan
    settings: SearchSettings
    recall: float
    p50_s: float


def trials(plan: IndexPlan, depth: int) -> list[SearchSettings]:
    """Settings worth trying on an index, from those that look least to those that look furthest.

    Args:
        plan: The index.
        depth: Candidates that a search asks for. Without an iterative scan a shorter list cannot give them.
    """
    usual = settings_for(plan)
    if plan.kind is IndexKind.EXACT:
        return [usual]
    if plan.kind is IndexKind.HNSW:
        looked = [
            replace(usual, ef_search=ef_search, iterative_scan=scan)
            for ef_search in _EF_SEARCH
            for scan in IterativeScan
            if scan is not IterativeScan.OFF or ef_search >= depth
        ]
    else:
        doubled = {2**power for power in range(math.ceil(math.log2(max(plan.lists, 1))) + 1)}
        counts = sorted(min(each, plan.lists) for each in doubled | {usual.probes})
        looked = [replace(usual, probes=each) for each in dict.fromkeys(counts)]
    if plan.quantization is not Quantization.BINARY:
        return looked
    # A longer list and more exact comparisons make up for the same thing, so they grow together.
    last = len(looked) - 1
    paired = [
        replace(looked[place * last // (len(_RESCORED) - 1)], rescored=rescored)
        for place, rescored in enumerate(_RESCORED)
    ]
    return list(dict.fromkeys([*paired, *(replace(each, rescored=_RESCORED[-1]) for each in looked[last // 2 :])]))


def is_enough(point: Point) -> bool:
    """Whether settings that look further need not be tried."""
    return point.recall >= _RECALL_ENOUGH


def recall(found_scores: Sequence[float], true_scores: Sequence[float]) -> float:
    """Share of the true nearest that were found. Chunks that tie with the last of them are as good as it.

    Args:
        found_scores: Of what an index gave, best first.
        true_scores: Of the true nearest, best first; no more than are asked about.
    """
    if not true_scores:
        return 1.0
    found = sum(score >= true_scores[-1] - _TIE for score in found_scores[: len(true_scores)])
    return found / len(true_scores)


def cheapest(points: Iterable[Point], target: float) -> Point:
    """The quickest that reaches a recall; where none does, the one that comes closest.

    Raises:
        ValueError: There are none.
    """
    tried = list(points)
    good = [each for each in tried if each.recall >= target]
    if good:
        return min(good, key=lambda each: (each.p50_s, -each.recall))
    return max(tried, key=lambda each: (each.recall, -each.p50_s))
