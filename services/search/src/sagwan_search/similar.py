"""The use case of finding chunks like another: get its vector, ask for the nearest others, fetch the page."""

from collections.abc import Sequence
from uuid import UUID

from sagwan_runtime.deadline import Deadline
from sagwan_runtime.errors import NotFound
from sagwan_search.domain.answer import Answer
from sagwan_search.domain.fusion import Candidate, Fused, Leg, LegScore
from sagwan_search.domain.likeness import LikeChunk, LikeText, LikeUtterance, SimilarQuery
from sagwan_search.domain.query import Query
from sagwan_search.domain.ranking import Ranking
from sagwan_search.pages import PageMaker, Stages, read_page
from sagwan_search.ports import MeetingStore, PassageEmbedder, QueryVector, SearchSession
from sagwan_search.searching import check_writer


class SimilarSearching:
    """Finds chunks like another, or like a text.

    Args:
        store: Where chunks are.
        embedder: Asked for texts only: what is stored has its vector.
        depth: How far pages reach.
    """

    def __init__(self, store: MeetingStore, embedder: PassageEmbedder, *, depth: int) -> None:
        self._store = store
        self._embedder = embedder
        self._depth = depth
        self._pages = PageMaker(lambda _: ())

    async def find(self, tenant_id: UUID, query: SimilarQuery, deadline: Deadline) -> Answer:
        """The nearest chunks by cosine, best first. A later page is cut from the ranking that the first one has fixed.

        Raises:
            NotFound: There is no such chunk, or no chunk that holds such an utterance.
            DependencyUnavailable: The database is down, or a text is to be embedded and the embedder is down or runs
                another model than the index holds vectors of.
            DeadlineExceeded: Time ran out.
        """
        stages = Stages()
        # What is shown of it is a search's page without terms.
        shown = Query("", filter=query.filter, ranking=query.ranking, hits_max=query.hits_max)
        with stages.timed("total"):
            if query.ranking is not None:
                async with self._store.look(tenant_id, deadline) as session:
                    with stages.timed("fetch"):
                        texts = await read_page(session, shown, query.ranking)
            else:
                like = await self._asked(query.like, deadline, stages)
                async with self._store.look(tenant_id, deadline) as session:
                    await session.narrow(query.filter)
                    with stages.timed("vector"):
                        ranking = _ranking(*await self._nearest(session, like))
                    with stages.timed("fetch"):
                        texts = await read_page(session, shown, ranking)
            return await self._pages.answer(shown, texts, stages)

    async def _asked(
        self, like: LikeChunk | LikeUtterance | LikeText, deadline: Deadline, stages: Stages
    ) -> QueryVector | LikeChunk | LikeUtterance:
        """The vector of a text; what is stored has its vector in the database."""
        if not isinstance(like, LikeText):
            return like
        with stages.timed("embed"):
            # No connection is held here. Nothing can be answered without the vector: it has all of the time.
            return await self._embedder.embed_passage(like.text, deadline)

    async def _nearest(
        self, session: SearchSession, like: QueryVector | LikeChunk | LikeUtterance
    ) -> tuple[str, Sequence[Candidate]]:
        """The serving model's label, and the chunks nearest to a vector or to a chunk other than itself."""
        serving = await session.serving_model()
        if isinstance(like, QueryVector):
            if serving is None:
                return like.model.label, []
            check_writer(like, serving, self._embedder)
            return like.model.label, await session.nearest(like.vector, self._depth)
        if serving is None:
            raise NotFound(like.name)
        chunk_id = await _chunk_id(session, like)
        vector = None if chunk_id is None else await session.stored_vector(like.meeting_id, chunk_id)
        if vector is None:
            raise NotFound(like.name)
        # One more, because a chunk is nearest to itself.
        near = await session.nearest(vector, self._depth + 1)
        return serving.label, [each for each in near if each.chunk_id != chunk_id][: self._depth]


async def _chunk_id(session: SearchSession, like: LikeChunk | LikeUtterance) -> int | None:
    if isinstance(like, LikeChunk):
        return like.chunk_id
    return await session.chunk_of_utterance(like.meeting_id, like.ordinal)


def _ranking(model: str, candidates: Sequence[Candidate]) -> Ranking:
    chunks = [
        Fused(each.chunk_id, each.score, (LegScore(Leg.VECTOR, rank, each.score, contribution=each.score),))
        for rank, each in enumerate(candidates, start=1)
    ]
    return Ranking(chunks, candidate_counts={Leg.VECTOR: len(chunks)}, model=model)
