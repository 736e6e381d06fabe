"""Transcripts pasted from what Teams once wrote as DOCX: `0:0:3.450 --> 0:0:5.210`, the name, what was said."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from sagwan_ingest.domain.formats.format import CERTAIN, NEVER, Format, Mending, Parsed, refused
from sagwan_ingest.domain.formats.mendings import bounded
from sagwan_ingest.domain.formats.times import milliseconds
from sagwan_ingest.domain.meeting import Meeting, Utterance
from sagwan_ingest.domain.validation import SPEAKER_CHARACTERS_MAX

_TIME = r"(\d{1,3}):(\d{1,2}):(\d{1,2})(?:\.(\d{1,3}))?"
_TIMINGS = re.compile(rf"\s{{0,8}}{_TIME}\s{{0,4}}-->\s{{0,4}}{_TIME}\s{{0,8}}")
# Digits without their leading zeros are what no caption format has.
_UNPADDED = re.compile(r"(?:^|:)\d(?=:|\.)")
_TIMINGS_LOOKED_AT = 20

_NO_TEXT = "turn has no text and was left out"
_BACKWARDS = "turn ended before it began; its end was left out"
_UNREADABLE = "times of a turn cannot be read and were left out"


@dataclass(slots=True)
class _Turn:
    line: int
    start_ms: int | None
    end_ms: int | None
    lines: list[str] = field(default_factory=list)

    def utterance(self) -> Utterance | None:
        """The turn; a single line under the times is what somebody said who is not named."""
        name, said = ("", self.lines) if len(self.lines) == 1 else (self.lines[0] if self.lines else "", self.lines[1:])
        if len(name) > SPEAKER_CHARACTERS_MAX:
            name, said = "", self.lines
        return Utterance(name, "\n".join(said), self.start_ms, self.end_ms) if said else None


def _sniff(head: str) -> float:
    lines = [line for line in head.split("\n") if line.strip()]
    if not lines or not _TIMINGS.fullmatch(lines[0]):
        return NEVER
    timings = [line for line in lines if "-->" in line][:_TIMINGS_LOOKED_AT]
    return CERTAIN if any(_UNPADDED.search(line.strip()) for line in timings) else NEVER


def _parse(text: str) -> Parsed:
    mended: list[Mending] = []
    utterances: list[Utterance] = []
    for turn in _turns(text, mended):
        said = turn.utterance()
        if said is not None:
            utterances.append(said)
        else:
            mended.append(Mending(turn.line, _NO_TEXT))
    if not utterances:
        raise refused(1, "holds no turn with text in it")
    return Parsed((Meeting(utterances=tuple(utterances)),), bounded(mended))


def _turns(text: str, mended: list[Mending]) -> Iterator[_Turn]:
    turn = _Turn(1, None, None)
    for number, line in enumerate(text.split("\n"), start=1):
        timings = _TIMINGS.fullmatch(line)
        if timings is None:
            if line.strip():
                turn.lines.append(line.strip())
            continue
        if turn.lines or turn.start_ms is not None:
            yield turn
        start_ms, end_ms = (milliseconds(*timings.groups()[begin : begin + 4]) for begin in (0, 4))
        if start_ms is None or end_ms is None:
            mended.append(Mending(number, _UNREADABLE))
        elif end_ms < start_ms:
            mended.append(Mending(number, _BACKWARDS))
            end_ms = None
        turn = _Turn(number, start_ms, end_ms if start_ms is not None else None)
    if turn.lines or turn.start_ms is not None:
        yield turn


FORMAT = Format(
    name="teams-text",
    description="Text of Teams transcripts with times from and to",
    suffixes=(),
    sniff=_sniff,
    parse=_parse,
)
