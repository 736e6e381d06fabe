"""Transcripts that Google Meet writes, saved as text or as Markdown, with the notes that may come before them."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date

from sagwan_ingest.domain.formats.dates import when_in
from sagwan_ingest.domain.formats.format import CERTAIN, NEVER, Format, Mending, Parsed, refused
from sagwan_ingest.domain.formats.headers import Headers, names
from sagwan_ingest.domain.formats.mendings import bounded
from sagwan_ingest.domain.formats.times import milliseconds
from sagwan_ingest.domain.marks import marked_kind
from sagwan_ingest.domain.meeting import Meeting, Utterance, UtteranceKind
from sagwan_ingest.domain.validation import PARTICIPANTS_MAX, SPEAKER_CHARACTERS_MAX, TITLE_CHARACTERS_MAX

_NOTICE = re.compile(r"This editable transcript was computer generated and might contain errors\.")
_ENDED = re.compile(r"(?:Meeting|Transcription) ended after (?P<duration>\d{2,3}:\d{2}:\d{2})\W{0,8}")
_TITLE = re.compile(r"(?P<title>.{1,512}?)\s{0,4}(?:\\?-|–|—)\s{0,4}(?:Transcripts?|스크립트)")
_ATTENDEES = re.compile(r"(?:Attendees|참석자)\s{0,4}:?")
_TRANSCRIPT = re.compile(r"\W{0,4}(?:Transcripts?|스크립트)\s{0,4}:?")
_TIME = re.compile(r"(?P<h>\d{2,3}):(?P<m>\d{2}):(?P<s>\d{2})")
# What the notes that Gemini takes say of the transcript that follows them.
_RECORDS = re.compile(r"Meeting records\b.{0,200}\bTranscript\b")
_PRESENTATION = re.compile(r".{1,128}['’]s Presentation")
_NAMED = re.compile(r"(?P<bold>\*{0,2})(?P<name>[^\s:*][^:*\n]{0,127}?)(?::\*\*|(?:\*\*)?:)(?=\s|$)")
_NAME_WORDS_MAX = 6
_HEADING_CHARACTERS_MAX = 700
_TITLE_LINES = 12

_NOTHING_SAID = "name has no text after it; the turn was left out"
_NOTICE_LEFT_OUT = "the notice that a computer wrote the transcript was left out"
_SCREENS_LEFT_OUT = "shared screens among the attendees were left out"


@dataclass(slots=True)
class _Turn:
    line: int
    speaker: str
    start_ms: int | None = None
    named: bool = False
    said: list[str] = field(default_factory=list)

    def utterance(self) -> Utterance:
        text = "\n".join(self.said)
        return Utterance(self.speaker, text, self.start_ms, kind=marked_kind(text))


def _sniff(head: str) -> float:
    lines = [_bare(line) for line in head.split("\n") if line.strip()]
    if any(_NOTICE.match(line) or _ENDED.fullmatch(line) or _RECORDS.match(line) for line in lines):
        return CERTAIN
    titled = any(_TITLE.fullmatch(line) for line in lines[:_TITLE_LINES] if len(line) <= _HEADING_CHARACTERS_MAX)
    return CERTAIN if titled and any(_ATTENDEES.fullmatch(line) or _TIME.fullmatch(line) for line in lines) else NEVER


def _parse(text: str) -> Parsed:
    lines = text.split("\n")
    mended: list[Mending] = []
    headers = Headers()
    begin = _beginning(lines)
    taken = _read_head(lines, begin, headers, mended)
    turns = _turns(lines, begin, taken, _opening(lines[begin:], headers.participants), headers, mended)
    mended += [Mending(turn.line, _NOTHING_SAID) for turn in turns if turn.named and not turn.said]
    utterances = tuple(turn.utterance() for turn in turns if turn.said)
    if not utterances:
        raise refused(1, "holds no turn with text in it")
    return Parsed((headers.completed(Meeting(utterances=utterances)),), bounded(mended))


def _bare(line: str) -> str:
    """A line without the marks that make it a heading, bold or italic in Markdown."""
    return line.strip().lstrip("#").strip().strip("*_").strip() if len(line) <= _HEADING_CHARACTERS_MAX else ""


def _beginning(lines: Sequence[str]) -> int:
    """The place of the transcript's title, or of the heading that says that it follows; above it stand notes."""
    bare = [_bare(line) for line in lines]
    titled = next((place for place, line in enumerate(bare) if _TITLE.fullmatch(line)), None)
    return (
        titled if titled is not None else next((at for at, line in enumerate(bare) if _TRANSCRIPT.fullmatch(line)), 0)
    )


def _read_head(lines: Sequence[str], begin: int, headers: Headers, mended: list[Mending]) -> set[int]:
    """Fills `headers` from the lines before the first turn; gives the places of the lines that are in them now."""
    taken: set[int] = set()
    under_attendees = False
    for place, line in enumerate(lines):
        bare = _bare(line)
        stripped = line.strip()
        begins = _TIME.fullmatch(bare) or (stripped and not under_attendees and _NAMED.match(stripped))
        if begins and place >= begin and not _ATTENDEES.fullmatch(bare):
            break
        if _ATTENDEES.fullmatch(bare):
            under_attendees = True
            taken.add(place)
        elif _TRANSCRIPT.fullmatch(bare):
            under_attendees = False
            taken.add(place)
        elif under_attendees and line.strip() and not line.startswith("#") and not _NOTICE.match(bare):
            if _take_people(line, place, headers, mended):
                taken.add(place)
            under_attendees = False
        elif not headers.title and (titled := _TITLE.fullmatch(bare)):
            taken.add(place)
            _take_title(titled["title"], headers)
        elif (day := _day_alone(bare)) and headers.held_on in (None, day):
            headers.held_on = day
            taken.add(place)
    return taken


def _day_alone(bare: str) -> date | None:
    when = when_in(bare)
    return when.day if when and not when.clock and (when.begin, when.end) == (0, len(bare)) else None


def _take_people(line: str, place: int, headers: Headers, mended: list[Mending]) -> bool:
    people = names(line)
    present = [each for each in people if len(each) > SPEAKER_CHARACTERS_MAX or not _PRESENTATION.fullmatch(each)]
    if len(present) > PARTICIPANTS_MAX or any(len(each) > SPEAKER_CHARACTERS_MAX for each in present):
        return False
    if len(present) < len(people):
        mended.append(Mending(place + 1, _SCREENS_LEFT_OUT))
    headers.participants += present
    return True


def _take_title(title: str, headers: Headers) -> None:
    """Splits the time off a title: `Weekly call (2023-07-13 16:01 GMT+1)`."""
    when = when_in(title)
    if when is None:
        headers.title = title[:TITLE_CHARACTERS_MAX]
        return
    headers.held_on, headers.started_at = when.day, when.instant
    rest = title[when.end :].strip(" )]-–—")
    headers.title = f"{title[: when.begin].rstrip(' ([-–—')} {rest}".strip()
    if when.clock and when.instant is None:
        headers.attributes["start"] = when.clock


def _opening(lines: Sequence[str], participants: Sequence[str]) -> Callable[[str], re.Match[str] | None]:
    """How a turn begins: with a name in bold, of an attendee, or that comes back."""
    known = set(participants)
    seen: set[str] = set()
    for line in lines:
        found = _NAMED.match(line.strip())
        if found and (found["bold"] or found["name"] in seen):
            known.add(found["name"])
        if found and len(found["name"].split()) <= _NAME_WORDS_MAX:
            seen.add(found["name"])

    def opening(line: str) -> re.Match[str] | None:
        found = _NAMED.match(line)
        return found if found and found["name"] in known else None

    return opening


def _notes(lines: Sequence[str], taken: set[int]) -> list[_Turn]:
    """What stands above the transcript, by paragraph and by what is marked in it."""
    notes: list[_Turn] = []
    opens = True
    for place, line in enumerate(lines):
        kept = line.strip() if place not in taken else ""
        if kept and (opens or marked_kind(kept) is not UtteranceKind.SPEECH):
            notes.append(_Turn(place + 1, "", said=[kept]))
        elif kept:
            notes[-1].said.append(kept)
        opens = not kept
    return notes


def _turns(
    lines: Sequence[str],
    begin: int,
    taken: set[int],
    opening: Callable[[str], re.Match[str] | None],
    headers: Headers,
    mended: list[Mending],
) -> list[_Turn]:
    turns = [*_notes(lines[:begin], taken), _Turn(begin + 1, "")]
    start_ms: int | None = None
    opens = True
    for place, whole in enumerate(lines[begin:], start=begin):
        line, bare = whole.strip(), _bare(whole)
        if not line or place in taken:
            opens = True
            continue
        if _NOTICE.match(bare):
            mended.append(Mending(place + 1, _NOTICE_LEFT_OUT))
        elif ended := _ENDED.fullmatch(bare):
            headers.attributes["duration"] = ended["duration"]
        elif time := _TIME.fullmatch(bare):
            start_ms = milliseconds(time["h"], time["m"], time["s"])
        elif found := opening(line):
            if start_ms is None and not turns[-1].said:
                # The time above a turn that is left out is that of the next.
                start_ms = turns[-1].start_ms
            rest = line[found.end() :].strip()
            turns.append(_Turn(place + 1, found["name"], start_ms, named=True, said=[rest] if rest else []))
            start_ms = None
        elif (opens or start_ms is not None) and turns[-1].said:
            turns.append(_Turn(place + 1, turns[-1].speaker, start_ms, said=[line]))
            start_ms = None
        else:
            turns[-1].said.append(line)
        opens = False
    return turns


FORMAT = Format(
    name="google-meet",
    description="Google Meet transcripts, as text or Markdown",
    suffixes=(),
    sniff=_sniff,
    parse=_parse,
)
