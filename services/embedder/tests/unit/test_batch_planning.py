import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sagwan_embedder.domain.batching import padded, plan_batches

lengths_lists = st.lists(st.integers(min_value=1, max_value=600), max_size=200)
budgets = st.integers(min_value=1, max_value=3_000)


@given(lengths_lists, budgets)
def test_every_text_is_in_exactly_one_batch(lengths, budget):
    planned = [index for batch in plan_batches(lengths, tokens_max=budget) for index in batch.indices]
    assert sorted(planned) == list(range(len(lengths)))


@given(lengths_lists, budgets)
def test_a_batch_keeps_the_budget_unless_it_is_one_long_text(lengths, budget):
    for batch in plan_batches(lengths, tokens_max=budget):
        assert batch.tokens_padded == batch.longest * len(batch.indices)
        assert batch.tokens_padded <= budget or len(batch.indices) == 1


@given(lengths_lists, budgets)
def test_texts_of_similar_length_share_a_batch(lengths, budget):
    batches = plan_batches(lengths, tokens_max=budget)
    assert [lengths[index] for batch in batches for index in batch.indices] == sorted(lengths)
    assert all(batch.longest == max(lengths[index] for index in batch.indices) for batch in batches)


@given(lengths_lists, budgets)
def test_no_batch_could_have_taken_the_first_text_of_the_next(lengths, budget):
    batches = plan_batches(lengths, tokens_max=budget)
    for batch, following in itertools.pairwise(batches):
        assert lengths[following.indices[0]] * (len(batch.indices) + 1) > budget


def test_a_text_longer_than_the_budget_goes_alone():
    batches = plan_batches([512, 3, 512], tokens_max=100)
    assert [batch.indices for batch in batches] == [(1,), (0,), (2,)]


def test_nothing_to_plan_makes_no_batch():
    assert plan_batches([], tokens_max=100) == []


@given(st.lists(st.lists(st.integers(min_value=3, max_value=250_000), min_size=1, max_size=20), min_size=1, max_size=8))
def test_the_mask_gives_back_what_was_padded(texts):
    batch = padded([np.array(ids, np.int32) for ids in texts])
    assert batch.input_ids.shape == batch.attention_mask.shape == (len(texts), max(map(len, texts)))
    restored = [row[mask == 1].tolist() for row, mask in zip(batch.input_ids, batch.attention_mask, strict=True)]
    assert restored == texts
