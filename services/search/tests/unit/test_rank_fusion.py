import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sagwan_search.domain.fusion import Candidate, FusionWeights, Leg, reciprocal_rank_fusion

CHUNK_IDS = st.integers(min_value=1, max_value=30)


def candidates(*chunk_ids: int) -> list[Candidate]:
    return [Candidate(chunk_id, 100.0 - rank) for rank, chunk_id in enumerate(chunk_ids)]


RANKINGS = st.fixed_dictionaries(
    {leg: st.lists(CHUNK_IDS, unique=True).map(lambda ids: candidates(*ids)) for leg in Leg}
)
WEIGHTS = st.builds(
    FusionWeights,
    k=st.integers(min_value=1, max_value=10_000),
    lexical=st.floats(min_value=0.01, max_value=100),
    vector=st.floats(min_value=0.01, max_value=100),
)


def test_scores_follow_the_formula_on_an_example_worked_by_hand():
    rankings = {Leg.LEXICAL: candidates(1, 2), Leg.VECTOR: candidates(2, 3)}
    fused = reciprocal_rank_fusion(rankings, FusionWeights(k=60, lexical=1, vector=2))
    assert [(each.chunk_id, each.score) for each in fused] == [
        (2, pytest.approx(1 / 62 + 2 / 61)),
        (3, pytest.approx(2 / 62)),
        (1, pytest.approx(1 / 61)),
    ]


def test_each_hit_says_where_each_leg_put_it_and_what_that_was_worth():
    rankings = {Leg.LEXICAL: candidates(1, 2), Leg.VECTOR: candidates(2)}
    first = reciprocal_rank_fusion(rankings, FusionWeights(k=1))[0]
    assert [(each.leg, each.rank, each.score, each.contribution) for each in first.legs] == [
        (Leg.LEXICAL, 2, 99.0, 1 / 3),
        (Leg.VECTOR, 1, 100.0, 1 / 2),
    ]


def test_equal_scores_are_ordered_by_chunk_id():
    fused = reciprocal_rank_fusion({Leg.LEXICAL: candidates(9, 4), Leg.VECTOR: candidates(4, 9)}, FusionWeights())
    assert [each.chunk_id for each in fused] == [4, 9]


def test_no_ranking_gives_no_result():
    assert reciprocal_rank_fusion({}, FusionWeights()) == []


@given(RANKINGS, WEIGHTS)
def test_the_order_in_which_the_legs_are_given_changes_nothing(rankings, weights):
    backwards = dict(reversed(rankings.items()))
    forth, back = reciprocal_rank_fusion(rankings, weights), reciprocal_rank_fusion(backwards, weights)
    assert [(each.chunk_id, each.score, set(each.legs)) for each in forth] == [
        (each.chunk_id, each.score, set(each.legs)) for each in back
    ]


@given(RANKINGS, WEIGHTS)
def test_every_chunk_of_every_leg_is_there_once_best_first(rankings, weights):
    fused = reciprocal_rank_fusion(rankings, weights)
    ids = [each.chunk_id for each in fused]
    assert sorted(ids) == sorted({each.chunk_id for ranking in rankings.values() for each in ranking})
    assert fused == sorted(fused, key=lambda each: (-each.score, each.chunk_id))
    assert all(each.score == pytest.approx(sum(leg.contribution for leg in each.legs)) for each in fused)


@given(RANKINGS, WEIGHTS, st.sampled_from(Leg), st.data())
def test_a_chunk_that_a_leg_ranks_higher_never_falls(rankings, weights, leg, data):
    ranking = rankings[leg]
    assume(len(ranking) > 1)
    place = data.draw(st.integers(min_value=1, max_value=len(ranking) - 1))
    raised = [*ranking[: place - 1], ranking[place], ranking[place - 1], *ranking[place + 1 :]]

    def place_of(chunk_id: int, given_rankings: dict[Leg, list[Candidate]]) -> int:
        return [each.chunk_id for each in reciprocal_rank_fusion(given_rankings, weights)].index(chunk_id)

    chunk_id = ranking[place].chunk_id
    assert place_of(chunk_id, {**rankings, leg: raised}) <= place_of(chunk_id, rankings)


@given(RANKINGS, st.floats(min_value=0.01, max_value=100))
def test_a_leg_of_weight_zero_adds_no_score_and_no_chunk(rankings, weight):
    alone = {Leg.LEXICAL: rankings[Leg.LEXICAL]}
    weights = FusionWeights(lexical=weight, vector=0)
    assert reciprocal_rank_fusion(rankings, weights) == reciprocal_rank_fusion(alone, weights)


@given(RANKINGS, st.floats(min_value=0.1, max_value=10), st.sampled_from([2.0, 4.0, 0.5]))
def test_weights_count_by_their_ratio_only(rankings, weight, factor):
    once = reciprocal_rank_fusion(rankings, FusionWeights(lexical=weight, vector=1))
    scaled = reciprocal_rank_fusion(rankings, FusionWeights(lexical=weight * factor, vector=factor))
    assert [each.chunk_id for each in once] == [each.chunk_id for each in scaled]
