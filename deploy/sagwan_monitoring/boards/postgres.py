"""Which statements are slow, and do they wait for a connection or in the database?"""

from grafana_foundation_sdk.models.dashboard import Dashboard

from sagwan_monitoring.panels import Panel, board
from sagwan_monitoring.queries import quantile, rate, select, summed

_HERE = {"job": "~ingest|search", "instance": "~$instance"}
_SEARCH = {"job": "search", "instance": "~$instance"}
_STATEMENTS = "sagwan_database_statement_seconds"


def postgres() -> Dashboard:
    """The board of PostgreSQL and the indexes."""
    legs = {**_SEARCH, "query": "~vector_leg|lexical_leg"}
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
                        "take a trace of it (dots on *overview*), find the statement by the trace's id:"
                        " application_name in pg_stat_activity, `%a` of log_line_prefix in the server's log."
                        " Look at its plan as sagwan_service.",
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
                    ),
                    Panel(
                        "Recall",
                        "Recall@10 of the serving model's index when last measured, and what is aimed at; -1: never"
                        " measured.",
                        "below the aim: follow runbook, IndexRecallLow.",
                        {
                            "{{instance}}": select("sagwan_index_recall", **_SEARCH),
                            "aimed at": f"max({select('sagwan_index_recall_target', **_SEARCH)})",
                        },
                        unit="percentunit",
                    ),
                    Panel(
                        "Rows",
                        "Rows of the table of vectors, and those that its lists were made for (lists squared;"
                        " IVFFlat only).",
                        "twice as many rows as the lists were made for: follow runbook, IndexOutgrown.",
                        {
                            "rows": f"max({select('sagwan_index_rows', **_SEARCH)})",
                            "lists are for": f"max({select('sagwan_index_lists', **_SEARCH)} ^ 2)",
                        },
                        unit="short",
                        width=8,
                    ),
                    Panel(
                        "Index in use",
                        "1 for the kind of index that is in use; exact: every row is compared.",
                        "exact above SAGWAN_SEARCH_INDEX_ROWS_MIN: the index was not built; follow runbook,"
                        " IndexUpkeepFails.",
                        {"{{kind}}": f"max by (kind) ({select('sagwan_index_kind', **_SEARCH)})"},
                        unit="short",
                        width=8,
                    ),
                    Panel(
                        "How far a search looks",
                        "IVFFlat: lists that a search looks at; HNSW: its candidate list.",
                        "changes come from `sagwan index tune` or from upkeep; more is slower and finds more.",
                        {
                            "probes": f"max({select('sagwan_index_probes', **_SEARCH)})",
                            "ef_search": f"max({select('sagwan_index_ef_search', **_SEARCH)})",
                        },
                        unit="short",
                        width=8,
                    ),
                    Panel(
                        "Scans of the index",
                        "Scans a second, and entries that they gave, as PostgreSQL counts them.",
                        "none while searches run: the planner takes another way; `sagwan index plan` shows which.",
                        {
                            "scans": f"max({rate('sagwan_index_scans', **_SEARCH)})",
                            "entries": f"max({rate('sagwan_index_tuples', **_SEARCH)})",
                        },
                        unit="short",
                        width=8,
                    ),
                    Panel(
                        "Size of the index",
                        "How much the index takes on disk.",
                        "it must fit in memory beside the tables: give PostgreSQL more, or build it of halfvec.",
                        {"size": f"max({select('sagwan_index_size_bytes', **_SEARCH)})"},
                        unit="decbytes",
                        width=8,
                    ),
                    Panel(
                        "In shared buffers",
                        "Share of the index in shared buffers; -1 where pg_buffercache is not there.",
                        "far below 1 while searches run: memory is short, see *Size of the index*.",
                        {"share": f"max({select('sagwan_index_buffered_share', **_SEARCH)})"},
                        unit="percentunit",
                        width=8,
                    ),
                    Panel(
                        "Upkeep",
                        "What was done to indexes unasked, a second, and how it ended.",
                        "failures: follow runbook, IndexUpkeepFails.",
                        {
                            "{{action}} {{outcome}}": summed(
                                rate("sagwan_index_upkeep_total", **_SEARCH), "action", "outcome"
                            )
                        },
                        unit="short",
                        width=24,
                    ),
                ],
            ),
        ],
        job="ingest|search",
    )
