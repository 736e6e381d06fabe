"""PostgreSQL's plans of the legs, read: which index was used, what was looked at, and what that means in words."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_REMOVED = ("Rows Removed by Filter", "Rows Removed by Index Recheck", "Rows Removed by Join Filter")
_INDEX_NODES = frozenset({"Index Scan", "Index Only Scan", "Bitmap Index Scan"})


@dataclass(frozen=True, slots=True)
class LegPlan:
    """The plan of one leg, as it ran.

    Attributes:
        leg: `lexical` or `vector`.
        plan_json: What EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) gave.
        indexes: Indexes that were scanned, in the order of the plan.
        verdict: In words, whether an index was used.
        rows_examined: Rows that scans gave, or gave to a filter.
        rows_filtered: Those of them that filters removed.
        buffers_hit: Blocks found in shared buffers.
        buffers_read: Blocks read from outside of them.
        duration_ms: Time of the statement.
        choice: How the leg was to find its chunks and why, in words.
    """

    leg: str
    plan_json: str
    indexes: tuple[str, ...]
    verdict: str
    rows_examined: int
    rows_filtered: int
    buffers_hit: int
    buffers_read: int
    duration_ms: float
    choice: str = ""


def read_plan(leg: str, plan_json: str, *, vector_index: str = "") -> LegPlan:
    """Reads what EXPLAIN gave.

    Args:
        leg: Whose.
        plan_json: What it gave.
        vector_index: The index of vectors that a search could have used; empty when there is none.
    """
    (explained,) = json.loads(plan_json)
    nodes = list(_nodes(explained["Plan"]))
    scans = [node for node in nodes if node["Node Type"].endswith("Scan") and not node.get("Plans")]
    # A node's counts are the mean of its loops.
    removed = sum(round(node.get(key, 0) * node.get("Actual Loops", 1)) for node in nodes for key in _REMOVED)
    examined = sum(
        round((node.get("Actual Rows", 0) + sum(node.get(key, 0) for key in _REMOVED)) * node.get("Actual Loops", 1))
        for node in nodes
        if node["Node Type"].endswith("Scan") and node["Node Type"] not in {"Bitmap Index Scan", "Subquery Scan"}
    )
    indexes = tuple(dict.fromkeys(node["Index Name"] for node in nodes if node["Node Type"] in _INDEX_NODES))
    return LegPlan(
        leg=leg,
        plan_json=plan_json,
        indexes=indexes,
        verdict=_verdict(
            indexes, [node["Relation Name"] for node in scans if node["Node Type"] == "Seq Scan"], vector_index
        ),
        rows_examined=examined,
        rows_filtered=removed,
        buffers_hit=explained["Plan"].get("Shared Hit Blocks", 0),
        buffers_read=explained["Plan"].get("Shared Read Blocks", 0),
        duration_ms=explained.get("Execution Time", 0.0) + explained.get("Planning Time", 0.0),
    )


def _verdict(indexes: tuple[str, ...], tables: list[str], vector_index: str) -> str:
    if vector_index and vector_index in indexes:
        return f"the index of vectors {vector_index} was used"
    said = "no index was used"
    if indexes:
        said = f"used {' and '.join(indexes)}"
    if tables:
        said += f"; {' and '.join(dict.fromkeys(tables))} was read from end to end"
    if vector_index:
        return f"the index of vectors {vector_index} was not used, and rows were compared one by one: {said}"
    return said


def _nodes(plan: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from _nodes(child)
