"""Where does a search spend its time, and what do its legs give?"""

from grafana_foundation_sdk.models.dashboard import Dashboard

from sagwan_bench.targets import SEARCH_P50_S, SEARCH_P99_S
from sagwan_monitoring.panels import Panel, board
from sagwan_monitoring.queries import WORKED_ON, quantile, rate, summed

_HERE = {"job": "search", "instance": "~$instance"}
_STAGES = "sagwan_search_stage_seconds"


def search() -> Dashboard:
    """The board of the search service."""
    questions = summed(rate(f"{_STAGES}_count", **_HERE, stage="total"))
    degraded = summed(rate("sagwan_search_degraded_total", **_HERE), "reason")
    return board(
        "search",
        "search by stage",
        "Where searches spend their time, what their legs give, and how the embedder answers them.",
        [
            (
                "Time",
                [
                    Panel(
                        "Stages, P99",
                        "Where the slow questions spend their time. Embedding and the lexical leg run side by side,"
                        " so the"
                        " stages do not add up to the total.",
                        "`embed`: see the board *embedder*; `lexical`, `vector`, `fetch`: see the statements on"
                        " *PostgreSQL and indexes*; all of them: see *capacity*.",
                        {"{{stage}}": quantile(0.99, _STAGES, "stage", **_HERE)},
                        lines={SEARCH_P50_S: "yellow", SEARCH_P99_S: "red"},
                    ),
                    Panel(
                        "Stages, P50",
                        "Where an ordinary question spends its time.",
                        "a median that moves with the amount of text means that a leg examines more than it should:"
                        " look at its plan.",
                        {"{{stage}}": quantile(0.5, _STAGES, "stage", **_HERE)},
                    ),
                    Panel(
                        "Methods, P99",
                        "Time of each method's calls that were worked on. A batch takes as long as its searches.",
                        "a method that alone is slow has a statement that alone is slow; Suggest should stay under"
                        " 50 ms.",
                        {
                            "{{grpc_method}}": quantile(
                                0.99, "grpc_server_call_duration_seconds", "grpc_method", **_HERE, grpc_status=WORKED_ON
                            )
                        },
                    ),
                    Panel(
                        "Questions answered",
                        "Questions a second: alone, in batches, for contexts.",
                        "far more questions than calls means batches; they wait for each other, and lone searches do"
                        " not"
                        " wait for them.",
                        {"questions": questions},
                        unit="reqps",
                    ),
                ],
            ),
            (
                "What is found",
                [
                    Panel(
                        "Degraded answers by reason",
                        "Share of the questions answered without a leg that should have taken part: alone, in"
                        " batches, for"
                        " contexts.",
                        "look at the embedder first (up, queue, refusals), then at *Calls to the embedder* below;"
                        " follow runbook, SearchDegraded.",
                        {
                            "{{reason}}": f"{degraded} / on () group_left () ({questions} > 0)",
                        },
                        unit="percentunit",
                        lines={0.05: "red"},
                        width=8,
                    ),
                    Panel(
                        "Candidates of a leg, P50",
                        "How many candidates each leg gave to the fusion, for half of the questions.",
                        "a fall means that filters or terms leave little to rank: compare with a search without"
                        " filters.",
                        {"{{leg}}": quantile(0.5, "sagwan_search_leg_candidates", "leg", **_HERE)},
                        unit="short",
                        width=8,
                    ),
                    Panel(
                        "Empty legs",
                        "Legs a second that found nothing.",
                        "a lexical leg that is suddenly often empty means that questions and chunks are cut into"
                        " different"
                        " terms; a vector leg, that the serving model's table is empty.",
                        {"{{leg}}": summed(rate("sagwan_search_empty_legs_total", **_HERE), "leg")},
                        unit="reqps",
                        width=8,
                    ),
                ],
            ),
            (
                "The embedder, as search sees it",
                [
                    Panel(
                        "Calls to the embedder, P99",
                        "Time of calls to each embedder, network and queue included.",
                        "more than the embedder's own stages say is the network, or an event loop here that is kept"
                        " busy.",
                        {
                            "{{grpc_target}}": quantile(
                                0.99, "grpc_client_call_duration_seconds", "grpc_target", **_HERE
                            )
                        },
                    ),
                    Panel(
                        "Calls to the embedder by status",
                        "Calls a second to each embedder, by status.",
                        "UNAVAILABLE: it is down; DEADLINE_EXCEEDED: it hangs or is flooded; RESOURCE_EXHAUSTED: it"
                        " refuses.",
                        {
                            "{{grpc_target}} {{grpc_status}}": summed(
                                rate("grpc_client_call_duration_seconds_count", **_HERE), "grpc_target", "grpc_status"
                            )
                        },
                        unit="reqps",
                    ),
                ],
            ),
        ],
        job="search",
    )
