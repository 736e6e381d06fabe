import itertools

from embedder_bench.batches import by_count, by_tokens, thinned
from hypothesis import given
from hypothesis import strategies as st

lengths = st.lists(st.integers(1, 512), min_size=1, max_size=200)


def longest_and_padded(batch, lengths):
    longest = max(lengths[index] for index in batch)
    return longest, longest * len(batch)


@given(lengths, st.integers(1, 4_096))
def test_every_text_is_in_one_batch_and_none_but_a_lone_text_exceeds_the_budget(lengths, budget):
    batches = by_tokens(lengths, budget)
    assert sorted(index for batch in batches for index in batch) == list(range(len(lengths)))
    assert all(len(batch) == 1 or longest_and_padded(batch, lengths)[1] <= budget for batch in batches)


@given(lengths, st.integers(1, 4_096))
def test_batches_by_tokens_are_as_full_as_the_next_text_lets_them(lengths, budget):
    batches = by_tokens(lengths, budget)
    for batch, following in itertools.pairwise(batches):
        assert lengths[following[0]] * (len(batch) + 1) > budget


@given(lengths, st.integers(1, 64))
def test_batches_by_count_are_full_but_for_the_last_and_sorted_by_length(lengths, size):
    batches = by_count(lengths, size)
    assert [len(batch) for batch in batches[:-1]] == [size] * (len(batches) - 1)
    in_order = [lengths[index] for batch in batches for index in batch]
    assert in_order == sorted(lengths)


@given(lengths, st.integers(1, 32), st.integers(1, 8))
def test_parts_of_every_offset_are_all_texts_once(lengths, group, stride):
    runs = -(-len(lengths) // group)
    offsets = range(min(stride, runs))
    parts = [thinned(lengths, group=group, stride=stride, offset=offset) for offset in offsets]
    assert all(parts)
    assert sorted(index for part in parts for index in part) == list(range(len(lengths)))


@given(lengths, st.integers(1, 32), st.integers(1, 8), st.integers(0, 20))
def test_a_part_keeps_neighbours_in_length_together(lengths, group, stride, offset):
    ranks = sorted(lengths)
    part = [lengths[index] for index in thinned(lengths, group=group, stride=stride, offset=offset)]
    runs = [ranks[start : start + group] for start in range(0, len(ranks), group)]
    assert all(part[start : start + group] in runs for start in range(0, len(part), group))
