"""Lines of plain text, and what each may begin with: a time, a name, or both in either order."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from sagwan_ingest.domain.formats.headers import is_key, key_of
from sagwan_ingest.domain.formats.times import milliseconds
from sagwan_ingest.domain.marks import marked_kind
from sagwan_ingest.domain.meeting import UtteranceKind

_FRACTION = r"(?:[.,]([0-9]{1,3})[0-9]{0,3})?"
_LONG = rf"([0-9]{{1,3}}):([0-9]{{2}}):([0-9]{{2}}){_FRACTION}"
_SHORT = rf"(?:([0-9]{{1,3}}):)?([0-9]{{1,3}}):([0-9]{{2}}){_FRACTION}"
_TO = r"\s{0,3}(?:-->|[-–—~])\s{0,3}"
# Bare minutes and seconds would be a time of day more often than an offset, so they count in brackets only.
_STAMPS = (
    re.compile(rf"[\[(]\s?{_SHORT}(?:{_TO}{_SHORT})?\s?[\])]"),
    re.compile(rf"{_LONG}(?:{_TO}{_LONG})?(?=[\s:：]|$)"),
)
_AFTER_STAMP = re.compile(r"\s{0,8}(?:[-–—]\s{1,8})?")

_NAME = r"[^\W\d_][^:：?!\"<>|\[\]{}]{0,59}?"
_NAMED = re.compile(rf"\*{{0,2}}(?P<name>{_NAME})\*{{0,2}}\s{{0,8}}(?::\*{{0,2}}(?=\s|$)|：)\s{{0,8}}")
# "Ann [00:01:02]: Hi", "Ann (01:02) Hi", "Ann 00:01:02": the name before its time.
_BEFORE_TIME = re.compile(
    rf"\*{{0,2}}(?P<name>{_NAME})\*{{0,2}}\s{{0,8}}(?=[\[(]\s?[0-9]|(?<=\s)[0-9]{{1,3}}:[0-9]{{2}}:[0-9])"
)
_AFTER_TIME = re.compile(r"\*{0,2}\s{0,8}(?:[:：]\*{0,2}\s{0,8}|(?=\s)\s{1,8}|$)")
_NICK = re.compile(r"<(?P<name>[^\W\d_][^<>:/\n]{0,40})>\s{1,8}(?=\S)")
_NAME_WORDS_MAX = 6
# What people write before a colon that is nobody's name, besides what heads minutes and what marks decisions.
# fmt: off
_NOT_NAMES = frozenset(
    {
        "agenda", "note", "notes", "subject", "summary", "topic", "topics", "http", "https", "from", "to", "cc", "re",
        "info", "warning", "warn", "error", "debug", "example", "see", "ps", "url", "link", "source", "question",
        "비고", "안건", "의제", "주제", "회의내용", "논의사항", "내용", "참고", "질문", "답변", "출처", "링크",
        "결과물", "회의록", "회의결과", "회의목적", "목적", "개요", "배경", "향후계획", "향후일정", "특이사항", "기타",
        "문제점", "장점", "단점", "주의", "예",
    }
)
# Words of clauses: "The answer is: no".
_CLAUSE_WORDS = frozenset(
    {
        "a", "an", "and", "are", "as", "at", "be", "because", "but", "by", "can", "do", "does", "for", "had", "has",
        "have", "how", "i", "if", "in", "into", "is", "it", "its", "not", "of", "on", "or", "our", "so", "that",
        "the", "their", "then", "there", "they", "thing", "this", "to", "too", "was", "we", "were", "what", "when",
        "which", "who", "with", "would", "you", "your",
    }
)
# fmt: on
_KOREAN_CLAUSE = re.compile(r".*[가-힣](?:다|요|까|죠|면|고|는|은)")

_HEAD_OF_LINE = 240


@dataclass(frozen=True, slots=True)
class Line:
    """A line that is not blank.

    Attributes:
        number: From 1.
        opens: Whether an empty line, or nothing, stands before it.
        start_ms: The time it begins with.
        end_ms: The time after that one.
        text: What follows the time that it begins with.
        name: What may be the name of a speaker; empty where nothing may.
        rest: What follows that name and its time.
        named_ms: The times of a turn by that name: those before or after it.
    """

    number: int
    opens: bool
    start_ms: int | None
    end_ms: int | None
    text: str
    name: str
    rest: str
    named_ms: tuple[int | None, int | None]


def lines_of(text: str) -> Iterator[Line]:
    """The lines that are not blank."""
    opens = True
    for number, line in enumerate(text.split("\n"), start=1):
        stripped = line.strip()
        if stripped:
            yield _line(number, opens, stripped)
        opens = not stripped


def looks_like_a_name(name: str) -> bool:
    """Whether it is no clause: "Kasper van der Valk" and "roy fielding", but not "The answer is"."""
    words = name.split()
    if len(words) == 1:
        return True
    if _KOREAN_CLAUSE.fullmatch(words[-1]):
        return False
    lower = sum(word[0].islower() for word in words)
    return 2 * lower <= len(words) or (len(words) <= 3 and not any(word.lower() in _CLAUSE_WORDS for word in words))


def _line(number: int, opens: bool, stripped: str) -> Line:
    times = _times(stripped)
    start_ms, end_ms, after = times or (None, None, 0)
    text = stripped[after:]
    name, rest, named_ms = "", "", (start_ms, end_ms)
    before = _before_time(text) if times is None else None
    match = _NAMED.match(text[:_HEAD_OF_LINE]) or _NICK.match(text[:_HEAD_OF_LINE])
    if before:
        name, (*_, after) = before
        rest, named_ms = text[after:].strip(), before[1][:2]
    elif match and _may_be_a_name(match["name"]):
        name, rest = match["name"], text[match.end() :]
        inner = _times(rest) if times is None else None
        if inner:
            rest, named_ms = rest[inner[2] :], inner[:2]
    return Line(number, opens, start_ms, end_ms, text, name, rest, named_ms)


def _times(text: str) -> tuple[int, int | None, int] | None:
    """The offset that a text begins with, the one it goes on to, and where the text after them begins."""
    head = text[:_HEAD_OF_LINE]
    match = next(filter(None, (stamp.match(head) for stamp in _STAMPS)), None)
    if not match:
        return None
    start_ms = milliseconds(*match.group(1, 2, 3, 4))
    if start_ms is None:
        return None
    end_ms = milliseconds(*match.group(5, 6, 7, 8)) if match[7] else None
    after = _AFTER_STAMP.match(head, match.end())
    return start_ms, end_ms if end_ms is None or end_ms >= start_ms else None, after.end() if after else match.end()


def _before_time(text: str) -> tuple[str, tuple[int, int | None, int]] | None:
    """The name and the times of `Ann [00:01:02]: Hi`, and where the text after them begins."""
    match = _BEFORE_TIME.match(text[:_HEAD_OF_LINE])
    if not match or not _may_be_a_name(match["name"]):
        return None
    head = text[:_HEAD_OF_LINE]
    stamp = next(filter(None, (stamp.match(head, match.end()) for stamp in _STAMPS)), None)
    times = _times(head[match.end() :])
    after = _AFTER_TIME.match(head, stamp.end()) if stamp else None
    if times is None or after is None:
        return None
    return match["name"].strip(), (times[0], times[1], after.end())


def _may_be_a_name(name: str) -> bool:
    return (
        len(name.split()) <= _NAME_WORDS_MAX
        and key_of(name) not in _NOT_NAMES
        and not is_key(name)
        and marked_kind(f"{name}:") is UtteranceKind.SPEECH
    )
