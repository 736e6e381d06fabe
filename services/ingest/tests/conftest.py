"""Fixtures of unit and integration tests alike."""

from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def present(eval_data: Path) -> Callable[[str], Path]:
    """The path of some evaluation data, which may be there only in part."""

    def found(path: str) -> Path:
        if not (eval_data / path).exists():
            pytest.skip(f"no evaluation data at ../shared/eval/{path}")
        return eval_data / path

    return found
