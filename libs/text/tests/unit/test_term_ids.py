import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagwan_text.terms import TERM_IDS_MAX, term_id


@given(term=st.text(st.characters(codec=None)))
def test_an_id_is_a_dimension_of_a_sparsevec(term):
    assert 1 <= term_id(term) <= TERM_IDS_MAX == 1_000_000_000


@pytest.mark.parametrize(("term", "expected"), [("회의", 67017398), ("budget", 949747937), ("", 258269877)])
def test_an_id_never_changes_because_stored_weights_are_keyed_by_it(term, expected):
    assert term_id(term) == expected


def test_collisions_are_as_rare_as_chance_makes_them():
    terms = 100_000
    collisions = terms - len({term_id(f"term{n}") for n in range(terms)})
    assert collisions <= 15  # 5 are expected; 15 would be a chance of one in ten thousand
