import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sagwan_text.term_offsets import TermOffsets, packed_terms
from sagwan_text.terms import Term, term_id

WORDS = ["budget", "예산", "회의록", "東京", "covid19", "\ud800", ""]
TERMS = st.lists(
    st.builds(
        lambda text, start, length: Term(text, start, start + length),
        st.sampled_from(WORDS),
        st.integers(0, 65_535),
        st.integers(0, 255),
    ),
    max_size=40,
).map(lambda terms: sorted(terms, key=lambda term: term.start))
PIECES = ["budgets", "예산을 ", "회의록", "😀", " ", "\n", "COVID-19", "東京都", "𝐛𝐮𝐝𝐠𝐞𝐭", "예산", "ﬁ", "3.5"]
IDS = {term_id(word): word for word in WORDS}

many = settings(max_examples=300, deadline=None)


def offsets_of(terms) -> TermOffsets:
    packed = packed_terms(terms)
    assert packed is not None
    return TermOffsets(packed)


def found_in(offsets: TermOffsets, wanted) -> list[Term]:
    return [Term(IDS[term], start, end) for term, start, end in offsets.of(wanted)]


@given(TERMS)
def test_terms_are_read_back_as_they_were_packed(terms):
    assert found_in(offsets_of(terms), IDS) == terms


@given(TERMS, st.sets(st.sampled_from(WORDS)))
def test_only_wanted_terms_are_read(terms, wanted):
    found = found_in(offsets_of(terms), {term_id(word) for word in wanted})
    assert found == [term for term in terms if term.text in wanted]


@given(TERMS, st.integers(0, 66_000), st.integers(0, 66_000))
def test_a_part_has_the_terms_that_lie_wholly_in_it_counted_from_its_beginning(terms, begin, end):
    expected = [
        Term(term.text, term.start - begin, term.end - begin)
        for term in terms
        if begin <= term.start < end and term.end <= end
    ]
    assert found_in(offsets_of(terms).within(begin, end), IDS) == expected


@given(TERMS, st.integers(0, 500), st.integers(0, 500), st.integers(0, 70_000), st.integers(0, 70_000))
def test_a_part_of_a_part_is_a_part(terms, begin, further, length, shorter):
    part = offsets_of(terms).within(begin, begin + length)
    direct = offsets_of(terms).within(begin + further, min(begin + length, begin + further + shorter))
    assert found_in(part.within(further, further + shorter), IDS) == found_in(direct, IDS)


@many
@given(st.lists(st.sampled_from(PIECES)).map("".join))
def test_every_term_of_an_analysed_text_stands_where_analysis_says(analyzer, text):
    terms = analyzer.terms(text)
    ids = {term_id(term.text): term.text for term in terms}
    found = offsets_of(terms).of(ids)
    assert [Term(ids[term], start, end) for term, start, end in found] == terms


@pytest.mark.parametrize("term", [Term("a", 65_536, 65_537), Term("a", 0, 256), Term("a", 10**6, 10**6 + 1)])
def test_a_term_that_does_not_fit_makes_its_text_one_that_is_not_kept(term):
    assert packed_terms([Term("b", 0, 1), term]) is None


def test_the_last_term_that_fits_is_kept():
    last = Term("budget", 65_535, 65_790)
    assert found_in(offsets_of([last]), IDS) == [last]


def test_a_text_without_terms_is_kept_as_nothing_and_not_as_unknown():
    assert packed_terms([]) == b""
    assert TermOffsets(b"").of(IDS) == []
