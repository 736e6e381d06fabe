"""What of a meeting can be completed from the beginning of a word."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from sagwan_text.completion import completion_keys

# A meeting of strangers by the thousand keeps its most frequent speakers.
_COMPLETIONS_MAX = 5_000


@dataclass(frozen=True, slots=True)
class Completion:
    """One word that leads to one value.

    Attributes:
        property: `speaker`, `tag` or `title`.
        key: The value from the word on, folded.
        word: The word, folded.
        value: As written.
        occurrences: How often the meeting has the value: turns of a speaker, 1 for a tag or a title.
    """

    property: str
    key: str
    word: str
    value: str
    occurrences: int


def completions(title: str, tags: Sequence[str], turns: Mapping[str, int]) -> list[Completion]:
    """The completions of a meeting.

    Args:
        title: Its title.
        tags: Its tags.
        turns: How many turns each speaker has, by name as written.
    """
    return list(islice(_completions(title, tags, turns), _COMPLETIONS_MAX))


def _completions(title: str, tags: Sequence[str], turns: Mapping[str, int]) -> Iterator[Completion]:
    values = [("title", title, 1)]
    values += [("tag", tag, 1) for tag in dict.fromkeys(tags)]
    values += [("speaker", name, turns[name]) for name in sorted(turns, key=lambda name: (-turns[name], name))]
    for kind, value, occurrences in values:
        for key, word in completion_keys(value).items():
            yield Completion(kind, key, word, value, occurrences)
