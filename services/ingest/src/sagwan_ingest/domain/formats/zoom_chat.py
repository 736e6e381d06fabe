r"""The chat of a Zoom meeting as it is saved: a time, who wrote it, the message, which can have several lines.

Three layouts: of cloud recordings (`00:13:46\tAnn:\tHi`, times from the start), of the desktop client
(`10:00:01 From Ann to Everyone:` with the message in lines of their own), and of its older versions
(`10:00:01\t From Ann : Hi`); in Korean `10:00:01 발신자 김철수 수신자 모두에게:`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from sagwan_ingest.domain.formats.format import CERTAIN, NEVER, Format, Mending, Parsed, refused
from sagwan_ingest.domain.formats.mendings import bounded
from sagwan_ingest.domain.formats.times import HOUR_MS, counted_from_first, milliseconds
from sagwan_ingest.domain.meeting import Meeting, Utterance

_TIME = r"(?:\d{4}-\d{2}-\d{2} )?(?P<h>\d{2}):(?P<m>\d{2}):(?P<s>\d{2})"
_LAYOUTS = (
    re.compile(rf"{_TIME}\t(?P<name>[^\t]{{1,128}}?):\t"),
    re.compile(
        rf"{_TIME}[\t ]{{1,4}}From {{1,2}}(?P<name>[^\t]{{1,128}}?)"
        r"(?: {1,2}to {1,2}(?P<to>[^\t:]{1,128}?))? ?:(?:[\t ]|$)"
    ),
    re.compile(rf"{_TIME}[\t ]{{1,4}}발신자 (?P<name>[^\t]{{1,128}}?) 수신자 (?P<to>[^\t:]{{1,128}}?) ?:(?:[\t ]|$)"),
)
_EVERYONE = frozenset({"", "everyone", "everyone in meeting", "모두", "모두에게", "전체"})
_REACTION = re.compile(r'Reacted to .{1,200} with ["“]?[^\s"”]{1,40}["”]?|Removed an? \S{1,40} reaction from .{1,200}')

_NOTHING_WRITTEN = "message has no text and was left out"
_REACTIONS = "reaction was left out: it repeats the beginning of the message that it is about"
_PRIVATE = "message went to some only; whom to was left out"


@dataclass(slots=True)
class _Message:
    line: int
    name: str
    time_ms: int | None
    written: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "\n".join(self.written).strip()


def _sniff(head: str) -> float:
    first = next((line for line in head.split("\n") if line.strip()), "")
    return CERTAIN if _begins(first) else NEVER


def _parse(text: str) -> Parsed:
    mended: list[Mending] = []
    messages = [each for each in _messages(text, mended) if _is_kept(each, mended)]
    if not messages:
        line, why = (mended[0].line, f": {mended[0].what}") if mended else (1, "")
        raise refused(line, f"holds no message of a chat{why}")
    offsets, assumed = counted_from_first([(each.line, each.time_ms) for each in messages], clock_from_ms=HOUR_MS)
    utterances = tuple(Utterance(each.name, each.text, offset) for each, offset in zip(messages, offsets, strict=True))
    return Parsed((Meeting(utterances=utterances),), bounded([*mended, *assumed]))


def _begins(line: str) -> re.Match[str] | None:
    return next(filter(None, (layout.match(line) for layout in _LAYOUTS)), None)


def _messages(text: str, mended: list[Mending]) -> Iterator[_Message]:
    message = _Message(1, "", None)
    for number, line in enumerate(text.split("\n"), start=1):
        begun = _begins(line)
        if begun is None:
            # The desktop client indents the lines of a message.
            message.written.append(line.removeprefix("\t").rstrip())
            continue
        yield message
        groups = begun.groupdict()
        to = (groups.get("to") or "").removesuffix("(Direct Message)").removesuffix("(Privately)")
        if to.strip().casefold() not in _EVERYONE:
            mended.append(Mending(number, _PRIVATE))
        time_ms = milliseconds(begun["h"], begun["m"], begun["s"])
        message = _Message(number, begun["name"].strip(), time_ms, [line[begun.end() :].rstrip()])
    yield message


def _is_kept(message: _Message, mended: list[Mending]) -> bool:
    if not message.text:
        # Empty lines before the first message are nobody's.
        if message.time_ms is not None or message.name:
            mended.append(Mending(message.line, _NOTHING_WRITTEN))
        return False
    if message.name and _REACTION.fullmatch(message.text):
        mended.append(Mending(message.line, _REACTIONS))
        return False
    return True


FORMAT = Format(
    name="zoom-chat",
    description="Chat of a Zoom meeting",
    suffixes=(),
    sniff=_sniff,
    parse=_parse,
)
