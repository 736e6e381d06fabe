"""Protobuf to domain, with every violation found, and back."""

import json
import math

from google.protobuf import duration_pb2

from sagwan.search.v1 import search_pb2
from sagwan_runtime.errors import Violation, refuse_if_any
from sagwan_runtime.tokens import page_position, page_token, refused_token
from sagwan_runtime.validation import (
    count_violations,
    page_size_violations,
    text_violations,
)
from sagwan_search.convert_filter import filter_of
from sagwan_search.convert_page import LEGS, leg_score_message, position_of, ranking_of, term_message
from sagwan_search.convert_syntax import correction_message, parsed_query
from sagwan_search.domain.answer import Answer, Hit, MeetingSummary
from sagwan_search.domain.conditions import both, text_filter
from sagwan_search.domain.facets import Facet
from sagwan_search.domain.filters import MEETING_PREFIX, Filter
from sagwan_search.domain.fusion import Fusion, Method
from sagwan_search.domain.lines import Line
from sagwan_search.domain.query import DEFAULT_FUSION, Mode, Query
from sagwan_search.ports import SpokenLine, UtterancePage

QUERY_CHARACTERS_MAX = 10_000
HITS_DEFAULT = 10
HITS_MAX = 100
NEIGHBORS_MAX = 5
_HITS_PER_MEETING_MAX = 1_000
_LINES_DEFAULT = 50
_LINES_MAX = 1_000
_RRF_K_MAX = 10_000
_WEIGHT_MAX = 100.0
ORDINAL_MAX = 2**31 - 1  # a PostgreSQL integer

_MODES = {
    search_pb2.SEARCH_MODE_UNSPECIFIED: Mode.HYBRID,
    search_pb2.SEARCH_MODE_HYBRID: Mode.HYBRID,
    search_pb2.SEARCH_MODE_LEXICAL: Mode.LEXICAL,
    search_pb2.SEARCH_MODE_VECTOR: Mode.VECTOR,
}
_FUSION_METHODS = {
    search_pb2.FUSION_METHOD_UNSPECIFIED: DEFAULT_FUSION.method,
    search_pb2.FUSION_METHOD_ADAPTIVE_SCORE: Method.ADAPTIVE_SCORE,
    search_pb2.FUSION_METHOD_RRF: Method.RRF,
    search_pb2.FUSION_METHOD_RELATIVE_SCORE: Method.RELATIVE_SCORE,
    search_pb2.FUSION_METHOD_DISTRIBUTION_SCORE: Method.DISTRIBUTION_SCORE,
}


def query_of(request: search_pb2.SearchRequest, *, depth: int, token_key: bytes) -> Query:
    """The question that a request asks.

    Args:
        request: From the wire.
        depth: How far pages reach.
        token_key: The tenant's secret that page tokens are signed with.

    Raises:
        InvalidRequest: Fields are wrong; all that are.
    """
    violations = [
        *text_violations("query", request.query, characters_max=QUERY_CHARACTERS_MAX, required=True),
        *page_size_violations("page_size", request.page_size, largest=HITS_MAX),
    ]
    for field, largest in (("neighbor_count", NEIGHBORS_MAX), ("hits_per_meeting_max", _HITS_PER_MEETING_MAX)):
        violations += count_violations(field, getattr(request, field), largest=largest)
    if request.mode not in _MODES:
        violations.append(Violation("mode", f"{request.mode} is not a mode"))
    fusion = _fusion(request.fusion, _MODES.get(request.mode), violations)
    condition = filter_of(request.filter, violations)
    parsed = parsed_query(request.query, violations, plain_text=request.plain_text)
    refuse_if_any(violations)
    return Query(
        text=parsed.words,
        mode=_MODES[request.mode],
        filter=both(condition, text_filter(parsed)),
        syntax=parsed.without_words,
        ranking=ranking_of(page_position(request, token_key, request.page_token)),
        hits_max=min(request.page_size or HITS_DEFAULT, depth),
        fusion=fusion,
        neighbor_count=request.neighbor_count,
        hits_per_meeting_max=request.hits_per_meeting_max,
        facets=request.facets,
        explain=request.explain,
    )


def search_response(
    request: search_pb2.SearchRequest, query: Query, answer: Answer, *, token_key: bytes
) -> search_pb2.SearchResponse:
    """The answer as it goes over the wire."""
    response = answer_message(answer, explain=request.explain)
    if answer.rest is not None:
        response.next_page_token = page_token(request, token_key, position_of(answer.rest))
    if request.explain:
        ranking = answer.ranking
        response.explanation.match_share = ranking.match_share
        response.explanation.terms.extend(term_message(each) for each in ranking.terms)
        response.explanation.legs.extend(
            search_pb2.LegPlan(
                leg=LEGS[leg],
                weight=query.fusion.weight_of(leg),
                choice=ranking.choices.get(leg, ""),
                candidate_count=candidate_count,
            )
            for leg, candidate_count in ranking.candidate_counts.items()
        )
    return response


def answer_message(answer: Answer, *, explain: bool) -> search_pb2.SearchResponse:
    """What an answer says by itself, without what depends on the request that it answers."""
    ranking = answer.ranking
    return search_pb2.SearchResponse(
        hits=[_hit(each, explain=explain) for each in answer.hits],
        degraded=bool(ranking.degraded_reason),
        degraded_reason=ranking.degraded_reason,
        partial=bool(ranking.partial_reason),
        partial_reason=ranking.partial_reason,
        model=ranking.model,
        corrections=[correction_message(each) for each in ranking.corrections],
        facets=[_facet(each) for each in answer.facets],
        timings=search_pb2.SearchTimings(
            **{stage: _duration_s(seconds) for stage, seconds in answer.stage_seconds.items()}
        ),
    )


def utterances_request(
    request: search_pb2.ListUtterancesRequest, token_key: bytes
) -> tuple[Filter, tuple[str, int] | None, int]:
    """Filter, position after which the page begins, and lines of the page."""
    violations = list(page_size_violations("page_size", request.page_size, largest=_LINES_MAX))
    condition = filter_of(request.filter, violations)
    refuse_if_any(violations)
    after = _line_position(page_position(request, token_key, request.page_token))
    return condition, after, request.page_size or _LINES_DEFAULT


def utterances_response(
    request: search_pb2.ListUtterancesRequest, page: UtterancePage, lines_max: int, *, token_key: bytes
) -> search_pb2.ListUtterancesResponse:
    """A page of utterances as it goes over the wire."""
    shown = page.lines[:lines_max]
    response = search_pb2.ListUtterancesResponse(
        utterances=[_spoken(each) for each in shown],
        total_size=page.total,
        meeting_counts=[
            search_pb2.FacetValue(value=MEETING_PREFIX + meeting_id, count=count)
            for meeting_id, count in page.meeting_counts
        ],
    )
    if len(page.lines) > lines_max:
        last = shown[-1]
        position = json.dumps([last.meeting.meeting_id, last.utterance.ordinal]).encode()
        response.next_page_token = page_token(request, token_key, position)
    return response


def _line_position(position: bytes | None) -> tuple[str, int] | None:
    if position is None:
        return None
    match json.loads(position):
        case [str() as meeting_id, int() as ordinal]:
            return meeting_id, ordinal
    raise refused_token()


def _fusion(fusion: search_pb2.Fusion, mode: Mode | None, violations: list[Violation]) -> Fusion:
    method = _FUSION_METHODS.get(fusion.method)
    if method is None:
        violations.append(Violation("fusion.method", f"{fusion.method} is not a method"))
    if not 0 <= fusion.rrf_k <= _RRF_K_MAX:
        violations.append(Violation("fusion.rrf_k", f"is {fusion.rrf_k}; 0 (the default) to {_RRF_K_MAX:,} are taken"))
    default = DEFAULT_FUSION if method is DEFAULT_FUSION.method else Fusion(Method.RRF)
    lexical = fusion.lexical_weight if fusion.HasField("lexical_weight") else default.lexical
    vector = fusion.vector_weight if fusion.HasField("vector_weight") else default.vector
    for field, weight in (("lexical_weight", lexical), ("vector_weight", vector)):
        if not (math.isfinite(weight) and 0 <= weight <= _WEIGHT_MAX):
            violations.append(Violation(f"fusion.{field}", f"is {weight}; 0 to {_WEIGHT_MAX:g} are taken"))
    if (lexical, vector) == (0, 0):
        violations.append(Violation("fusion", "gives every leg the weight 0"))
    elif lexical == 0 and mode is Mode.LEXICAL:
        violations.append(Violation("fusion.lexical_weight", "is 0, and the mode asks for this leg alone"))
    elif vector == 0 and mode is Mode.VECTOR:
        violations.append(Violation("fusion.vector_weight", "is 0, and the mode asks for this leg alone"))
    support = default.neighbor_support if mode is Mode.HYBRID else 0.0
    if fusion.HasField("neighbor_support"):
        support = fusion.neighbor_support
    if not 0 <= support <= 1:
        violations.append(Violation("fusion.neighbor_support", f"is {support}; 0 to 1 are taken"))
    return Fusion(method or default.method, fusion.rrf_k or default.rrf_k, lexical, vector, support)


def _hit(hit: Hit, *, explain: bool) -> search_pb2.Hit:
    return search_pb2.Hit(
        name=f"{MEETING_PREFIX}{hit.meeting.meeting_id}/chunks/{hit.fused.chunk_id}",
        score=hit.fused.score,
        legs=[leg_score_message(each) for each in hit.fused.legs],
        meeting=summary_message(hit.meeting),
        lines=[line_message(hit.meeting, each) for each in hit.lines],
        best_line=hit.best_line,
        lines_before=[line_message(hit.meeting, each) for each in hit.lines_before],
        lines_after=[line_message(hit.meeting, each) for each in hit.lines_after],
        matched_terms=[term_message(each) for each in hit.terms] if explain else [],
        neighbor_support=hit.fused.neighbor_support,
    )


def _facet(facet: Facet) -> search_pb2.Facet:
    prefix = MEETING_PREFIX if facet.property == "meeting" else ""
    values = [search_pb2.FacetValue(value=prefix + value, count=count) for value, count in facet.values]
    return search_pb2.Facet(property=facet.property, values=values)


def summary_message(meeting: MeetingSummary) -> search_pb2.MeetingSummary:
    """The meeting of a hit as it goes over the wire."""
    return search_pb2.MeetingSummary(
        name=MEETING_PREFIX + meeting.meeting_id,
        title=meeting.title,
        date=meeting.held_on.isoformat() if meeting.held_on else "",
    )


def line_message(meeting: MeetingSummary, line: Line) -> search_pb2.Line:
    """A marked line as it goes over the wire."""
    spoken = _spoken(SpokenLine(meeting, line.utterance))
    spoken.highlights.extend(search_pb2.Highlight(start=start, end=end) for start, end in line.highlights)
    return spoken


def _spoken(spoken: SpokenLine) -> search_pb2.Line:
    utterance = spoken.utterance
    return search_pb2.Line(
        utterance=f"{MEETING_PREFIX}{spoken.meeting.meeting_id}/utterances/{utterance.ordinal}",
        speaker=utterance.speaker,
        start_offset=_duration_ms(utterance.start_ms),
        end_offset=_duration_ms(utterance.end_ms),
        text=utterance.text,
    )


def _duration_ms(milliseconds: int | None) -> duration_pb2.Duration | None:
    if milliseconds is None:
        return None
    duration = duration_pb2.Duration()
    duration.FromMilliseconds(milliseconds)
    return duration


def _duration_s(seconds: float) -> duration_pb2.Duration:
    duration = duration_pb2.Duration()
    duration.FromNanoseconds(round(seconds * 1e9))
    return duration
