"""PromQL, put together."""

RATE_INTERVAL = "$__rate_interval"

# A search that was worked on. Refusals and bad requests answer at once and would hide slow ones; a call that its caller
# gave up ends as CANCELLED and is among the slowest.
WORKED_ON = "~OK|CANCELLED|DEADLINE_EXCEEDED"
# Of these the service is the cause, and not what it was sent.
FAILED = "~UNKNOWN|DEADLINE_EXCEEDED|INTERNAL|UNAVAILABLE|DATA_LOSS"
FAILED_OR_REFUSED = f"{FAILED}|RESOURCE_EXHAUSTED"

SERVICES = "~embedder|ingest|search"
SEARCH_METHOD = "sagwan.search.v1.SearchService/Search"


def select(metric: str, **matchers: str) -> str:
    """A selector. A value that begins with `~` is a regular expression; with `!`, what must not be.

    >>> select("up", job="~embedder|search", instance="!gone")
    'up{job=~"embedder|search",instance!="gone"}'
    """
    parts = []
    for label, value in matchers.items():
        operator = {"~": "=~", "!": "!="}.get(value[:1], "=")
        parts.append(f'{label}{operator}"{value.lstrip("~!")}"')
    return f"{metric}{{{','.join(parts)}}}" if parts else metric


def rate(metric: str, window: str = RATE_INTERVAL, **matchers: str) -> str:
    """Growth a second over a window; that of the panel unless said otherwise."""
    return f"rate({select(metric, **matchers)}[{window}])"


def summed(expression: str, *by: str) -> str:
    """The sum over all series, or over those that share labels."""
    return f"sum by ({', '.join(by)}) ({expression})" if by else f"sum({expression})"


def quantile(share: float, histogram: str, *by: str, window: str = RATE_INTERVAL, **matchers: str) -> str:
    """The value that a share of the observations does not exceed; nothing where there were none, which is no number."""
    buckets = summed(rate(f"{histogram}_bucket", window, **matchers), *by, "le")
    return f"histogram_quantile({share:g}, {buckets}) >= 0"


def share(part: str, whole: str) -> str:
    """Part of a whole; nothing where the whole is 0, for 0 / 0 is no number."""
    return f"{part} / ({whole} > 0)"
