"""Figures of a measurement, held against their targets."""

import json
import operator
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_DECIMALS = 2
_DECIMALS_OF_SMALL = 4
_SMALL = 10


@dataclass(frozen=True, slots=True)
class Target:
    """What a figure must satisfy.

    Attributes:
        sign: How it is written.
        limit: In the figure's unit.
        compares: Whether a value (first) satisfies the limit (second).
    """

    sign: str
    limit: float
    compares: Callable[[float, float], bool]

    def holds(self, value: float | None) -> bool:
        """Whether the value is good; a figure that could not be measured is not."""
        return value is not None and self.compares(value, self.limit)

    def __str__(self) -> str:
        return f"{self.sign} {self.limit:g}"


def below(limit: float) -> Target:
    """Less than a limit."""
    return Target("<", limit, operator.lt)


def at_most(limit: float) -> Target:
    """No more than a limit."""
    return Target("<=", limit, operator.le)


def at_least(limit: float) -> Target:
    """No less than a limit."""
    return Target(">=", limit, operator.ge)


def exactly(limit: float) -> Target:
    """Neither more nor less."""
    return Target("=", limit, operator.eq)


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value.

    Attributes:
        name: Stays the same from run to run.
        value: None where nothing was measured.
        unit: Of the value.
        target: None where the figure only informs.
    """

    name: str
    value: float | None
    unit: str
    target: Target | None = None

    @property
    def passes(self) -> bool | None:
        """Whether the target holds; None without one."""
        return None if self.target is None else self.target.holds(self.value)

    def as_json(self) -> dict[str, Any]:
        """The figure as the project's result files hold it: {name, value, unit, target, pass}."""
        return {
            "name": self.name,
            "value": None if self.value is None else round(self.value, _DECIMALS_OF_SMALL),
            "unit": self.unit,
            "target": None if self.target is None else str(self.target),
            "pass": self.passes,
        }

    def as_row(self) -> str:
        """The figure as a line of a table."""
        value = "-" if self.value is None else f"{self.value:,.{_decimals(self.value)}f}"
        mark = {None: "", True: "ok", False: "MISSED"}[self.passes]
        target = "" if self.target is None else str(self.target)
        return f"{self.name:<32} {value:>12} {self.unit:<9} {target:<8} {mark}".rstrip()


def _decimals(value: float) -> int:
    """As many as make a share or a cosine readable, and none for a count."""
    if float(value).is_integer():
        return 0
    return _DECIMALS_OF_SMALL if abs(value) < _SMALL else _DECIMALS


def printed(figures: Iterable[Figure]) -> list[Figure]:
    """The same, each printed as a row as soon as it is measured."""
    measured: list[Figure] = []
    for each in figures:
        sys.stdout.write(f"{each.as_row()}\n")
        sys.stdout.flush()
        measured.append(each)
    return measured


def write_results(file: Path, environment: Mapping[str, Any], figures: Sequence[Figure]) -> None:
    """Writes a measurement to a file, its folder made when it is not there."""
    result = {"environment": dict(environment), "figures": [each.as_json() for each in figures]}
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(result, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
