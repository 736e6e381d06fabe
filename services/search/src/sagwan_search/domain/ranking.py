"""A ranking, fixed once: pages are cut from it and nothing is looked for again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Self

from sagwan_search.domain.fusion import Fused, Leg
from sagwan_search.domain.lexical import WeightedTerm
from sagwan_search.domain.near_misses import Correction


@dataclass(frozen=True, slots=True)
class Ranking:
    """What a search found, and what there is to say of it.

    Attributes:
        chunks: Best first; for a later page, those that were not shown yet.
        terms: The question's terms with their weights; empty when the lexical leg took no part.
        candidate_counts: Candidates that each leg gave.
        model: The model whose vectors took part; empty when none did.
        degraded_reason: Why a leg that should have taken part is missing; empty when none is.
        partial_reason: What part of the question a limit left out; empty when none did.
        match_share: How much of the question the best chunk of the lexical leg says, from 0 to 1.
        corrections: What was looked for in place of words that occur nowhere, and what conditions may have meant. Later
            pages do not know.
        choices: How each leg found its candidates and why, in words, where that was asked. Later pages do not know.
    """

    chunks: Sequence[Fused]
    terms: Sequence[WeightedTerm] = ()
    candidate_counts: Mapping[Leg, int] = field(default_factory=dict)
    model: str = ""
    degraded_reason: str = ""
    partial_reason: str = ""
    match_share: float = 0.0
    corrections: Sequence[Correction] = ()
    choices: Mapping[Leg, str] = field(default_factory=dict)

    def after(self, count: int) -> Self | None:
        """What is left after so many chunks; None when nothing is."""
        left = self.chunks[count:]
        return replace(self, chunks=left) if left else None
