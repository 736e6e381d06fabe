"""WebVTT, as the W3C's parsing algorithm reads it and as Zoom, Teams, Stream and YouTube write it.

Read here and not by webvtt-py 0.6 or pysubs2 1.8, which give no line numbers, drop unreadable cues without a word and
join the voices of a cue: of the 89 conformance cases of vtt.js that are tested they read 71 and 53, this module 87.
"""

import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from sagwan_ingest.domain.formats.cue import Cue, Said
from sagwan_ingest.domain.formats.cues import CUES_MAX, utterances_of
from sagwan_ingest.domain.formats.format import CERTAIN, NEVER, Format, Mending, Parsed, refused
from sagwan_ingest.domain.formats.mendings import bounded
from sagwan_ingest.domain.formats.times import milliseconds
from sagwan_ingest.domain.meeting import Meeting
from sagwan_ingest.domain.validation import TITLE_CHARACTERS_MAX

# Stream writes a note above every cue.
_BLOCKS_MAX = 2 * CUES_MAX

_SIGNATURE = re.compile(r"WEBVTT(?=[ \t\n]|$)")
_ARROW = "-->"
_TIME = r"(?:([0-9]{1,6}):)?([0-9]{2,6}):([0-9]{2})\.([0-9]{3})(?![0-9])"
_TIMINGS = re.compile(rf"[ \t]*{_TIME}[ \t]*{_ARROW}[ \t]*{_TIME}")
_NO_CUE = re.compile(r"(?:NOTE|STYLE|REGION)(?=\s|$)")
# A title in the first line, as in the W3C's examples, and `Key: value` in the lines under it, as YouTube has it.
_TITLE = re.compile(r"WEBVTT[ \t]+-[ \t]+(?P<title>\S.*)")
_HEADER_FIELD = re.compile(r"(?P<key>[A-Za-z][\w-]{0,63}):[ \t]*(?P<value>[^\s:{][^{]{0,1023})")
_HEADER_FIELDS_MAX = 32
# In the header as YouTube writes it, in a note as Stream does.
_LANGUAGE = re.compile(r"(?:NOTE )?language: ?(?P<tag>[a-z]{2,8}(?:-[a-z0-9]{1,8}){0,3})\s*", re.IGNORECASE)
_LANGUAGE_BLOCKS_MAX = 8

# Webex names the speaker in the identifier, beside the number of the cue and that of the person.
_NAMING_IDENTIFIER = re.compile(r'[0-9]{1,9} "(?P<name>[^"]{1,256})" \([0-9]{1,19}\)\s*')

_VOICE = r"<v(?:\.[^\s<>]*)?(?:\s(?P<voice>[^<>]*))?>|(?P<end></v\s*>)"
# As the tokenizer has it, a tag of the format goes on to the next ">" or to the end of the cue. A "<" with a space or a
# digit after it that begins no timestamp was written by somebody.
_OTHER_TAG = (
    r"</?(?:c|i|b|u|v|ruby|rt|lang)(?=[.\s/])[^>]*(?:>|\Z)"
    r"|<\s*[0-9]+:[0-9][^>]*(?:>|\Z)"
    r"|<(?![\s\d])[^<>]*>"
)
_TAG = re.compile(rf"{_VOICE}|{_OTHER_TAG}")
_REFERENCE = re.compile(r"&#?\w{1,32};")


@dataclass(frozen=True, slots=True)
class _Block:
    """Lines without an empty one between them, and the number of the first."""

    line: int
    lines: list[str]


def _sniff(head: str) -> float:
    return CERTAIN if _SIGNATURE.match(head) else NEVER


def _parse(text: str) -> Parsed:
    if not _SIGNATURE.match(text):
        raise refused(1, "does not begin with WEBVTT")
    mended: list[Mending] = []
    blocks = list(islice(_blocks(text.split("\n")), _BLOCKS_MAX + 1))
    if len(blocks) > _BLOCKS_MAX:
        raise refused(blocks[-1].line, f"holds more than {_BLOCKS_MAX} cues and notes; split the file")
    utterances = utterances_of(_cues(blocks[1:], mended), mended)
    title = _title(blocks[0], mended)
    reported = bounded(mended)
    if not utterances:
        line, why = (reported[0].line, f": {reported[0].what}") if reported else (1, "")
        raise refused(line, f"holds no cue with text in it{why}")
    meeting = Meeting(
        title=title, language=_language(blocks), attributes=dict(_header_fields(blocks[0])), utterances=utterances
    )
    return Parsed((meeting,), reported)


def _blocks(lines: Sequence[str]) -> Iterator[_Block]:
    """The header, then every block. Timings begin one of their own where no empty line sets them apart.

    The line above timings can be their cue's identifier, but not in the header and not when it has an arrow too.
    """
    block: list[str] = []
    in_header = True
    for number, line in enumerate(lines, start=1):
        apart = _ARROW in line and (in_header or len(block) > 1 or _ARROW in "".join(block))
        if block and (not line or apart):
            yield _Block(number - len(block), block)
            block = []
            in_header = False
        if line:
            block.append(line)
    if block:
        yield _Block(len(lines) + 1 - len(block), block)


def _cues(blocks: Sequence[_Block], mended: list[Mending]) -> Iterator[Cue]:
    for block in blocks:
        timed = next((place for place, line in enumerate(block.lines) if _ARROW in line), None)
        if timed is None:
            if not _NO_CUE.match(block.lines[0]):
                mended.append(Mending(block.line, "text outside of a cue was left out"))
            continue
        line = block.line + timed
        times = _times(block.lines[timed])
        if times is None:
            mended.append(Mending(line, "times of a cue cannot be read; it was left out"))
            continue
        start_ms, end_ms = times
        named = _NAMING_IDENTIFIER.fullmatch(block.lines[timed - 1]) if timed else None
        said = tuple(_said("\n".join(block.lines[timed + 1 :]), named["name"] if named else ""))
        yield Cue(line, start_ms, end_ms, said)


def _times(line: str) -> tuple[int, int] | None:
    match = _TIMINGS.match(line)
    if not match:
        return None
    start_ms, end_ms = (_milliseconds(*match.group(*fields)) for fields in ((1, 2, 3, 4), (5, 6, 7, 8)))
    return None if start_ms is None or end_ms is None else (start_ms, end_ms)


def _milliseconds(hours: str | None, minutes: str, seconds: str, thousandths: str) -> int | None:
    if hours is None and int(minutes) > 59:
        # Two fields of which the first cannot be minutes are hours and minutes, as vtt.js has it.
        hours, minutes, seconds = minutes, seconds, "0"
    return milliseconds(hours or "0", minutes, seconds, thousandths)


def _said(payload: str, speaker: str) -> Iterator[Said]:
    """What each voice of a cue says, and `speaker` before the first; without voices one entry, perhaps a blank one."""
    parts: list[str] = []
    place = 0
    for tag in _TAG.finditer(payload):
        parts.append(payload[place : tag.start()])
        place = tag.end()
        if tag["voice"] is not None or tag["end"]:
            if "".join(parts).strip():
                yield _voice(speaker, parts)
            speaker, parts = tag["voice"] or "", []
    parts.append(payload[place:])
    yield _voice(speaker, parts)


def _voice(speaker: str, parts: Sequence[str]) -> Said:
    return Said(" ".join(_resolved(speaker).split()), _resolved("".join(parts)).strip())


def _resolved(text: str) -> str:
    return _REFERENCE.sub(lambda reference: html.unescape(reference[0]), text)


def _title(header: _Block, mended: list[Mending]) -> str:
    match = _TITLE.fullmatch(header.lines[0])
    title = match["title"].strip() if match else ""
    if len(title) > TITLE_CHARACTERS_MAX:
        mended.append(Mending(1, f"title has {len(title)} characters and was cut to {TITLE_CHARACTERS_MAX}"))
    return title[:TITLE_CHARACTERS_MAX].rstrip()


def _header_fields(header: _Block) -> Iterator[tuple[str, str]]:
    for line in islice(header.lines, 1, 1 + _HEADER_FIELDS_MAX):
        match = _HEADER_FIELD.fullmatch(line)
        if match and not _LANGUAGE.fullmatch(line):
            yield match["key"], match["value"].strip()


def _language(blocks: Sequence[_Block]) -> str:
    lines = (line for block in islice(blocks, _LANGUAGE_BLOCKS_MAX) for line in block.lines)
    found = filter(None, map(_LANGUAGE.fullmatch, lines))
    return next((match["tag"] for match in found), "")


FORMAT = Format(
    name="webvtt",
    description="WebVTT captions, as Zoom, Teams, Stream and YouTube write them",
    suffixes=(".vtt",),
    sniff=_sniff,
    parse=_parse,
)
