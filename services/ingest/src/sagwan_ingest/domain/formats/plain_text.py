"""Plain text: `Name: text` lines, with or without times, and the minutes of Korean councils (`○위원장 김철수  …`).

A line that does not begin a turn goes on with the one before it. A paragraph (after an empty line) and a line with a
time are utterances of their own, by whoever spoke last.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Self

from sagwan_ingest.domain.formats.format import (
    LIKELY,
    NEVER,
    Format,
    Mending,
    Parsed,
    refused,
)
from sagwan_ingest.domain.meeting import Meeting, Utterance

# Bare minutes and seconds would be a time of day more often than an offset, so they count in brackets only.
_TIME = re.compile(
    r"(?:[\[(](?:([0-9]{1,3}):)?([0-9]{1,3}):([0-9]{2})(?:[.,][0-9]{1,3})?[\])]"
    r"|([0-9]{1,3}):([0-9]{2}):([0-9]{2})(?:[.,][0-9]{1,3})?(?=\s|$))\s*(?:[-–—]\s+)?"
)

_NAMED = re.compile(r"(?P<name>[^\W\d_][^:：?!\"]{0,59}?)\s*(?::(?=\s|$)|：)\s*(?P<text>.*)")
_NAME_WORDS_MAX = 6
# What minutes write before a colon that is nobody's name.
# fmt: off
_NOT_NAMES = frozenset(
    {
        "action", "actions", "agenda", "attendees", "date", "decision", "decisions", "location",
        "note", "notes", "place", "present", "resolution", "subject", "summary", "time", "title",
        "todo", "topic",
        "결론", "결정", "결정사항", "날짜", "비고", "시간", "안건", "의제", "일시", "장소", "제목",
        "주제", "참석", "참석자",
    }
)
# fmt: on
# Below this share of the places where a turn could begin, a name has to come back to count as one.
_NAMED_SHARE_MIN = 0.5

# "○위원장 김철수  말씀": the mark touches the name, two spaces set it apart. After "○ " comes an item of a list.
_COUNCIL = (
    re.compile(r"[○◯](?P<name>[^\W\d_]\S*(?: \S+){0,5}?)(?:\s{2,}|\t|\u3000)(?P<text>.*)"),
    # Where the second space was lost, an office tells which two words are the name.
    re.compile(r"[○◯](?P<name>[가-힣]+(?:장|관|감|원|사) [가-힣]{2,4}|[가-힣]{2,4} (?:위원|의원))\s+(?P<text>.*)"),
    re.compile(r"[○◯](?P<name>[^\W\d_]\S*(?: \S+){0,2})(?<![.다요])(?P<text>)"),
)

_NOTHING_SAID = "name has no text after it; the turn was left out"

# Signs of other formats: cue timings, markup, JSON.
_FOREIGN = re.compile(r"\A\s*(?:<|[\[{]\s*[{}\[\]\"]|\{\\rtf)|[0-9][ \t]*-->")


@dataclass(frozen=True, slots=True)
class _Line:
    """A line that is not blank.

    Attributes:
        number: From 1.
        opens: Whether an empty line, or nothing, stands before it.
        start_ms: The time it begins with.
        text: What follows the time.
    """

    number: int
    opens: bool
    start_ms: int | None
    text: str


@dataclass(slots=True)
class _Turn:
    """A turn that lines are being added to."""

    line: int
    speaker: str
    start_ms: int | None
    named: bool = False
    said: list[str] = field(default_factory=list)

    def utterance(self) -> Utterance:
        return Utterance(self.speaker, "\n".join(self.said), self.start_ms)

    def followed_by(self, line: _Line, opened: tuple[str, str] | None) -> Self:
        """The turn that `line` begins, with a name of its own or by the same speaker."""
        name, text = opened or (self.speaker, line.text)
        # A name or a time on a line of its own belongs to what follows.
        waits = not self.said and not (opened and self.named)
        start_ms = self.start_ms if waits and line.start_ms is None else line.start_ms
        named = opened is not None or (waits and self.named)
        return type(self)(line.number, name, start_ms, named=named, said=[text] if text else [])


# How one style of transcript begins a turn: the name and the rest of the line, or None.
_Opening = Callable[[str], tuple[str, str] | None]


def _sniff(head: str) -> float:
    if _FOREIGN.search(head):
        return NEVER
    lines = list(_lines(head))
    opening = _opening(lines)
    begun = sum(1 for line in lines if line.start_ms is not None or opening(line.text))
    share = begun / max(1, sum(1 for line in lines if line.opens or opening(line.text)))
    # Any text can be read as paragraphs, so where there is no sign of turns the file's suffix decides.
    return LIKELY + 0.4 * min(1.0, share) if share >= _NAMED_SHARE_MIN else 0.1


def _parse(text: str) -> Parsed:
    lines = list(_lines(text))
    opening = _opening(lines)
    mended: list[Mending] = []
    utterances = tuple(_utterances(lines, opening, mended))
    if not utterances:
        raise refused(1, "has no text besides names and times")
    return Parsed((Meeting(utterances=utterances),), tuple(mended))


def _lines(text: str) -> Iterator[_Line]:
    opens = True
    for number, line in enumerate(text.split("\n"), start=1):
        stripped = line.strip()
        if stripped:
            start_ms, end = _time(stripped)
            yield _Line(number, opens, start_ms, stripped[end:])
        opens = not stripped


def _time(line: str) -> tuple[int | None, int]:
    """The offset that a line begins with, and where the text after it begins."""
    match = _TIME.match(line)
    if not match:
        return None, 0
    hours, minutes, seconds = (int(match[n] or match[n + 3] or 0) for n in (1, 2, 3))
    if seconds > 59 or (minutes > 59 and hours):
        return None, 0
    return ((hours * 60 + minutes) * 60 + seconds) * 1_000, match.end()


def _opening(lines: Sequence[_Line]) -> _Opening:
    """How turns begin in this text: as in a council's minutes where more lines do that, else with `Name:`."""
    named = [found[0] if (found := _named(line.text)) else None for line in lines]
    times_seen = Counter(name for name in named if name)
    if sum(1 for line in lines if _council(line.text)) > times_seen.total():
        return _council
    places = sum(1 for line, name in zip(lines, named, strict=True) if name or line.opens)
    usual = times_seen.total() >= places * _NAMED_SHARE_MIN
    names = {name for name, times in times_seen.items() if times > 1 or (usual and _looks_like_a_name(name))}

    def opening(text: str) -> tuple[str, str] | None:
        found = _named(text)
        return found if found and found[0] in names else None

    return opening


def _council(text: str) -> tuple[str, str] | None:
    for pattern in _COUNCIL:
        match = pattern.fullmatch(text)
        if match:
            return match["name"], match["text"]
    return None


def _named(text: str) -> tuple[str, str] | None:
    match = _NAMED.fullmatch(text)
    if not match or match["name"].casefold() in _NOT_NAMES:
        return None
    return (match["name"], match["text"]) if len(match["name"].split()) <= _NAME_WORDS_MAX else None


def _looks_like_a_name(name: str) -> bool:
    """Whether words in lower case are not most of it: "Kasper van der Valk", but not "The answer is"."""
    words = name.split()
    return len(words) == 1 or 2 * sum(word[0].islower() for word in words) <= len(words)


def _utterances(lines: Sequence[_Line], opening: _Opening, mended: list[Mending]) -> Iterator[Utterance]:
    turn = _Turn(0, "", None)
    for line in lines:
        opened = opening(line.text)
        # An empty line right after "Name:" is layout: what follows is what that person said.
        if not opened and line.start_ms is None and not (line.opens and turn.said):
            turn.said.append(line.text)
            continue
        if turn.said:
            yield turn.utterance()
        elif opened and turn.named:
            mended.append(Mending(turn.line, _NOTHING_SAID))
        turn = turn.followed_by(line, opened)
    if turn.said:
        yield turn.utterance()
    elif turn.named:
        mended.append(Mending(turn.line, _NOTHING_SAID))


FORMAT = Format(name="text", suffixes=(".txt", ".text"), sniff=_sniff, parse=_parse)
