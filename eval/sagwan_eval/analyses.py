"""Documents in memory, by the terms of any analysis: what BM25 finds with each is compared."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from heapq import nsmallest

from sagwan_text.bm25 import Bm25, idf
from sagwan_text.folding import fold
from sagwan_text.terms import term_id

Analysis = Callable[[str], Sequence[str]]


def spaced_words(text: str) -> list[str]:
    """What stands between spaces, case and width folded."""
    return fold(text).text.casefold().split()


def bigrams(text: str) -> list[str]:
    """Each two neighbouring characters of what stands between spaces; a lone character is itself a term."""
    return [word[at : at + 2] for word in spaced_words(text) for at in range(max(1, len(word) - 1))]


class Bm25Index:
    """Whole documents, by the BM25 of the service."""

    def __init__(self, documents: Iterable[tuple[str, str]], analysis: Analysis) -> None:
        """Takes documents apart.

        Args:
            documents: Id and text of each.
            analysis: Text to terms.
        """
        self._analysis = analysis
        self._postings: dict[int, dict[str, float]] = defaultdict(dict)
        self._document_count = 0
        for document, text in documents:
            self._document_count += 1
            for term, weight in Bm25().document_weights(self._term_ids(text)).items():
                self._postings[term][document] = weight

    def ranking(self, question: str, *, depth: int) -> list[str]:
        """The best documents, best first; equally good ones by id."""
        scores: Counter[str] = Counter()
        for term, occurrences in Counter(self._term_ids(question)).items():
            found = self._postings.get(term, {})
            weight = occurrences * idf(len(found), self._document_count)
            for document, each in found.items():
                scores[document] += weight * each
        return nsmallest(depth, scores, key=lambda document: (-scores[document], document))

    def _term_ids(self, text: str) -> list[int]:
        return [term_id(term) for term in self._analysis(text)]
