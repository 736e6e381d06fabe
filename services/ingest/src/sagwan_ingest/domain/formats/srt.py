"""SubRip (SRT), as players and transcribers write it: with and without indexes, with a comma or a dot in the times.

Text that has an index but no times is kept without times. Read here and not by pysubs2 1.8, srt 3.5 or webvtt-py 0.6:
none says on which line it mended what, and each takes such text for more of the cue before it or drops it.
"""

import html
import re
from collections.abc import Iterator, Sequence

from sagwan_ingest.domain.formats.cue import Cue, Said
from sagwan_ingest.domain.formats.cues import utterances_of
from sagwan_ingest.domain.formats.format import CERTAIN, LIKELY, NEVER, Format, Mending, Parsed, refused
from sagwan_ingest.domain.formats.mendings import bounded
from sagwan_ingest.domain.formats.times import milliseconds
from sagwan_ingest.domain.meeting import Meeting

_TIME = r"(?:([0-9]{1,6}):)?([0-9]{1,2}):([0-9]{1,2})(?:[,.]([0-9]{1,3}))?(?![0-9])"
_TIMINGS = re.compile(rf"[ \t]*{_TIME}[ \t]*-->[ \t]*{_TIME}")
# Begins as timings do and has an arrow: meant as such, and not a remark with an arrow in it.
_MEANT_AS_TIMINGS = re.compile(r"[ \t]*[0-9]{1,9}:[^->]{0,32}-->")
_INDEX = re.compile(r"[ \t]*([0-9]{1,9})[ \t]*")

_CLOCK = r"[0-9]{1,3}:[0-9]{2}:[0-9]{2}"
_BEGINS = re.compile(
    rf"(?:(?P<index>[0-9]{{1,9}})[ \t]*\n)?[ \t]*{_CLOCK}(?P<mark>[,.]|)[0-9]{{0,3}}[ \t]*-->[ \t]*{_CLOCK}"
)

# The tags that players know; any other "<" is somebody's. In braces, what was meant for ASS or MicroDVD.
_TAG = re.compile(
    r"</?(?:b|i|u|s|c|em|strong|font|span|ruby|rt|p|br)(?:[\s.=/][^<>]*)?>|\{\\[^{}]*\}|\{[YyCcFfSsPp]:[^{}\s]*\}",
    re.IGNORECASE,
)
_REFERENCE = re.compile(r"&(?:amp|lt|gt|nbsp|quot|apos|lrm|rlm|#\d{1,7}|#[xX][0-9a-fA-F]{1,6});")


def _sniff(head: str) -> float:
    begins = _BEGINS.match(head.lstrip())
    if not begins:
        return NEVER
    return CERTAIN if begins["mark"] == "," or begins["index"] else LIKELY


def _parse(text: str) -> Parsed:
    mended: list[Mending] = []
    lines = text.split("\n")
    timed = [place for place, line in enumerate(lines) if "-->" in line and _is_timings(line)]
    if not timed:
        raise refused(1, "holds no times such as 00:00:01,000 --> 00:00:02,000")
    utterances = utterances_of(_cues(lines, timed, mended), mended)
    if not utterances:
        line, why = (mended[0].line, f": {mended[0].what}") if mended else (1, "")
        raise refused(line, f"holds no cue with text in it{why}")
    return Parsed((Meeting(utterances=utterances),), bounded(mended))


def _is_timings(line: str) -> bool:
    return bool(_TIMINGS.match(line) or _MEANT_AS_TIMINGS.match(line))


def _cues(lines: Sequence[str], timed: Sequence[int], mended: list[Mending]) -> Iterator[Cue]:
    """A cue runs from its times to the next, empty lines and all, less the index that belongs to the next."""
    before = _trimmed(lines[: timed[0]])
    indexed = bool(before and _INDEX.fullmatch(before[-1]))
    if len(before) > indexed:
        mended.append(Mending(1, "text before the first cue was left out"))
    for place, following in zip(timed, [*timed[1:], len(lines)], strict=True):
        body = _trimmed(lines[place + 1 : following])
        if indexed and following < len(lines) and body and _INDEX.fullmatch(body[-1]):
            body = _trimmed(body[:-1])
        cut = _untimed(body) if indexed else [len(body)]
        times = _times(lines[place])
        if times is None:
            mended.append(Mending(place + 1, "times of a cue cannot be read; its text was kept without times"))
        yield _cue(place + 1, times, body[: cut[0]])
        for first, last in zip(cut, [*cut[1:], len(body)], strict=True):
            if first < last:
                mended.append(Mending(place + 2 + first, "cue has no times; its text was kept without times"))
                yield _cue(place + 2 + first, None, body[first + 1 : last])


def _trimmed(lines: Sequence[str]) -> Sequence[str]:
    last = len(lines)
    while last and not lines[last - 1].strip():
        last -= 1
    return lines[:last]


def _untimed(body: Sequence[str]) -> list[int]:
    """Where an index stands between an empty line and text, as in a cue whose times are missing; else the end."""
    places = [
        place
        for place in range(1, len(body) - 1)
        if not body[place - 1].strip() and _INDEX.fullmatch(body[place]) and body[place + 1].strip()
    ]
    return places or [len(body)]


def _cue(line: int, times: tuple[int, int] | None, body: Sequence[str]) -> Cue:
    said = _REFERENCE.sub(lambda reference: html.unescape(reference[0]), _TAG.sub("", "\n".join(body)))
    text = "\n".join(line for line in said.split("\n") if line.strip())
    start_ms, end_ms = times or (None, None)
    return Cue(line, start_ms, end_ms, (Said("", text),))


def _times(line: str) -> tuple[int, int] | None:
    match = _TIMINGS.match(line)
    if not match:
        return None
    start_ms, end_ms = (_milliseconds(*match.group(*fields)) for fields in ((1, 2, 3, 4), (5, 6, 7, 8)))
    return None if start_ms is None or end_ms is None else (start_ms, end_ms)


def _milliseconds(hours: str | None, minutes: str, seconds: str, fraction: str | None) -> int | None:
    # Where no hours are written they are none, and minutes must not pass 59 either.
    return milliseconds(hours or "0", minutes, seconds, fraction)


FORMAT = Format(
    name="srt",
    description="SubRip captions, with or without numbers",
    suffixes=(".srt",),
    sniff=_sniff,
    parse=_parse,
)
