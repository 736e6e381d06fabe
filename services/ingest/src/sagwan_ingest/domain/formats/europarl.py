"""Debates of the European Parliament as the Europarl corpus has them: `<SPEAKER ID="1" NAME="Ann">` and `<P>`."""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from sagwan_ingest.domain.formats.format import CERTAIN, NEVER, Format, Mending, Parsed, refused
from sagwan_ingest.domain.formats.mendings import bounded
from sagwan_ingest.domain.meeting import Meeting, Utterance

_CHAPTER = re.compile(r"<CHAPTER\b[^<>\n]{0,200}>")
_SPEAKER = re.compile(r"<SPEAKER\b(?P<attributes>[^<>\n]{0,400})>")
_NAME = re.compile(r'\bNAME="(?P<name>[^"\n]{0,256})"')
_PARAGRAPH = re.compile(r"<P>")
_TAG = re.compile(r"<[A-Z][^<>\n]{0,400}>")

_NOTHING_SAID = "name has no text after it; the turn was left out"


@dataclass(slots=True)
class _Turn:
    line: int
    speaker: str
    named: bool = False
    said: list[str] = field(default_factory=list)


def _sniff(head: str) -> float:
    first = next((line for line in head.split("\n") if line.strip()), "")
    opens = _CHAPTER.match(first) or _SPEAKER.match(first)
    return CERTAIN if opens and _SPEAKER.search(head) else NEVER


def _parse(text: str) -> Parsed:
    turns = list(_turns(text))
    titles = [turn.said[0] for turn in turns if turn.said and not turn.named]
    mended = [Mending(turn.line, _NOTHING_SAID) for turn in turns if turn.named and not turn.said]
    utterances = tuple(Utterance(turn.speaker, "\n".join(turn.said)) for turn in turns if turn.said)
    if not utterances:
        raise refused(1, "holds no turn with text in it")
    # One chapter is one debate, called by the line under its tag. Of several, each heading stays where it is.
    if len(titles) == 1 and utterances[0].text == titles[0] and len(utterances) > 1:
        return Parsed((Meeting(title=titles[0][:512], utterances=utterances[1:]),), bounded(mended))
    return Parsed((Meeting(utterances=utterances),), bounded(mended))


def _turns(text: str) -> Iterator[_Turn]:
    turn = _Turn(1, "")
    for number, whole in enumerate(text.split("\n"), start=1):
        line = whole.strip()
        speaker = _SPEAKER.match(line)
        if speaker:
            yield turn
            name = _NAME.search(speaker["attributes"])
            turn = _Turn(number, html.unescape(name["name"]).strip() if name else "", named=True)
        elif _CHAPTER.match(line):
            yield turn
            turn = _Turn(number, "")
        elif _PARAGRAPH.match(line) and turn.said:
            yield turn
            turn = _Turn(number, turn.speaker, turn.named)
        tag = _TAG.match(line)
        if said := (line[tag.end() :].strip() if tag else line):
            turn.said.append(said)
    if turn.said or turn.speaker:
        yield turn


FORMAT = Format(
    name="europarl",
    description="Debates of the European Parliament in the layout of the Europarl corpus",
    suffixes=(),
    sniff=_sniff,
    parse=_parse,
)
