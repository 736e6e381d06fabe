import pytest
from google.protobuf.duration_pb2 import Duration

from sagwan.search.v1 import search_pb2
from sagwan_runtime.errors import InvalidRequest
from sagwan_search.context import GatheredContext, MarkedPassage
from sagwan_search.convert import query_of
from sagwan_search.convert_context import context_request, context_response
from sagwan_search.domain.answer import MeetingSummary
from sagwan_search.domain.lines import Line, Utterance
from sagwan_search.domain.passages import Passage

Request = search_pb2.GetContextRequest


def violated(**fields) -> list[str]:
    with pytest.raises(InvalidRequest) as caught:
        context_request(Request(**{"query": "budget", **fields}), depth=100, token_key=b"")
    return [each.field for each in caught.value.violations]


@pytest.mark.parametrize(("asked", "taken"), [(0, 2_000), (1, 1), (100_000, 100_000)])
def test_the_budget_is_the_one_asked_for_or_the_documented_default(asked, taken):
    assert context_request(Request(query="budget", token_budget=asked), depth=100, token_key=b"")[1] == taken


def test_the_question_is_that_of_a_search_with_the_same_words_and_filter():
    condition = search_pb2.Filter(speakers=["Ann"], start_date="2026-01-01")
    query, _ = context_request(Request(query="예산", filter=condition), depth=100, token_key=b"")
    assert query == query_of(search_pb2.SearchRequest(query="예산", filter=condition), depth=100, token_key=b"")


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"query": ""}, ["query"]),
        ({"query": " \n"}, ["query"]),
        ({"query": "x" * 10_001}, ["query"]),
        ({"token_budget": -1}, ["token_budget"]),
        ({"token_budget": 100_001}, ["token_budget"]),
        ({"filter": search_pb2.Filter(end_date="x")}, ["filter.end_date"]),
        ({"query": "", "token_budget": -1}, ["query", "token_budget"]),
    ],
)
def test_all_that_is_wrong_is_named(fields, named):
    assert violated(**fields) == named


def test_passages_carry_names_lines_highlights_and_citations():
    meeting = MeetingSummary("weekly-12", "Weekly", None)
    utterance = Utterance(3, "Ann", 61_500, None, "the budget")
    passage = Passage(meeting, [utterance], "Weekly: Ann, 0:01:01", 5)
    marked = MarkedPassage(passage, [Line(utterance, ((4, 10),), frozenset({"budget"}))])
    response = context_response(GatheredContext([marked, marked], "the embedder is down", "too many words"))
    assert response.token_count == 10
    assert (response.degraded, response.degraded_reason) == (True, "the embedder is down")
    assert (response.partial, response.partial_reason) == (True, "too many words")
    shown = response.passages[1]
    assert (shown.meeting.name, shown.citation) == ("meetings/weekly-12", "Weekly: Ann, 0:01:01")
    (line,) = shown.lines
    assert (line.utterance, line.speaker, line.text) == ("meetings/weekly-12/utterances/3", "Ann", "the budget")
    assert line.start_offset == Duration(seconds=61, nanos=500_000_000)
    assert [(each.start, each.end) for each in line.highlights] == [(4, 10)]
