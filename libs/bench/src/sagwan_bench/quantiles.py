"""Quantiles of a cumulative histogram, as Prometheus computes them."""

import math
from collections.abc import Mapping


class CounterReset(Exception):
    """A count went down between two readings: the process was restarted."""


def histogram_quantile(quantile: float, buckets: Mapping[float, float]) -> float | None:
    """The value below which a share of the observations lies, interpolated linearly within its bucket.

    The formula is that of PromQL's `histogram_quantile` for classic histograms: the lowest bucket begins at 0, and a
    quantile that falls into the `+Inf` bucket is the highest finite edge.

    Args:
        quantile: The share, 0 to 1.
        buckets: Cumulative counts by upper edge; edges above 0, `math.inf` among them.

    Returns:
        The value in the unit of the edges; None without observations.

    Raises:
        ValueError: The quantile is outside 0 to 1, or the buckets are not those of a cumulative histogram.
    """
    if not 0 <= quantile <= 1:
        raise ValueError(f"a quantile lies between 0 and 1, not at {quantile}")
    edges = sorted(buckets)
    if len(edges) < 2 or edges[-1] != math.inf or edges[0] <= 0:
        raise ValueError("buckets need an upper edge above 0 and one at +Inf")
    counts = [buckets[edge] for edge in edges]
    if counts != sorted(counts):
        raise ValueError("bucket counts must be cumulative")
    total = counts[-1]
    if total == 0:
        return None
    rank = quantile * total
    index = next(i for i, count in enumerate(counts) if count >= rank)
    if edges[index] == math.inf:
        return edges[index - 1]
    lower_edge = edges[index - 1] if index else 0.0
    count_below = counts[index - 1] if index else 0.0
    inside = counts[index] - count_below
    # Only quantile 0 over an empty lowest bucket leaves nothing inside.
    share = (rank - count_below) / inside if inside else 0.0
    return lower_edge + (edges[index] - lower_edge) * share


def difference(before: Mapping[float, float], after: Mapping[float, float]) -> dict[float, float]:
    """The buckets of what was observed between two readings. A histogram that was not there before counts from 0.

    Raises:
        CounterReset: A count went down.
    """
    grown = {edge: count - before.get(edge, 0.0) for edge, count in after.items()}
    if any(count < 0 for count in grown.values()) or not before.keys() <= after.keys():
        raise CounterReset("a histogram shrank during the run: its service was restarted")
    return grown
