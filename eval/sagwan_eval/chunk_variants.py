"""Ways to cut and to embed chunks, and what each finds."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from embedder_bench.raw import RawSession, RawTokenizer, loaded
from numpy.typing import NDArray

from sagwan_bench.ranking import ndcg
from sagwan_embedder.domain.model import Kind
from sagwan_eval.spans import COVERED_WORDS, Question, SpanSet, coverage, grades
from sagwan_ingest.domain.chunking import Chunk, chunk
from sagwan_ingest.domain.tokens import counter, words_to_count
from sagwan_text.analysis import Analyzer
from sagwan_text.bm25 import Bm25, idf
from sagwan_text.korean import load_tagger
from sagwan_text.terms import term_id

_DEPTH = 200
_RRF_K = 60


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to cut and to embed.

    Attributes:
        tokens_target: Size that chunks grow to.
        tokens_max: Size that no chunk passes.
        overlap_words: Words of the chunk before that are embedded with each chunk.
        heading: Whether the meeting's id and its first speakers are embedded with each chunk.
    """

    tokens_target: int
    tokens_max: int
    overlap_words: int = 0
    heading: bool = False

    @property
    def name(self) -> str:
        """As it stands in the table."""
        extras = [f"overlap_{self.overlap_words}"] * bool(self.overlap_words) + ["heading"] * self.heading
        return "_".join([f"chunks_{self.tokens_target}_{self.tokens_max}", *extras])


@dataclass(frozen=True, slots=True)
class Quality:
    """What a variant is worth over all questions, by leg: `vector`, `bm25`, `hybrid` (equal-weight RRF)."""

    chunks: int
    ndcg: Mapping[str, float]
    coverage: Mapping[str, float]


class Measurer:
    """Measures variants on one set.

    Args:
        model: The embedder's model folder.
        spans: Meetings and questions.
    """

    def __init__(self, model: Path, spans: SpanSet) -> None:
        served = loaded(model)
        self._session = RawSession(served.encoder, RawTokenizer(served))
        self._spans = spans
        self._terms = _terms()
        self._words = {
            meeting_id: [len(each.text.split()) for each in turns] for meeting_id, turns in spans.meetings.items()
        }
        words = sorted(
            words_to_count(
                text for turns in spans.meetings.values() for turn in turns for text in (turn.text, f"{turn.speaker}:")
            )
        )
        counts = map(len, served.tokenizer.tokens(words))
        self._count_tokens = counter(dict(zip(words, counts, strict=True)))
        self._questions = self._session.vectors([each.text for each in spans.questions], Kind.QUERY)

    def quality(self, variant: Variant) -> Quality:
        """What a variant finds among all meetings."""
        cut = [
            (meeting_id, each)
            for meeting_id, turns in self._spans.meetings.items()
            for each in chunk(
                turns,
                count_tokens=self._count_tokens,
                tokens_target=variant.tokens_target,
                tokens_max=variant.tokens_max,
            )
        ]
        vectors = self._session.vectors(list(self._texts(cut, variant)))
        lexical = _Lexical([self._terms(each.text) for _, each in cut])
        legs: dict[str, list[tuple[float, float]]] = {"vector": [], "bm25": [], "hybrid": []}
        for question, vector in zip(self._spans.questions, self._questions, strict=True):
            graded = self._grades(question, cut)
            ranked = {
                "vector": np.argsort(-(vectors @ vector), kind="stable")[:_DEPTH],
                "bm25": lexical.ranked(self._terms(question.text)),
            }
            ranked["hybrid"] = _fused(list(ranked.values()))
            for leg, order in ranked.items():
                found = [cut[index] for index in order[:COVERED_WORDS]]
                gains = 2**graded - 1
                legs[leg].append((ndcg(gains[order], gains), coverage(question, found, self._words)))
        return Quality(
            len(cut),
            {leg: float(np.mean([each for each, _ in scores])) for leg, scores in legs.items()},
            {leg: float(np.mean([each for _, each in scores])) for leg, scores in legs.items()},
        )

    def _grades(self, question: Question, cut: Sequence[tuple[str, Chunk]]) -> NDArray[np.int64]:
        graded = np.zeros(len(cut), np.int64)
        own = [index for index, (meeting_id, _) in enumerate(cut) if meeting_id == question.meeting_id]
        chunks = [cut[index][1] for index in own]
        graded[own] = grades(question, question.meeting_id, chunks, self._words[question.meeting_id])
        return graded

    def _texts(self, cut: Sequence[tuple[str, Chunk]], variant: Variant) -> Iterator[str]:
        before = ("", "")
        for meeting_id, each in cut:
            parts = []
            if variant.heading:
                names = Counter(turn.speaker for turn in self._spans.meetings[meeting_id])
                parts.append(f"{meeting_id}: {', '.join(name for name, _ in names.most_common(4))}")
            if variant.overlap_words and before[0] == meeting_id:
                parts.append(" ".join(before[1].split()[-variant.overlap_words :]))
            before = (meeting_id, each.text)
            yield "\n".join([*parts, each.text])


class _Lexical:
    """BM25 over chunks in memory."""

    def __init__(self, chunks: Sequence[Sequence[int]]) -> None:
        self._postings: dict[int, list[tuple[int, float]]] = {}
        self._count = len(chunks)
        bm25 = Bm25()
        for index, terms in enumerate(chunks):
            for term, weight in bm25.document_weights(terms).items():
                self._postings.setdefault(term, []).append((index, weight))

    def ranked(self, terms: Sequence[int]) -> NDArray[np.int64]:
        scores = np.zeros(self._count)
        for term in set(terms):
            postings = self._postings.get(term, [])
            for index, weight in postings:
                scores[index] += weight * idf(len(postings), self._count)
        order = np.argsort(-scores, kind="stable")[:_DEPTH]
        return order[scores[order] > 0]


def _fused(rankings: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
    scores: Counter[int] = Counter()
    for ranking in rankings:
        for rank, index in enumerate(ranking, start=1):
            scores[int(index)] += 1 / (_RRF_K + rank)
    return np.array([index for index, _ in scores.most_common()], np.int64)


def _terms() -> Callable[[str], list[int]]:
    analyze = Analyzer(load_tagger()).terms
    return lambda text: [term_id(term.text) for term in analyze(text)]
