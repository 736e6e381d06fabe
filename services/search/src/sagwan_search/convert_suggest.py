"""Protobuf to domain and back, for completions."""

from collections.abc import Iterable

from sagwan.search.v1 import search_pb2
from sagwan_runtime.errors import refuse_if_any
from sagwan_runtime.validation import page_size_violations, text_violations
from sagwan_search.domain.suggestions import Suggestion

_PREFIX_CHARACTERS_MAX = 100
_SUGGESTIONS_DEFAULT = 10
_SUGGESTIONS_MAX = 100


def suggest_request(request: search_pb2.SuggestRequest) -> tuple[str, int]:
    """The prefix to be completed, and how many completions are wanted.

    Raises:
        InvalidRequest: Fields are wrong; all that are.
    """
    refuse_if_any(
        [
            *text_violations("prefix", request.prefix, characters_max=_PREFIX_CHARACTERS_MAX, required=True),
            *page_size_violations("page_size", request.page_size, largest=_SUGGESTIONS_MAX),
        ]
    )
    return request.prefix, request.page_size or _SUGGESTIONS_DEFAULT


def suggest_response(suggestions: Iterable[Suggestion]) -> search_pb2.SuggestResponse:
    """Completions as they go over the wire."""
    return search_pb2.SuggestResponse(
        suggestions=[search_pb2.Suggestion(value=each.value, property=each.property) for each in suggestions]
    )
