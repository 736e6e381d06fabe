"""What a ranking is worth."""

import math
from collections.abc import Iterable
from itertools import islice


def ndcg(found: Iterable[float], available: Iterable[float], *, depth: int = 10) -> float:
    """Normalised discounted cumulative gain: sum of gain / log2(1 + rank), over that of the best order there is.

    Jarvelin and Kekalainen, "Cumulated gain-based evaluation of IR techniques", 2002.

    Args:
        found: Gains of what was found, best first.
        available: Gains of everything that could be found.
        depth: How many ranks count.

    Returns:
        From 0 to 1; 0 where nothing has a gain.
    """
    ideal = _discounted(sorted(available, reverse=True), depth)
    return _discounted(found, depth) / ideal if ideal else 0.0


def _discounted(gains: Iterable[float], depth: int) -> float:
    return sum(gain / math.log2(rank + 1) for rank, gain in enumerate(islice(gains, depth), start=1))
