"""Protobuf to domain and back, for several questions at once."""

from sagwan.search.v1 import search_pb2
from sagwan_runtime.errors import InvalidRequest, SagwanError
from sagwan_runtime.status import rich_status, status_code_number
from sagwan_search.convert import HITS_DEFAULT, HITS_MAX, NEIGHBORS_MAX, query_of, search_response
from sagwan_search.domain.answer import Answer
from sagwan_search.domain.query import Query

_REQUESTS_MAX = 100
# Some 20 MB of lines: what a message, and the memory of a service, bears.
_CHUNKS_MAX = 10_000


def batch_of(request: search_pb2.BatchSearchRequest, *, depth: int, token_key: bytes) -> list[Query | SagwanError]:
    """The questions of a batch; in place of each that cannot be asked, why.

    Raises:
        InvalidRequest: There are none or too many, or they ask for more chunks than one answer holds.
    """
    count = len(request.requests)
    if not 1 <= count <= _REQUESTS_MAX:
        raise InvalidRequest.field("requests", f"has {count:,} entries; 1 to {_REQUESTS_MAX} are taken")
    chunks = sum(map(_chunk_count, request.requests))
    if chunks > _CHUNKS_MAX:
        reason = f"ask for {chunks:,} chunks with their neighbours; {_CHUNKS_MAX:,} together are taken"
        raise InvalidRequest.field("requests", reason)
    return [_question(each, depth, token_key) for each in request.requests]


def batch_result(
    request: search_pb2.SearchRequest, end: tuple[Query, Answer] | SagwanError, *, token_key: bytes
) -> search_pb2.BatchSearchResult:
    """How one search of a batch ended, as it goes over the wire."""
    if isinstance(end, SagwanError):
        status = rich_status(end)
        error = search_pb2.BatchSearchError(code=status_code_number(status.code), message=status.message)
        return search_pb2.BatchSearchResult(error=error)
    return search_pb2.BatchSearchResult(response=search_response(request, *end, token_key=token_key))


def _chunk_count(request: search_pb2.SearchRequest) -> int:
    """Chunks that its answer may show. What is out of range is refused for its own sake, and shows none."""
    if not (0 <= request.page_size <= HITS_MAX and 0 <= request.neighbor_count <= NEIGHBORS_MAX):
        return 0
    return (request.page_size or HITS_DEFAULT) * (1 + 2 * request.neighbor_count)


def _question(request: search_pb2.SearchRequest, depth: int, token_key: bytes) -> Query | SagwanError:
    try:
        return query_of(request, depth=depth, token_key=token_key)
    except SagwanError as error:
        return error
