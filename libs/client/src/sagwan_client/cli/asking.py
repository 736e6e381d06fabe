"""What a search asks for besides its words, as the options of the command say it."""

import enum
import math
from dataclasses import dataclass

import typer

from sagwan.search.v1 import search_pb2
from sagwan_client.client import SagwanClient

# What the contract takes.
_NEIGHBOR_COUNT_MAX = 5
_WEIGHT_MAX = 100


class Mode(enum.StrEnum):
    """Which legs answer."""

    HYBRID = "hybrid"
    LEXICAL = "lexical"
    VECTOR = "vector"


class FusionMethod(enum.StrEnum):
    """How the legs' rankings become one."""

    ADAPTIVE = "adaptive"
    RELATIVE = "relative"
    DISTRIBUTION = "distribution"
    RRF = "rrf"


_MODES = {
    Mode.HYBRID: search_pb2.SEARCH_MODE_HYBRID,
    Mode.LEXICAL: search_pb2.SEARCH_MODE_LEXICAL,
    Mode.VECTOR: search_pb2.SEARCH_MODE_VECTOR,
}
_METHODS = {
    FusionMethod.ADAPTIVE: search_pb2.FUSION_METHOD_ADAPTIVE_SCORE,
    FusionMethod.RELATIVE: search_pb2.FUSION_METHOD_RELATIVE_SCORE,
    FusionMethod.DISTRIBUTION: search_pb2.FUSION_METHOD_DISTRIBUTION_SCORE,
    FusionMethod.RRF: search_pb2.FUSION_METHOD_RRF,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """What each leg weighs in the fusion."""

    lexical: float
    vector: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchOptions:
    """What stays the same from one question to the next, and from page to page.

    Attributes:
        filter: What hits must satisfy.
        mode: Which legs answer.
        method: How they are fused; the service's default when None.
        weights: What each leg weighs; the service's defaults when None.
        page_size: Hits of a page.
        context_lines: Lines wanted before and after the best one.
        hits_per_meeting_max: The best so many of a meeting; 0 for all.
        explain: Whether to tell why the hits rank.
        facets: Whether to count what the candidates have in common.
        plain: Whether the question is words alone, without syntax.
    """

    filter: search_pb2.Filter
    mode: Mode = Mode.HYBRID
    method: FusionMethod | None = None
    weights: Weights | None = None
    page_size: int = 5
    context_lines: int = 0
    hits_per_meeting_max: int = 0
    explain: bool = False
    facets: bool = False
    plain: bool = False

    async def ask(self, client: SagwanClient, question: str, *, page_token: str = "") -> search_pb2.SearchResponse:
        """Asks for one page."""
        return await client.search(
            question,
            filter=self.filter,
            mode=_MODES[self.mode],
            fusion=self._fusion(),
            page_size=self.page_size,
            page_token=page_token,
            # A neighbouring chunk has at least one line, so that as many neighbours as lines are enough.
            neighbor_count=min(self.context_lines, _NEIGHBOR_COUNT_MAX),
            hits_per_meeting_max=self.hits_per_meeting_max,
            explain=self.explain,
            facets=self.facets,
            plain_text=self.plain,
        )

    def _fusion(self) -> search_pb2.Fusion:
        return search_pb2.Fusion(
            method=_METHODS[self.method] if self.method else search_pb2.FUSION_METHOD_UNSPECIFIED,
            lexical_weight=self.weights.lexical if self.weights else None,
            vector_weight=self.weights.vector if self.weights else None,
        )


def weights_of(text: str) -> Weights:
    """Two weights written `lexical,vector`, such as `0.7,1`.

    Raises:
        typer.BadParameter: They are written otherwise, or out of the contract's range.
    """
    try:
        lexical, vector = (float(part) for part in text.split(","))
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not two numbers like 0.7,1") from None
    for weight in (lexical, vector):
        if not (math.isfinite(weight) and 0 <= weight <= _WEIGHT_MAX):
            raise typer.BadParameter(f"a weight is from 0 to {_WEIGHT_MAX}")
    return Weights(lexical=lexical, vector=vector)
