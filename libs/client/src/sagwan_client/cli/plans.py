"""Plans of PostgreSQL as trees."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from sagwan.search.v1 import index_admin_pb2
from sagwan_client.cli.console import print_indented, printable

_REMOVED = ("Rows Removed by Filter", "Rows Removed by Index Recheck")
_CONDITIONS = ("Index Cond", "Order By", "Filter", "Recheck Cond")
# A vector has hundreds of numbers, and a filter may name a thousand meetings.
_CONDITION_CHARACTERS_MAX = 120


def print_plans(console: Console, legs: Iterable[index_admin_pb2.LegExplain]) -> None:
    """Prints each leg: what was done in words, then the tree."""
    for leg in legs:
        console.print(Text(printable(leg.leg), style="bold"))
        print_indented(console, Text(f"{printable(leg.verdict)}."), indent=2)
        if leg.choice:
            print_indented(console, Text(f"Chosen was {printable(leg.choice)}."), indent=2)
        if not leg.plan_json:
            continue
        blocks = f"{leg.buffers_hit:,} blocks from shared buffers and {leg.buffers_read:,} from outside"
        counts = f"{leg.rows_examined:,} rows examined, {leg.rows_filtered:,} removed by the filter; {blocks}"
        print_indented(console, Text(f"{counts}; {leg.duration_ms:.2f} ms."), indent=2)
        (explained,) = json.loads(leg.plan_json)
        console.print(plan_tree(explained["Plan"]))


def plan_tree(node: Mapping[str, Any]) -> Tree:
    """A node with all below it."""
    tree = Tree(_label(node), guide_style="dim")
    for child in node.get("Plans", ()):
        tree.add(plan_tree(child))
    return tree


def _label(node: Mapping[str, Any]) -> Text:
    name = printable(str(node.get("Node Type", "?")))
    on = node.get("Index Name") or node.get("Relation Name") or node.get("Function Name") or ""
    label = Text.assemble((name, "cyan"), f" {printable(str(on))}" if on else "")
    loops = node.get("Actual Loops", 1)
    rows = f"  {node.get('Actual Rows', 0) * loops:,.0f} rows"
    removed = sum(node.get(key, 0) for key in _REMOVED) * loops
    if removed:
        rows += f", {removed:,.0f} removed"
    label.append(rows)
    label.append(f"  {node.get('Actual Total Time', 0) * loops:.2f} ms", style="dim")
    label.append(f"  {node.get('Shared Hit Blocks', 0):,}+{node.get('Shared Read Blocks', 0):,} blocks", style="dim")
    for key in _CONDITIONS:
        if key in node:
            condition = printable(str(node[key]))
            if len(condition) > _CONDITION_CHARACTERS_MAX:
                condition = f"{condition[: _CONDITION_CHARACTERS_MAX - 1]}…"
            label.append(f"\n{key.lower()}: {condition}", style="dim")
    return label
