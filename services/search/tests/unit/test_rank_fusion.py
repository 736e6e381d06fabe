import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sagwan_search.domain.fusion import (
    Candidate,
    Fusion,
    Leg,
    Method,
    distribution_scores,
    fuse,
    relative_scores,
)

CHUNK_IDS = st.integers(min_value=1, max_value=30)


def candidates(*chunk_ids: int) -> list[Candidate]:
    return [Candidate(chunk_id, 100.0 - rank) for rank, chunk_id in enumerate(chunk_ids)]


RANKINGS = st.fixed_dictionaries(
    {leg: st.lists(CHUNK_IDS, unique=True).map(lambda ids: candidates(*ids)) for leg in Leg}
)
FUSIONS = st.builds(
    Fusion,
    method=st.sampled_from(Method),
    rrf_k=st.integers(min_value=1, max_value=10_000),
    lexical=st.floats(min_value=0.01, max_value=100),
    vector=st.floats(min_value=0.01, max_value=100),
)


def test_scores_follow_the_formula_on_an_example_worked_by_hand():
    rankings = {Leg.LEXICAL: candidates(1, 2), Leg.VECTOR: candidates(2, 3)}
    fused = fuse(rankings, Fusion(Method.RRF, rrf_k=60, lexical=1, vector=2))
    assert [(each.chunk_id, each.score) for each in fused] == [
        (2, pytest.approx(1 / 62 + 2 / 61)),
        (3, pytest.approx(2 / 62)),
        (1, pytest.approx(1 / 61)),
    ]


def test_each_hit_says_where_each_leg_put_it_and_what_that_was_worth():
    rankings = {Leg.LEXICAL: candidates(1, 2), Leg.VECTOR: candidates(2)}
    first = fuse(rankings, Fusion(Method.RRF, rrf_k=1))[0]
    assert [(each.leg, each.rank, each.score, each.contribution) for each in first.legs] == [
        (Leg.LEXICAL, 2, 99.0, 1 / 3),
        (Leg.VECTOR, 1, 100.0, 1 / 2),
    ]


@pytest.mark.parametrize(
    ("scores", "relative"), [([], []), ([3.0], [1.0]), ([3.0, 3.0], [1.0, 1.0]), ([9.0, 6.0, 5.0], [1.0, 0.25, 0.0])]
)
def test_relative_scores_reach_from_the_worst_of_the_list_to_its_best(scores, relative):
    assert relative_scores(scores) == relative


def test_distribution_scores_put_three_deviations_on_either_side_of_the_mean():
    assert distribution_scores([]) == []
    assert distribution_scores([7.0, 7.0]) == [0.5, 0.5]
    # Mean 1, standard deviation 1: at most three deviations away, and cut to that beyond.
    assert distribution_scores([2.0, 0.0]) == [pytest.approx(2 / 3), pytest.approx(1 / 3)]
    assert distribution_scores([1.0] + [0.0] * 99)[0] == 1.0


@given(
    st.sampled_from([Method.RELATIVE_SCORE, Method.DISTRIBUTION_SCORE]),
    st.lists(st.integers(-100, 100), min_size=1, max_size=20),
    st.floats(0.1, 10),
)
def test_scores_count_whatever_their_unit(method, scores, unit):
    def order(scale):
        ranking = [Candidate(n, scale * score) for n, score in enumerate(sorted(scores, reverse=True))]
        other = candidates(*range(len(scores)))[::-1]
        return fuse({Leg.LEXICAL: ranking, Leg.VECTOR: other}, Fusion(method, lexical=3.0))

    assert [each.score for each in order(1.0)] == pytest.approx([each.score for each in order(unit)], abs=1e-6)


def test_words_that_hardly_match_hardly_count():
    rankings = {Leg.LEXICAL: candidates(1, 2), Leg.VECTOR: candidates(3, 1, 2)}

    def scores(match_share):
        fused = fuse(rankings, Fusion(Method.ADAPTIVE_SCORE), match_share=match_share)
        return [(each.chunk_id, pytest.approx(each.score, abs=1e-6)) for each in fused]

    # Of 100, 99 and 98 the relative scores are 1, one half and 0.
    assert scores(0.0) == [(3, 1.0), (1, 0.5), (2, 0.0)]
    assert scores(0.25) == [(3, 1.0), (1, 0.5 + 0.25**1.2), (2, 0.0)]
    assert scores(1.0) == [(1, 1.5), (3, 1.0), (2, 0.0)]


def test_equal_scores_are_ordered_by_chunk_id():
    fused = fuse({Leg.LEXICAL: candidates(9, 4), Leg.VECTOR: candidates(4, 9)}, Fusion(Method.RRF))
    assert [each.chunk_id for each in fused] == [4, 9]


def test_no_ranking_gives_no_result():
    assert fuse({}, Fusion(Method.RRF)) == []


@given(RANKINGS, FUSIONS)
def test_the_order_in_which_the_legs_are_given_changes_nothing(rankings, fusion):
    backwards = dict(reversed(rankings.items()))
    forth, back = fuse(rankings, fusion), fuse(backwards, fusion)
    assert [(each.chunk_id, each.score, set(each.legs)) for each in forth] == [
        (each.chunk_id, each.score, set(each.legs)) for each in back
    ]


@given(RANKINGS, FUSIONS)
def test_every_chunk_of_every_leg_is_there_once_best_first(rankings, fusion):
    fused = fuse(rankings, fusion)
    ids = [each.chunk_id for each in fused]
    assert sorted(ids) == sorted({each.chunk_id for ranking in rankings.values() for each in ranking})
    assert fused == sorted(fused, key=lambda each: (-each.score, each.chunk_id))
    assert all(each.score == pytest.approx(sum(leg.contribution for leg in each.legs)) for each in fused)


@given(RANKINGS, FUSIONS, st.sampled_from(Leg), st.data())
def test_a_chunk_that_a_leg_ranks_higher_never_falls(rankings, fusion, leg, data):
    ranking = rankings[leg]
    assume(len(ranking) > 1)
    place = data.draw(st.integers(min_value=1, max_value=len(ranking) - 1))
    order = [each.chunk_id for each in ranking]
    order[place - 1 : place + 1] = order[place], order[place - 1]
    raised = candidates(*order)

    def place_of(chunk_id: int, given_rankings: dict[Leg, list[Candidate]]) -> int:
        return [each.chunk_id for each in fuse(given_rankings, fusion)].index(chunk_id)

    chunk_id = ranking[place].chunk_id
    assert place_of(chunk_id, {**rankings, leg: raised}) <= place_of(chunk_id, rankings)


@given(RANKINGS, st.floats(min_value=0.01, max_value=100))
def test_a_leg_of_weight_zero_adds_no_score_and_no_chunk(rankings, weight):
    alone = {Leg.LEXICAL: rankings[Leg.LEXICAL]}
    fusion = Fusion(Method.RRF, lexical=weight, vector=0)
    assert fuse(rankings, fusion) == fuse(alone, fusion)


@given(RANKINGS, st.floats(min_value=0.1, max_value=10), st.sampled_from([2.0, 4.0, 0.5]))
def test_weights_count_by_their_ratio_only(rankings, weight, factor):
    once = fuse(rankings, Fusion(Method.RRF, lexical=weight, vector=1))
    scaled = fuse(rankings, Fusion(Method.RRF, lexical=weight * factor, vector=factor))
    assert [each.chunk_id for each in once] == [each.chunk_id for each in scaled]
