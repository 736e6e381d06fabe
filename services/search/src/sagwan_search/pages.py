"""A page of a ranking: read its chunks, mark their lines, and keep what is left for the next one."""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, lru_cache

from sagwan_search.domain.answer import Answer, Hit, StoredChunk, Surroundings
from sagwan_search.domain.facets import Facet, facets_of
from sagwan_search.domain.lines import LineMarker, best_line, cut_around, cut_to_span
from sagwan_search.domain.query import Query
from sagwan_search.domain.ranking import Ranking
from sagwan_search.ports import SearchSession
from sagwan_text.analysis import Term

_TITLES_KEPT_MAX = 4_096


class Stages:
    """Where the time of one search goes."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Adds the time inside the block to a stage."""
        begun = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[stage] = self.seconds.get(stage, 0.0) + time.perf_counter() - begun


@dataclass(frozen=True, slots=True)
class PageTexts:
    """What the database has of a page.

    Attributes:
        ranking: What the page is the beginning of.
        chunks: The chunks that still exist, by id.
        around: What lies around them, by id, where that is asked for.
        facets: What the ranking's chunks have in common, where that is asked for.
    """

    ranking: Ranking
    chunks: Mapping[int, StoredChunk]
    around: Mapping[int, Surroundings]
    facets: Sequence[Facet]


async def read_page(session: SearchSession, query: Query, ranking: Ranking) -> PageTexts:
    """Reads the page that a ranking begins with, and on the first page what the whole of it has in common."""
    chunk_ids = [each.chunk_id for each in ranking.chunks[: query.hits_max]]
    around: Mapping[int, Surroundings] = {}
    if chunk_ids and query.neighbor_count:
        around = await session.surroundings(chunk_ids, query.neighbor_count)
    facets: Sequence[Facet] = ()
    if query.facets and query.ranking is None:
        every_id = [each.chunk_id for each in ranking.chunks]
        facets = facets_of(await session.ranked_meetings(every_id), await session.ranked_speakers(every_id))
    return PageTexts(ranking, await session.chunks(chunk_ids) if chunk_ids else {}, around, facets)


class PageMaker:
    """Makes answers that show pages.

    Args:
        analyze: The analysis that indexed the chunks, for titles and for lines that do not say where their terms stand.
    """

    def __init__(self, analyze: Callable[[str], Sequence[Term]]) -> None:
        self._analyze = analyze
        # The same few meetings answer many questions.
        self._terms_of_title = lru_cache(_TITLES_KEPT_MAX)(self._analyzed_title)

    async def answer(self, query: Query, texts: PageTexts, stages: Stages) -> Answer:
        """The answer that shows a page. It needs no connection."""
        with stages.timed("fetch"):
            hits = await self._hits(query, texts)
        return Answer(hits, texts.ranking, texts.ranking.after(query.hits_max), stages.seconds, texts.facets)

    async def _hits(self, query: Query, texts: PageTexts) -> list[Hit]:
        """The hits of a page, in order; chunks that were deleted meanwhile are left out."""
        terms = texts.ranking.terms
        weights = {term.text: term.weight for term in terms}
        # What lies around one hit often lies in another or around it: each line is marked once.
        mark = cache(LineMarker(weights, self._analyze).marked)

        hits = []
        for each in texts.ranking.chunks[: query.hits_max]:
            chunk, surroundings = texts.chunks.get(each.chunk_id), texts.around.get(each.chunk_id)
            if chunk is None:
                continue
            before, after = (
                cut_around(surroundings.utterances, chunk.span, surroundings.span) if surroundings else ((), ())
            )
            lines = [mark(utterance) for utterance in cut_to_span(chunk.utterances, chunk.span)]
            held = self._terms_of_title(chunk.meeting.title).union(*(line.terms for line in lines))
            hits.append(
                Hit(
                    fused=each,
                    meeting=chunk.meeting,
                    lines=lines,
                    best_line=best_line(lines, weights, query.filter.asks_for),
                    terms=[term for term in terms if term.text in held],
                    lines_before=[mark(utterance) for utterance in before],
                    lines_after=[mark(utterance) for utterance in after],
                )
            )
            # Lines that must be analysed take milliseconds: other searches get their turn between two hits.
            await asyncio.sleep(0)
        return hits

    def _analyzed_title(self, title: str) -> frozenset[str]:
        return frozenset(term.text for term in self._analyze(title))
