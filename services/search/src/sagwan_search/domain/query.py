"""A question, as the rest of the service understands it."""

import enum
from dataclasses import dataclass, field
from typing import Final

from sagwan_search.domain.filters import Filter
from sagwan_search.domain.fusion import Fusion, Method
from sagwan_search.domain.ranking import Ranking
from sagwan_search.domain.syntax import ParsedText

DEFAULT_FUSION: Final = Fusion(Method.ADAPTIVE_SCORE, lexical=1.25, vector=1.0, neighbor_support=0.5)
"""Chosen on part of the evaluation data: see docs/performance.md."""


class Mode(enum.Enum):
    """Which legs answer."""

    HYBRID = "hybrid"
    LEXICAL = "lexical"
    VECTOR = "vector"


@dataclass(frozen=True, slots=True)
class Query:
    """A question.

    Attributes:
        text: What is looked for, in words. Without any, what passes the filter comes the newest first.
        mode: Which legs answer.
        filter: What hits must satisfy, by the request and by the conditions and phrases of its text.
        syntax: The conditions, phrases and exclusions of its text. What of them takes analysis is not in the filter.
        ranking: What the page before left to show; None for the first page.
        hits_max: Hits to return; with 0 there is only a ranking.
        fusion: How the legs become one.
        neighbor_count: Chunks to show before and after each hit.
        hits_per_meeting_max: Hits of one meeting on all pages together; 0 for any number.
        facets: Whether to count what the ranking's chunks have in common.
        explain: Whether to say how each leg found its candidates.
    """

    text: str
    mode: Mode = Mode.HYBRID
    filter: Filter = field(default_factory=Filter)
    syntax: ParsedText = field(default_factory=ParsedText)
    ranking: Ranking | None = None
    hits_max: int = 10
    fusion: Fusion = DEFAULT_FUSION
    neighbor_count: int = 0
    hits_per_meeting_max: int = 0
    facets: bool = False
    explain: bool = False
