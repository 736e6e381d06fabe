"""The context use case: search, take the best chunks that a budget of tokens holds, merge them into passages."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from sagwan_runtime.deadline import Deadline
from sagwan_search.domain.fusion import Fused
from sagwan_search.domain.lines import Line, LineMarker, Utterance, best_line
from sagwan_search.domain.near_misses import Correction
from sagwan_search.domain.passages import Passage, Selection, merged_passages
from sagwan_search.domain.query import Query
from sagwan_search.ports import MeetingStore
from sagwan_search.searching import Searching
from sagwan_text.analysis import Term

# What a budget of some 9,000 tokens takes, so that most are read in one statement.
_CHUNKS_AT_ONCE = 32


@dataclass(frozen=True, slots=True)
class MarkedPassage:
    """A passage with the question's terms marked.

    Attributes:
        passage: The passage.
        lines: Its lines, marked.
    """

    passage: Passage
    lines: Sequence[Line]


@dataclass(frozen=True, slots=True)
class GatheredContext:
    """What a language model is given to answer from.

    Attributes:
        passages: Meetings by their best chunk; within a meeting in the order in which they were said.
        degraded_reason: Why a leg that should have taken part is missing; empty when none is.
        partial_reason: What part of the question was left out; empty when none was.
        corrections: What was looked for in place of words that occur nowhere, and what conditions may have meant.
    """

    passages: Sequence[MarkedPassage]
    degraded_reason: str = ""
    partial_reason: str = ""
    corrections: Sequence[Correction] = ()

    @property
    def token_count(self) -> int:
        """About how many tokens the lines of all passages have."""
        return sum(each.passage.token_count for each in self.passages)


class ContextGathering:
    """Gathers passages for questions."""

    def __init__(self, searching: Searching, store: MeetingStore, analyze: Callable[[str], Sequence[Term]]) -> None:
        self._searching = searching
        self._store = store
        self._analyze = analyze

    async def gather(self, tenant_id: UUID, query: Query, token_budget: int, deadline: Deadline) -> GatheredContext:
        """Ranks chunks as a search does and takes them, best first, until the budget is spent.

        Args:
            tenant_id: Whose meetings.
            query: The question. Its page is not looked at.
            token_budget: Tokens that the lines of all passages may have together.
            deadline: Of the whole call.

        Raises:
            DependencyUnavailable: The database is down.
            DeadlineExceeded: Time ran out.
        """
        answer = await self._searching.search(tenant_id, replace(query, ranking=None, hits_max=0), deadline)
        weights = {term.text: term.weight for term in answer.ranking.terms}
        mark = LineMarker(weights, self._analyze).marked

        def best_of(utterances: Sequence[Utterance]) -> int:
            return best_line([mark(each) for each in utterances], weights, query.filter.asks_for)

        selection = Selection(token_budget, best_of)
        await self._offer_all(selection, tenant_id, answer.ranking.chunks, deadline)
        passages = []
        for passage in merged_passages(selection.chunks):
            lines = []
            for each in passage.lines:
                lines.append(mark(each))
                # A passage may be a whole meeting: other calls get their turn between two lines.
                await asyncio.sleep(0)
            passages.append(MarkedPassage(passage, lines))
        ranking = answer.ranking
        return GatheredContext(passages, ranking.degraded_reason, ranking.partial_reason, ranking.corrections)

    async def _offer_all(
        self, selection: Selection, tenant_id: UUID, ranked: Sequence[Fused], deadline: Deadline
    ) -> None:
        """Reads chunks in the order of the ranking for as long as some are taken; those that are gone are left out."""
        async with self._store.look(tenant_id, deadline) as session:
            for begin in range(0, len(ranked), _CHUNKS_AT_ONCE):
                if selection.spent:
                    return
                chunk_ids = [each.chunk_id for each in ranked[begin : begin + _CHUNKS_AT_ONCE]]
                chunks = await session.chunks(chunk_ids)
                for chunk_id in chunk_ids:
                    if chunk_id in chunks:
                        selection.offer(chunks[chunk_id])
