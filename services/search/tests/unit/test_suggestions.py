from collections.abc import Callable

import pytest

from sagwan.search.v1 import search_pb2
from sagwan_runtime.errors import InvalidRequest
from sagwan_search.convert_suggest import suggest_request, suggest_response
from sagwan_search.domain.suggestions import Suggestion, best_suggestions

Request = search_pb2.SuggestRequest


def speaker(value: str, occurrences: int) -> Suggestion:
    return Suggestion("speaker", value, occurrences)


class TestOrder:
    def test_the_most_frequent_come_first_and_then_the_alphabet_decides(self):
        found = [speaker("Zoe", 3), speaker("bob", 7), speaker("Ann", 3), speaker("김철수", 3)]
        assert [each.value for each in best_suggestions(found, 10)] == ["bob", "Ann", "Zoe", "김철수"]

    def test_spellings_of_one_value_are_added_up_and_the_most_frequent_is_shown(self):
        found = [speaker("KIM", 2), speaker("Kim", 3), speaker("kim  ", 1), speaker("Lee", 5)]
        assert best_suggestions(found, 10) == [speaker("Kim", 6), speaker("Lee", 5)]

    def test_a_speaker_and_a_tag_of_the_same_name_are_two(self):
        found = [Suggestion("tag", "budget", 1), Suggestion("title", "Budget", 1), speaker("budget", 1)]
        assert [each.property for each in best_suggestions(found, 10)] == ["speaker", "tag", "title"]

    def test_no_more_are_given_than_asked_for(self):
        assert best_suggestions([speaker(str(number), number) for number in range(9)], 2) == [
            speaker("8", 8),
            speaker("7", 7),
        ]
        assert best_suggestions([], 2) == []


def violated(build: Callable[[], object]) -> list[str]:
    with pytest.raises(InvalidRequest) as caught:
        build()
    return [each.field for each in caught.value.violations]


class TestRequests:
    def test_ten_are_given_unless_another_number_is_asked_for(self):
        assert suggest_request(Request(prefix=" 김ㅊ")) == (" 김ㅊ", 10)
        assert suggest_request(Request(prefix="x" * 100, page_size=100)) == ("x" * 100, 100)

    @pytest.mark.parametrize(
        ("fields", "named"),
        [
            ({"prefix": ""}, ["prefix"]),
            ({"prefix": " \t"}, ["prefix"]),
            ({"prefix": "가" * 101}, ["prefix"]),
            ({"prefix": "a\x00"}, ["prefix"]),
            ({"prefix": "a", "page_size": 101}, ["page_size"]),
            ({"prefix": "", "page_size": -1}, ["prefix", "page_size"]),
        ],
    )
    def test_a_bad_field_is_named(self, fields, named):
        assert violated(lambda: suggest_request(Request(**fields))) == named

    def test_an_answer_carries_values_with_what_they_are(self):
        response = suggest_response([speaker("김철수", 3), Suggestion("title", "예산", 1)])
        assert [(each.value, each.property) for each in response.suggestions] == [
            ("김철수", "speaker"),
            ("예산", "title"),
        ]
