"""WebVTT, as the W3C describes it and as Zoom, Teams, Stream and YouTube write it.

Read here and not by webvtt-py 0.6, which gives no line numbers, drops unreadable cues without a word, joins the voices
of a cue into one text and leaves character references as they are.
"""

import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from sagwan_ingest.domain.formats.format import (
    CERTAIN,
    NEVER,
    Format,
    Mending,
    Parsed,
    refused,
)
from sagwan_ingest.domain.meeting import Meeting, Utterance

_SIGNATURE = re.compile(r"WEBVTT(?=[ \t\n]|$)")
_ARROW = "-->"
_TIME = r"(?:([0-9]{1,6}):)?([0-9]{2,6}):([0-9]{2})\.([0-9]{3})(?![0-9])"
_TIMINGS = re.compile(rf"[ \t]*{_TIME}[ \t]*{_ARROW}[ \t]*{_TIME}")
_NO_CUE = re.compile(r"(?:NOTE|STYLE|REGION)(?=\s|$)")
# In the header as YouTube writes it, in a note as Stream does.
_LANGUAGE = re.compile(r"(?:NOTE )?language: ?([a-z0-9-]+)\s*", re.IGNORECASE)
_LANGUAGE_BLOCKS_MAX = 8

_VOICE = r"<v(?:\.[^\s<>]*)?(?:\s(?P<voice>[^<>]*))?>|(?P<end></v\s*>)"
# A tag of the format that is never closed hides the rest of the cue; a bare "<" that somebody wrote does not.
_OTHER_TAG = r"<[^<>]*>|<(?:/?(?:c|i|b|u|v|ruby|rt|lang)(?=[.\s/])|[0-9]+:[0-9])[^<>]*\Z"
_TAG = re.compile(rf"{_VOICE}|{_OTHER_TAG}")
_REFERENCE = re.compile(r"&#?\w{1,32};")

# Zoom writes `Name: text`. One cue could be a remark with a colon in it; most of a file's cues are not.
_NAMED = re.compile(r"(?P<name>[^\s:<>][^:<>?!]{0,63}?):(?:\s+(?P<text>.*))?", re.DOTALL)
_NAMED_SHARE_MIN = 0.5


@dataclass(frozen=True, slots=True)
class _Block:
    """Lines without an empty one between them, and the number of the first."""

    line: int
    lines: list[str]


@dataclass(frozen=True, slots=True)
class _Cue:
    """A cue whose times were read, and the number of the line that has them."""

    line: int
    start_ms: int
    end_ms: int | None
    payload: str


def _sniff(head: str) -> float:
    return CERTAIN if _SIGNATURE.match(head) else NEVER


def _parse(text: str) -> Parsed:
    if not _SIGNATURE.match(text):
        raise refused(1, "does not begin with WEBVTT")
    mended: list[Mending] = []
    blocks = list(_blocks(text.split("\n")))
    cues = list(_cues(blocks[1:], mended))
    spoken = [list(_utterances(cue)) for cue in cues]
    if _is_named(spoken):
        spoken = [[_with_name(each) for each in utterances] for utterances in spoken]
    for cue, utterances in zip(cues, spoken, strict=True):
        if not any(each.text for each in utterances):
            mended.append(Mending(cue.line, "cue has no text and was left out"))
    kept = tuple(each for utterances in spoken for each in utterances if each.text)
    mended.sort(key=lambda each: each.line)
    if not kept:
        line, why = (mended[0].line, f": {mended[0].what}") if mended else (1, "")
        raise refused(line, f"holds no cue with text in it{why}")
    return Parsed((Meeting(language=_language(blocks), utterances=kept),), tuple(mended))


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


def _cues(blocks: Sequence[_Block], mended: list[Mending]) -> Iterator[_Cue]:
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
        payload = "\n".join(block.lines[timed + 1 :])
        if end_ms < start_ms:
            mended.append(Mending(line, "cue ended before it began; its end was left out"))
        yield _Cue(line, start_ms, end_ms if end_ms >= start_ms else None, payload)


def _times(line: str) -> tuple[int, int] | None:
    match = _TIMINGS.match(line)
    if not match:
        return None
    start_ms, end_ms = (_milliseconds(*match.group(*fields)) for fields in ((1, 2, 3, 4), (5, 6, 7, 8)))
    return None if start_ms is None or end_ms is None else (start_ms, end_ms)


def _milliseconds(hours: str | None, minutes: str, seconds: str, thousandths: str) -> int | None:
    fields = (int(hours or 0), int(minutes), int(seconds))
    if hours is None and fields[1] > 59:
        # Two fields of which the first cannot be minutes are hours and minutes, as vtt.js has it.
        fields = (fields[1], fields[2], 0)
    if fields[1] > 59 or fields[2] > 59:
        return None
    return ((fields[0] * 60 + fields[1]) * 60 + fields[2]) * 1_000 + int(thousandths)


def _utterances(cue: _Cue) -> Iterator[Utterance]:
    """What each voice of a cue says; a cue without voices is one utterance, perhaps a blank one."""
    speaker = ""
    said = ""
    place = 0
    for tag in _TAG.finditer(cue.payload):
        said += cue.payload[place : tag.start()]
        place = tag.end()
        if tag["voice"] is not None or tag["end"]:
            if said.strip():
                yield _utterance(cue, speaker, said)
            speaker, said = tag["voice"] or "", ""
    said += cue.payload[place:]
    yield _utterance(cue, speaker, said)


def _utterance(cue: _Cue, speaker: str, said: str) -> Utterance:
    name = " ".join(_REFERENCE.sub(_character, speaker).split())
    # Line breaks in a cue are layout.
    text = _REFERENCE.sub(_character, said.replace("\n", " ")).strip()
    return Utterance(name, text, cue.start_ms, cue.end_ms)


def _character(reference: re.Match[str]) -> str:
    return html.unescape(reference[0])


def _is_named(spoken: Sequence[Sequence[Utterance]]) -> bool:
    """Whether the payloads of a file are `Name: text`."""
    texts = [each.text for utterances in spoken for each in utterances if each.text]
    named = sum(1 for text in texts if _NAMED.fullmatch(text))
    return bool(texts) and named >= len(texts) * _NAMED_SHARE_MIN


def _with_name(utterance: Utterance) -> Utterance:
    match = None if utterance.speaker else _NAMED.fullmatch(utterance.text)
    if not match:
        return utterance
    return replace(utterance, speaker=match["name"].strip(), text=match["text"] or "")


def _language(blocks: Sequence[_Block]) -> str:
    lines = (line for block in islice(blocks, _LANGUAGE_BLOCKS_MAX) for line in block.lines)
    found = filter(None, map(_LANGUAGE.fullmatch, lines))
    return next((match[1] for match in found), "")


FORMAT = Format(name="webvtt", suffixes=(".vtt",), sniff=_sniff, parse=_parse)
