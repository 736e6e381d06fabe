from collections.abc import Callable
from datetime import date

import pytest
from google.protobuf.duration_pb2 import Duration
from hypothesis import given
from hypothesis import strategies as st

from sagwan.search.v1 import search_pb2
from sagwan_runtime.errors import InvalidRequest
from sagwan_search.convert import query_of, utterances_request
from sagwan_search.convert_context import context_request
from sagwan_search.convert_similar import similar_query_of
from sagwan_search.domain.filters import Filter

Condition = search_pb2.Filter

# Each request that takes a filter, with where it lands.
WAYS: dict[str, Callable[[Condition], Filter]] = {
    "Search": lambda f: query_of(search_pb2.SearchRequest(query="x", filter=f), depth=100, token_key=KEY).filter,
    "GetContext": lambda f: (
        context_request(search_pb2.GetContextRequest(query="x", filter=f), depth=100, token_key=KEY)[0].filter
    ),
    "FindSimilar": lambda f: (
        similar_query_of(search_pb2.FindSimilarRequest(text="x", filter=f), depth=100, token_key=KEY).filter
    ),
    "ListUtterances": lambda f: utterances_request(search_pb2.ListUtterancesRequest(filter=f), KEY)[0],
}

KEY = b"secret of the tenant"


def asked(**fields) -> Filter:
    """What all requests that take this filter ask for."""
    first, *others = (way(Condition(**fields)) for way in WAYS.values())
    assert all(each == first for each in others)
    return first


def violated(**fields) -> list[str]:
    """Where all requests that take this filter find it wrong."""
    found = []
    for way in WAYS.values():
        with pytest.raises(InvalidRequest) as caught:
            way(Condition(**fields))
        found.append([each.field for each in caught.value.violations])
    assert all(each == found[0] for each in found)
    return found[0]


def nested(depth: int) -> Condition:
    """A filter of so many filters, one in the other."""
    condition = Condition(start_date="2024-02-30")
    for _ in range(depth - 1):
        condition = Condition(none_of=[condition])
    return condition


def test_a_filter_that_says_nothing_restricts_nothing():
    assert asked() == Filter()


def test_every_field_is_taken():
    assert asked(
        start_date="2024-01-31",
        end_date="2024-02-29",
        meetings=["meetings/a", "meetings/b"],
        speakers=["  KIM  철수 "],
        series=["Ｗｅｅｋｌｙ"],
        participants=["Ann", "O'Neil"],
        tags=["STRASSE"],
        languages=["ko", "en-GB"],
        utterance_kinds=["decision", "action"],
        start_offset=Duration(seconds=60),
        end_offset=Duration(seconds=90, nanos=5_000_000),
        all_of=[Condition(speakers=["Bob"])],
        any_of=[Condition(), Condition(none_of=[Condition(tags=["x"])])],
        none_of=[Condition(start_date="2024-02-01")],
    ) == Filter(
        start_date=date(2024, 1, 31),
        end_date=date(2024, 2, 29),
        meeting_ids=("a", "b"),
        speaker_keys=("kim 철수",),
        series_keys=("weekly",),
        participant_keys=("ann", "o'neil"),
        tag_keys=("strasse",),
        languages=("ko", "en-gb"),
        utterance_kinds=("decision", "action"),
        start_ms=60_000,
        end_ms=90_005,
        all_of=(Filter(speaker_keys=("bob",)),),
        any_of=(Filter(), Filter(none_of=(Filter(tag_keys=("x",)),))),
        none_of=(Filter(start_date=date(2024, 2, 1)),),
    )


def test_one_day_and_one_moment_are_spans_too():
    moment = Duration(seconds=5)
    assert asked(start_date="2024-02-29", end_date="2024-02-29", start_offset=moment, end_offset=moment) == Filter(
        date(2024, 2, 29), date(2024, 2, 29), start_ms=5_000, end_ms=5_000
    )


def test_the_very_beginning_is_an_offset():
    assert asked(start_offset=Duration(), end_offset=Duration()) == Filter(start_ms=0, end_ms=0)


@given(st.integers(0, 10**13))
def test_parts_of_a_millisecond_are_rounded_to_within_what_was_asked_for(nanoseconds):
    seconds, nanos = divmod(nanoseconds, 10**9)
    condition = Condition(start_offset=Duration(seconds=seconds, nanos=nanos), end_offset=Duration(seconds=10**5))
    found = WAYS["Search"](condition)
    assert 0 <= found.start_ms * 10**6 - nanoseconds < 10**6
    condition = Condition(end_offset=Duration(seconds=seconds, nanos=nanos))
    assert 0 <= nanoseconds - WAYS["Search"](condition).end_ms * 10**6 < 10**6


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"start_date": "2024-02-30"}, "start_date"),
        ({"start_date": "20240228"}, "start_date"),
        ({"start_date": "2024-W09-3"}, "start_date"),
        ({"end_date": "yesterday" * 1_000}, "end_date"),
        ({"end_date": " 2024-02-28"}, "end_date"),
        ({"start_date": "2024-03-02", "end_date": "2024-03-01"}, "end_date"),
        ({"meetings": ["meetings/ok", "weekly-12"]}, "meetings[1]"),
        ({"meetings": ["meetings/"]}, "meetings[0]"),
        ({"meetings": ["meetings/a/chunks/1"]}, "meetings[0]"),
        ({"meetings": ["meetings/a\x00"]}, "meetings[0]"),
        ({"meetings": ["meetings/" + "a" * 300]}, "meetings[0]"),
        ({"meetings": ["meetings/a"] * 1_001}, "meetings"),
        *(
            ({field: values}, f"{field}{place}")
            for field in ("speakers", "series", "participants", "tags")
            for values, place in (
                (["Ann", " "], "[1]"), (["Ann\x00"], "[0]"), (["x" * 257], "[0]"), (["Ann"] * 101, "")
            )
        ),
        ({"languages": ["ko", ""]}, "languages[1]"),
        ({"languages": ["ko_KR"]}, "languages[0]"),
        ({"languages": ["ko%"]}, "languages[0]"),
        ({"languages": ["korean language"]}, "languages[0]"),
        ({"languages": ["en"] * 101}, "languages"),
        ({"utterance_kinds": ["speech", "Decision"]}, "utterance_kinds[1]"),
        ({"utterance_kinds": [""]}, "utterance_kinds[0]"),
        ({"start_offset": Duration(seconds=-1)}, "start_offset"),
        ({"start_offset": Duration(nanos=-1)}, "start_offset"),
        ({"end_offset": Duration(seconds=1, nanos=-1)}, "end_offset"),
        ({"end_offset": Duration(seconds=1, nanos=2**31 - 1)}, "end_offset"),
        ({"end_offset": Duration(seconds=2**62)}, "end_offset"),
        ({"start_offset": Duration(seconds=5, nanos=1), "end_offset": Duration(seconds=5)}, "end_offset"),
    ],
)  # fmt: skip
def test_a_bad_field_is_named_however_deep_it_lies(fields, named):
    assert violated(**fields) == [f"filter.{named}"]
    inner = Condition(**fields)
    assert violated(any_of=[Condition(), inner]) == [f"filter.any_of[1].{named}"]
    assert violated(all_of=[Condition(none_of=[inner])]) == [f"filter.all_of[0].none_of[0].{named}"]


def test_all_that_is_wrong_is_named_at_once():
    wrong = violated(start_date="x", tags=[""], none_of=[Condition(end_date="x"), Condition(languages=["?"])])
    assert wrong == [
        "filter.start_date",
        "filter.tags[0]",
        "filter.none_of[0].end_date",
        "filter.none_of[1].languages[0]",
    ]


def test_filters_may_lie_five_deep_and_no_deeper():
    path = "filter" + ".none_of[0]" * 4
    assert violated(none_of=nested(5).none_of) == [f"{path}.start_date"]
    assert violated(none_of=nested(6).none_of) == [f"{path}.none_of[0]"]


def test_fifty_filters_may_make_one_and_no_more():
    groups = {"any_of": [Condition()] * 20, "all_of": [Condition(none_of=[Condition()])] * 10}
    assert len(list(asked(**groups, none_of=[Condition()] * 9).tree())) == 50
    assert violated(**groups, none_of=[Condition()] * 10) == ["filter"]
    assert violated(any_of=[Condition(start_date="x")] * 10_000) == ["filter"]
