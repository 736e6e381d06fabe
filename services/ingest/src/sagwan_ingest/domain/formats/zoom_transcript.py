"""The transcript that Zoom's desktop client saves: `[Name] 10:00:01` on a line, what was said under it."""

import re
from collections.abc import Iterator

from sagwan_ingest.domain.formats.format import CERTAIN, LIKELY, NEVER, Format, Mending, Parsed, refused
from sagwan_ingest.domain.formats.mendings import bounded
from sagwan_ingest.domain.formats.times import HOUR_MS, counted_from_first, milliseconds
from sagwan_ingest.domain.meeting import Meeting, Utterance

_BEGINNING = re.compile(r"\[(?P<name>[^\[\]\n]{1,128})\] {1,2}(?P<h>\d{1,2}):(?P<m>\d{2}):(?P<s>\d{2})\s{0,8}")
_NOTHING_SAID = "name has no text after it; the turn was left out"

_Turn = tuple[int, str, int | None, list[str]]


def _sniff(head: str) -> float:
    lines = [line for line in head.split("\n") if line.strip()]
    if not lines or not _BEGINNING.fullmatch(lines[0]):
        return NEVER
    return CERTAIN if sum(1 for line in lines if _BEGINNING.fullmatch(line)) > 1 else LIKELY


def _parse(text: str) -> Parsed:
    mended: list[Mending] = []
    turns: list[_Turn] = []
    for turn in _turns(text):
        if turn[3]:
            turns.append(turn)
        elif turn[1]:
            mended.append(Mending(turn[0], _NOTHING_SAID))
    if not turns:
        raise refused(1, "holds no turn with text in it")
    offsets, assumed = counted_from_first([turn[:3:2] for turn in turns], clock_from_ms=HOUR_MS)
    utterances = tuple(
        Utterance(name, "\n".join(said), offset) for (_, name, _, said), offset in zip(turns, offsets, strict=True)
    )
    return Parsed((Meeting(utterances=utterances),), bounded([*mended, *assumed]))


def _turns(text: str) -> Iterator[_Turn]:
    turn: _Turn = (1, "", None, [])
    for number, line in enumerate(text.split("\n"), start=1):
        begun = _BEGINNING.fullmatch(line)
        if begun:
            yield turn
            turn = (number, begun["name"].strip(), milliseconds(begun["h"], begun["m"], begun["s"]), [])
        elif line.strip():
            turn[3].append(line.strip())
    yield turn


FORMAT = Format(
    name="zoom-transcript",
    description="Text that Zoom saves of its live transcript",
    suffixes=(),
    sniff=_sniff,
    parse=_parse,
)
