"""What the tuner makes of the index: the rows after it are measured with the settings that it keeps."""

import json
import time
from collections.abc import Iterator

from sagwan_bench.results import Figure, at_least
from search_bench.run import Run

_RECALL = 0.95


def tuned_figures(run: Run) -> Iterator[Figure]:
    """The cheapest setting that reaches a recall@10 of 0.95, as `sagwan index tune` finds and keeps it."""
    begun = time.perf_counter()
    # Its exit says whether the recall was reached, and so does the figure.
    done = run.stack.run("index", "tune", "--recall", str(_RECALL), "--json", check=False)
    chosen = json.loads(done.stdout)[-1]["chosen"]
    yield Figure("tune_s", time.perf_counter() - begun, "s")
    run.tell(f"tuned: {json.dumps(chosen)}")
    yield Figure("tune_recall", chosen["recall"], "of 10", at_least(_RECALL))
