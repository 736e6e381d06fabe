import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagwan.ingest.v1 import ingest_pb2
from sagwan.search.v1 import search_pb2
from sagwan_runtime.errors import InvalidRequest
from sagwan_runtime.tokens import page_position, page_token

KEY = b"secret of this tenant"
REQUEST = search_pb2.SearchRequest(query="예산")


def assert_refused(token, request=REQUEST, key=KEY):
    with pytest.raises(InvalidRequest) as refused:
        page_position(request, key, token)
    assert [each.field for each in refused.value.violations] == ["page_token"]


@given(st.binary())
def test_a_token_gives_back_the_position_it_was_made_of(position):
    assert page_position(REQUEST, KEY, page_token(REQUEST, KEY, position)) == position


def test_without_a_token_it_is_the_first_page():
    assert page_position(REQUEST, KEY, "") is None


@given(st.text(min_size=1))
def test_a_text_that_is_no_token_is_refused(text):
    assert_refused(text)


@given(st.binary(min_size=1))
def test_bytes_that_nobody_signed_are_refused(raw):
    assert_refused(base64.urlsafe_b64encode(raw).decode())


@given(position=st.binary(), data=st.data())
def test_a_token_with_another_character_is_refused(position, data):
    token = page_token(REQUEST, KEY, position)
    index = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.characters(codec="utf-8").filter(lambda character: character != token[index]))
    assert_refused(token[:index] + other + token[index + 1 :])


@given(position=st.binary(), data=st.data())
def test_a_token_that_was_cut_or_that_something_was_added_to_is_refused(position, data):
    token = page_token(REQUEST, KEY, position)
    assert_refused(token[: data.draw(st.integers(1, len(token) - 1))])
    assert_refused(token + data.draw(st.text(min_size=1, max_size=4)))


def test_a_token_of_another_tenant_is_refused():
    token = page_token(REQUEST, KEY, b"10")
    assert page_position(REQUEST, KEY, token) == b"10"
    assert_refused(token, key=b"secret of another tenant")


@pytest.mark.parametrize(
    "other",
    [
        search_pb2.SearchRequest(query="결산"),
        search_pb2.SearchRequest(query="예산", explain=True),
        search_pb2.SearchRequest(query="예산", filter=search_pb2.Filter(start_date="2024-01-01")),
    ],
)
def test_a_token_of_another_request_is_refused(other):
    assert_refused(page_token(REQUEST, KEY, b"10"), other)


def test_requests_of_two_kinds_never_share_a_token_though_they_look_alike_on_the_wire():
    meetings, utterances = ingest_pb2.ListMeetingsRequest(), search_pb2.ListUtterancesRequest()
    assert meetings.SerializeToString() == utterances.SerializeToString()
    assert_refused(page_token(meetings, KEY, b"10"), utterances)


def test_requests_that_differ_in_page_only_share_a_token():
    first = search_pb2.SearchRequest(query="예산", page_size=10, page_token="of the page before")
    second = search_pb2.SearchRequest(query="예산", page_size=50)
    assert page_position(second, KEY, page_token(first, KEY, b"10")) == b"10"


def test_a_request_is_left_as_it_was():
    request = search_pb2.SearchRequest(query="예산", page_size=10, page_token="abc")
    page_token(request, KEY, b"10")
    assert (request.page_token, request.page_size) == ("abc", 10)
