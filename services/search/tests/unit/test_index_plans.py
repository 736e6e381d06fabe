from math import isqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagwan_search.adapters.index_sql import create_index, named, ordering
from sagwan_search.domain.indexes import (
    EXACT,
    IndexKind,
    IndexPlan,
    Quantization,
    SearchSettings,
    build_memory_bytes,
    plan_for,
    settings_after,
    settings_for,
)

ROWS = st.integers(0, 10**10)
KINDS = st.sampled_from([IndexKind.HNSW, IndexKind.IVFFLAT])
QUANTIZATIONS = st.sampled_from(Quantization)


@given(ROWS)
def test_ivfflat_has_the_root_of_the_rows_as_lists_and_looks_at_the_root_of_the_lists(rows):
    plan = plan_for(IndexKind.IVFFLAT, rows)
    assert abs(plan.lists - min(max(isqrt(rows), 1), 32_768)) <= 1
    assert abs(settings_for(plan).probes - isqrt(plan.lists)) <= 1
    assert 1 <= settings_for(plan).probes <= plan.lists


def test_an_index_that_grew_is_searched_with_the_share_of_lists_that_the_old_one_was_tuned_to():
    old, new = (plan_for(IndexKind.IVFFLAT, rows) for rows in (10_000, 40_000))
    assert settings_after(old, SearchSettings(probes=32, ef_search=70), new) == SearchSettings(probes=64, ef_search=70)
    assert settings_after(old, SearchSettings(probes=1), new).probes == settings_for(new).probes
    graph = plan_for(IndexKind.HNSW, 10_000)
    assert settings_after(graph, SearchSettings(ef_search=300), graph).ef_search == 300
    assert settings_after(old, SearchSettings(probes=90, ef_search=300), graph) == settings_for(graph)


@given(ROWS, ROWS, st.integers(1, 32_768))
def test_a_new_index_looks_at_no_more_lists_than_it_has_and_at_no_fewer_than_untuned(rows, rows_now, probes):
    old, new = plan_for(IndexKind.IVFFLAT, rows), plan_for(IndexKind.IVFFLAT, rows_now)
    settings = settings_after(old, SearchSettings(probes=min(probes, old.lists)), new)
    assert settings_for(new).probes <= settings.probes <= new.lists


def test_the_figures_of_a_million_rows():
    assert plan_for(IndexKind.IVFFLAT, 1_000_000).lists == 1_000
    assert settings_for(plan_for(IndexKind.IVFFLAT, 1_000_000)).probes == 32
    assert plan_for(IndexKind.EXACT, 1_000_000) == EXACT


@pytest.mark.parametrize(
    ("plan", "statement", "order"),
    [
        (
            plan_for(IndexKind.HNSW, 9, Quantization.NONE),
            "USING hnsw ((embedding) vector_ip_ops) WITH (m = 24, ef_construction = 256)",
            "(v.embedding) <#> ($1::vector)",
        ),
        (
            plan_for(IndexKind.IVFFLAT, 10_000, Quantization.HALFVEC),
            "USING ivfflat ((embedding::halfvec(384)) halfvec_ip_ops) WITH (lists = 100)",
            "(v.embedding::halfvec(384)) <#> ($1::vector::halfvec(384))",
        ),
        (
            IndexPlan(IndexKind.HNSW, Quantization.BINARY, m=8, ef_construction=32),
            "USING hnsw ((binary_quantize(embedding)::bit(384)) bit_hamming_ops) WITH (m = 8, ef_construction = 32)",
            "(binary_quantize(v.embedding)::bit(384)) <~> (binary_quantize($1::vector)::bit(384))",
        ),
    ],
)
def test_a_query_orders_by_what_its_index_is_made_of(plan, statement, order):
    assert create_index("i", "t", plan, 384) == f'CREATE INDEX CONCURRENTLY "i" ON "t" {statement}'
    assert ordering(plan, 384, "v.embedding", "$1::vector") == order


def test_an_exact_query_orders_by_what_no_index_is_made_of():
    assert ordering(EXACT, 384, "v.embedding", "$1::vector") == "-(v.embedding <#> $1::vector) DESC"


def test_only_the_settings_of_the_kind_are_named():
    settings = SearchSettings(ef_search=40, probes=9)
    assert named(plan_for(IndexKind.HNSW, 9), settings)[0] == "hnsw.ef_search=40"
    assert named(plan_for(IndexKind.IVFFLAT, 9), settings)[0] == "ivfflat.probes=9"
    assert named(EXACT, settings) == []


@given(KINDS, ROWS, st.integers(1, 2_000))
def test_a_smaller_value_takes_less_memory_to_build(kind, rows, dimension):
    full, half, binary = (build_memory_bytes(plan_for(kind, rows, each), rows, dimension) for each in Quantization)
    assert 0 <= binary <= half <= full


def test_a_million_floats_take_more_than_two_gigabytes_and_half_floats_less():
    full, half = (
        build_memory_bytes(plan_for(IndexKind.HNSW, 10**6, each), 10**6, 384)
        for each in (Quantization.NONE, Quantization.HALFVEC)
    )
    assert half < 2 << 30 < full
