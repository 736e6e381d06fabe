"""Alerts: somebody is told when a promise is being broken, or is about to be."""

from typing import Any

from sagwan_bench.targets import IDLE_CORES, RESIDENT_BYTES
from sagwan_monitoring.objectives import BURN_WINDOWS, BurnWindow, Objective, objectives
from sagwan_monitoring.queries import SERVICES, rate, select, share, summed
from sagwan_monitoring.recording import bad_ratio, event_rate

_DAY_S = 86_400
_STARTED = "grpc_server_call_started_total"


def alert_groups() -> list[dict[str, Any]]:
    """The groups of the rule file `alerts.yml`."""
    return [
        {"name": "budgets", "rules": [_burn(each, window) for each in objectives() for window in BURN_WINDOWS]},
        {"name": "availability", "rules": [_down(), _degraded()]},
        {"name": "saturation", "rules": [_calls(), _pool(), _refusals(), _cpu()]},
        {"name": "indexes", "rules": [_recall(), _outgrown(), _upkeep()]},
        {"name": "resources", "rules": [_memory_near_limit(), _memory_grows(), _idle_cpu()]},
    ]


def _alert(
    name: str, expr: str, *, lasts: str, severity: str, summary: str, description: str, **labels: str
) -> dict[str, Any]:
    return {
        "alert": name,
        "expr": expr,
        "for": lasts,
        "labels": {"severity": severity, **labels},
        "annotations": {
            "summary": summary,
            "description": description,
            "runbook_url": f"docs/runbook.md#{name.lower()}",
        },
    }


def _burn(objective: Objective, window: BurnWindow) -> dict[str, Any]:
    slo = {"slo": objective.name}
    limit = f"{window.burn_rate * objective.budget:.6g}"
    expr = "\nand\n".join(
        (
            f"{select(bad_ratio(window.long), **slo)} > {limit}",
            f"{select(bad_ratio(window.short), **slo)} > {limit}",
            f"{select(event_rate(window.long), **slo)} * {window.long_s} >= {window.events_min(objective)}",
        )
    )
    return _alert(
        objective.alert,
        expr,
        lasts="0s",
        severity=window.severity,
        window=window.long,
        summary=f"{objective.name}: the error budget burns {window.burn_rate:g} times too fast",
        description=f"{objective.promise} Over the last {window.long} {{{{ $value | humanizePercentage }}}} were not.",
    )


def _down() -> dict[str, Any]:
    return _alert(
        "ServiceDown",
        f"{select('up', job=SERVICES)} == 0",
        lasts="2m",
        severity="page",
        summary="{{ $labels.job }} is not there",
        description="Prometheus has not reached {{ $labels.job }} at {{ $labels.instance }} for two minutes.",
    )


def _degraded() -> dict[str, Any]:
    # Questions and not calls: a batch holds up to a hundred, and a context is found by one.
    questions = summed(rate("sagwan_search_stage_seconds_count", "10m", job="search", stage="total"))
    degraded = summed(rate("sagwan_search_degraded_total", "10m", job="search"))
    return _alert(
        "SearchDegraded",
        f"{share(degraded, questions)} > 0.05\nand\n{questions} * 600 >= 20",
        lasts="5m",
        severity="page",
        summary="Searches are answered without their vectors",
        description="{{ $value | humanizePercentage }} of the questions of the last ten minutes lacked a leg.",
    )


def _calls() -> dict[str, Any]:
    in_flight = summed(select("grpc_server_calls_in_flight", job=SERVICES), "job", "instance")
    most = summed(select("grpc_server_calls_in_flight_max", job=SERVICES), "job", "instance")
    return _alert(
        "CallsNearLimit",
        f"{share(in_flight, most)} > 0.8",
        lasts="5m",
        severity="page",
        summary="{{ $labels.job }} is about to refuse calls",
        description="{{ $value | humanizePercentage }} of the calls that {{ $labels.instance }} may have at once.",
    )


def _pool() -> dict[str, Any]:
    busy = select("sagwan_database_connections", job=SERVICES, state="busy")
    most = select("sagwan_database_connections_max", job=SERVICES)
    waiting = select("sagwan_database_acquire_waiting", job=SERVICES)
    on = "on (job, instance)"
    return _alert(
        "DatabasePoolExhausted",
        f"avg_over_time({busy}[5m]) / {on} {most} > 0.9\nand {on}\nmax_over_time({waiting}[5m]) > 0",
        lasts="5m",
        severity="page",
        summary="{{ $labels.job }} waits for database connections",
        description="{{ $value | humanizePercentage }} of {{ $labels.instance }}'s pool is busy and calls wait for it.",
    )


def _refusals() -> dict[str, Any]:
    refused = summed(rate("sagwan_embedder_refused_total", "10m", job="embedder"), "instance")
    calls = summed(rate(_STARTED, "10m", job="embedder", grpc_method="~.*/(Embed|EmbedStream|CountTokens)"), "instance")
    return _alert(
        "EmbedderRefusesWork",
        f"{share(refused, calls)} > 0.05\nand\n{calls} * 600 >= 20",
        lasts="10m",
        severity="ticket",
        summary="The embedder has more work than it can do",
        description="{{ $value | humanizePercentage }} of ten minutes' calls to {{ $labels.instance }} were refused.",
    )


def _cpu() -> dict[str, Any]:
    used = rate("process_cpu_seconds_total", "5m", job="~ingest|search")
    return _alert(
        "CpuSaturated",
        f"{used} / {select('sagwan_process_cores', job='~ingest|search')} > 0.9",
        lasts="15m",
        severity="ticket",
        summary="{{ $labels.job }} uses every core it has",
        description="{{ $labels.instance }} uses {{ $value | humanizePercentage }} of its cores, for 15 minutes.",
    )


def _recall() -> dict[str, Any]:
    recall, aim = (select(f"sagwan_index_{each}", job="search") for each in ("recall", "recall_target"))
    return _alert(
        "IndexRecallLow",
        # Below 0 it was never measured.
        f"{recall} >= 0\nand\n{recall} < {aim} - 0.02",
        lasts="2h",
        severity="ticket",
        summary="The index of vectors finds less than it should",
        description="Recall@10 is {{ $value | humanizePercentage }}, and upkeep has not mended it in two hours.",
    )


def _outgrown() -> dict[str, Any]:
    rows, lists, in_use = (
        select("sagwan_index_rows", job="search"),
        select("sagwan_index_lists", job="search"),
        select("sagwan_index_kind", job="search", kind="ivfflat"),
    )
    return _alert(
        "IndexOutgrown",
        # Lists are the root of the rows; upkeep builds anew when these have doubled.
        f"{rows} / ({lists} ^ 2 > 0) > 2.5\nand on (job, instance)\n{in_use} == 1",
        lasts="2h",
        severity="ticket",
        summary="The lists of the index are too few for its rows",
        description="There are {{ $value | humanize }} times the rows that the lists were made for.",
    )


def _upkeep() -> dict[str, Any]:
    failed = select("sagwan_index_upkeep_total", job="search", outcome="failed")
    return _alert(
        "IndexUpkeepFails",
        f"sum by (instance, action) (increase({failed}[1h])) > 3",
        lasts="0s",
        severity="ticket",
        summary="Indexes are not looked after",
        description="To {{ $labels.action }} failed {{ $value | humanize }} times in the last hour.",
    )


def _memory_near_limit() -> dict[str, Any]:
    return _alert(
        "MemoryNearLimit",
        f"{select('process_resident_memory_bytes', job=SERVICES)} > {0.9 * RESIDENT_BYTES:.0f}",
        lasts="10m",
        severity="page",
        summary="{{ $labels.job }} is close to its memory limit",
        description="{{ $labels.instance }} holds {{ $value | humanize }}B; at 500 MB its container is killed.",
    )


def _memory_grows() -> dict[str, Any]:
    resident = select("process_resident_memory_bytes", job=SERVICES)
    # Six hours of the same process: while it warms up, it grows and is well.
    old_enough = f"time() - {select('process_start_time_seconds', job=SERVICES)} > {_DAY_S // 4}"
    return _alert(
        "MemoryGrows",
        f"predict_linear({resident}[6h], {_DAY_S}) > {RESIDENT_BYTES:.0f}\nand\n{old_enough}",
        lasts="1h",
        severity="ticket",
        summary="{{ $labels.job }} will reach its memory limit within a day",
        description="At the slope of six hours {{ $labels.instance }} will hold {{ $value | humanize }}B tomorrow.",
    )


def _idle_cpu() -> dict[str, Any]:
    calls = summed(rate(_STARTED, "10m", job=SERVICES), "job", "instance")
    return _alert(
        "IdleCpuHigh",
        f"{rate('process_cpu_seconds_total', '10m', job=SERVICES)} > {IDLE_CORES}\nand on (job, instance)\n{calls}"
        " == 0",
        lasts="15m",
        severity="ticket",
        summary="{{ $labels.job }} is busy with nothing",
        description="{{ $labels.instance }} uses {{ $value | humanize }} cores and was not called for ten minutes.",
    )
