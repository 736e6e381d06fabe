import base64
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sagwan.ingest.v1 import ingest_pb2
from sagwan.search.v1 import search_pb2
from sagwan_runtime.errors import InvalidRequest
from sagwan_runtime.tokens import page_position, page_token, request_fingerprint

scalars = st.none() | st.booleans() | st.integers() | st.text()
positions = st.lists(scalars, max_size=4)
json_values = st.recursive(
    scalars | st.floats(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8
)
FINGERPRINT = request_fingerprint(search_pb2.SearchRequest(query="예산"))


def coded(raw):
    return base64.urlsafe_b64encode(raw).decode()


@given(positions)
def test_a_token_gives_back_the_position_it_was_made_of(position):
    assert page_position(FINGERPRINT, page_token(FINGERPRINT, position)) == position


def test_without_a_token_it_is_the_first_page():
    assert page_position(FINGERPRINT, "") is None


@given(st.text(min_size=1))
def test_a_text_that_is_no_token_is_refused(text):
    with pytest.raises(InvalidRequest) as refused:
        page_position(FINGERPRINT, text)

    assert [each.field for each in refused.value.violations] == ["page_token"]


@given(st.binary(min_size=1))
def test_bytes_that_are_no_token_are_refused(raw):
    with pytest.raises(InvalidRequest):
        page_position(FINGERPRINT, coded(raw))


@settings(deadline=None)
@given(json_values)
def test_other_json_in_the_coat_of_a_token_is_refused(value):
    with pytest.raises(InvalidRequest):
        page_position(FINGERPRINT, coded(json.dumps(value).encode()))


@settings(deadline=None)
@given(json_values.filter(lambda value: not isinstance(value, list)))
def test_a_token_whose_position_is_no_list_is_refused(position):
    with pytest.raises(InvalidRequest):
        page_position(FINGERPRINT, coded(json.dumps([FINGERPRINT, position]).encode()))


def test_json_nested_without_end_is_refused():
    with pytest.raises(InvalidRequest):
        page_position(FINGERPRINT, coded(b"[" * 100_000))


@given(st.data())
def test_a_token_with_another_character_never_raises_anything_else(data):
    token = page_token(FINGERPRINT, ["meeting-1", 17])
    index = data.draw(st.integers(0, len(token) - 1))
    tampered = token[:index] + data.draw(st.characters()) + token[index + 1 :]

    try:
        position = page_position(FINGERPRINT, tampered)
    except InvalidRequest:
        return
    assert isinstance(position, list)


def test_a_token_of_another_request_is_refused():
    token = page_token(request_fingerprint(search_pb2.SearchRequest(query="예산")), [10])
    other = request_fingerprint(search_pb2.SearchRequest(query="결산"))

    with pytest.raises(InvalidRequest, match="belongs to another request"):
        page_position(other, token)


def test_requests_that_differ_in_page_only_are_the_same():
    first = search_pb2.SearchRequest(query="예산", page_size=10)
    second = search_pb2.SearchRequest(query="예산", page_size=50, page_token="abc")

    assert request_fingerprint(first) == request_fingerprint(second)


def test_a_request_keeps_its_token_when_it_is_fingerprinted():
    request = search_pb2.SearchRequest(query="예산", page_size=10, page_token="abc")

    request_fingerprint(request)

    assert (request.page_token, request.page_size) == ("abc", 10)


def test_requests_with_other_filters_are_not_the_same():
    one = search_pb2.SearchRequest(query="예산")
    other = search_pb2.SearchRequest(query="예산")
    other.filter.start_date = "2024-01-01"

    assert request_fingerprint(one) != request_fingerprint(other)


def test_every_request_with_pages_has_a_fingerprint():
    assert request_fingerprint(ingest_pb2.ListMeetingsRequest(page_size=3)) == request_fingerprint(
        ingest_pb2.ListMeetingsRequest()
    )
