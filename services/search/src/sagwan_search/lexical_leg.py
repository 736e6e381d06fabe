"""The lexical leg of a search: what the words of a question find."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

from sagwan_runtime.deadline import Deadline
from sagwan_runtime.errors import DeadlineExceeded, SagwanError
from sagwan_search.domain.candidates import Selection, every_candidate, left_out, select, upper_keys
from sagwan_search.domain.filters import Filter
from sagwan_search.domain.fusion import Candidate, Leg
from sagwan_search.domain.lexical import WeightedTerm
from sagwan_search.domain.near_misses import Correction
from sagwan_search.domain.phrases import phrase_words
from sagwan_search.domain.query import Mode, Query
from sagwan_search.near_misses import NearMisses
from sagwan_search.ports import SearchSession


@dataclass(frozen=True, slots=True)
class Words:
    """What the lexical leg knows; nothing where it takes no part.

    Attributes:
        terms: The question's terms with their weights.
        candidates: What it found, best first; None when it took no part.
        partial_reason: What part of the question a limit left out; empty when none did.
        corrections: What was looked for in place of words that occur nowhere.
        missing: Why it took no part, where it should have.
        choice: How it found them, where that was asked.
    """

    terms: Sequence[WeightedTerm] = ()
    candidates: list[Candidate] | None = None
    partial_reason: str = ""
    corrections: Sequence[Correction] = ()
    missing: SagwanError | None = None
    choice: str = ""


class LexicalLeg:
    """Finds chunks by words.

    Args:
        near_misses: Finds the terms of a question, and what near misses may have meant.
        depth: Candidates that are asked for.
        candidates_max: Chunks that are scored at most, unless a filter leaves few of them to a search by words alone.
    """

    def __init__(self, near_misses: NearMisses, *, depth: int, candidates_max: int) -> None:
        self._near_misses = near_misses
        self._depth = depth
        self._candidates_max = candidates_max

    async def find(self, session: SearchSession, query: Query, deadline: Deadline) -> Words:
        """The terms of a question, and the chunks that hold them, best first."""
        demanded = [word for each in query.syntax.phrases if not each.excluded for word in phrase_words(each.text)]
        question = await self._near_misses.question_terms(session, query.text, demanded)
        terms = question.weighted
        selection = await self._selection(session, terms)
        candidates = await session.lexical(selection, terms, self._depth) if selection.tiers else []
        if selection.scored_max is not None and len(candidates) < min(self._depth, selection.scored_max):
            # A filter has left so few that all of them were scored.
            selection = replace(selection, scored_max=None)
        late = False
        if len(candidates) < self._depth and not selection.whole and _filters_words_alone(query):
            # No other leg fills up what the filter has left of the candidates. With common words that may take long, so
            # half of the time stays for an answer from what there is.
            whole = every_candidate(terms)
            try:
                async with asyncio.timeout(deadline.remaining_s() / 2):
                    candidates, selection = await session.lexical(whole, terms, self._depth), whole
            except (TimeoutError, DeadlineExceeded):
                late = True
        partial_reason = left_out(len(terms) + question.left_out_count, terms, selection, late=late)
        choice = await session.choice(Leg.LEXICAL) if query.explain else ""
        return Words(terms, candidates, partial_reason, question.corrections, choice=choice)

    async def _selection(self, session: SearchSession, terms: Sequence[WeightedTerm]) -> Selection:
        """What is scored: everything, where words or filter leave little."""
        candidates_max = self._candidates_max
        if sum(each.chunk_count for each in terms) <= candidates_max or await session.few_pass(candidates_max):
            return every_candidate(terms)
        upper = await session.term_statistics(upper_keys(terms))
        return select(terms, upper.chunk_counts, candidates_max=candidates_max)


def _filters_words_alone(query: Query) -> bool:
    """Whether a filter narrows what words alone find."""
    return query.mode is Mode.LEXICAL and query.filter != Filter()
