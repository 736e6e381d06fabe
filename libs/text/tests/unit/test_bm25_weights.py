import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagwan_text.bm25 import Bm25, idf

counts = st.integers(min_value=0, max_value=10_000_000)
constants = st.builds(
    Bm25,
    k1=st.floats(0.1, 3),
    b=st.floats(0, 1),
    pivot_length=st.floats(1, 1000),
)


def test_the_product_of_both_halves_is_the_textbook_score_when_the_pivot_is_the_mean():
    chunks = [[1, 1, 2], [2, 3, 4, 5, 5], [1, 3, 3, 3]]
    query = [1, 3, 3]
    counts_of = {1: 2, 2: 2, 3: 2, 4: 1, 5: 1}
    mean = sum(map(len, chunks)) / len(chunks)
    bm25 = Bm25(k1=1.2, b=0.75, pivot_length=mean)
    for chunk in chunks:
        textbook = sum(
            math.log(1 + (3 - counts_of[term] + 0.5) / (counts_of[term] + 0.5))
            * chunk.count(term)
            * (1.2 + 1)
            / (chunk.count(term) + 1.2 * (1 - 0.75 + 0.75 * len(chunk) / mean))
            for term in query
        )
        document = bm25.document_weights(chunk)
        product = sum(idf(counts_of[term], 3) * document.get(term, 0.0) for term in query)
        assert product == pytest.approx(textbook)


def test_a_term_met_once_in_a_chunk_of_pivot_length_weighs_one():
    assert Bm25(pivot_length=4).document_weights([1, 2, 3, 4]) == {term: pytest.approx(1.0) for term in (1, 2, 3, 4)}


@given(bm25=constants, repeats=st.integers(1, 200), others=st.integers(0, 200))
def test_repeating_a_term_weighs_more_but_never_k1_plus_one_times(bm25, repeats, others):
    length = repeats + others + 1
    fewer = [7] * repeats + [8] * (length - repeats)
    more = [7] * (repeats + 1) + [8] * (length - repeats - 1)
    assert bm25.document_weights(fewer)[7] < bm25.document_weights(more)[7] <= bm25.k1 + 1


@given(bm25=constants, length=st.integers(1, 500))
def test_a_longer_chunk_never_weighs_a_term_more(bm25, length):
    shorter = bm25.document_weights([7] + [8] * length)
    longer = bm25.document_weights([7] + [8] * (length + 1))
    assert longer[7] <= shorter[7]


def test_a_chunk_without_terms_has_no_weights():
    assert Bm25().document_weights([]) == {}


@pytest.mark.parametrize("wrong", [{"k1": -0.1}, {"b": 1.1}, {"b": -0.1}, {"pivot_length": 0}, {"k1": math.nan}])
def test_constants_that_turn_the_formula_over_are_refused(wrong):
    with pytest.raises(ValueError, match="do not hold"):
        Bm25(**wrong)


@given(corpus=st.integers(1, 10_000_000), df=counts)
def test_idf_falls_as_more_chunks_contain_the_term_and_is_never_negative(corpus, df):
    rarer, commoner = idf(df, corpus), idf(df + 1, corpus)
    assert rarer >= commoner > 0
    if df < corpus:
        assert rarer > commoner


def test_statistics_ahead_of_the_corpus_count_as_every_chunk():
    assert idf(12, 10) == idf(10, 10)
