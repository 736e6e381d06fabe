"""The text syntax of a question: words, "phrases", -exclusions and key:value conditions, told apart and written again.

Whatever is not clearly syntax is words: a lone quote, an inch, a bullet, a dash before a number, an
unknown key.
docs/search-syntax.md is the description for people.
"""

import enum
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, TypeAlias


class Key(enum.Enum):
    """What a condition is about, as it is written before the colon."""

    SPEAKER = "speaker"
    PARTICIPANT = "participant"
    MEETING = "meeting"
    SERIES = "series"
    TAG = "tag"
    LANGUAGE = "lang"
    KIND = "kind"
    AFTER = "after"
    BEFORE = "before"
    FROM = "from"
    TO = "to"


@dataclass(frozen=True, slots=True)
class Words:
    """Words to look for, as they were written, with the white space around them."""

    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words that must stand, or must not stand, in this order."""

    text: str
    excluded: bool = False

    def __str__(self) -> str:
        return f"{'-' * self.excluded}{_quoted(self.text)}"


@dataclass(frozen=True, slots=True)
class ExcludedWord:
    """A word that must not occur, in any of its forms."""

    text: str

    def __str__(self) -> str:
        return f"-{self.text}"


@dataclass(frozen=True, slots=True)
class Condition:
    """Something that must hold, or must not, besides the words.

    Attributes:
        key: What it is about.
        value: What it is.
        excluded: Whether it must not hold.
        is_quoted: Whether the value was written in quotes. One that was not stays so: its quotes could close another.
    """

    key: Key
    value: str
    excluded: bool = False
    is_quoted: bool = field(default=False, compare=False)

    def __str__(self) -> str:
        return f"{'-' * self.excluded}{self.key.value}:{_quoted(self.value) if self.is_quoted else self.value}"


Part: TypeAlias = Words | Phrase | ExcludedWord | Condition


@dataclass(frozen=True)
class ParsedText:
    """A question taken apart; written again by `str`, and then taken apart in the same way.

    Attributes:
        parts: In the order in which they were written.
    """

    parts: tuple[Part, ...] = ()

    def __str__(self) -> str:
        return "".join(map(str, self.parts))

    @cached_property
    def words(self) -> str:
        """What is looked for: the words and the phrases that are not excluded, in their order."""
        kept = (
            each for each in self.parts if isinstance(each, Words) or (isinstance(each, Phrase) and not each.excluded)
        )
        return "".join(each.text for each in kept).strip()

    @property
    def without_words(self) -> "ParsedText":
        """The conditions, phrases and exclusions alone."""
        return ParsedText(tuple(each for each in self.parts if not isinstance(each, Words)))

    @property
    def phrases(self) -> list[Phrase]:
        """The phrases, excluded ones among them."""
        return [each for each in self.parts if isinstance(each, Phrase)]

    @property
    def excluded_words(self) -> list[ExcludedWord]:
        """The words that must not occur."""
        return [each for each in self.parts if isinstance(each, ExcludedWord)]

    @property
    def conditions(self) -> list[Condition]:
        """The conditions, excluded ones among them."""
        return [each for each in self.parts if isinstance(each, Condition)]


class UnclosedQuote(ValueError):
    """The value of a condition begins with a quote and does not end."""


_QUOTES: Final = '"“”„‟＂'
# Syntax may be written with full-width characters, and any double quote is one. A character for a character, so that
# positions in what is read are positions in the text.
_READABLE: Final = (
    {ord("："): ":", ord("－"): "-"}
    | {code: chr(code - 0xFEE0) for code in map(ord, "ａｂｃｄｅｆｇｈｉｊｋｌｍｎｏｐｑｒｓｔｕｖｗｘｙｚ")}
    | dict.fromkeys(map(ord, _QUOTES), '"')
)
_LINE_BREAKS: Final = frozenset("\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029")
_INSIDE_QUOTES: Final = r'(?:\\.|[^"\\])*'
# Either case of ASCII: by Unicode the i of a key would be a dotless one too.
_KEYS: Final = f"(?ai:{'|'.join(each.value for each in Key)})"
_CONDITION: Final = re.compile(
    rf'(?P<not>-?)(?P<key>{_KEYS}):(?:"(?P<quoted>{_INSIDE_QUOTES})"|(?P<bare>[^\s"]\S*)|(?P<unclosed>"))', re.DOTALL
)
_PHRASE: Final = re.compile(rf'(?P<not>-?)"(?P<text>{_INSIDE_QUOTES})"', re.DOTALL)
_EXCLUDED_WORD: Final = re.compile(r"-(?P<text>[^\W\d_]\S*)")
_BEGINNING: Final = re.compile(r'"|(?<!\S)\S')
_EMPTY_CONDITION: Final = re.compile(rf"-?{_KEYS}:")
_ESCAPED: Final = re.compile(rf"\\([\\{_QUOTES}])")
_TO_ESCAPE: Final = re.compile(rf"[\\{_QUOTES}]")


def parse_text(text: str) -> ParsedText:
    """Takes a question apart. What a condition's value says is not looked at.

    Raises:
        UnclosedQuote: A known key is followed by a quote that is never closed.
    """
    return ParsedText(tuple(_merged(_Scanner(text).parts())))


class _Scanner:
    """One question being read."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._view = text.translate(_READABLE)
        self._is_pasted = any(char in _LINE_BREAKS for char in text.strip())

    def parts(self) -> Iterator[Part]:
        """The parts in order; words may come in several pieces."""
        begin = 0
        for start in _BEGINNING.finditer(self._view):
            place = start.start()
            if place < begin:
                continue
            found = self._syntax_at(place)
            if found is not None:
                part, end = found
                yield Words(self._text[begin:place])
                yield part
                begin = end
        yield Words(self._text[begin:])

    def _syntax_at(self, place: int) -> tuple[Part, int] | None:
        """What is no words, and where it ends; None where words go on. What only looks like a phrase is words."""
        before = self._view[place - 1 : place]
        if before == "" or before.isspace():
            if self._view[place] == "-" and self._is_bullet(place):
                return None
            found = self._condition_at(place) or self._phrase_at(place)
            if found is not None:
                return found
            excluded = _EXCLUDED_WORD.match(self._view, place)
            if excluded is not None and not _EMPTY_CONDITION.fullmatch(excluded[0]):
                return ExcludedWord(self._text[slice(*excluded.span("text"))]), excluded.end()
            return None
        if self._view[place] == '"' and before != "\\" and not _is_of_a_word(before):
            return self._phrase_at(place)
        return None

    def _condition_at(self, place: int) -> tuple[Part, int] | None:
        match = _CONDITION.match(self._view, place)
        if match is None:
            return None
        if match["unclosed"]:
            raise UnclosedQuote(self._text[place : place + 40])
        is_quoted = match["bare"] is None
        value = self._unescaped(match, "quoted") if is_quoted else self._text[slice(*match.span("bare"))]
        return Condition(Key(match["key"].casefold()), value, bool(match["not"]), is_quoted), match.end()

    def _phrase_at(self, place: int) -> tuple[Part, int] | None:
        match = _PHRASE.match(self._view, place)
        if match is None:
            return None
        if not any(map(str.isalnum, match["text"])):
            return Words(self._text[slice(*match.span())]), match.end()
        return Phrase(self._unescaped(match, "text"), bool(match["not"])), match.end()

    def _unescaped(self, match: re.Match[str], group: str) -> str:
        return _ESCAPED.sub(r"\1", self._text[slice(*match.span(group))])

    def _is_bullet(self, place: int) -> bool:
        """Whether a line of several begins here: pasted lists have their dashes there."""
        if not self._is_pasted:
            return False
        while place and self._text[place - 1].isspace():
            if self._text[place - 1] in _LINE_BREAKS:
                return True
            place -= 1
        return place == 0


def _merged(parts: Iterator[Part]) -> Iterator[Part]:
    """Neighbouring words as one, and none that are empty."""
    words = ""
    for part in parts:
        if isinstance(part, Words):
            words += part.text
            continue
        if words:
            yield Words(words)
            words = ""
        yield part
    if words:
        yield Words(words)


def _is_of_a_word(char: str) -> bool:
    return char.isalnum() or unicodedata.category(char).startswith("M")


def _quoted(text: str) -> str:
    return '"' + _TO_ESCAPE.sub(lambda char: "\\" + char[0], text) + '"'
