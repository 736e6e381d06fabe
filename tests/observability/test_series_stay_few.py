import asyncio
import os

import pytest

from sagwan_bench.pages import read

# A hundred thousand take some minutes: SAGWAN_MADE_UP=33334.
EACH = int(os.environ.get("SAGWAN_MADE_UP", "1000"))


@pytest.mark.timeout(1_200)
def test_the_number_of_series_does_not_grow_with_methods_keys_and_meetings_that_callers_make_up(watched):
    def series():
        pages = (
            read(f"http://{watched.stack.metrics_address(each)}/metrics") for each in ("embedder", "ingest", "search")
        )
        return {(sample.name, *sorted(sample.labels.items())) for page in pages for sample in page.samples}

    asyncio.run(watched.caller.make_up(1))
    before = series()
    asyncio.run(watched.caller.make_up(EACH))

    assert series() - before == set()
    ((_, stored),) = watched.prometheus.now('count({job=~"embedder|ingest|search"})')
    assert stored < 5_000
