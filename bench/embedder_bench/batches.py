"""How a loop without a service groups texts: sorted by length, so that little is padded."""

from collections.abc import Sequence

from sagwan_embedder.domain.batching import plan_batches


def by_tokens(lengths: Sequence[int], budget: int) -> list[list[int]]:
    """Indices in batches of at most a budget of padded tokens; a longer text has a batch to itself."""
    return [list(batch.indices) for batch in plan_batches(lengths, tokens_max=budget)]


def by_count(lengths: Sequence[int], size: int) -> list[list[int]]:
    """Indices in batches of so many texts."""
    order = _sorted(lengths)
    return [order[first : first + size] for first in range(0, len(order), size)]


def thinned(lengths: Sequence[int], *, group: int, stride: int, offset: int) -> list[int]:
    """Indices of a part of the texts that pads as little as the whole does.

    Sorted by length, every `stride`-th run of `group` neighbours: each run fills batches of its own, as it would among
    all texts. A random part would be more spread out in length, and slow down who works in batches of a fixed size.
    """
    order = _sorted(lengths)
    runs = -(-len(order) // group)
    starts = range(offset % min(stride, runs) * group, len(order), stride * group)
    return [index for start in starts for index in order[start : start + group]]


def _sorted(lengths: Sequence[int]) -> list[int]:
    return sorted(range(len(lengths)), key=lengths.__getitem__)
