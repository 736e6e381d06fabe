"""What a refusal of a transcript says."""

from collections.abc import Callable
from typing import Any

import pytest

from sagwan_runtime.errors import InvalidRequest


def reason_of(parse: Callable[[Any], object], content: Any) -> str:
    """The reason for which content is refused; the test fails when it is read, or refused for more than itself."""
    with pytest.raises(InvalidRequest) as refused:
        parse(content)
    (violation,) = refused.value.violations
    assert violation.field == "content"
    return violation.reason
