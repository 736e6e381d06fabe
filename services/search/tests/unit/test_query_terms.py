import math

import pytest

from sagwan_search.domain.lexical import (
    TermStatistics,
    WeightedTerm,
    distinct_terms,
    match_share,
    weighted_terms,
)
from sagwan_text.analysis import Term
from sagwan_text.terms import term_id


def test_terms_are_counted_in_the_order_they_first_occur():
    terms = [Term("예산", 0, 2), Term("안", 2, 3), Term("예산", 4, 6)]
    assert list(distinct_terms(terms).items()) == [("예산", 2), ("안", 1)]


def test_a_term_weighs_its_idf_times_its_occurrences():
    statistics = TermStatistics(10, {term_id("budget"): 3})
    (term,) = weighted_terms({"budget": 2}, statistics)
    assert (term.term_id, term.chunk_count) == (term_id("budget"), 3)
    assert term.idf == pytest.approx(math.log(1 + (10 - 3 + 0.5) / (3 + 0.5)))
    assert term.weight == pytest.approx(2 * term.idf)


def test_a_term_that_occurs_nowhere_is_kept_with_a_count_of_zero():
    terms = weighted_terms({"zebra": 1, "budget": 1}, TermStatistics(10, {term_id("budget"): 3}))
    assert [(each.text, each.chunk_count) for each in terms] == [("zebra", 0), ("budget", 3)]


def test_an_empty_corpus_gives_finite_weights():
    terms = weighted_terms({"budget": 1}, TermStatistics(0, {}))
    assert math.isfinite(terms[0].weight)


def test_a_chunk_that_says_each_term_as_often_as_usual_says_the_whole_question():
    terms = [WeightedTerm("budget", 1, 1, 5, 2.0), WeightedTerm("unheard", 2, 2, 0, 3.0)]
    assert match_share(8.0, terms) == 1.0
    assert match_share(20.0, terms) == 1.0
    assert match_share(2.0, terms) == 0.25
    assert match_share(0.0, []) == 0.0
