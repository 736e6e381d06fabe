"""Recorded series: how much of each promise was broken, by window, and the P99 that dashboards and people quote."""

from typing import Any

from sagwan_monitoring.objectives import WINDOWS, Objective, objectives
from sagwan_monitoring.queries import WORKED_ON, quantile, rate, summed

_DURATION = "grpc_server_call_duration_seconds"


def recording_groups() -> list[dict[str, Any]]:
    """The groups of the rule file `slo.yml`."""
    burning = [
        {
            "name": f"slo-{window}",
            # A window of days moves slowly, and costs the more to read.
            "interval": {"3d": "2m", "6h": "1m", "1h": "1m"}.get(window, "15s"),
            "rules": [rule for objective in objectives() for rule in _of_window(objective, window)],
        }
        for window in WINDOWS
    ]
    return [{"name": "calls", "rules": _calls()}, {"name": "slo-objectives", "rules": _objectives()}, *burning]


def bad_ratio(window: str) -> str:
    """The name of the recorded share of bad events."""
    return f"slo:events_bad:ratio_rate{window}"


def event_rate(window: str) -> str:
    """The name of the recorded events a second."""
    return f"slo:events:rate{window}"


def _of_window(objective: Objective, window: str) -> list[dict[str, Any]]:
    good, events = (each.replace("WINDOW", window) for each in (objective.good, objective.events))
    labels = {"slo": objective.name}
    return [
        {"record": event_rate(window), "expr": events, "labels": labels},
        # Without events there is nothing that could be bad, and no sample.
        {"record": bad_ratio(window), "expr": f"1 - ({good}) / ({events} > 0)", "labels": labels},
    ]


def _objectives() -> list[dict[str, Any]]:
    return [
        {"record": "slo:objective:ratio", "expr": f"vector({each.share})", "labels": {"slo": each.name}}
        for each in objectives()
    ]


def _calls() -> list[dict[str, Any]]:
    return [
        {
            "record": f"grpc_method:{_DURATION}_count:rate5m",
            "expr": summed(rate(f"{_DURATION}_count", "5m", job="search", grpc_status=WORKED_ON), "grpc_method"),
        },
        {
            "record": f"grpc_method:{_DURATION}:p99_rate5m",
            "expr": quantile(0.99, _DURATION, "grpc_method", window="5m", job="search", grpc_status=WORKED_ON),
        },
    ]
