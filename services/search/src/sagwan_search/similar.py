"""The use case of finding chunks like another: get its vector, ask for the nearest others, fetch the page."""

from collections.abc import Sequence
from uuid import UUID

from sagwan_runtime.deadline import Deadline
from sagwan_runtime.errors import NotFound
from sagwan_search.domain.answer import Answer, Hit, StoredChunk
from sagwan_search.domain.fusion import Candidate, Fused, Leg, LegScore
from sagwan_search.domain.likeness import LikeChunk, LikeText, LikeUtterance, SimilarQuery
from sagwan_search.domain.lines import Line, best_line, cut_to_span
from sagwan_search.ports import MeetingStore, PassageEmbedder, QueryVector, SearchSession
from sagwan_search.searching import Stages, check_writer


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

    async def find(self, tenant_id: UUID, query: SimilarQuery, deadline: Deadline) -> Answer:
        """The nearest chunks by cosine, best first.

        Raises:
            NotFound: There is no such chunk, or no chunk that holds such an utterance.
            DependencyUnavailable: The database is down, or a text is to be embedded and the embedder is down or runs
                another model than the index holds vectors of.
            DeadlineExceeded: Time ran out.
        """
        stages = Stages()
        with stages.timed("total"):
            like: QueryVector | LikeChunk | LikeUtterance
            if isinstance(query.like, LikeText):
                with stages.timed("embed"):
                    # No connection is held here. Nothing can be answered without the vector: it has all of the time.
                    like = await self._embedder.embed_passage(query.like.text, deadline)
            else:
                like = query.like
            async with self._store.look(tenant_id, deadline) as session:
                await session.narrow(query.filter)
                with stages.timed("vector"):
                    model, candidates = await self._nearest(session, like)
                page = candidates[query.offset : query.offset + query.hits_max]
                with stages.timed("fetch"):
                    chunks = await session.chunks([each.chunk_id for each in page])
        return Answer(
            hits=[
                _hit(query, each, rank, chunks[each.chunk_id])
                for rank, each in enumerate(page, start=query.offset + 1)
                if each.chunk_id in chunks
            ],
            more=len(candidates) > query.offset + query.hits_max,
            terms=[],
            candidate_counts={Leg.VECTOR: len(candidates)},
            model=model,
            degraded_reason="",
            stage_seconds=stages.seconds,
        )

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


def _hit(query: SimilarQuery, candidate: Candidate, rank: int, chunk: StoredChunk) -> Hit:
    score = candidate.score
    lines = [Line(each, (), frozenset()) for each in cut_to_span(chunk.utterances, chunk.span)]
    return Hit(
        fused=Fused(chunk.chunk_id, score, (LegScore(Leg.VECTOR, rank, score, contribution=score),)),
        meeting=chunk.meeting,
        lines=lines,
        best_line=best_line(lines, {}, query.filter.speaker_keys),
        terms=[],
    )
