"""The curve of a tuning run as a picture, where matplotlib is installed."""

from collections.abc import Sequence
from pathlib import Path

from sagwan.search.v1 import index_admin_pb2
from sagwan_client.errors import StackError


def draw_curve(
    file: Path,
    points: Sequence[index_admin_pb2.TuningPoint],
    chosen: index_admin_pb2.TuningPoint,
    target: float,
) -> None:
    """Draws recall over median latency into a PNG.

    Raises:
        StackError: matplotlib is not installed, or the file cannot be written.
    """
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        raise StackError("--chart needs matplotlib: install it with `pip install 'sagwan-client[chart]'`") from error
    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.add_subplot(xlabel="median latency of the vector leg, ms", ylabel="recall@10", xscale="log")
    by_index: dict[str, list[index_admin_pb2.TuningPoint]] = {}
    for point in points:
        name = " ".join(each for each in point.settings if each.startswith(("kind=", "quantization=")))
        by_index.setdefault(name, []).append(point)
    for name, tried in by_index.items():
        ordered = sorted(tried, key=lambda each: each.p50_ms)
        axes.plot([each.p50_ms for each in ordered], [each.recall for each in ordered], marker="o", label=name)
    axes.axhline(target, linestyle="--", color="grey", label=f"target {target:g}")
    axes.plot([chosen.p50_ms], [chosen.recall], marker="*", markersize=18, linestyle="", color="black", label="chosen")
    axes.legend()
    try:
        figure.savefig(file, format="png", dpi=120)
    except OSError as error:
        raise StackError(f"the chart cannot be written to {file}: {error.strerror}") from error
