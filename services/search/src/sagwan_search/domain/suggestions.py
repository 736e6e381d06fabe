"""Completed values: spellings of one value become one, and the most frequent come first."""

from collections.abc import Iterable
from dataclasses import dataclass

from sagwan_text.speakers import speaker_key


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A value that a prefix can be completed to.

    Attributes:
        property: `speaker`, `tag` or `title`.
        value: As written.
        occurrences: Turns of a speaker, meetings of a tag or a title.
    """

    property: str
    value: str
    occurrences: int


def best_suggestions(found: Iterable[Suggestion], count_max: int) -> list[Suggestion]:
    """The most frequent first, equally frequent ones in the order of the alphabet.

    Args:
        found: By spelling. Those that differ in case, width and spaces only are added up; the most frequent is shown.
        count_max: How many are wanted.
    """
    spellings: dict[tuple[str, str], list[Suggestion]] = {}
    for each in found:
        spellings.setdefault((each.property, speaker_key(each.value)), []).append(each)
    values = []
    for (kind, key), same in spellings.items():
        shown = min(same, key=lambda each: (-each.occurrences, each.value))
        total = sum(each.occurrences for each in same)
        values.append((-total, key, kind, Suggestion(kind, shown.value, total)))
    return [suggestion for *_, suggestion in sorted(values, key=lambda each: each[:3])[:count_max]]
