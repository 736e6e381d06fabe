"""The vector leg's statements: those that a search runs are those that the tuner measures."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sagwan_runtime.postgres.queries import Query
from sagwan_search.adapters.index_sql import applying, ordering, similarity
from sagwan_search.domain.indexes import IndexKind, IndexPlan, IterativeScan, Quantization, SearchSettings

_PARAMETER = "$1::vector"


@dataclass(frozen=True, slots=True)
class ServingTable:
    """The table of the model that serves.

    Attributes:
        name: What it is called.
        dimension: Of its vectors.
        plan: The index that it has.
        settings: How that is searched.
        row_count: Rows of all tenants, as PostgreSQL last counted them; 0 before it has.
    """

    name: str
    dimension: int
    plan: IndexPlan
    settings: SearchSettings
    row_count: int = 0


def table_of(model_id: int) -> str:
    """The table of a model's vectors, as `register_model` names it."""
    return f"chunk_vectors_{model_id}"


def serving_model(queries: Mapping[str, Query]) -> Query:
    """The statement that names the serving model and sets how its index is searched."""
    return queries["serving_model"].with_expression("applied", applying("i"))


def serving_table(row: Mapping[str, Any]) -> ServingTable:
    """The table that a row of `serving_model` is about."""
    return ServingTable(table_of(row["model_id"]), row["dimension"], plan_of(row), settings_of(row), row["row_count"])


def plan_of(row: Mapping[str, Any]) -> IndexPlan:
    """The index that a row of `vector_indexes` records."""
    return IndexPlan(
        IndexKind(row["kind"]), Quantization(row["quantization"]), row["m"], row["ef_construction"], row["lists"]
    )


def settings_of(row: Mapping[str, Any]) -> SearchSettings:
    """How the index of a row of `vector_indexes` is searched."""
    return SearchSettings(row["ef_search"], row["probes"], IterativeScan(row["iterative_scan"]), row["rescored"])


def vector_leg(queries: Mapping[str, Query], table: ServingTable, plan: IndexPlan, *, passes: str) -> Query:
    """The statement that finds the rows of a table nearest to a vector by an index; EXACT asks none.

    Args:
        queries: Those of `queries.sql`.
        table: The table.
        plan: The index.
        passes: The condition that a filter is on its rows.
    """
    return (
        _scored(queries["vector_leg"], table)
        .with_expression("ordering", ordering(plan, table.dimension, "v.embedding", _PARAMETER))
        .with_condition("passes", passes)
    )


def vectors_among(queries: Mapping[str, Query], table: ServingTable) -> Query:
    """The statement that compares the vectors of given chunks."""
    return _scored(queries["vector_leg_among"], table)


def _scored(query: Query, table: ServingTable) -> Query:
    return query.on_table("vectors", table.name).with_expression("score", similarity("found.embedding", _PARAMETER))


def planned(query: Query) -> Query:
    """The statement that gives a statement's plan as JSON, without running it."""
    return Query(f"{query.name}_plan", f"EXPLAIN (FORMAT JSON, COSTS OFF) {query.sql}")


def explained(query: Query) -> Query:
    """The statement that runs a statement and gives its plan as JSON, with what each node read and took."""
    return Query(f"{query.name}_explained", f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {query.sql}")
