import pytest

from sagwan_runtime.errors import InvalidRequest, NotFound, Violation, refuse_if_any


def test_a_violation_inside_a_message_names_the_whole_path():
    assert Violation("start_date", "is late").under("filter") == Violation("filter.start_date", "is late")


def test_a_violation_of_a_message_itself_is_named_after_its_field():
    assert Violation("", "is missing").under("meeting") == Violation("meeting", "is missing")


def test_an_invalid_request_tells_every_violation():
    error = InvalidRequest(Violation("query", "is blank"), Violation("page_size", "is -1"))

    assert str(error) == "query: is blank; page_size: is -1"
    assert error.violations == (Violation("query", "is blank"), Violation("page_size", "is -1"))


def test_an_invalid_message_inside_another_moves_every_violation():
    error = InvalidRequest(Violation("title", "is long"), Violation("tags[2]", "is blank")).under("meeting")

    assert [each.field for each in error.violations] == ["meeting.title", "meeting.tags[2]"]


def test_violations_of_many_checks_are_refused_together():
    found = (Violation(field, "is wrong") for field in ("one", "two"))

    with pytest.raises(InvalidRequest) as refused:
        refuse_if_any(found)

    assert [each.field for each in refused.value.violations] == ["one", "two"]


def test_a_request_without_violations_is_not_refused():
    refuse_if_any(iter(()))


def test_what_is_not_found_is_named():
    error = NotFound("meetings/2024-03-05")

    assert error.resource == "meetings/2024-03-05"
    assert str(error) == "meetings/2024-03-05 does not exist"
