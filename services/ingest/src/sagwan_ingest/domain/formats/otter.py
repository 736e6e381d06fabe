"""Transcripts whose turns have a heading of a name and an offset, `Ann Lee  0:03`, as Otter and Teams write them.

Otter puts a title, the day, key words and speakers before the turns; Teams the title, the day and how long it took.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from sagwan_ingest.domain.formats.dates import when_in
from sagwan_ingest.domain.formats.format import LIKELY, NEVER, Format, Mending, Parsed, refused
from sagwan_ingest.domain.formats.headers import Headers, names
from sagwan_ingest.domain.formats.mendings import bounded
from sagwan_ingest.domain.formats.times import milliseconds
from sagwan_ingest.domain.meeting import Meeting, Utterance
from sagwan_ingest.domain.validation import (
    ATTRIBUTE_VALUE_CHARACTERS_MAX,
    PARTICIPANTS_MAX,
    SPEAKER_CHARACTERS_MAX,
    TITLE_CHARACTERS_MAX,
)

_HEADING = re.compile(
    r"(?:(?P<name>\S(?:.{0,126}?\S)?)(?: {2,8}|\t|\u00a0{1,4}))?(?:(?P<h>\d{1,3}):)?(?P<m>\d{1,3}):(?P<s>\d{2})\s{0,8}"
)
_LONGEST_HEADING = 160
_HEADINGS_MIN = 2
# What converters write may stand above the title.
_TITLE_LINES_MAX = 2
# What Otter and Teams write of themselves between and after the turns.
_FOOTER = re.compile(r"Transcribed by https://otter\.ai\s*")
_OF_NOBODY = re.compile(r"(?:.{1,128} )?(?:started|stopped) transcription\s*")
_DURATION = re.compile(r"(?:\d{1,2}h ?)?(?:\d{1,2}m ?)?\d{1,2}s\s*")
_TEAMS_TITLE = re.compile(r"(?P<title>.{1,400}?)-\d{8}_\d{6}-Meeting Transcript\s*")

_NOTHING_SAID = "name has no text after it; the turn was left out"
_FOOTER_LEFT_OUT = "the line in which Otter names itself was left out"


@dataclass(slots=True)
class _Turn:
    line: int
    name: str = ""
    start_ms: int | None = None
    said: list[str] = field(default_factory=list)


def _sniff(head: str) -> float:
    lines = [line for line in head.split("\n") if line.strip()]
    headings = [found for line in lines if (found := _heading(line))]
    named = sum(1 for each in headings if each["name"])
    if named < min(_HEADINGS_MIN, max(1, len(lines) // 4)):
        return NEVER
    # A heading has at least a line under it; a table with names and times has none.
    return LIKELY + 0.45 if 2 * len(headings) <= len(lines) + 1 else NEVER


def _parse(text: str) -> Parsed:
    mended: list[Mending] = []
    head, turns = _head_and_turns(text.split("\n"), mended)
    headers = Headers()
    before = _taken(head, headers) if turns else head
    spoken = [*([_Turn(1, said=before)] if before else []), *turns]
    utterances = tuple(Utterance(turn.name, "\n".join(turn.said), turn.start_ms) for turn in spoken if turn.said)
    mended += [Mending(turn.line, _NOTHING_SAID) for turn in spoken if not turn.said]
    if not utterances:
        raise refused(1, "has no text besides names and times")
    return Parsed((headers.completed(Meeting(utterances=utterances)),), bounded(mended))


def _heading(line: str) -> re.Match[str] | None:
    found = _HEADING.fullmatch(line) if len(line) <= _LONGEST_HEADING else None
    return found if found and milliseconds(found["h"], found["m"], found["s"]) is not None else None


def _head_and_turns(lines: Sequence[str], mended: list[Mending]) -> tuple[list[str], list[_Turn]]:
    head: list[str] = []
    turns: list[_Turn] = []
    for number, line in enumerate(lines, start=1):
        found = _heading(line)
        if found:
            start_ms = milliseconds(found["h"], found["m"], found["s"])
            turns.append(_Turn(number, (found["name"] or "").strip(), start_ms))
        elif not line.strip():
            continue
        elif _FOOTER.fullmatch(line):
            mended.append(Mending(number, _FOOTER_LEFT_OUT))
        elif turns and len(line) <= _LONGEST_HEADING and _OF_NOBODY.fullmatch(line):
            turns.append(_Turn(number, said=[line.strip()]))
        else:
            (turns[-1].said if turns else head).append(line.strip())
    return head, turns


def _taken(head: Sequence[str], headers: Headers) -> list[str]:
    """What of the lines before the first turn is no field of the meeting. The title is the line above the day."""
    left: list[str] = []
    key = ""
    for place, line in enumerate(head):
        when = when_in(line) if headers.held_on is None else None
        if line in ("SUMMARY KEYWORDS", "SPEAKERS"):
            key = line
        elif key == "SPEAKERS" and _are_speakers(people := names(line)):
            headers.participants += people
            key = ""
        elif key == "SUMMARY KEYWORDS" and len(line) <= ATTRIBUTE_VALUE_CHARACTERS_MAX:
            headers.attributes["keywords"] = line
            key = ""
        elif when is not None and len(line) - (when.end - when.begin) <= len("Wednesday,  • 10:10:10"):
            headers.held_on, headers.started_at = when.day, when.instant
            if (when.begin, when.end) != (0, len(line)) or (when.clock and not when.instant):
                headers.attributes["date"] = line
            if left and place <= _TITLE_LINES_MAX and len(left[-1]) <= TITLE_CHARACTERS_MAX:
                title = left.pop()
                titled = _TEAMS_TITLE.fullmatch(title)
                headers.title = titled["title"] if titled else title
        elif _DURATION.fullmatch(line) and "duration" not in headers.attributes:
            headers.attributes["duration"] = line
        else:
            left.append(line)
    return left


def _are_speakers(people: Sequence[str]) -> bool:
    return 0 < len(people) <= PARTICIPANTS_MAX and all(len(each) <= SPEAKER_CHARACTERS_MAX for each in people)


FORMAT = Format(
    name="otter",
    description="Otter-like text: a line with name and time before each turn; Teams as well",
    suffixes=(),
    sniff=_sniff,
    parse=_parse,
)
