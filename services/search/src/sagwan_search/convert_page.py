"""A ranking to what a page token holds of it, and back."""

from collections.abc import Sequence

from google.protobuf.message import DecodeError

from sagwan.search.v1 import page_token_pb2, search_pb2
from sagwan_runtime.tokens import refused_token
from sagwan_search.domain.fusion import Fused, Leg, LegScore
from sagwan_search.domain.lexical import WeightedTerm
from sagwan_search.domain.ranking import Ranking
from sagwan_text.terms import term_id

LEGS = {Leg.LEXICAL: search_pb2.LEG_LEXICAL, Leg.VECTOR: search_pb2.LEG_VECTOR}
_LEGS_BY_NUMBER = {number: leg for leg, number in LEGS.items()}


def position_of(ranking: Ranking) -> bytes:
    """What a token holds of a ranking: all of it, some 37 bytes for a chunk of one leg, and 54 for one of both."""
    rest = page_token_pb2.RankingRest(
        chunk_ids=[each.chunk_id for each in ranking.chunks],
        scores=[each.score for each in ranking.chunks],
        neighbor_supports=[each.neighbor_support for each in ranking.chunks],
        legs=[_columns(leg, count, ranking.chunks) for leg, count in ranking.candidate_counts.items()],
        terms=[
            page_token_pb2.QuestionTerm(matched=term_message(each), occurrences=each.occurrences, share=each.share)
            for each in ranking.terms
        ],
        model=ranking.model,
        degraded_reason=ranking.degraded_reason,
        partial_reason=ranking.partial_reason,
        match_share=ranking.match_share,
    )
    return rest.SerializeToString()


def ranking_of(position: bytes | None) -> Ranking | None:
    """The ranking that a token holds; None without one.

    Args:
        position: What `position_of` gave, behind a signature that has been checked.

    Raises:
        InvalidRequest: Another version signed something that this one cannot read.
    """
    if position is None:
        return None
    try:
        rest = page_token_pb2.RankingRest.FromString(position)
        return Ranking(
            chunks=_chunks(rest),
            terms=[_term(each) for each in rest.terms],
            candidate_counts={_LEGS_BY_NUMBER[each.leg]: each.candidate_count for each in rest.legs},
            model=rest.model,
            degraded_reason=rest.degraded_reason,
            partial_reason=rest.partial_reason,
            match_share=rest.match_share,
        )
    except (DecodeError, KeyError, ValueError, StopIteration):
        raise refused_token() from None


def _columns(leg: Leg, candidate_count: int, chunks: Sequence[Fused]) -> page_token_pb2.LegColumns:
    found = [next((score for score in each.legs if score.leg is leg), None) for each in chunks]
    return page_token_pb2.LegColumns(
        leg=LEGS[leg],
        candidate_count=candidate_count,
        ranks=[score.rank if score else 0 for score in found],
        scores=[score.score for score in found if score],
        contributions=[score.contribution for score in found if score],
    )


def _chunks(rest: page_token_pb2.RankingRest) -> list[Fused]:
    places: list[list[LegScore]] = [[] for _ in rest.chunk_ids]
    for columns in rest.legs:
        leg, found = _LEGS_BY_NUMBER[columns.leg], zip(columns.scores, columns.contributions, strict=True)
        for place, rank in zip(places, columns.ranks, strict=True):
            if rank:
                place.append(LegScore(leg, rank, *next(found)))
    columns_of_chunks = zip(rest.chunk_ids, rest.scores, places, rest.neighbor_supports, strict=True)
    return [Fused(chunk_id, score, tuple(legs), support) for chunk_id, score, legs, support in columns_of_chunks]


def leg_score_message(score: LegScore) -> search_pb2.LegScore:
    """A place in a leg as it goes over the wire."""
    return search_pb2.LegScore(leg=LEGS[score.leg], rank=score.rank, score=score.score, contribution=score.contribution)


def term_message(term: WeightedTerm) -> search_pb2.MatchedTerm:
    """A term of the question as it goes over the wire."""
    return search_pb2.MatchedTerm(term=term.text, idf=term.idf, document_count=term.chunk_count)


def _term(term: page_token_pb2.QuestionTerm) -> WeightedTerm:
    matched = term.matched
    identifier = term_id(matched.term)
    return WeightedTerm(matched.term, identifier, term.occurrences, matched.document_count, matched.idf, term.share)
