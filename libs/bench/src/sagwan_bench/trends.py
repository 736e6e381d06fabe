"""Whether something grows: a straight line through measurements, and how sure its slope is."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import linear_regression


@dataclass(frozen=True, slots=True)
class Slope:
    """The slope of the least-squares line.

    Attributes:
        value: Growth of y for one of x.
        standard_error: Of the value, as if the residuals were independent.
    """

    value: float
    standard_error: float


def slope(xs: Sequence[float], ys: Sequence[float]) -> Slope:
    """Fits y = a + b x by least squares.

    The standard error of b is sqrt(sum(residual^2) / (n - 2) / sum((x - mean(x))^2)), the textbook one. Successive
    readings of a process resemble each other, so it is an underestimate for them.

    Raises:
        ValueError: Fewer than three points, not as many xs as ys, or all xs the same.
    """
    if len(xs) != len(ys) or len(xs) < 3:
        raise ValueError("a slope needs three points or more, with an x and a y each")
    if min(xs) == max(xs):
        raise ValueError("a slope needs points at different xs")
    line = linear_regression(xs, ys)
    mean_x = math.fsum(xs) / len(xs)
    spread = math.fsum((x - mean_x) ** 2 for x in xs)
    residuals = math.fsum((y - line.intercept - line.slope * x) ** 2 for x, y in zip(xs, ys, strict=True))
    return Slope(line.slope, math.sqrt(residuals / (len(xs) - 2) / spread))
