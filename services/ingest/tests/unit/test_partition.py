from itertools import chain, combinations, pairwise

from hypothesis import given
from hypothesis import strategies as st

from sagwan_ingest.domain.partition import Item, partition

items = st.lists(
    st.builds(Item, st.integers(1, 12), st.integers(0, 4), st.booleans(), st.sampled_from([0, 9, 25])), max_size=8
)


def sizes(row, firsts):
    for first, last in pairwise([*firsts, len(row)]):
        inside = sum(each.size + (each.head if each.headed else 0) for each in row[first + 1 : last])
        yield row[first].head + row[first].size + inside


def cost(row, firsts, target):
    return sum((size - target) ** 2 for size in sizes(row, firsts)) + sum(row[first].reluctance for first in firsts)


def allowed(row, firsts, maximum, items_max):
    counts = [last - first for first, last in pairwise([*firsts, len(row)])]
    return all(
        count <= items_max and (size <= maximum or count == 1)
        for size, count in zip(sizes(row, firsts), counts, strict=True)
    )


@given(items, st.integers(1, 20), st.integers(0, 15), st.integers(1, 8))
def test_no_other_way_to_cut_costs_less(row, target, slack, items_max):
    limits = (target + slack, items_max)
    found = partition(row, target=target, maximum=target + slack, items_max=items_max)

    places = range(1, len(row))
    others = chain.from_iterable(combinations(places, count) for count in range(len(row)))
    best = min((cost(row, (0, *cuts), target) for cuts in others if allowed(row, (0, *cuts), *limits)), default=0)
    assert allowed(row, found, *limits)
    assert cost(row, found, target) == best


def test_nothing_is_cut_into_nothing():
    assert partition([], target=10, maximum=20, items_max=5) == []
