"""How the vector leg finds the chunks that pass a filter: all of them compared, or an index walked past the others."""

import math
from dataclasses import dataclass
from enum import Enum
from typing import Final

from sagwan_search.domain.indexes import IndexKind

# What a row that an index comes by costs, in rows that are found by the filter and compared (docs/decisions/0015).
_WALKED_ROW_COST = 2.5
# The same of a row that is read with all others, from end to end.
_SCANNED_ROW_COST = 0.3


@dataclass(frozen=True, slots=True)
class NarrowingLimits:
    """Up to where filters are answered by what they keep, and not by what is come by.

    Attributes:
        compared_max: Chunks that are found first for the vector leg, however large the table.
        found_first_max: Chunks that are found first for the lexical leg, where only a look at each tells what passes.
        meeting_keys_max: Meetings that are named by their keys. A longer list costs more than a look at the meetings of
            the rows that are come by.
        keyed_chunks_max: Chunks of meetings that are named by their keys to the lexical leg. More would lead it through
            more chunks than its terms do.
    """

    compared_max: int = 50_000
    found_first_max: int = 5_000
    meeting_keys_max: int = 4_000
    keyed_chunks_max: int = 20_000


USUAL_LIMITS: Final = NarrowingLimits()


class Way(Enum):
    """How chunks that pass a filter are found."""

    EXACT = "exact scan"
    """Every row is read, and those that pass are compared."""
    INDEX = "index"
    """An index of vectors gives rows, the nearest first, until enough of them pass."""
    PREFILTER = "prefilter"
    """What passes is found first, by other indexes, and all of it is compared."""
    TERMS = "index of terms"
    """What holds a matched term is found, and scored where it passes."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A way, and why it was chosen.

    Attributes:
        way: Which.
        reason: In words, without a number that other tenants' chunks have a part in.
        figures: What was expected, by the statistics of all tenants: for whoever runs the service.
    """

    way: Way
    reason: str
    figures: str = ""

    def __str__(self) -> str:
        return f"{self.way.value}: {self.reason}"

    @property
    def in_full(self) -> str:
        """With its figures."""
        return f"{self} ({self.figures})" if self.figures else str(self)


def choose(
    kind: IndexKind,
    limits: NarrowingLimits,
    *,
    passing: int | None,
    row_count: int,
    depth: int,
    looked_at: bool = False,
) -> Choice:
    """The way in which the vector leg looks at the fewest rows, weighed by what a look costs.

    Args:
        kind: The index that the table has.
        limits: Up to where what passes may be found first.
        passing: Chunks that pass the filter, estimated; None without a filter.
        row_count: Rows of the table, of all tenants.
        depth: Chunks that are asked for.
        looked_at: Whether only a look at a chunk's text or utterances tells if it passes, so that `passing` are those
            that may. Where none does, an index would be walked to its end.
    """
    if passing is None:
        return without_finding_first(kind, "no filter")
    # The table may have grown since its rows were counted.
    row_count = max(row_count, passing)
    worth_comparing = limits.compared_max if looked_at else _worth_comparing(kind, row_count=row_count, depth=depth)
    most = min(worth_comparing, limits.compared_max)
    figures = f"expected: {passing:,} of {row_count:,}; worth comparing: {most:,}"
    if passing <= most:
        return Choice(Way.PREFILTER, "so few chunks pass the filter that all are compared", figures)
    return without_finding_first(kind, "more chunks pass the filter than are worth comparing each", figures)


def without_finding_first(kind: IndexKind, reason: str, figures: str = "") -> Choice:
    """The way for what is not found first."""
    if kind is IndexKind.EXACT:
        return Choice(Way.EXACT, f"{reason}; there is no index of vectors", figures)
    return Choice(Way.INDEX, f"{reason}; {kind.value}", figures)


def _worth_comparing(kind: IndexKind, *, row_count: int, depth: int) -> int:
    """Chunks up to which it is cheaper to find what passes and compare all of it than to come by it.

    When m of n chunks pass, an index gives n / m rows for each hit: depth * n / m against m. Both are the same at
    sqrt(depth * n), times the root of what one costs more than the other.
    """
    if kind is IndexKind.EXACT:
        return round(_SCANNED_ROW_COST * row_count)
    return round(math.sqrt(_WALKED_ROW_COST * depth * row_count))
