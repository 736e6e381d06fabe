"""Are meetings kept soon, and what becomes of them?"""

from grafana_foundation_sdk.models.dashboard import Dashboard

from sagwan_monitoring.panels import Panel, board
from sagwan_monitoring.queries import quantile, rate, select, summed

_HERE = {"job": "ingest", "instance": "~$instance"}


def ingest() -> Dashboard:
    """The board of the ingest service."""
    return board(
        "ingest",
        "ingest",
        "How soon a meeting can be found, where its time goes, and what becomes of it.",
        [
            (
                "Time",
                [
                    Panel(
                        "Lag",
                        "Time from when a meeting has been read until it can be found.",
                        "see *Stages, P99*; in a bulk import minutes are normal, for the embedder is what it waits"
                        " for.",
                        {
                            "P50": quantile(0.5, "sagwan_ingest_lag_seconds", **_HERE),
                            "P99": quantile(0.99, "sagwan_ingest_lag_seconds", **_HERE),
                        },
                        width=8,
                    ),
                    Panel(
                        "Stages, P99",
                        "Time of a meeting by stage.",
                        "`embed`: see the board *embedder*; `wait` and `write`: see *PostgreSQL and indexes*;"
                        " `parse`: a file of"
                        " many MB, or one that is not what it says.",
                        {"{{stage}}": quantile(0.99, "sagwan_ingest_stage_seconds", "stage", **_HERE)},
                        width=8,
                    ),
                    Panel(
                        "Meetings in progress",
                        "Meetings that are read and cannot be found yet.",
                        "one that never falls is held up: see *Stages, P99*, then the log of the ingest service.",
                        {"{{instance}}": select("sagwan_ingest_meetings_in_progress", **_HERE)},
                        unit="short",
                        width=8,
                    ),
                ],
            ),
            (
                "What becomes of meetings",
                [
                    Panel(
                        "Meetings by outcome",
                        "Meetings a second by what became of them.",
                        "many `unchanged` are a caller who sends everything again: harmless, and a waste of its time.",
                        {"{{outcome}}": summed(rate("sagwan_ingest_meetings_total", **_HERE), "outcome")},
                        unit="short",
                        width=8,
                    ),
                    Panel(
                        "Chunks by vector",
                        "Chunks a second, by whether their vector was computed, kept from the version before, or"
                        " computed anew"
                        " by a new model.",
                        "edits that compute everything mean that cuts moved: look at the lines that changed.",
                        {"{{vector}}": summed(rate("sagwan_ingest_chunks_total", **_HERE), "vector")},
                        unit="short",
                        width=8,
                    ),
                    Panel(
                        "Mended faults",
                        "Faults of transcripts a second that were mended while parsing.",
                        "a sudden rise is an exporter that changed: `sagwan ingest` and the answers say which lines.",
                        {"mended": summed(rate("sagwan_ingest_mendings_total", **_HERE))},
                        unit="short",
                        width=8,
                    ),
                ],
            ),
            (
                "The embedder, as ingest sees it",
                [
                    Panel(
                        "Calls to the embedder, P99",
                        "Time of calls to each embedder, by method.",
                        "in a bulk import a call takes seconds; without one, see the board *embedder*.",
                        {
                            "{{grpc_target}} {{grpc_method}}": quantile(
                                0.99, "grpc_client_call_duration_seconds", "grpc_target", "grpc_method", **_HERE
                            )
                        },
                    ),
                    Panel(
                        "Calls to the embedder by status",
                        "Calls a second to each embedder, by status.",
                        "RESOURCE_EXHAUSTED is the embedder holding bulk work back, and ingest comes again: normal"
                        " in bulk.",
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
        job="ingest",
    )
