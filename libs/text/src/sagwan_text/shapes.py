"""One ASCII letter for each character, so that words are cut by short regular expressions.

The shape of "HTTP2는 3.5배" is "aaaa0  0.0 ": letters, digits and the joints of words stand out,
and whatever is no part of a word is a space. Hangul is one of those: morphemes find its words.
"""

import unicodedata
from typing import Final

LETTER: Final = "a"
DIGIT: Final = "0"
MARK: Final = "m"
UNSPACED: Final = "c"
SEPARATOR: Final = " "

_JOINTS: Final = {
    "'": "'",
    "\u2019": "'",  # the apostrophe of typesetters
    "\u02bc": "'",  # the apostrophe as a letter, as in Ukrainian
    "-": "-",
    "\u2010": "-",
    "_": "_",
    ".": ".",
    ",": ",",
}
_HANGUL: Final = "HANGUL"
# Scripts without spaces between words, as the Unicode names of their characters begin.
_UNSPACED_SCRIPTS: Final = (
    "CJK",
    "IDEOGRAPHIC",
    "HIRAGANA",
    "KATAKANA",
    "BOPOMOFO",
    "THAI",
    "LAO",
    "KHMER",
    "MYANMAR",
)


class Shapes(dict[int, str]):
    """A table for `str.translate` that fills itself as it meets characters.

    Only the basic plane is remembered, which bounds it at 65,536 entries whatever it is fed.
    """

    def __missing__(self, code_point: int) -> str:
        """Classify a character that was not met before."""
        shape = shape_of(chr(code_point))
        if code_point <= 0xFFFF:
            self[code_point] = shape
        return shape


def shape_of(char: str) -> str:
    """Return the shape of one character."""
    if char in _JOINTS:
        return _JOINTS[char]
    category = unicodedata.category(char)
    if category[0] not in "LMN":
        return SEPARATOR
    name = unicodedata.name(char, "")
    if name.startswith(_HANGUL):
        return SEPARATOR
    if name.startswith(_UNSPACED_SCRIPTS):
        return UNSPACED
    if category == "Nd":
        return DIGIT
    return MARK if category[0] == "M" else LETTER
