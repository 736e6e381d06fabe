"""What each term of a question weighs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sagwan_text.analysis import Term
from sagwan_text.bm25 import idf
from sagwan_text.terms import term_id


@dataclass(frozen=True, slots=True)
class TermStatistics:
    """What the corpus says of a question's terms.

    Attributes:
        corpus_count: Chunks of the tenant.
        chunk_counts: Chunks under each index key that was asked for, a term's id or a tier of it; none under a key that
            is not there.
    """

    corpus_count: int
    chunk_counts: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class WeightedTerm:
    """A term of the question.

    Attributes:
        text: After analysis.
        term_id: As the index knows it.
        occurrences: In the question.
        chunk_count: Chunks that hold it.
        idf: Its inverse document frequency.
        share: How much of that counts: less than 1 for what is looked for in place of a word.
    """

    text: str
    term_id: int
    occurrences: int
    chunk_count: int
    idf: float
    share: float = 1.0

    @property
    def weight(self) -> float:
        """What one unit of document weight counts for."""
        return self.occurrences * self.idf * self.share


def distinct_terms(terms: Sequence[Term]) -> dict[str, int]:
    """How often each term occurs in the question, in order of first occurrence."""
    counts: dict[str, int] = {}
    for term in terms:
        counts[term.text] = counts.get(term.text, 0) + 1
    return counts


def weighted_terms(counts: Mapping[str, int], statistics: TermStatistics, *, share: float = 1.0) -> list[WeightedTerm]:
    """The question's terms with their weights."""
    weighted = []
    for text, occurrences in counts.items():
        identifier = term_id(text)
        chunk_count = statistics.chunk_counts.get(identifier, 0)
        weighted.append(
            WeightedTerm(
                text,
                identifier,
                occurrences,
                chunk_count,
                idf(chunk_count, statistics.corpus_count),
                share,
            )
        )
    return weighted


def match_share(best_score: float, terms: Sequence[WeightedTerm]) -> float:
    """How much of the question a chunk says, from 0 to 1.

    Args:
        best_score: The chunk's BM25.
        terms: The question's terms, those that occur nowhere included.

    Returns:
        Its score over that of a chunk of pivot length with each term once, which has the document weight 1; at most 1.
    """
    whole = sum(each.weight for each in terms)
    return min(1.0, best_score / whole) if whole else 0.0
