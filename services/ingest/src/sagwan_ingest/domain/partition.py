"""Where to cut a row of items so that the sizes come out even: a shortest path, as with a paragraph and its lines."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that stays whole.

    Attributes:
        size: What it adds to a group; at least 1.
        head: What it adds besides where it begins a group.
        headed: Whether it adds its head inside of a group too.
        reluctance: What beginning a group with it costs, in the unit of a squared deviation from the target.
    """

    size: int
    head: int
    headed: bool
    reluctance: int


def partition(items: Sequence[Item], *, target: int, maximum: int, items_max: int) -> list[int]:
    """Where each group begins, so that the squared deviations from `target` and the reluctances add up to the least.

    No group has more than `items_max` items, and none is larger than `maximum` unless it is a single item. Exact, in
    time linear in the number of items times the items of a group (D. E. Knuth and M. F. Plass, Breaking paragraphs into
    lines, 1981). Because what is best far away hardly depends on what is here, a small edit moves few cuts.
    """
    begins: list[int] = []
    # By item: the least that the groups before it cost, with its reluctance; and the size of a group that begins with
    # it, less the running size where the group ends.
    costs: list[int] = []
    offsets: list[int] = []
    least = running = lowest = 0
    for last, item in enumerate(items):
        inside = item.size + (item.head if item.headed else 0)
        costs.append(least + item.reluctance)
        offsets.append(item.size + item.head - inside - running)
        running += inside
        while lowest < last and (running + offsets[lowest] > maximum or last - lowest >= items_max):
            lowest += 1
        least, begin = min(
            (costs[first] + (running + offsets[first] - target) ** 2, first)
            for first in range(lowest, last + 1)
            if running + offsets[first] <= maximum or first == last
        )
        begins.append(begin)
    return _followed_back(begins)


def _followed_back(begins: Sequence[int]) -> list[int]:
    """The beginnings of the groups, from where the group that ends with each item begins."""
    firsts = []
    end = len(begins)
    while end > 0:
        end = begins[end - 1]
        firsts.append(end)
    firsts.reverse()
    return firsts
