"""The one place that knows how an index is written, asked and set: operator classes, expressions, parameters.

PostgreSQL uses an index only for the very expression that it was made of. So what CREATE INDEX names and what a query
orders by are written by the same lines.
"""

from dataclasses import dataclass

from sagwan_search.domain.indexes import IndexKind, IndexPlan, Quantization, SearchSettings

NEXT_SUFFIX = "_next"
"""Ends the name of an index that is being built beside the one in use."""
OLD_SUFFIX = "_old"
"""Ends the name of an index that another has taken the place of."""

# PostgreSQL's names of the columns of `vector_indexes` that say how an index is searched.
_SETTINGS = {
    "hnsw.ef_search": "ef_search",
    "hnsw.iterative_scan": "iterative_scan",
    "ivfflat.probes": "probes",
    "ivfflat.iterative_scan": "iterative_scan",
}
# What a connection begins with, and goes back to: a setting that never had a value would be left as an empty one.
CONNECTION_SETTINGS = {
    "hnsw.ef_search": "100",
    "hnsw.iterative_scan": "relaxed_order",
    "hnsw.max_scan_tuples": "200000",
    "ivfflat.probes": "1",
    "ivfflat.iterative_scan": "relaxed_order",
}


@dataclass(frozen=True, slots=True)
class _Indexed:
    """What an index holds of the column `embedding`, in terms of `{value}` and `{dimension}`."""

    expression: str
    operator_class: str
    operator: str


# Vectors have unit length, so the inner product is the cosine, and the cheapest of pgvector's distances.
_INDEXED = {
    Quantization.NONE: _Indexed("{value}", "vector_ip_ops", "<#>"),
    Quantization.HALFVEC: _Indexed("{value}::halfvec({dimension})", "halfvec_ip_ops", "<#>"),
    Quantization.BINARY: _Indexed("binary_quantize({value})::bit({dimension})", "bit_hamming_ops", "<~>"),
}


def index_name(table: str, kind: IndexKind) -> str:
    """The name of a table's index of a kind, while it is in use."""
    return f"{table}_{kind.value}"


def create_index(name: str, table: str, plan: IndexPlan, dimension: int) -> str:
    """The statement that builds an index while its table is read and written.

    Args:
        name: Its name.
        table: The table of vectors. Both are names that this program made.
        plan: What to build, which is not EXACT.
        dimension: Of the vectors.
    """
    options = {
        IndexKind.HNSW: f"m = {plan.m}, ef_construction = {plan.ef_construction}",
        IndexKind.IVFFLAT: f"lists = {plan.lists}",
    }[plan.kind]
    value = f"({_value(plan, dimension, 'embedding')}) {_INDEXED[plan.quantization].operator_class}"
    return f'CREATE INDEX CONCURRENTLY "{name}" ON "{table}" USING {plan.kind.value} ({value}) WITH ({options})'


def ordering(plan: IndexPlan, dimension: int, column: str, parameter: str) -> str:
    """What a query orders by so that it may use the index; nearest first.

    Args:
        plan: The index. EXACT is an order that no index gives, whatever indexes there are.
        dimension: Of the vectors.
        column: The column of vectors, such as `v.embedding`.
        parameter: The vector asked for, such as `$1::vector`.
    """
    if plan.kind is IndexKind.EXACT:
        return f"{similarity(column, parameter)} DESC"
    operator = _INDEXED[plan.quantization].operator
    return f"({_value(plan, dimension, column)}) {operator} ({_value(plan, dimension, parameter)})"


def similarity(column: str, parameter: str) -> str:
    """The score of a row: the cosine, by all that is stored of its vector."""
    return f"-({column} {_INDEXED[Quantization.NONE].operator} {parameter})"


def applying(settings: str) -> str:
    """An expression that sets how indexes are searched until the transaction ends.

    Args:
        settings: The row that has `ef_search`, `probes` and `iterative_scan`, such as `i`.
    """
    values = [f"set_config('{name}', {settings}.{column}::text, true)" for name, column in _SETTINGS.items()]
    return f"ARRAY[{', '.join(values)}]"


def named(plan: IndexPlan, settings: SearchSettings) -> list[str]:
    """What matters of the settings for an index, as `name=value`."""
    own = {
        IndexKind.EXACT: {},
        IndexKind.HNSW: {
            "hnsw.ef_search": settings.ef_search,
            "hnsw.iterative_scan": settings.iterative_scan.value,
        },
        IndexKind.IVFFLAT: {
            "ivfflat.probes": settings.probes,
            "ivfflat.iterative_scan": settings.iterative_scan.value,
        },
    }[plan.kind]
    if plan.kind is not IndexKind.EXACT:
        own |= {"quantization": plan.quantization.value, "rescored": settings.rescored}
    return [f"{name}={value}" for name, value in own.items()]


def _value(plan: IndexPlan, dimension: int, value: str) -> str:
    return _INDEXED[plan.quantization].expression.format(value=value, dimension=dimension)
