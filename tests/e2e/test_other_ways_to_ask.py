"""Several questions at once, through gRPC."""

import grpc
import pytest

from sagwan.search.v1 import search_pb2

pytestmark = pytest.mark.e2e

QUESTIONS = ["why was the cache slow", "새 심야버스 예산", "who was charged twice"]


def test_a_batch_answers_each_question_as_a_search_does_and_names_what_is_wrong(search, key):
    requests = [search_pb2.SearchRequest(query=each, page_size=5) for each in QUESTIONS]
    bad = search_pb2.SearchRequest(query="budget", filter=search_pb2.Filter(start_date="soon"))
    batch = search_pb2.BatchSearchRequest(requests=[*requests, bad])
    *answered, refused = search.BatchSearch(batch, metadata=key).results
    for request, result in zip(requests, answered, strict=True):
        alone = search.Search(request, metadata=key)
        assert [hit.name for hit in result.response.hits] == [hit.name for hit in alone.hits]
        assert (result.response.model, result.response.degraded) == (alone.model, False)
    assert refused.error.code == grpc.StatusCode.INVALID_ARGUMENT.value[0]
    assert "filter.start_date" in refused.error.message


def test_pages_of_a_batch_go_on_in_a_search(search, key):
    request = search_pb2.SearchRequest(query="budget", page_size=2)
    (result,) = search.BatchSearch(search_pb2.BatchSearchRequest(requests=[request]), metadata=key).results
    request.page_token = result.response.next_page_token
    shown = {hit.name for hit in result.response.hits}
    assert not shown & {hit.name for hit in search.Search(request, metadata=key).hits}


def test_an_empty_batch_is_refused(search, key):
    with pytest.raises(grpc.RpcError) as refusal:
        search.BatchSearch(search_pb2.BatchSearchRequest(), metadata=key)
    assert refusal.value.code() is grpc.StatusCode.INVALID_ARGUMENT
