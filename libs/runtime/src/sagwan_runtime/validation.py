"""Checks that every service makes of what it is sent. Pure: each yields violations, none raises."""

from collections.abc import Iterator, Sequence
from datetime import date

from sagwan_runtime.errors import Violation


def text_violations(field: str, value: str, *, characters_max: int, required: bool = False) -> Iterator[Violation]:
    """What is wrong with a text: empty or blank where it is required, too long, or not storable."""
    if required and not value.strip():
        yield Violation(field, "must hold something besides white space")
    if len(value) > characters_max:
        yield Violation(field, f"holds {len(value):,} characters; at most {characters_max:,} are taken")
    elif "\x00" in value:
        yield Violation(field, f"holds a NUL character at position {value.index(chr(0))}")


def texts_violations(
    field: str, values: Sequence[str], *, count_max: int, characters_max: int, count_min: int = 0
) -> Iterator[Violation]:
    """What is wrong with a list of texts, each of which must hold something."""
    if not count_min <= len(values) <= count_max:
        yield Violation(field, f"has {len(values):,} entries; {count_min} to {count_max:,} are taken")
        return
    for index, value in enumerate(values):
        yield from text_violations(f"{field}[{index}]", value, characters_max=characters_max, required=True)


def parsed_date(field: str, value: str, violations: list[Violation]) -> date | None:
    """The date that `YYYY-MM-DD` names; None, with a violation, when it names none; None for an empty text."""
    if not value:
        return None
    try:
        parsed = date.fromisoformat(value)
    except ValueError:
        parsed = None
    if parsed is None or value != parsed.isoformat():
        violations.append(Violation(field, f"{value[:40]!r} is not a date; write YYYY-MM-DD"))
        return None
    return parsed


def count_violations(field: str, value: int, *, largest: int) -> Iterator[Violation]:
    """What is wrong with a number that may be 0."""
    if not 0 <= value <= largest:
        yield Violation(field, f"is {value:,}; 0 to {largest:,} are taken")


def page_size_violations(field: str, value: int, *, largest: int) -> Iterator[Violation]:
    """What is wrong with a page size; 0 stands for the default."""
    if not 0 <= value <= largest:
        yield Violation(field, f"is {value}; 0 (the default) to {largest:,} are taken")
