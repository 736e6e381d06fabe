"""A stack that works under the eyes of a Prometheus and a collector, once for all tests here."""

import asyncio
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from collector import Collector, collecting
from stack import ROOT, Stack, running
from watching import Prometheus, watching
from working import Caller, Worked

_WORK_S = float(os.environ.get("SAGWAN_WATCHED_S", "40"))


@dataclass(frozen=True, slots=True)
class Watched:
    """What worked, and who saw it.

    Attributes:
        stack: The services.
        prometheus: Scraped them.
        collector: Got their spans.
        caller: Made them work.
        worked: The work that nothing disturbed.
        ended_s: When all of it had ended, by the clock.
    """

    stack: Stack
    prometheus: Prometheus
    collector: Collector
    caller: Caller
    worked: Worked
    ended_s: float


@pytest.fixture(scope="session")
def watched(
    new_folder: Callable[[], Path], model_dir: Path, unused_tcp_port_factory: Callable[[], int]
) -> Iterator[Watched]:
    with (
        collecting() as (collector, port),
        running(
            new_folder(),
            model_dir=model_dir,
            SAGWAN_OTLP_ENDPOINT=f"127.0.0.1:{port}",
            SAGWAN_TRACE_SAMPLE_RATIO="0.3",
            SAGWAN_SEARCH_INDEX_UPKEEP_INTERVAL_S="1",
        ) as stack,
        watching(stack, new_folder(), unused_tcp_port_factory()) as prometheus,
    ):
        stack.run("ingest", str(ROOT / "samples" / "meetings"))
        caller = Caller(stack)

        async def work() -> Worked:
            await caller.work(3, workers=1)
            worked = await caller.work(_WORK_S, workers=2)
            # The last scrape of it.
            await asyncio.sleep(2)
            await caller.do_the_rest()
            await caller.work_without_the_embedder()
            await caller.work(8, workers=1)
            await asyncio.sleep(2)
            return worked

        worked = asyncio.run(work())
        yield Watched(stack, prometheus, collector, caller, worked, time.time())


def pytest_collection_modifyitems(items: Sequence[Any]) -> None:
    """All tests here need Prometheus."""
    here = Path(__file__).parent
    for item in items:
        if here in Path(item.path).parents:
            item.add_marker(pytest.mark.observability)
