"""Which statements are slow, and do they wait for a connection or in the database?"""

from grafana_foundation_sdk.models.dashboard import Dashboard

from sagwan_monitoring.panels import Panel, board
from sagwan_monitoring.queries import quantile, rate, select, summed

_HERE = {"job": "~ingest|search", "instance": "~$instance"}
_STATEMENTS = "sagwan_database_statement_seconds"


def postgres() -> Dashboard:
    """The board of PostgreSQL and the indexes."""
    legs = {"job": "search", "instance": "~$instance", "query": "~vector_leg|lexical_leg"}
    return board(
        "postgres",
        "PostgreSQL and indexes",
        "The database as the services see it: statements by name, connections, failures, and the two legs that"
        " indexes carry.",
        [
            (
                "Statements",
                [
                    Panel(
                        "Statements, P99",
                        "Time of each named query. The names are those of the queries.sql files.",
                        "take a trace of it (dots on *overview*), find the statement by its `traceparent` in the"
                        " server's log or"
                        " pg_stat_activity, and look at its plan as sagwan_service.",
                        {"{{job}} {{query}}": quantile(0.99, _STATEMENTS, "job", "query", **_HERE)},
                    ),
                    Panel(
                        "Statements a second",
                        "How often each named query runs.",
                        "more than calls explain is a loop that asks once a row.",
                        {"{{job}} {{query}}": summed(rate(f"{_STATEMENTS}_count", **_HERE), "job", "query")},
                        unit="short",
                    ),
                    Panel(
                        "Time spent in each statement",
                        "Seconds a second: how many connections each named query keeps busy.",
                        "the highest one is where an index or a smaller result pays most.",
                        {"{{job}} {{query}}": summed(rate(f"{_STATEMENTS}_sum", **_HERE), "job", "query")},
                        unit="short",
                    ),
                    Panel(
                        "Failures",
                        "What the database did not do, a second: late (the deadline passed) or unavailable.",
                        "`unavailable`: is PostgreSQL up, and are there connections left? `late`: see *Statements,"
                        " P99*.",
                        {
                            "{{job}} {{reason}}": summed(
                                rate("sagwan_database_failures_total", **_HERE), "job", "reason"
                            )
                        },
                        unit="short",
                    ),
                ],
            ),
            (
                "Connections",
                [
                    Panel(
                        "Pool",
                        "Connections of each service's pool: busy, idle, and how many there may be.",
                        "busy at the limit: follow runbook, DatabasePoolExhausted.",
                        {
                            "{{job}} {{state}}": summed(select("sagwan_database_connections", **_HERE), "job", "state"),
                            "{{job}} may have": summed(select("sagwan_database_connections_max", **_HERE), "job"),
                        },
                        unit="short",
                        width=8,
                    ),
                    Panel(
                        "Waiting for a connection",
                        "Transactions that wait for a connection now.",
                        "above 0 for minutes: follow runbook, DatabasePoolExhausted.",
                        {"{{job}}": summed(select("sagwan_database_acquire_waiting", **_HERE), "job")},
                        unit="short",
                        width=8,
                    ),
                    Panel(
                        "Wait for a connection, P99",
                        "How long transactions waited for a connection.",
                        "above a few milliseconds the pool is too small, or statements hold connections too long.",
                        {"{{job}}": quantile(0.99, "sagwan_database_acquire_seconds", "job", **_HERE)},
                        width=8,
                    ),
                ],
            ),
            (
                "Indexes",
                [
                    Panel(
                        "Legs, P50 and P99",
                        "Time of the statements that the indexes carry.",
                        "a leg that grows with the number of meetings scans more than its index should let it: look"
                        " at its plan.",
                        {
                            "{{query}} P50": quantile(0.5, _STATEMENTS, "query", **legs),
                            "{{query}} P99": quantile(0.99, _STATEMENTS, "query", **legs),
                        },
                        width=24,
                    ),
                ],
            ),
        ],
        job="ingest|search",
    )
