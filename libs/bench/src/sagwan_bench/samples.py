"""Quantiles of samples that were kept one by one."""

import math
from collections.abc import Sequence


def nearest_rank(quantile: float, samples: Sequence[float]) -> float | None:
    """The smallest sample that at least a share of all samples do not exceed; None without samples.

    This is the nearest-rank definition. It interpolates nothing, so the P99 of fewer than a hundred samples is the
    largest of them: a tail that was hardly sampled is never flattered.

    Args:
        quantile: The share, above 0 and at most 1.
        samples: In any order.

    Raises:
        ValueError: The quantile is outside its range.
    """
    if not 0 < quantile <= 1:
        raise ValueError(f"a quantile lies above 0 and at most at 1, not at {quantile}")
    if not samples:
        return None
    # Binary fractions: 0.07 * 100 is a little more than 7, and must not become the eighth sample.
    rank = math.ceil(round(quantile * len(samples), 9))
    return sorted(samples)[rank - 1]
