"""Which chunks the lexical leg scores: those under a few keys of a question, no more than a budget."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sagwan_search.domain.lexical import WeightedTerm
from sagwan_text.tiers import TIERS, tier_key

_WORDS_NAMED_MAX = 10


@dataclass(frozen=True, slots=True)
class Selection:
    """What selects the candidates of a question.

    Attributes:
        tiers: By term, the lowest tier whose chunks are candidates: 0 for all that hold the term.
        left_out: Terms that occur but select none by themselves.
        scored_max: Chunks that are scored at most, where even the fewest that can be selected are too many; else None.
    """

    tiers: Mapping[WeightedTerm, int]
    left_out: tuple[WeightedTerm, ...] = ()
    scored_max: int | None = None

    @property
    def whole(self) -> bool:
        """Whether all chunks that hold a term are candidates."""
        return not self.left_out and self.scored_max is None and not any(self.tiers.values())

    @property
    def keys(self) -> list[int]:
        """The index keys whose chunks are candidates."""
        return [tier_key(term.term_id, tier) for term, tier in self.tiers.items()]


def every_candidate(terms: Sequence[WeightedTerm]) -> Selection:
    """Selects all chunks that hold a term."""
    return Selection({term: 0 for term in terms if term.chunk_count})


def upper_keys(terms: Sequence[WeightedTerm]) -> list[int]:
    """The keys of the tiers above the lowest, of terms that occur."""
    return [tier_key(term.term_id, tier) for term in terms if term.chunk_count for tier in range(1, TIERS)]


def select(terms: Sequence[WeightedTerm], tier_counts: Mapping[int, int], *, candidates_max: int) -> Selection:
    """Selects candidates within a budget: the rarest terms first, each by the lowest tier that what is left pays for.

    A common word costs the most to match and says the least; chunks that only mention common words of the question
    rank last anyway. All terms still count in the score. Where nothing is within the budget, as much of the smallest
    of all tiers is: a question whose words occur has candidates.

    Args:
        terms: The question's terms.
        tier_counts: Chunks under each of `upper_keys`.
        candidates_max: Chunks that all keys may select together.
    """
    occurring = sorted((each for each in terms if each.chunk_count), key=lambda each: (each.chunk_count, each.text))

    def sizes(term: WeightedTerm) -> list[int]:
        upper = (tier_counts.get(tier_key(term.term_id, tier), 0) for tier in range(1, TIERS))
        return [term.chunk_count, *upper]

    tiers: dict[WeightedTerm, int] = {}
    left = candidates_max
    for term in occurring:
        affordable = ((tier, size) for tier, size in enumerate(sizes(term)) if 0 < size <= left)
        if (chosen := next(affordable, None)) is not None:
            tiers[term], size = chosen
            left -= size
    scored_max = None
    if occurring and not tiers:
        _, _, tier, term = min(
            (size, each.text, tier, each) for each in occurring for tier, size in enumerate(sizes(each)) if size
        )
        tiers[term], scored_max = tier, candidates_max
    return Selection(tiers, tuple(each for each in occurring if each not in tiers), scored_max)


def left_out(distinct_count: int, terms: Sequence[WeightedTerm], selection: Selection, *, late: bool = False) -> str:
    """What part of a question its words do not look for, in words for a person; empty when they look for all of it.

    Args:
        distinct_count: Distinct terms of the question.
        terms: Those that count.
        selection: What selects candidates.
        late: Whether there was no time for all that holds a term, where a filter has left few candidates.
    """
    reasons = []
    if distinct_count > len(terms):
        reasons.append(f"only the first {len(terms):,} of the question's {distinct_count:,} words count")
    common = [each.text for each in selection.left_out]
    if common:
        named = ", ".join(common[:_WORDS_NAMED_MAX]) + (", …" if len(common) > _WORDS_NAMED_MAX else "")
        reasons.append(f"too common to be looked for by themselves: {named}")
    if selection.scored_max is not None:
        held = ", ".join(each.text for each in selection.tiers)
        reasons.append(f"at most {selection.scored_max:,} of the chunks that hold {held} were looked at")
    if late:
        reasons.append("there was no time to look at all that passes the filter")
    return "; ".join(reasons)
