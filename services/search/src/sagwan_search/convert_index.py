"""Protobuf to domain and back, for the administration of indexes."""

import math
from collections.abc import Iterable

from sagwan.search.v1 import index_admin_pb2, search_pb2
from sagwan_runtime.errors import Violation, refuse_if_any
from sagwan_search.adapters.index_sql import named
from sagwan_search.convert import HITS_DEFAULT, query_of
from sagwan_search.domain.indexes import IndexKind, Quantization
from sagwan_search.domain.plans import LegPlan
from sagwan_search.domain.query import Query
from sagwan_search.domain.tuning import Point
from sagwan_search.index_admin import IndexReport
from sagwan_search.index_ports import BuildProgress
from sagwan_search.index_tuning import TuningStep

_UNKNOWN = -1.0
_KINDS = {
    IndexKind.EXACT: index_admin_pb2.INDEX_KIND_EXACT,
    IndexKind.HNSW: index_admin_pb2.INDEX_KIND_HNSW,
    IndexKind.IVFFLAT: index_admin_pb2.INDEX_KIND_IVFFLAT,
}
_QUANTIZATIONS = {
    Quantization.NONE: index_admin_pb2.QUANTIZATION_NONE,
    Quantization.HALFVEC: index_admin_pb2.QUANTIZATION_HALFVEC,
    Quantization.BINARY: index_admin_pb2.QUANTIZATION_BINARY,
}
_KIND_OF = {value: kind for kind, value in _KINDS.items()}
_QUANTIZATION_OF = {value: quantization for quantization, value in _QUANTIZATIONS.items()}


def rebuild_request(
    request: index_admin_pb2.RebuildIndexRequest,
) -> tuple[IndexKind | None, Quantization | None]:
    """What to build; None for what is left to the service.

    Raises:
        InvalidRequest: Fields are wrong; all that are.
    """
    violations = []
    if request.kind and request.kind not in _KIND_OF:
        violations.append(Violation("kind", f"{request.kind} is not a kind of index"))
    if request.quantization and request.quantization not in _QUANTIZATION_OF:
        violations.append(Violation("quantization", f"{request.quantization} is not a quantization"))
    if request.quantization and request.kind == index_admin_pb2.INDEX_KIND_EXACT:
        violations.append(Violation("quantization", "says what an index keeps; without an index there is none"))
    refuse_if_any(violations)
    return _KIND_OF.get(request.kind), _QUANTIZATION_OF.get(request.quantization)


def tune_request(request: index_admin_pb2.TuneIndexRequest) -> tuple[float, tuple[Quantization, ...]]:
    """The recall to reach, and what to build and try besides.

    Raises:
        InvalidRequest: Fields are wrong; all that are.
    """
    violations = []
    if not (math.isfinite(request.recall) and 0 < request.recall <= 1):
        violations.append(Violation("recall", "must be above 0 and at most 1"))
    for index, each in enumerate(request.quantizations):
        if each not in _QUANTIZATION_OF:
            violations.append(Violation(f"quantizations[{index}]", f"{each} is not a quantization"))
    if len(request.quantizations) > len(_QUANTIZATION_OF):
        violations.append(Violation("quantizations", f"has more than the {len(_QUANTIZATION_OF)} that there are"))
    refuse_if_any(violations)
    return request.recall, tuple(dict.fromkeys(_QUANTIZATION_OF[each] for each in request.quantizations))


def plan_request(request: index_admin_pb2.PlanQueryRequest, *, token_key: bytes) -> Query:
    """The question whose plans are asked for, as a search of the same text and filter asks it.

    Args:
        request: From the wire.
        token_key: The tenant's secret that page tokens are signed with.

    Raises:
        InvalidRequest: Fields are wrong; all that are.
    """
    asked = search_pb2.SearchRequest(query=request.query, filter=request.filter)
    return query_of(asked, depth=HITS_DEFAULT, token_key=token_key)


def index_status(report: IndexReport) -> index_admin_pb2.IndexStatus:
    """How an index is, as it goes over the wire."""
    table, state = report.table, report.table.state
    status = index_admin_pb2.IndexStatus(
        kind=_KINDS[state.plan.kind],
        row_count=state.row_count,
        lists=state.plan.lists,
        probes=state.settings.probes if state.plan.kind is IndexKind.IVFFLAT else 0,
        m=state.plan.m,
        ef_construction=state.plan.ef_construction,
        ef_search=state.settings.ef_search if state.plan.kind is IndexKind.HNSW else 0,
        size_bytes=table.size_bytes,
        buffered_share=_UNKNOWN if report.buffered_share is None else report.buffered_share,
        scan_count=table.scan_count,
        measured_recall=_UNKNOWN if state.recall is None else state.recall,
        advice=f"{report.next.action.value}: {report.next.reason}",
        quantization=_QUANTIZATIONS[state.plan.quantization],
        iterative_scan=state.settings.iterative_scan.value,
        rescored=state.settings.rescored,
        tuple_count=table.tuple_count,
        built_row_count=state.built_rows or 0,
        recall_target=state.recall_target or 0.0,
        model=table.label,
        build_phase=report.build.phase if report.build else "",
        build_progress=report.build.share if report.build else 0.0,
        build_memory_bytes=report.build_memory_bytes,
    )
    if table.recall_at is not None:
        status.measure_time.FromDatetime(table.recall_at)
    if table.built_at is not None:
        status.build_time.FromDatetime(table.built_at)
    return status


def rebuild_progress(progress: BuildProgress) -> index_admin_pb2.RebuildIndexProgress:
    """Where a build is, as it goes over the wire."""
    return index_admin_pb2.RebuildIndexProgress(phase=progress.phase, progress=progress.share)


def tune_progress(step: TuningStep) -> index_admin_pb2.TuneIndexProgress:
    """Where a tuning run is, as it goes over the wire."""
    return index_admin_pb2.TuneIndexProgress(
        progress=step.share,
        point=_point(step.point) if step.point else None,
        chosen=_point(step.chosen) if step.chosen else None,
        asked_count=step.asked_count,
        drawn_count=step.drawn_count,
    )


def plan_response(plans: Iterable[LegPlan]) -> index_admin_pb2.PlanQueryResponse:
    """The plans of legs as they go over the wire."""
    return index_admin_pb2.PlanQueryResponse(
        legs=[
            index_admin_pb2.LegExplain(
                leg=each.leg,
                plan_json=each.plan_json,
                verdict=each.verdict,
                rows_examined=each.rows_examined,
                rows_filtered=each.rows_filtered,
                buffers_hit=each.buffers_hit,
                buffers_read=each.buffers_read,
                duration_ms=each.duration_ms,
                choice=each.choice,
            )
            for each in plans
        ]
    )


def _point(point: Point) -> index_admin_pb2.TuningPoint:
    return index_admin_pb2.TuningPoint(
        settings=[f"kind={point.plan.kind.value}", *named(point.plan, point.settings)],
        recall=point.recall,
        p50_ms=point.p50_s * 1_000,
    )
