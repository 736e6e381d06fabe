"""The text syntax in requests: what becomes of it, and what is said of it in answers."""

from datetime import date

import pytest

from sagwan.search.v1 import search_pb2
from sagwan_runtime.errors import InvalidRequest
from sagwan_search.convert import query_of
from sagwan_search.convert_context import context_request
from sagwan_search.convert_syntax import correction_message
from sagwan_search.domain.filters import Filter
from sagwan_search.domain.near_misses import Correction, Nearness

TEXT = 'speaker:Ann after:2026 "cut it" budget -draft'


def test_words_are_looked_for_and_conditions_hold_beside_the_filter():
    request = search_pb2.SearchRequest(query=TEXT, filter=search_pb2.Filter(tags=["q3"]))
    query = query_of(request, depth=100, token_key=b"key")
    assert query.text == "cut it budget"
    own, of_text = query.filter.all_of
    assert own == Filter(tag_keys=("q3",))
    assert (of_text.speaker_keys, of_text.start_date) == (("ann",), date(2026, 1, 1))
    assert str(query.syntax) == 'speaker:Annafter:2026"cut it"-draft'


def test_plain_text_is_words_alone():
    search = query_of(search_pb2.SearchRequest(query=TEXT, plain_text=True), depth=100, token_key=b"key")
    context, _ = context_request(search_pb2.GetContextRequest(query=TEXT, plain_text=True), depth=100, token_key=b"key")
    for query in (search, context):
        assert query.text == TEXT
        assert query.filter == Filter()
        assert not query.syntax.parts


def test_passages_are_asked_for_with_the_same_syntax():
    query, _ = context_request(search_pb2.GetContextRequest(query=TEXT), depth=100, token_key=b"key")
    assert query == query_of(search_pb2.SearchRequest(query=TEXT), depth=100, token_key=b"key")


@pytest.mark.parametrize(
    ("text", "reasons"),
    [
        ("a after:yesterday kind:joke", ["after:yesterday is not a day", "kind:joke is none of"]),
        ('a speaker:"Ann', ['speaker:"Ann has no closing quote']),
        ('"a" ' * 11, ["has 11 phrases"]),
    ],
)
def test_all_that_is_wrong_is_said_of_the_query(text, reasons):
    request = search_pb2.SearchRequest(query=text, page_size=-1)
    with pytest.raises(InvalidRequest) as refused:
        query_of(request, depth=100, token_key=b"key")
    assert [each.field for each in refused.value.violations] == ["page_size", *["query"] * len(reasons)]
    for violation, reason in zip(refused.value.violations[1:], reasons, strict=True):
        assert violation.reason.startswith(reason)


@pytest.mark.parametrize("nearness", Nearness)
def test_corrections_say_what_was_written_and_what_took_its_place(nearness):
    message = correction_message(Correction("김철소", "김철수", nearness, applied=False))
    assert (message.written, message.replacement, message.applied) == ("김철소", "김철수", False)
    assert search_pb2.CorrectionKind.Name(message.kind) == f"CORRECTION_KIND_{nearness.name}"
