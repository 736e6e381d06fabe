"""Protobuf to domain and back, for several questions at once."""

from sagwan.search.v1 import search_pb2
from sagwan_runtime.errors import InvalidRequest, SagwanError
from sagwan_runtime.status import rich_status, status_code_number
from sagwan_search.convert import query_of, search_response
from sagwan_search.domain.answer import Answer
from sagwan_search.domain.query import Query

_REQUESTS_MAX = 100


def batch_of(request: search_pb2.BatchSearchRequest, *, depth: int) -> list[Query | SagwanError]:
    """The questions of a batch; in place of each that cannot be asked, why.

    Raises:
        InvalidRequest: There are none or too many.
    """
    count = len(request.requests)
    if not 1 <= count <= _REQUESTS_MAX:
        raise InvalidRequest.field("requests", f"has {count:,} entries; 1 to {_REQUESTS_MAX} are taken")
    return [_question(each, depth) for each in request.requests]


def batch_result(
    request: search_pb2.SearchRequest, end: tuple[Query, Answer] | SagwanError
) -> search_pb2.BatchSearchResult:
    """How one search of a batch ended, as it goes over the wire."""
    if isinstance(end, SagwanError):
        status = rich_status(end)
        error = search_pb2.BatchSearchError(code=status_code_number(status.code), message=status.message)
        return search_pb2.BatchSearchResult(error=error)
    return search_pb2.BatchSearchResult(response=search_response(request, *end))


def _question(request: search_pb2.SearchRequest, depth: int) -> Query | SagwanError:
    try:
        return query_of(request, depth=depth)
    except SagwanError as error:
        return error
