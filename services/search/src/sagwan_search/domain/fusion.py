"""Several rankings become one."""

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


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


@dataclass(frozen=True, slots=True)
class FusionWeights:
    """Parameters of reciprocal rank fusion.

    Attributes:
        k: Damps the head of the lists; 60 in the paper.
        lexical: Weight of the lexical leg.
        vector: Weight of the vector leg.
    """

    k: int = 60
    lexical: float = 1.0
    vector: float = 1.0

    def of(self, leg: Leg) -> float:
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
        score: Sum of the contributions.
        legs: Where each leg that found it put it.
    """

    chunk_id: int
    score: float
    legs: tuple[LegScore, ...]


def reciprocal_rank_fusion(rankings: Mapping[Leg, Sequence[Candidate]], weights: FusionWeights) -> list[Fused]:
    """Merges rankings by rank alone, so that scores of different kinds need not be compared.

    score(d) = sum over legs of weight / (k + rank(d)), rank counted from 1: Cormack, Clarke and Buettcher, "Reciprocal
    Rank Fusion outperforms Condorcet and individual Rank Learning Methods", SIGIR 2009.

    Args:
        rankings: Each leg's candidates, best first, no chunk twice.
        weights: k and the legs' weights. A leg of weight 0 adds nothing to a score and no chunk to the result.

    Returns:
        Best first; equal scores by chunk id, so that the order never depends on the order of the legs.
    """
    found: dict[int, list[LegScore]] = {}
    for leg, candidates in rankings.items():
        weight = weights.of(leg)
        if weight == 0:
            continue
        for rank, candidate in enumerate(candidates, start=1):
            contribution = weight / (weights.k + rank)
            found.setdefault(candidate.chunk_id, []).append(LegScore(leg, rank, candidate.score, contribution))
    fused = [Fused(chunk_id, sum(each.contribution for each in legs), tuple(legs)) for chunk_id, legs in found.items()]
    fused.sort(key=lambda each: (-each.score, each.chunk_id))
    return fused
