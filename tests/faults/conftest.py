"""A stack to break. It heals, so one serves all tests; each begins when everything serves again."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from stack import ROOT, Stack, running


@pytest.fixture(scope="session")
def breakable_stack(new_folder: Callable[[], Path], model_dir: Path) -> Iterator[Stack]:
    with running(new_folder(), model_dir=model_dir) as stack:
        stack.run("ingest", str(ROOT / "samples" / "meetings"))
        yield stack


@pytest.fixture
def stack(breakable_stack: Stack) -> Stack:
    breakable_stack.wait_until_serving()
    return breakable_stack
