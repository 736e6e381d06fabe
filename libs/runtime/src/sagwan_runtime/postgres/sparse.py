"""Sparse vectors as pgvector keeps them."""

from collections.abc import Mapping

from pgvector import SparseVector


def sparse_vector(weights: Mapping[int, float], dimensions: int) -> SparseVector:
    """A `sparsevec` of weights by dimension, counted from 1 as in its text form; the driver's type counts from 0."""
    return SparseVector({dimension - 1: weight for dimension, weight in weights.items()}, dimensions)
