import pytest
from sagwan_loadtest.questions import Asker, Question, parse_questions

LINES = [
    '{"text": "night bus", "meeting_id": "m", "filters": {"speaker": "Wen Harrow"}}',
    "",
    '{"_id": "q2", "text": "우물"}',
]


def drawn(share, *, seed=1, count=1_000):
    asker = Asker(parse_questions(LINES), filtered_share=share, seed=seed)
    return [asker.next_request() for _ in range(count)]


def test_questions_are_read_with_and_without_filters():
    assert parse_questions(LINES) == [
        Question("night bus", {"speaker": "Wen Harrow"}),
        Question("우물", {}),
    ]


@pytest.mark.parametrize("lines", [[], ["", " "]])
def test_a_file_without_questions_is_refused(lines):
    with pytest.raises(ValueError, match="no question"):
        parse_questions(lines)


@pytest.mark.parametrize("line", ['{"query": "x"}', '["x"]', '{"text": 3}'])
def test_a_line_without_a_text_is_refused_with_its_number(line):
    with pytest.raises(ValueError, match="line 2"):
        parse_questions(['{"text": "x"}', line])


def test_about_the_asked_share_of_the_searches_is_filtered():
    filtered = sum(request.HasField("filter") for request in drawn(0.1))
    assert 60 < filtered < 150


def test_a_question_is_filtered_by_its_own_filters_or_by_an_open_range():
    filters = {request.query: request.filter for request in drawn(1.0)}
    assert list(filters["night bus"].speakers) == ["Wen Harrow"]
    assert filters["night bus"].start_date == ""
    assert filters["우물"].start_date == "1900-01-01"


def test_dates_become_the_ends_of_the_filter():
    question = Question("x", {"after": "2026-01-01", "before": "2026-02-01"})
    request = Asker([question], filtered_share=1.0, seed=0).next_request()
    assert (request.filter.start_date, request.filter.end_date) == ("2026-01-01", "2026-02-01")


def test_the_same_seed_asks_the_same_questions():
    assert drawn(0.5, seed=7, count=50) == drawn(0.5, seed=7, count=50)
    assert drawn(0.5, seed=7, count=50) != drawn(0.5, seed=8, count=50)
