"""Files of one JSON object a line."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def records(file: Path) -> Iterator[dict[str, Any]]:
    """Each line's object."""
    with file.open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)
