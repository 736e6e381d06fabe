"""Indexes of a table of vectors: which kind, with which parameters, and how they are searched."""

import math
from dataclasses import dataclass, replace
from enum import Enum

_LISTS_MAX = 32_768
# pgvector has 16 and 64 by default, with which no list of candidates finds 0.95 among a million (docs/decisions/0013).
_HNSW_M = 24
_HNSW_EF_CONSTRUCTION = 256
_EF_SEARCH = 100
# Signs alone rank coarsely: so many candidates are compared exactly for each one that is asked for.
_BINARY_RESCORED = 4


class IndexKind(Enum):
    """How rows are found by vector."""

    EXACT = "exact"
    """No index: every row that passes the filter is compared."""
    HNSW = "hnsw"
    """A navigable graph."""
    IVFFLAT = "ivfflat"
    """Inverted lists."""


class Quantization(Enum):
    """What an index keeps of a vector. Rows keep all of it, and hits are scored by that."""

    NONE = "none"
    """Its 32-bit floats."""
    HALFVEC = "halfvec"
    """16-bit floats: half the size."""
    BINARY = "binary"
    """The sign of each dimension: a thirty-second of the size."""


class IterativeScan(Enum):
    """Whether an index is read on while fewer rows than asked for pass the filter."""

    OFF = "off"
    RELAXED_ORDER = "relaxed_order"


@dataclass(frozen=True, slots=True)
class IndexPlan:
    """An index that could be built. What its kind does not have is 0.

    Attributes:
        kind: How it finds rows.
        quantization: What it keeps of a vector.
        m: HNSW: neighbours that a node keeps on each layer.
        ef_construction: HNSW: size of the candidate list while building.
        lists: IVFFlat: number of lists.
    """

    kind: IndexKind
    quantization: Quantization = Quantization.NONE
    m: int = 0
    ef_construction: int = 0
    lists: int = 0


@dataclass(frozen=True, slots=True)
class SearchSettings:
    """How an index is searched. All are set whatever the kind, so that none is met with PostgreSQL's defaults.

    Attributes:
        ef_search: HNSW: size of the candidate list, 1 to 1,000.
        probes: IVFFlat: lists that are looked at, 1 to 32,768.
        iterative_scan: Whether the index is read on for filtered rows.
        rescored: Candidates that are compared exactly for each one that is asked for, 1 to 100.
    """

    ef_search: int = _EF_SEARCH
    probes: int = 1
    iterative_scan: IterativeScan = IterativeScan.RELAXED_ORDER
    rescored: int = 1


EXACT = IndexPlan(IndexKind.EXACT)


def plan_for(kind: IndexKind, row_count: int, quantization: Quantization = Quantization.HALFVEC) -> IndexPlan:
    """The index of a kind for a number of rows. IVFFlat has lists = sqrt(rows)."""
    if kind is IndexKind.EXACT:
        return EXACT
    if kind is IndexKind.HNSW:
        return IndexPlan(kind, quantization, m=_HNSW_M, ef_construction=_HNSW_EF_CONSTRUCTION)
    return IndexPlan(kind, quantization, lists=min(max(round(math.sqrt(row_count)), 1), _LISTS_MAX))


def plan_after(
    now: IndexPlan, row_count: int, *, kind: IndexKind | None = None, quantization: Quantization | None = None
) -> IndexPlan:
    """The index to build after another: like it where nothing else is said; the first is a graph of half floats."""
    if now.kind is IndexKind.EXACT:
        return plan_for(kind or IndexKind.HNSW, row_count, quantization or Quantization.HALFVEC)
    return plan_for(kind or now.kind, row_count, quantization or now.quantization)


def settings_for(plan: IndexPlan) -> SearchSettings:
    """How an index is searched before it was tuned. IVFFlat has probes = sqrt(lists)."""
    return SearchSettings(
        probes=max(round(math.sqrt(plan.lists)), 1),
        rescored=_BINARY_RESCORED if plan.quantization is Quantization.BINARY else 1,
    )


def settings_after(old: IndexPlan, settings: SearchSettings, new: IndexPlan) -> SearchSettings:
    """How an index is searched that takes the place of another one, until it is measured itself.

    One of the same kind keeps what the old one was tuned to, IVFFlat the share of the lists that it looks at; it never
    looks at fewer than before it was tuned.
    """
    usual = settings_for(new)
    if (old.kind, old.quantization) != (new.kind, new.quantization):
        return usual
    share = settings.probes / old.lists if old.lists else 0.0
    return replace(settings, probes=max(usual.probes, min(math.ceil(share * new.lists), new.lists)))


def build_memory_bytes(plan: IndexPlan, row_count: int, dimension: int) -> int:
    """Memory that a build takes, after pgvector 0.8's own structures; 0 without an index.

    HNSW keeps the whole graph: each row's value, its element, and 2 m neighbours on the lowest layer with m on each of
    the 1 / (m - 1) layers above it that a row has in the mean. IVFFlat keeps k-means: fifty samples a list, two sets of
    centres, and a bound for each pair of a sample and a centre.
    """
    value = _value_bytes(plan.quantization, dimension)
    if plan.kind is IndexKind.HNSW:
        neighbors = _CANDIDATE_BYTES * plan.m * (2 + 1 / (plan.m - 1)) + _LAYER_BYTES
        return round(row_count * (value + _ELEMENT_BYTES + neighbors))
    if plan.kind is IndexKind.IVFFLAT:
        samples = min(max(plan.lists * 50, 10_000), max(row_count, 1))
        pairs = samples * plan.lists + plan.lists * plan.lists
        # What is summed up for the new centres has 32-bit floats whatever is indexed.
        return samples * (value + 8) + plan.lists * (2 * value + 4 * dimension + 16) + 4 * pairs
    return 0


_CANDIDATE_BYTES = 16
_ELEMENT_BYTES = 160
_LAYER_BYTES = 64


def _value_bytes(quantization: Quantization, dimension: int) -> int:
    bits = {Quantization.NONE: 32, Quantization.HALFVEC: 16, Quantization.BINARY: 1}[quantization]
    return 8 + -(-dimension * bits // 8)
