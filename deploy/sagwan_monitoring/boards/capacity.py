"""How much more can each service take?"""

from grafana_foundation_sdk.models.dashboard import Dashboard

from sagwan_bench.targets import IDLE_CORES, RESIDENT_BYTES
from sagwan_monitoring.panels import Panel, board
from sagwan_monitoring.queries import SERVICES, rate, select, share, summed

_HERE = {"job": SERVICES, "instance": "~$instance"}


def capacity() -> Dashboard:
    """The board of capacity."""
    used = rate("process_cpu_seconds_total", **_HERE)
    in_flight = summed(select("grpc_server_calls_in_flight", **_HERE), "job", "instance")
    most = summed(select("grpc_server_calls_in_flight_max", **_HERE), "job", "instance")
    return board(
        "capacity",
        "capacity",
        "What each process uses of what it may use: memory, cores, calls, descriptors.",
        [
            (
                "Memory",
                [
                    Panel(
                        "Resident memory",
                        "Resident memory of each process; the line is the target, 500 MB of 10^6 bytes.",
                        "follow runbook, MemoryNearLimit.",
                        {"{{job}} {{instance}}": select("process_resident_memory_bytes", **_HERE)},
                        unit="decbytes",
                        lines={RESIDENT_BYTES: "red"},
                        width=8,
                    ),
                    Panel(
                        "Highest resident memory",
                        "The most that each process ever held (VmHWM): what a limit must leave room for.",
                        "see which call raised it: its time is that of the step in this graph.",
                        {"{{job}} {{instance}}": select("sagwan_process_resident_memory_peak_bytes", **_HERE)},
                        unit="decbytes",
                        lines={RESIDENT_BYTES: "red"},
                        width=8,
                    ),
                    Panel(
                        "Memory slope",
                        "Growth of resident memory, bytes a second over an hour. A process that has warmed up stays"
                        " at 0.",
                        "a slope that does not end is a leak: follow runbook, MemoryGrows.",
                        {"{{job}} {{instance}}": f"deriv({select('process_resident_memory_bytes', **_HERE)}[1h])"},
                        unit="Bps",
                        width=8,
                    ),
                ],
            ),
            (
                "Cores",
                [
                    Panel(
                        "Cores used",
                        "Cores that each process uses; the line is the target without calls, 0.3.",
                        "without calls: follow runbook, IdleCpuHigh; with them, see *Share of its cores*.",
                        {"{{job}} {{instance}}": used},
                        unit="short",
                        lines={IDLE_CORES: "yellow"},
                    ),
                    Panel(
                        "Share of its cores",
                        "Cores used of those that the process may use.",
                        "near 1 for search or ingest: follow runbook, CpuSaturated. The embedder in bulk work is"
                        " meant to.",
                        {"{{job}} {{instance}}": f"{used} / {select('sagwan_process_cores', **_HERE)}"},
                        unit="percentunit",
                        lines={0.9: "red"},
                    ),
                ],
            ),
            (
                "Calls",
                [
                    Panel(
                        "Calls in flight",
                        "Calls being answered now, by method.",
                        "a method that alone piles up waits for something that the others do not need.",
                        {
                            "{{job}} {{grpc_method}}": summed(
                                select("grpc_server_calls_in_flight", **_HERE), "job", "grpc_method"
                            )
                        },
                        unit="short",
                        width=8,
                    ),
                    Panel(
                        "Share of the calls it may answer",
                        "Calls in flight of those that may be; past 1 the service answers RESOURCE_EXHAUSTED.",
                        "follow runbook, CallsNearLimit.",
                        {"{{job}} {{instance}}": share(in_flight, most)},
                        unit="percentunit",
                        lines={0.8: "red"},
                        width=8,
                    ),
                    Panel(
                        "Calls to other services in flight",
                        "Calls to an embedder that wait for its answer now.",
                        "as many as calls in flight: everything waits for the embedder.",
                        {
                            "{{job}} {{grpc_target}}": summed(
                                select("grpc_client_calls_in_flight", **_HERE), "job", "grpc_target"
                            )
                        },
                        unit="short",
                        width=8,
                    ),
                    Panel(
                        "Open descriptors",
                        "Share of the file descriptors that a process may have: connections of callers and to"
                        " PostgreSQL.",
                        "callers that open a channel a call: find them by peer in a trace; raise the limit meanwhile.",
                        {
                            "{{job}} {{instance}}": share(
                                select("process_open_fds", **_HERE), select("process_max_fds", **_HERE)
                            )
                        },
                        unit="percentunit",
                        lines={0.8: "red"},
                        width=24,
                    ),
                ],
            ),
        ],
        job="embedder|ingest|search",
    )
