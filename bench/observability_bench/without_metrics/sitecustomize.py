"""Python runs this before anything else where it lies on the path: metrics then count nothing and cost nothing.

Services have no such switch, and need none: it is here to be compared with.
"""

from prometheus_client import Counter, Gauge, Histogram
from prometheus_client.metrics import MetricWrapperBase


def _nothing(*_: object, **__: object) -> None:
    """Counts nothing."""


for _metric, _method in (
    (Counter, "inc"),
    (Gauge, "inc"),
    (Gauge, "dec"),
    (Gauge, "set"),
    (Gauge, "set_function"),
    (Histogram, "observe"),
):
    setattr(_metric, _method, _nothing)
setattr(MetricWrapperBase, "labels", lambda self, *_, **__: self)  # noqa: B010  # as above
