"""Names that are an edit or two away from a word: of speakers, tags and titles.

Hangul is taken apart into its letters, so that a wrong vowel is one edit, as a wrong letter of another script is.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from sagwan_search.domain.phrases import without_particle
from sagwan_text.completion import completion_key
from sagwan_text.speakers import speaker_key

_WORD: Final = re.compile(r"\w+")
_HANGUL: Final = re.compile("[가-힣]+")
# A name with fewer syllables or letters is an edit away from too many words.
_SYLLABLES_MIN: Final = 3
_LETTERS_MIN: Final = 4
_CHARACTERS_MAX: Final = 24
# From so many letters on two edits are still a near miss.
_TWO_EDITS_FROM: Final = 9


def word_halves(words: Iterable[str]) -> tuple[list[str], list[str]]:
    """First and second halves of the letters that words may have which are near to some words.

    One edit leaves one half of a word as it is, unless it swaps the two letters in the middle; two do when they lie in
    the other. Of an odd number of letters the second half has the one in the middle.
    """
    heads: dict[str, None] = {}
    tails: dict[str, None] = {}
    for letters in dict.fromkeys(_letters(form) for word in words for form in _forms(word)):
        for length in range(len(letters) - _edits_max(letters), len(letters) + _edits_max(letters) + 1):
            heads[letters[: length // 2]] = None
            tails[letters[-((length + 1) // 2) :]] = None
        middle = len(letters) // 2
        heads[letters[: middle - 1] + letters[middle]] = None
    return list(heads), list(tails)


def nearest_words(word: str, names: Iterable[str]) -> list[str]:
    """Words of names that are as near to a word as any, and near enough; the word itself where a name has it.

    Args:
        word: As in the question, its particle on it.
        names: As written.
    """
    parts = (part for name in names for part in _WORD.findall(unicodedata.normalize("NFKC", name)))
    return _nearest(_forms(word), {part: speaker_key(part) for part in parts})


def nearest_values(value: str, names: Iterable[str]) -> list[str]:
    """Names that are as near to a value as any, and near enough; spaces do not count."""
    return _nearest([completion_key(value)], {name: completion_key(name) for name in names})


def edit_distance(one: str, other: str, *, at_most: int) -> int | None:
    """Letters to insert, leave out, replace or swap with the next to make one text of the other; None above a limit.

    The optimal string alignment distance: that of Damerau (1964) with no stretch edited twice.
    """
    if abs(len(one) - len(other)) > at_most:
        return None
    two_above: list[int] = []
    above = list(range(len(other) + 1))
    for i, char in enumerate(one, start=1):
        row = [i]
        for j, target in enumerate(other, start=1):
            edits = min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (char != target))
            if i > 1 and j > 1 and char == other[j - 2] and one[i - 2] == target:
                edits = min(edits, two_above[j - 2] + 1)
            row.append(edits)
        if min(row) > at_most and min(above) > at_most:
            # What follows is no less than in these two rows.
            return None
        two_above, above = above, row
    return above[-1] if above[-1] <= at_most else None


def _nearest(forms: Sequence[str], keys: Mapping[str, str]) -> list[str]:
    found: dict[str, int] = {}
    letters_of = {name: _letters(key) for name, key in keys.items()}
    for letters in map(_letters, forms):
        for name, others in letters_of.items():
            edits = edit_distance(letters, others, at_most=_edits_max(letters))
            if edits is not None:
                found[name] = min(edits, found.get(name, edits))
    fewest = min(found.values(), default=0)
    return [name for name, edits in found.items() if edits == fewest]


def _forms(word: str) -> list[str]:
    """What a word may be as a name: itself, and without its particle; nothing that is too short or too long."""
    folded = speaker_key(word)
    forms = [folded, *without_particle(folded)] if _HANGUL.fullmatch(folded) else [folded]
    return [form for form in forms if form.isalpha() and _shortest(form) <= len(form) <= _CHARACTERS_MAX]


def _shortest(form: str) -> int:
    return _SYLLABLES_MIN if _HANGUL.fullmatch(form) else _LETTERS_MIN


def _edits_max(letters: str) -> int:
    return 2 if len(letters) >= _TWO_EDITS_FROM else 1


def _letters(text: str) -> str:
    return unicodedata.normalize("NFD", text)
