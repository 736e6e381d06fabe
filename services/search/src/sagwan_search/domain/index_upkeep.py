"""What an index needs next, and why, from its figures alone."""

from dataclasses import dataclass
from enum import Enum

from sagwan_search.domain.indexes import (
    IndexKind,
    IndexPlan,
    Quantization,
    SearchSettings,
    build_memory_bytes,
    plan_after,
    plan_for,
)

# A table grows while its index is built.
_GROWTH_WHILE_BUILDING = 1.1
# An index whose lists were made for half of the rows is made anew; one whose rows are a tenth more is measured again.
_REBUILD_PERCENT = 200
_MEASURE_PERCENT = 110
# A model that is being filled gets its index when it is nearly full: a graph takes rows slower than a table does.
_FILLED_SHARE = 0.9
# What a sample of questions says of recall is off by about this much.
_RECALL_TOLERANCE = 0.02


class Action(Enum):
    """What can be done about an index."""

    NONE = "nothing"
    BUILD = "build"
    MEASURE = "measure"
    TUNE = "tune"


@dataclass(frozen=True, slots=True)
class NextStep:
    """What an index needs.

    Attributes:
        action: What would be done.
        reason: Why, or why nothing, in words.
        plan: What would be built.
    """

    action: Action
    reason: str
    plan: IndexPlan | None = None


@dataclass(frozen=True, slots=True)
class IndexState:
    """The figures of a table's index.

    Attributes:
        plan: What it is.
        settings: How it is searched.
        row_count: Rows of the table, about.
        dimension: Of its vectors.
        built_rows: Rows when it was built; None when that was not recorded.
        recall: Recall@10 when last measured; None when never.
        recall_rows: Rows at that time.
        recall_target: What it was last tuned for; None when it was not.
        tuned_rows: Rows when it was last tuned; None when it was not.
        is_there: Whether what is recorded is there and valid; somebody may have removed it.
    """

    plan: IndexPlan
    settings: SearchSettings
    row_count: int
    dimension: int
    built_rows: int | None = None
    recall: float | None = None
    recall_rows: int | None = None
    recall_target: float | None = None
    tuned_rows: int | None = None
    is_there: bool = True


@dataclass(frozen=True, slots=True)
class UpkeepRules:
    """How indexes are looked after.

    Attributes:
        kind: What a table gets that has none.
        rows_min: Rows from which on an index pays.
        recall: What is aimed at where an index was not tuned for another figure.
        memory_bytes_max: Memory that a build may take.
    """

    kind: IndexKind = IndexKind.HNSW
    rows_min: int = 10_000
    recall: float = 0.95
    memory_bytes_max: int = 2 << 30


class TooLittleMemory(Exception):
    """An index would not fit into the memory that a build may take."""


def next_step(state: IndexState, rules: UpkeepRules, *, serving_rows: int | None = None) -> NextStep:
    """What an index needs next.

    Args:
        state: Its figures.
        rules: What to aim at.
        serving_rows: Where the index is of a model that is being filled, the rows of the one that serves.
    """
    rows = state.row_count
    if state.plan.kind is IndexKind.EXACT:
        if rows < rules.rows_min:
            return NextStep(Action.NONE, f"comparing {rows:,} rows is quick; an index pays from {rules.rows_min:,} on")
        if serving_rows is not None and rows < _FILLED_SHARE * serving_rows:
            return NextStep(Action.NONE, f"the model is being filled: {rows:,} of about {serving_rows:,} rows")
        return _build(state, rules, rules.kind, f"{rows:,} rows take too long to compare one by one")
    if not state.is_there:
        return _build(state, rules, state.plan.kind, "it is recorded and not there, or not valid")
    if state.plan.kind is IndexKind.IVFFLAT and _has_grown(rows, state.built_rows, _REBUILD_PERCENT):
        reason = f"its {state.plan.lists:,} lists were made for {state.built_rows or 0:,} rows and there are {rows:,}"
        return _build(state, rules, state.plan.kind, reason)
    return _by_recall(state, rules)


def fitting(plan: IndexPlan, state: IndexState, memory_bytes_max: int) -> IndexPlan:
    """The plan, or the same over half floats where only that fits into memory.

    Raises:
        TooLittleMemory: Neither does. The message says how much would.
    """
    rows = round(state.row_count * _GROWTH_WHILE_BUILDING)
    half = plan_for(plan.kind, state.row_count, Quantization.HALFVEC)
    for each in (plan, half) if plan.quantization is Quantization.NONE else (plan,):
        if build_memory_bytes(each, rows, state.dimension) <= memory_bytes_max:
            return each
    needed = build_memory_bytes(plan, rows, state.dimension)
    raise TooLittleMemory(
        f"building it takes about {megabytes(needed)} and may take {megabytes(memory_bytes_max)}: "
        "it would swap, or fall back to a build that takes many times as long"
    )


def megabytes(count: int) -> str:
    """A number of bytes for people."""
    return f"{-(-count // (1 << 20)):,} MB"


def _build(state: IndexState, rules: UpkeepRules, kind: IndexKind, reason: str) -> NextStep:
    try:
        plan = fitting(plan_after(state.plan, state.row_count, kind=kind), state, rules.memory_bytes_max)
    except TooLittleMemory as error:
        return NextStep(Action.NONE, f"{reason}, but {error}")
    return NextStep(Action.BUILD, reason, plan)


def _by_recall(state: IndexState, rules: UpkeepRules) -> NextStep:
    target = state.recall_target or rules.recall
    if state.recall is None:
        return NextStep(Action.MEASURE, "what it finds was not measured yet")
    found = f"it finds {state.recall:.3f} of the nearest ten, and {target:g} is aimed at"
    if state.recall < target - _RECALL_TOLERANCE:
        if state.tuned_rows is None or _has_grown(state.row_count, state.tuned_rows, _MEASURE_PERCENT):
            return NextStep(Action.TUNE, found)
        if state.plan.kind is IndexKind.IVFFLAT and _has_grown(state.row_count, state.built_rows, _MEASURE_PERCENT):
            return _build(state, rules, state.plan.kind, f"{found}, which no setting gives")
        return NextStep(Action.NONE, f"{found}, which no setting gives: build another kind, or one with more memory")
    if _has_grown(state.row_count, state.recall_rows, _MEASURE_PERCENT):
        return NextStep(
            Action.MEASURE, f"there are {state.row_count:,} rows, and it was measured at {state.recall_rows or 0:,}"
        )
    return NextStep(Action.NONE, found)


def _has_grown(rows: int, since: int | None, percent: int) -> bool:
    return since is not None and rows * 100 >= max(since, 1) * percent
