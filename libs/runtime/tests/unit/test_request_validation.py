from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagwan_runtime.errors import Violation
from sagwan_runtime.validation import (
    count_violations,
    page_size_violations,
    parsed_date,
    text_violations,
    texts_violations,
)


@given(st.text(st.characters(exclude_characters="\x00"), max_size=20))
def test_a_short_text_is_storable(value):
    assert list(text_violations("title", value, characters_max=20)) == []


@given(st.text(" \t\n\u3000\u2003"))
def test_white_space_alone_does_not_fill_a_required_text(value):
    (violation,) = text_violations("query", value, characters_max=1_000_000, required=True)

    assert violation == Violation("query", "must hold something besides white space")


@given(st.integers(0, 50), st.text(max_size=100))
def test_length_is_counted_in_characters(characters_max, value):
    found = list(text_violations("title", value.replace("\x00", "회"), characters_max=characters_max))

    assert bool(found) == (len(value) > characters_max)


def test_a_text_that_is_too_long_is_told_by_how_much():
    (violation,) = text_violations("title", "가" * 1_501, characters_max=1_000)

    assert violation.reason == "holds 1,501 characters; at most 1,000 are taken"


def test_a_nul_character_is_refused_because_postgresql_cannot_store_it():
    (violation,) = text_violations("title", "ab\x00c", characters_max=10)

    assert violation.reason == "holds a NUL character at position 2"


@pytest.mark.parametrize("count", [0, 4])
def test_a_list_of_the_wrong_size_is_one_violation(count):
    (violation,) = texts_violations("tags", [""] * count, count_min=1, count_max=3, characters_max=10)

    assert violation == Violation("tags", f"has {count} entries; 1 to 3 are taken")


def test_each_wrong_entry_of_a_list_is_named_by_its_index():
    found = texts_violations("tags", ["ok", " ", "x" * 11], count_max=3, characters_max=10)

    assert [each.field for each in found] == ["tags[1]", "tags[2]"]


def test_a_list_may_be_empty_unless_it_must_not():
    assert list(texts_violations("tags", [], count_max=3, characters_max=10)) == []


@given(st.dates())
def test_every_date_is_read_as_it_is_written(day):
    violations = []

    assert parsed_date("start_date", day.isoformat(), violations) == day
    assert violations == []


def test_an_empty_date_restricts_nothing():
    violations = []

    assert parsed_date("start_date", "", violations) is None
    assert violations == []


@pytest.mark.parametrize(
    "value",
    ["2024-02-30", "20240305", "2024-W10-2", "2024-3-5", " 2024-03-05", "2024-03-05T10:00", "어제", "０２０２４", "-"],
)
def test_what_is_not_a_day_is_refused(value):
    violations = []

    assert parsed_date("filter.start_date", value, violations) is None
    assert violations == [Violation("filter.start_date", f"{value!r} is not a date; write YYYY-MM-DD")]


@given(st.text(min_size=1))
def test_a_date_is_either_read_or_refused(value):
    violations = []

    found = parsed_date("start_date", value, violations)

    assert (found is None) == bool(violations)
    assert found is None or found == date.fromisoformat(value)


@pytest.mark.parametrize("character", ["9", "가", "\x01", "\U000e0001"])
def test_a_refused_date_is_not_repeated_at_length(character):
    violations = []

    parsed_date("start_date", character * 2_000, violations)

    assert len(violations[0].reason) < 500


@pytest.mark.parametrize(("size", "taken"), [(-1, False), (0, True), (100, True), (101, False)])
def test_a_page_size_is_within_its_limits_or_zero_for_the_default(size, taken):
    assert (not list(page_size_violations("page_size", size, largest=100))) == taken


@pytest.mark.parametrize(("value", "taken"), [(-1, False), (0, True), (5, True), (6, False)])
def test_a_count_is_within_its_limits(value, taken):
    found = list(count_violations("neighbor_count", value, largest=5))
    assert found == ([] if taken else [Violation("neighbor_count", f"is {value}; 0 to 5 are taken")])
