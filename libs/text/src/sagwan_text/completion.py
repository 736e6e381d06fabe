"""Completing a value from the beginning of one of its words: the keys that are stored, and what a prefix asks of them.

Keys are compared by code point. Hangul syllables stand in Unicode by initial, vowel and final, so what an unfinished
syllable can still become is a run of code points, and no key needs to be taken apart into jamo.
"""

import re
from typing import Final

from sagwan_text.speakers import speaker_key

KEY_CHARACTERS_MAX: Final = 100
"""Longer keys and prefixes are cut: a prefix tells values apart by its beginning."""

_WORD: Final = re.compile(r"\w+")
_LAST_CODE_POINT: Final = "\U0010ffff"
_SYLLABLES: Final = range(0xAC00, 0xD7A4)
_INITIALS: Final = range(0x1100, 0x1113)
_SYLLABLES_AN_INITIAL: Final = 588
_FINALS: Final = 28
# Two consonants below a vowel, as the place of both, the place of the first alone, and the second as an initial: what a
# keyboard shows while the next syllable has no vowel yet (김첤 on the way to 김철수).
_DOUBLE_FINALS: Final = {
    3: (1, 9), 5: (4, 12), 6: (4, 18), 9: (8, 0), 10: (8, 6), 11: (8, 7), 12: (8, 9), 13: (8, 16), 14: (8, 17),
    15: (8, 18), 18: (17, 9),
}  # fmt: skip


def completion_keys(value: str) -> dict[str, str]:
    """What a value is found by: from each of its words on to its end, case, width and spaces folded.

    Returns:
        A key a word, with the word, in the order of the words; none for a value without letters or digits.
    """
    folded = speaker_key(value)
    return {_without_spaces(folded[word.start() :]): word[0][:KEY_CHARACTERS_MAX] for word in _WORD.finditer(folded)}


def completion_key(value: str) -> str:
    """What a value is found by from its first word on; empty for one without letters or digits."""
    return next(iter(completion_keys(value)), "")


def prefix_ranges(prefix: str) -> list[tuple[str, str]]:
    """The keys that begin with a prefix, as ranges of code points: the first key of each, and the first one after it.

    A syllable without a final takes any final (기 finds 김), an initial alone any vowel (김ㅊ finds 김철수).

    Returns:
        No range for a prefix without letters or digits; else one, or two that may overlap.
    """
    folded = speaker_key(prefix)
    word = _WORD.search(folded)
    if word is None:
        return []
    whole = _without_spaces(folded[word.start() :])
    head, last = whole[:-1], ord(whole[-1])
    if last in _INITIALS:
        return [(whole, whole + _LAST_CODE_POINT), _beginning_with(head, last - _INITIALS.start)]
    if last not in _SYLLABLES:
        return [(whole, whole + _LAST_CODE_POINT)]
    final = (last - _SYLLABLES.start) % _FINALS
    ranges = [(whole, head + chr(last + (1 if final else _FINALS)))]
    if final in _DOUBLE_FINALS:
        first, initial = _DOUBLE_FINALS[final]
        ranges.append(_beginning_with(head + chr(last - final + first), initial))
    return ranges


def _beginning_with(head: str, initial: int) -> tuple[str, str]:
    first = _SYLLABLES.start + initial * _SYLLABLES_AN_INITIAL
    return head + chr(first), head + chr(first + _SYLLABLES_AN_INITIAL)


def _without_spaces(folded: str) -> str:
    return folded.replace(" ", "")[:KEY_CHARACTERS_MAX]
