"""A ranking to what a page token holds of it, and back."""

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
    """What a token holds of a ranking: all of it, 40 bytes a chunk that one leg has found, 64 where two have."""
    rest = page_token_pb2.RankingRest(
        chunks=[
            page_token_pb2.RankedChunk(
                chunk_id=each.chunk_id,
                score=each.score,
                legs=[leg_score_message(leg) for leg in each.legs],
                neighbor_support=each.neighbor_support,
            )
            for each in ranking.chunks
        ],
        terms=[
            page_token_pb2.QuestionTerm(matched=term_message(each), occurrences=each.occurrences)
            for each in ranking.terms
        ],
        legs=[
            search_pb2.LegPlan(leg=LEGS[leg], candidate_count=count) for leg, count in ranking.candidate_counts.items()
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
            chunks=[
                Fused(each.chunk_id, each.score, tuple(_leg_score(leg) for leg in each.legs), each.neighbor_support)
                for each in rest.chunks
            ],
            terms=[_term(each) for each in rest.terms],
            candidate_counts={_LEGS_BY_NUMBER[each.leg]: each.candidate_count for each in rest.legs},
            model=rest.model,
            degraded_reason=rest.degraded_reason,
            partial_reason=rest.partial_reason,
            match_share=rest.match_share,
        )
    except (DecodeError, KeyError):
        raise refused_token() from None


def leg_score_message(score: LegScore) -> search_pb2.LegScore:
    """A place in a leg as it goes over the wire."""
    return search_pb2.LegScore(leg=LEGS[score.leg], rank=score.rank, score=score.score, contribution=score.contribution)


def term_message(term: WeightedTerm) -> search_pb2.MatchedTerm:
    """A term of the question as it goes over the wire."""
    return search_pb2.MatchedTerm(term=term.text, idf=term.idf, document_count=term.chunk_count)


def _leg_score(score: search_pb2.LegScore) -> LegScore:
    return LegScore(_LEGS_BY_NUMBER[score.leg], score.rank, score.score, score.contribution)


def _term(term: page_token_pb2.QuestionTerm) -> WeightedTerm:
    matched = term.matched
    return WeightedTerm(matched.term, term_id(matched.term), term.occurrences, matched.document_count, matched.idf)
