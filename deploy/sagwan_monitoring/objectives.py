"""What is promised, and which calls keep or break the promise."""

import math
from dataclasses import dataclass

from sagwan_bench.targets import EMBEDDED_TEXT_S, SEARCH_P99_S
from sagwan_monitoring.queries import FAILED, FAILED_OR_REFUSED, SEARCH_METHOD, WORKED_ON, rate, summed


@dataclass(frozen=True, slots=True)
class Objective:
    """A share of events that is to be good.

    Attributes:
        name: Labels its series, such as `search-latency`.
        alert: Its alerts' name.
        share: Of the events, that is to be good over a month.
        promise: In words.
        good: PromQL of the good events a second, `[WINDOW]` standing for the window.
        events: PromQL of all events a second, in the same way.
    """

    name: str
    alert: str
    share: float
    promise: str
    good: str
    events: str

    @property
    def budget(self) -> float:
        """The share of events that may be bad."""
        return round(1 - self.share, 9)


@dataclass(frozen=True, slots=True)
class BurnWindow:
    """How fast a budget may burn, over how long, before somebody is told (Site Reliability Workbook, chapter 5).

    Attributes:
        long: The window that must have burned so fast.
        short: The window that must still do: the alert clears when it no longer does.
        burn_rate: Times the rate that uses up a month's budget in a month.
        severity: `page` or `ticket`.
        long_s: The long window in seconds.
    """

    long: str
    short: str
    burn_rate: float
    severity: str
    long_s: int

    def events_min(self, objective: Objective) -> int:
        """Events below which the window says nothing: with fewer, one or two bad ones would raise the alert."""
        return math.ceil(_BAD_EVENTS_MIN / (self.burn_rate * objective.budget))


_BAD_EVENTS_MIN = 3

BURN_WINDOWS = (
    BurnWindow("1h", "5m", 14.4, "page", 3_600),
    BurnWindow("6h", "30m", 6, "page", 6 * 3_600),
    BurnWindow("3d", "6h", 1, "ticket", 3 * 86_400),
)
WINDOWS = ("5m", "30m", "1h", "6h", "3d")


def _within(histogram: str, edge_s: float, **matchers: str) -> tuple[str, str]:
    """Good events and all events of a histogram, where good is within one of its edges."""
    good = summed(rate(f"{histogram}_bucket", "WINDOW", **matchers, le=str(float(edge_s))))
    return good, summed(rate(f"{histogram}_count", "WINDOW", **matchers))


def _answered(job: str, failed: str, items: str = "") -> tuple[str, str]:
    """Good events and all events of a service's calls, where good is not failed by the service.

    Args:
        job: The service.
        failed: The statuses of what it failed.
        items: What counts the items, each with a status, of calls that answer for many and end well themselves.
    """
    # Methods that nobody registered are the caller's mistake, and cheap to make in any number.
    counted = {"grpc_server_call_duration_seconds_count": {"grpc_method": "!other"}} | ({items: {}} if items else {})
    calls, *others = (summed(rate(name, "WINDOW", job=job, **only)) for name, only in counted.items())
    failures = (summed(rate(name, "WINDOW", job=job, **only, grpc_status=failed)) for name, only in counted.items())
    events = calls + "".join(f" + ({each} or 0 * {calls})" for each in others)
    return events + "".join(f" - ({each} or 0 * {calls})" for each in failures), events


def objectives() -> tuple[Objective, ...]:
    """All of them."""
    searched = _within(
        "grpc_server_call_duration_seconds",
        SEARCH_P99_S,
        job="search",
        grpc_method=SEARCH_METHOD,
        grpc_status=WORKED_ON,
    )
    question = _within("sagwan_embedder_text_seconds", EMBEDDED_TEXT_S, job="embedder", kind="query")
    return (
        Objective(
            "search-latency",
            "SearchLatencyBudgetBurn",
            0.99,
            f"99 % of the searches that are worked on take {SEARCH_P99_S:g} s or less.",
            *searched,
        ),
        Objective(
            "search-errors",
            "SearchErrorBudgetBurn",
            0.999,
            "99.9 % of the calls to search and of the questions in batches are neither failed nor refused by it.",
            *_answered("search", FAILED_OR_REFUSED, items="sagwan_search_batch_questions_total"),
        ),
        Objective(
            "ingest-errors",
            "IngestErrorBudgetBurn",
            0.999,
            "99.9 % of the calls to ingest and of the items of imports are neither failed nor refused by it.",
            *_answered("ingest", FAILED_OR_REFUSED, items="sagwan_ingest_import_items_total"),
        ),
        Objective(
            "embedder-latency",
            "EmbedderLatencyBudgetBurn",
            0.99,
            f"99 % of the questions take the model {EMBEDDED_TEXT_S * 1_000:g} ms or less.",
            *question,
        ),
        # Refusing is how the embedder holds bulk work back, and its callers come again: EmbedderRefusesWork watches it.
        Objective(
            "embedder-errors",
            "EmbedderErrorBudgetBurn",
            0.999,
            "99.9 % of the calls to the embedder are not failed by it.",
            *_answered("embedder", FAILED),
        ),
    )
