"""Protobuf to domain and back, for GetContext."""

from sagwan.search.v1 import search_pb2
from sagwan_runtime.errors import InvalidRequest, refuse_if_any
from sagwan_runtime.validation import count_violations
from sagwan_search.context import GatheredContext, MarkedPassage
from sagwan_search.convert import line_message, query_of, summary_message
from sagwan_search.convert_syntax import correction_message
from sagwan_search.domain.query import Query

_TOKEN_BUDGET_DEFAULT = 2_000
_TOKEN_BUDGET_MAX = 100_000


def context_request(request: search_pb2.GetContextRequest, *, depth: int, token_key: bytes) -> tuple[Query, int]:
    """The question, as a search with the same words and filter asks it, and the budget of tokens.

    Args:
        request: From the wire.
        depth: How far a search's pages reach.
        token_key: The tenant's secret that page tokens are signed with.

    Raises:
        InvalidRequest: Fields are wrong; all that are.
    """
    violations = list(count_violations("token_budget", request.token_budget, largest=_TOKEN_BUDGET_MAX))
    try:
        asked = search_pb2.SearchRequest(query=request.query, filter=request.filter, plain_text=request.plain_text)
        query = query_of(asked, depth=depth, token_key=token_key)
    except InvalidRequest as error:
        raise InvalidRequest(*error.violations, *violations) from None
    refuse_if_any(violations)
    return query, request.token_budget or _TOKEN_BUDGET_DEFAULT


def context_response(context: GatheredContext) -> search_pb2.GetContextResponse:
    """The passages as they go over the wire."""
    return search_pb2.GetContextResponse(
        passages=[_passage(each) for each in context.passages],
        token_count=context.token_count,
        degraded=bool(context.degraded_reason),
        degraded_reason=context.degraded_reason,
        partial=bool(context.partial_reason),
        partial_reason=context.partial_reason,
        corrections=[correction_message(each) for each in context.corrections],
    )


def _passage(marked: MarkedPassage) -> search_pb2.Passage:
    meeting = marked.passage.meeting
    return search_pb2.Passage(
        meeting=summary_message(meeting),
        lines=[line_message(meeting, each) for each in marked.lines],
        citation=marked.passage.citation,
    )
