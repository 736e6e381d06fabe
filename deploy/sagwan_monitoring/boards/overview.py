"""Are the promises kept, and where is the trouble if not?"""

from grafana_foundation_sdk.models.dashboard import Dashboard

from sagwan_bench.targets import RESIDENT_BYTES, SEARCH_P50_S, SEARCH_P99_S
from sagwan_monitoring.objectives import Objective, objectives
from sagwan_monitoring.panels import Panel, board
from sagwan_monitoring.queries import (
    SEARCH_METHOD,
    SERVICES,
    WORKED_ON,
    quantile,
    rate,
    select,
    share,
    summed,
)
from sagwan_monitoring.recording import bad_ratio

_DURATION = "grpc_server_call_duration_seconds"
_TARGETS = {SEARCH_P50_S: "yellow", SEARCH_P99_S: "red"}
_SEARCHED = {"job": "search", "grpc_method": SEARCH_METHOD, "grpc_status": WORKED_ON, "instance": "~$instance"}


def overview() -> Dashboard:
    """The first board to look at."""
    questions = summed(rate("sagwan_search_stage_seconds_count", job="search", stage="total", instance="~$instance"))
    return board(
        "overview",
        "overview",
        "Whether the promises to callers are kept, and which service to look at when they are not.",
        [
            ("Promises", [_budget(each) for each in objectives()]),
            (
                "Search against its targets",
                [
                    Panel(
                        "Search P50",
                        "Half of the searches that were worked on answer within this time. Target: under 500 ms.",
                        "see which stage grew on the board *search*; when all did, the service or its database is"
                        " saturated: see *capacity*.",
                        {"": quantile(0.5, _DURATION, **_SEARCHED)},
                        lines={SEARCH_P50_S: "red"},
                        width=6,
                        single=True,
                    ),
                    Panel(
                        "Search P99",
                        "All but one in a hundred of the searches that were worked on answer within this time."
                        " Target: under 1 s.",
                        "follow runbook, SearchLatencyBudgetBurn.",
                        {"": quantile(0.99, _DURATION, **_SEARCHED)},
                        lines=_TARGETS,
                        width=6,
                        single=True,
                    ),
                    Panel(
                        "Degraded answers",
                        "Share of the questions, alone, in batches or for contexts, answered without a leg that should"
                        " have taken part. Should be 0.",
                        "the embedder is away or late: follow runbook, SearchDegraded.",
                        {
                            "": share(
                                summed(rate("sagwan_search_degraded_total", job="search", instance="~$instance")),
                                questions,
                            )
                        },
                        unit="percentunit",
                        lines={0.01: "yellow", 0.05: "red"},
                        width=6,
                        single=True,
                    ),
                    Panel(
                        "Largest service",
                        "Resident memory of the process that has the most. Target: under 500 MB, of 10^6 bytes.",
                        "follow runbook, MemoryNearLimit.",
                        {"": f"max({select('process_resident_memory_bytes', job=SERVICES, instance='~$instance')})"},
                        unit="decbytes",
                        lines={RESIDENT_BYTES: "red"},
                        width=6,
                        single=True,
                    ),
                    Panel(
                        "Search latency against its targets",
                        "Time at the service from a call's first byte to its status; the lines are the targets, 500"
                        " ms for"
                        " P50 and 1 s for P99. Refusals are left out, because they answer at once. Dots are traces.",
                        "open a dot high up: its trace says which stage and which statement took the time.",
                        {
                            "P50": quantile(0.5, _DURATION, **_SEARCHED),
                            "P99": quantile(0.99, _DURATION, **_SEARCHED),
                            "P99 of five minutes": select(
                                f"grpc_method:{_DURATION}:p99_rate5m", grpc_method=SEARCH_METHOD
                            ),
                        },
                        lines=_TARGETS,
                    ),
                    Panel(
                        "Searches worked on",
                        "Searches a second over five minutes, by method, that were worked on.",
                        "a sudden rise is a caller to talk to; a sudden fall is callers who cannot reach the service.",
                        {"{{grpc_method}}": f"grpc_method:{_DURATION}_count:rate5m"},
                        unit="reqps",
                    ),
                ],
            ),
            (
                "Services",
                [
                    Panel(
                        "Up",
                        "1 while Prometheus reaches a service's metrics page.",
                        "follow runbook, ServiceDown.",
                        {"{{job}} {{instance}}": select("up", job=SERVICES, instance="~$instance")},
                        unit="short",
                        width=8,
                    ),
                    Panel(
                        "Calls by service",
                        "Calls begun a second, refused ones and unknown methods included.",
                        "a flood of `other` is somebody who guesses methods, or a caller with a newer contract.",
                        {
                            "{{job}} {{grpc_method}}": summed(
                                rate("grpc_server_call_started_total", job=SERVICES, instance="~$instance"),
                                "job",
                                "grpc_method",
                            )
                        },
                        unit="reqps",
                        width=8,
                    ),
                    Panel(
                        "Errors by status",
                        "Calls, questions of batches and items of imports a second that ended with a status other than"
                        " OK, by service.",
                        "INTERNAL is a fault of ours, in the log by trace id; UNAVAILABLE and DEADLINE_EXCEEDED"
                        " point at the"
                        " database or the embedder; RESOURCE_EXHAUSTED at load; the others at callers.",
                        {
                            "{{job}} {{grpc_status}}": summed(
                                rate(f"{_DURATION}_count", job=SERVICES, grpc_status="!OK", instance="~$instance"),
                                "job",
                                "grpc_status",
                            ),
                            **{
                                f"{what} {{{{grpc_status}}}}": summed(
                                    rate(counter, job=job, grpc_status="!OK", instance="~$instance"), "grpc_status"
                                )
                                for what, job, counter in (
                                    ("questions of batches", "search", "sagwan_search_batch_questions_total"),
                                    ("items of imports", "ingest", "sagwan_ingest_import_items_total"),
                                )
                            },
                        },
                        unit="reqps",
                        width=8,
                    ),
                    Panel(
                        "What runs",
                        "Processes by version. Two versions at once are normal in a rolling release only.",
                        "finish the release, or roll it back.",
                        {"{{service}} {{version}}": "count by (service, version) (sagwan_build_info)"},
                        unit="short",
                        width=24,
                    ),
                ],
            ),
        ],
        job="embedder|ingest|search",
    )


def _budget(objective: Objective) -> Panel:
    slo = {"slo": objective.name}
    return Panel(
        f"Burn rate: {objective.name}",
        f"{objective.promise} How many times too fast the error budget burns, by window; at 1 it lasts exactly a"
        " month.",
        f"follow runbook, {objective.alert}.",
        {
            window: f"{select(bad_ratio(window), **slo)} / on (slo) (1 - {select('slo:objective:ratio', **slo)})"
            for window in ("5m", "1h", "6h", "3d")
        },
        unit="short",
        lines={1: "yellow", 14.4: "red"},
        width=8,
    )
