"""Several rankings become one."""

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, pstdev

# Of a question of which a third is said, words count for a quarter (docs/decisions/0011).
_MATCH_EXPONENT = 1.2


class Leg(enum.Enum):
    """One way of finding chunks."""

    LEXICAL = "lexical"
    VECTOR = "vector"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A chunk that a leg found.

    Attributes:
        chunk_id: Which.
        score: The leg's own score, higher is better.
    """

    chunk_id: int
    score: float


class Method(enum.Enum):
    """What a place in a leg's list is worth, before the leg's weight."""

    ADAPTIVE_SCORE = "adaptive_score"
    RRF = "rrf"
    RELATIVE_SCORE = "relative_score"
    DISTRIBUTION_SCORE = "distribution_score"


@dataclass(frozen=True, slots=True)
class Fusion:
    """How legs become one ranking.

    Attributes:
        method: What a place in a leg's list is worth.
        rrf_k: Damps the head of the lists in RRF; 60 in the paper.
        lexical: Weight of the lexical leg.
        vector: Weight of the vector leg.
        neighbor_support: Share of its score above the mean that a chunk lends those next to it, from 0 to 1.
    """

    method: Method
    rrf_k: int = 60
    lexical: float = 1.0
    vector: float = 1.0
    neighbor_support: float = 0.0

    def weight_of(self, leg: Leg) -> float:
        """The weight of a leg."""
        return self.lexical if leg is Leg.LEXICAL else self.vector


@dataclass(frozen=True, slots=True)
class LegScore:
    """Where a leg put a chunk, and what that was worth.

    Attributes:
        leg: The leg.
        rank: From 1.
        score: The leg's own score.
        contribution: What it added to the fused score.
    """

    leg: Leg
    rank: int
    score: float
    contribution: float


@dataclass(frozen=True, slots=True)
class Fused:
    """A chunk with its fused score.

    Attributes:
        chunk_id: Which.
        score: Sum of the contributions, and of what its neighbours lend it.
        legs: Where each leg that found it put it.
        neighbor_support: What its neighbours lend it.
    """

    chunk_id: int
    score: float
    legs: tuple[LegScore, ...]
    neighbor_support: float = 0.0


def fuse(rankings: Mapping[Leg, Sequence[Candidate]], fusion: Fusion, *, match_share: float = 1.0) -> list[Fused]:
    """Merges rankings: a chunk's score is the sum of what its places are worth, each times the weight of its leg.

    Args:
        rankings: Each leg's candidates, best first, no chunk twice.
        fusion: What places are worth. A leg of weight 0 adds nothing to a score and no chunk to the result.
        match_share: How much of the question the best chunk of the lexical leg says, from 0 to 1.

    Returns:
        Best first; equal scores by chunk id, so that the order never depends on the order of the legs.
    """
    found: dict[int, list[LegScore]] = {}
    for leg, candidates in rankings.items():
        weight = fusion.weight_of(leg)
        if weight == 0:
            continue
        worths = _worths(candidates, fusion, match_share if leg is Leg.LEXICAL else 1.0)
        for rank, (candidate, worth) in enumerate(zip(candidates, worths, strict=True), start=1):
            leg_score = LegScore(leg, rank, candidate.score, weight * worth)
            found.setdefault(candidate.chunk_id, []).append(leg_score)
    fused = [Fused(chunk_id, sum(each.contribution for each in legs), tuple(legs)) for chunk_id, legs in found.items()]
    fused.sort(key=lambda each: (-each.score, each.chunk_id))
    return fused


def _worths(candidates: Sequence[Candidate], fusion: Fusion, match_share: float) -> list[float]:
    scores = [each.score for each in candidates]
    match fusion.method:
        case Method.ADAPTIVE_SCORE:
            # Words that hardly match must not lead: within its list even the best of them would count as much as any.
            counted = match_share**_MATCH_EXPONENT
            return [counted * each for each in relative_scores(scores)]
        case Method.RRF:
            return reciprocal_ranks(len(scores), fusion.rrf_k)
        case Method.RELATIVE_SCORE:
            return relative_scores(scores)
        case Method.DISTRIBUTION_SCORE:
            return distribution_scores(scores)


def reciprocal_ranks(count: int, k: int) -> list[float]:
    """1 / (k + rank), rank counted from 1, so that scores of different kinds need not be compared.

    Cormack, Clarke and Buettcher, "Reciprocal Rank Fusion outperforms Condorcet and individual Rank Learning Methods",
    SIGIR 2009.
    """
    return [1 / (k + rank) for rank in range(1, count + 1)]


def relative_scores(scores: Sequence[float]) -> list[float]:
    """(s - min) / (max - min) within the list; 1 for all where all are equal."""
    if not scores:
        return []
    low, high = min(scores), max(scores)
    return [(each - low) / (high - low) if high > low else 1.0 for each in scores]


def distribution_scores(scores: Sequence[float]) -> list[float]:
    """(s - (mean - 3 sd)) / (6 sd) within the list, clipped to 0 … 1; one half for all where all are equal."""
    if not scores:
        return []
    mean, deviation = fmean(scores), pstdev(scores)
    if deviation == 0:
        return [0.5] * len(scores)
    return [min(max((each - mean) / (6 * deviation) + 0.5, 0.0), 1.0) for each in scores]
