"""A tiered index: a chunk is found by each of its terms, and by the tiers of it that the term's weight reaches.

A common word stands in half of all chunks, but few of them are about it. A question of common words asks for the upper
tiers alone, so that it selects as few candidates as one of rare words (Manning, Raghavan and Schütze, "Introduction to
Information Retrieval", 2008, section 7.2.1).
"""

from collections.abc import Mapping
from typing import Final

from sagwan_text.terms import TERM_IDS_MAX

TIER_FLOORS: Final = (1.3, 1.6, 1.85)
"""BM25 weights from which on a term is in each tier above the lowest, which holds all; no weight passes `K1 + 1` = 2.2.

One weight in ten reaches the first, one in forty the second, one in three hundred the third. Stored keys follow from
them: another choice is another migration.
"""

TIERS: Final = len(TIER_FLOORS) + 1


def tier_key(term_id: int, tier: int) -> int:
    """Return what a tier of a term is indexed under, another 32-bit number for each; the term's id for tier 0.

    Args:
        term_id: From 1 to `TERM_IDS_MAX`.
        tier: From 0 to `TIERS` - 1.
    """
    key = term_id + TERM_IDS_MAX * (tier % 2)
    return key if tier < 2 else -key


def index_keys(weights: Mapping[int, float]) -> list[int]:
    """Return what a chunk is indexed under, in order: its terms, and the tiers that they reach.

    Args:
        weights: The chunk's BM25 weight by term id.
    """
    return sorted(
        tier_key(term, tier)
        for term, weight in weights.items()
        for tier, floor in enumerate((0.0, *TIER_FLOORS))
        if weight >= floor
    )
