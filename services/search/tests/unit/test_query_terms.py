import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagwan_search.domain.lexical import (
    TermStatistics,
    WeightedTerm,
    distinct_terms,
    match_share,
    matched_terms,
    weighted_terms,
)
from sagwan_text.analysis import Term
from sagwan_text.terms import term_id


def occurring(text: str, chunk_count: int) -> WeightedTerm:
    return WeightedTerm(text, term_id(text), 1, chunk_count, 1.0)


WORDS = st.text("abc", min_size=1, max_size=3)
TERMS = st.dictionaries(WORDS, st.integers(min_value=0, max_value=50)).map(
    lambda counts: [occurring(text, count) for text, count in counts.items()]
)


def test_terms_are_counted_in_the_order_they_first_occur():
    terms = [Term("예산", 0, 2), Term("안", 2, 3), Term("예산", 4, 6)]
    assert list(distinct_terms(terms).items()) == [("예산", 2), ("안", 1)]


def test_a_term_weighs_its_idf_times_its_occurrences():
    statistics = TermStatistics(10, {term_id("budget"): 3})
    (term,) = weighted_terms({"budget": 2}, statistics)
    assert (term.term_id, term.chunk_count) == (term_id("budget"), 3)
    assert term.idf == pytest.approx(math.log(1 + (10 - 3 + 0.5) / (3 + 0.5)))
    assert term.weight == pytest.approx(2 * term.idf)


def test_a_term_that_occurs_nowhere_is_kept_with_a_count_of_zero_and_is_never_matched():
    terms = weighted_terms({"zebra": 1, "budget": 1}, TermStatistics(10, {term_id("budget"): 3}))
    assert [(each.text, each.chunk_count) for each in terms] == [("zebra", 0), ("budget", 3)]
    assert [each.text for each in matched_terms(terms, candidates_max=100)] == ["budget"]


def test_an_empty_corpus_gives_finite_weights_and_matches_nothing():
    terms = weighted_terms({"budget": 1}, TermStatistics(0, {}))
    assert math.isfinite(terms[0].weight)
    assert matched_terms(terms, candidates_max=100) == []


def test_the_rarest_terms_are_matched_while_they_select_few_enough_chunks_together():
    terms = [occurring("common", 90), occurring("rare", 2), occurring("middling", 8)]
    assert [each.text for each in matched_terms(terms, candidates_max=10)] == ["rare", "middling"]
    assert [each.text for each in matched_terms(terms, candidates_max=100)] == ["rare", "middling", "common"]


def test_a_lone_common_term_is_matched_whatever_it_selects():
    assert [each.text for each in matched_terms([occurring("common", 90)], candidates_max=10)] == ["common"]


@given(TERMS, st.integers(min_value=1, max_value=100))
def test_matched_terms_stay_within_the_budget_and_none_left_out_is_rarer(terms, candidates_max):
    matched = matched_terms(terms, candidates_max=candidates_max)
    left_out = [each for each in terms if each.chunk_count and each not in matched]
    if len(matched) > 1:
        assert sum(each.chunk_count for each in matched) <= candidates_max
    if matched and left_out:
        rarest_left_out = min(each.chunk_count for each in left_out)
        assert max(each.chunk_count for each in matched) <= rarest_left_out
        assert sum(each.chunk_count for each in matched) + rarest_left_out > candidates_max
    assert bool(matched) == any(each.chunk_count for each in terms)


@given(TERMS, st.integers(min_value=1, max_value=100), st.randoms(use_true_random=False))
def test_the_order_of_the_words_does_not_decide_what_is_matched(terms, candidates_max, random):
    shuffled = random.sample(terms, len(terms))
    assert matched_terms(terms, candidates_max=candidates_max) == matched_terms(shuffled, candidates_max=candidates_max)


def test_a_chunk_that_says_each_term_as_often_as_usual_says_the_whole_question():
    terms = [WeightedTerm("budget", 1, 1, 5, 2.0), WeightedTerm("unheard", 2, 2, 0, 3.0)]
    assert match_share(8.0, terms) == 1.0
    assert match_share(20.0, terms) == 1.0
    assert match_share(2.0, terms) == 0.25
    assert match_share(0.0, []) == 0.0
