import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagwan_search.domain.candidates import Selection, every_candidate, left_out, select, upper_keys
from sagwan_search.domain.lexical import WeightedTerm
from sagwan_text.terms import term_id
from sagwan_text.tiers import TIERS, tier_key


def occurring(text: str, chunk_count: int) -> WeightedTerm:
    return WeightedTerm(text, term_id(text), 1, chunk_count, 1.0)


def counts_of(sizes):
    """Upper tiers' chunk counts by key, of terms by text."""
    return {
        tier_key(term_id(text), tier): size for text, all_of in sizes.items() for tier, size in enumerate(all_of, 1)
    }


def chosen(selection: Selection) -> dict[str, int]:
    return {term.text: tier for term, tier in selection.tiers.items()}


# What a term's tiers hold: each no more than the one below.
SIZES = st.lists(st.integers(0, 50), min_size=TIERS, max_size=TIERS).map(lambda sizes: sorted(sizes, reverse=True))
QUESTIONS = st.dictionaries(st.text("abc", min_size=1, max_size=3), SIZES)
BUDGETS = st.integers(min_value=1, max_value=100)


def test_a_question_of_rare_words_selects_all_that_holds_them():
    terms = [occurring("rare", 2), occurring("middling", 8), occurring("nowhere", 0)]
    assert select(terms, {}, candidates_max=10) == every_candidate(terms)
    assert chosen(every_candidate(terms)) == {"rare": 0, "middling": 0}


def test_of_a_common_word_the_lowest_tier_that_fits_is_selected():
    terms = [occurring("common", 90), occurring("rare", 2)]
    tiers = counts_of({"common": (30, 8, 1), "rare": (1, 0, 0)})
    assert chosen(select(terms, tiers, candidates_max=50)) == {"rare": 0, "common": 1}
    assert chosen(select(terms, tiers, candidates_max=10)) == {"rare": 0, "common": 2}
    assert chosen(select(terms, tiers, candidates_max=3)) == {"rare": 0, "common": 3}


def test_a_word_of_which_no_tier_fits_is_left_out_and_named():
    terms = [occurring("common", 90), occurring("rare", 2)]
    selection = select(terms, counts_of({"common": (30, 8, 5)}), candidates_max=4)
    assert chosen(selection) == {"rare": 0}
    assert left_out(2, terms, selection) == "too common to be looked for by themselves: common"
    assert left_out(2, terms, every_candidate(terms)) == ""


def test_words_past_the_limit_are_counted():
    terms = [occurring("rare", 2)]
    reason = "only the first 1 of the question's 3 words count"
    assert left_out(3, terms, every_candidate(terms)) == reason


@pytest.mark.parametrize(("tiers", "tier"), [((30, 8, 5), 3), ((30, 8, 0), 2), ((0, 0, 0), 0)])
def test_where_nothing_fits_the_smallest_tier_that_holds_chunks_is_selected(tiers, tier):
    selection = select([occurring("common", 90)], counts_of({"common": tiers}), candidates_max=4)
    assert chosen(selection) == {"common": tier}
    assert selection.scored_max == 4
    assert not selection.whole
    reason = "at most 4 of the chunks that hold common were looked at"
    assert left_out(1, list(selection.tiers), selection) == reason
    assert selection.keys == [tier_key(term_id("common"), tier)]


@given(QUESTIONS, BUDGETS)
def test_candidates_stay_within_the_budget_and_every_question_has_some(sizes, candidates_max):
    terms = [occurring(text, size[0]) for text, size in sizes.items()]
    selection = select(
        terms, counts_of({text: size[1:] for text, size in sizes.items()}), candidates_max=candidates_max
    )
    selected = [sizes[text][tier] for text, tier in chosen(selection).items()]
    assert all(selected)
    assert sum(selected) <= candidates_max or (len(selected) == 1 and selection.scored_max == candidates_max)
    assert bool(selected) == any(term.chunk_count for term in terms)
    assert {each.text for each in selection.left_out} | set(chosen(selection)) == {
        term.text for term in terms if term.chunk_count
    }


@given(QUESTIONS, BUDGETS)
def test_no_rarer_word_gives_way_to_a_more_common_one(sizes, candidates_max):
    terms = [occurring(text, size[0]) for text, size in sorted(sizes.items(), key=lambda each: (each[1][0], each[0]))]
    counts = counts_of({text: size[1:] for text, size in sizes.items()})
    whole = select(terms, counts, candidates_max=candidates_max)
    for length in range(len(terms)):
        rarest = select(terms[:length], counts, candidates_max=candidates_max)
        if sum(sizes[text][tier] for text, tier in chosen(rarest).items()) <= candidates_max and rarest.tiers:
            assert chosen(rarest).items() <= chosen(whole).items()


@given(QUESTIONS, BUDGETS, st.randoms(use_true_random=False))
def test_the_order_of_the_words_does_not_decide_what_is_selected(sizes, candidates_max, random):
    terms = [occurring(text, size[0]) for text, size in sizes.items()]
    counts = counts_of({text: size[1:] for text, size in sizes.items()})
    shuffled = random.sample(terms, len(terms))
    assert select(terms, counts, candidates_max=candidates_max) == select(
        shuffled, counts, candidates_max=candidates_max
    )


def test_only_tiers_of_words_that_occur_are_looked_up():
    assert upper_keys([occurring("nowhere", 0)]) == []
    assert upper_keys([occurring("rare", 2)]) == [tier_key(term_id("rare"), tier) for tier in range(1, TIERS)]
