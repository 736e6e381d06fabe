"""What is read of running services, wherever it is read."""

from collections.abc import Mapping
from dataclasses import dataclass, field

SEARCH_METHOD = "sagwan.search.v1.SearchService/Search"
# Refusals answer at once and would flatter the quantiles; a call that its caller gave up ends as CANCELLED.
WORKED_ON = ("OK", "CANCELLED", "DEADLINE_EXCEEDED")


class SourceUnavailable(Exception):
    """Nothing can be read there."""


@dataclass(frozen=True, slots=True)
class Idle:
    """What a service used while nobody called it.

    Attributes:
        cores: The most that it used; None where it was never left alone.
        why: Why there is no figure; empty where there is one.
    """

    cores: float | None
    why: str = ""


@dataclass(frozen=True, slots=True)
class IndexShape:
    """How an IVFFlat index is built and asked.

    Attributes:
        rows: Rows of its table, about.
        lists: Its lists.
        probes: Lists that a search looks at.
    """

    rows: float
    lists: float
    probes: float


@dataclass(frozen=True, slots=True)
class Readings:
    """What was measured. None where nothing happened that could have been measured.

    Attributes:
        over: What it was measured over, in words.
        search_p50_s: Half of the searches that were worked on took no longer.
        search_p99_s: All but a hundredth did.
        text_mean_s: Time of the model for a text, on average.
        text_p99_s: All but a hundredth of the texts took no longer.
        resident_bytes: The most memory that each service held.
        idle: By service.
        ivfflat: Where such an index is in use.
    """

    over: str
    search_p50_s: float | None
    search_p99_s: float | None
    text_mean_s: float | None
    text_p99_s: float | None
    resident_bytes: Mapping[str, float | None]
    idle: Mapping[str, Idle]
    ivfflat: IndexShape | None = field(default=None)
