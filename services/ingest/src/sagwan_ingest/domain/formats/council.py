"""Minutes of Korean councils and of the National Assembly: `○위원장 김철수  말씀` begins a turn.

Above the turns stand what met, the day and the place; below them who attended.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta, timezone

from sagwan_ingest.domain.formats.dates import clock_in
from sagwan_ingest.domain.formats.format import CERTAIN, LIKELY, NEVER, Format, Mending, Parsed, refused
from sagwan_ingest.domain.formats.headers import Headers, header
from sagwan_ingest.domain.formats.mendings import bounded
from sagwan_ingest.domain.meeting import Meeting, Utterance
from sagwan_ingest.domain.validation import PARTICIPANTS_MAX, TITLE_CHARACTERS_MAX

# The mark touches the name, two spaces set it apart. After "○ " comes an item of a list.
_OPENINGS = (
    re.compile(r"[○◯〇](?P<name>[^\W\d_]\S{0,40}(?: \S{1,40}){0,5}?)(?:\s{2,8}|\t|\u3000)"),
    # Where the second space was lost, an office tells which two words are the name.
    re.compile(
        r"[○◯〇](?P<name>[가-힣]{1,20}(?:장|관|감|원|사) [가-힣]{2,4}|[가-힣]{2,4} (?:위원|의원))(?:\s{1,8}|\Z)"
    ),
    re.compile(r"[○◯〇](?P<name>[^\W\d_]\S{0,40}(?: \S{1,40}){0,2})(?<![.다요])\Z"),
)
# Who attended: "○출석 위원(16인)", "○정부 측 및 기타 참석자", on a line of its own or with a name or two behind it.
_ATTENDANCE = re.compile(
    r"[○◯〇]\s{0,4}(?:출석|참석|청가|결석|불참|(?:위원|의원) ?아닌|정부 ?측|그 ?밖의|기타 ?참석)[^\n.]{0,40}(?<!다)"
)
_MEMBERS = re.compile(r"[○◯〇]\s{0,4}(?:출석|참석)\s{0,4}(?:위원|의원)\s{0,4}(?:\(\d{1,4}\s?[인명]\))?")
_MEMBER = re.compile(r"[가-힣]{2,5}(?:\([가-힣一-鿿]{1,10}\))?")
# What stands between the turns and is nobody's: items of the agenda, the time, who left.
_OF_NOBODY = re.compile(r"\d{1,3}\. ?\S|\(\d{1,2}시|[○◯〇]\s")
_OPENED = re.compile(r"\(\s?(?P<clock>\d{1,2}시(?:\s?\d{1,2}분)?)\s{0,4}(?:개의|개회|개식)\s?\)")
# In files that once were HTML even the mark is one.
_REFERENCE = re.compile(r"&#(\d{2,6});")
_KOREA = timezone(timedelta(hours=9))

_NOTHING_SAID = "name has no text after it; the turn was left out"
_REFERENCES_READ = "character references such as &#9711; were read as the characters they stand for"
_KOREAN_TIME = "the time of the opening was taken for Korean time"

_TITLE_LINES_MAX = 8
_SHARE_MIN = 0.05


@dataclass(slots=True)
class _Turn:
    line: int
    speaker: str
    said: list[str] = field(default_factory=list)


def opening(line: str) -> tuple[str, str] | None:
    """The name and what follows on the line where a turn begins; None for other lines."""
    if line[:1] not in ("○", "◯", "〇") or _ATTENDANCE.fullmatch(line):
        return None
    found = next(filter(None, (pattern.match(line) for pattern in _OPENINGS)), None)
    return (found["name"], line[found.end() :].strip()) if found else None


def _sniff(head: str) -> float:
    lines = [line for each in head.split("\n") if (line := _with_characters(each).strip())]
    turns = sum(1 for line in lines if opening(line))
    if not turns or turns < len(lines) * _SHARE_MIN:
        return NEVER
    # One mark may begin an item of a list; a name before two spaces comes back in no list.
    return CERTAIN if turns > 1 else LIKELY


def _parse(text: str) -> Parsed:
    mended: list[Mending] = []
    read = _with_characters(text)
    if read != text:
        mended.append(Mending(0, _REFERENCES_READ))
    lines = [line.strip() for line in read.split("\n")]
    headers = Headers(zone=_KOREA)
    taken = _read_head(lines, headers)
    turns = [turn for turn in _turns(lines, taken, headers) if turn.said or turn.speaker]
    mended += [Mending(turn.line, _NOTHING_SAID) for turn in turns if not turn.said]
    utterances = tuple(Utterance(turn.speaker, "\n".join(turn.said)) for turn in turns if turn.said)
    if not utterances:
        raise refused(1, "has no text besides names")
    meeting = _started(headers.completed(Meeting(utterances=utterances)), lines)
    if meeting.started_at is not None:
        mended.append(Mending(0, _KOREAN_TIME))
    return Parsed((meeting,), bounded(mended))


def _with_characters(text: str) -> str:
    def character(reference: re.Match[str]) -> str:
        code = int(reference[1])
        surrogate = 0xD800 <= code <= 0xDFFF
        return chr(code) if 0xA0 <= code <= 0x10FFFF and not surrogate else reference[0]

    return _REFERENCE.sub(character, text)


def _read_head(lines: Sequence[str], headers: Headers) -> set[int]:
    """Fills `headers` from what stands above the first turn; gives the places of the lines that are in them now."""
    first = next((place for place, line in enumerate(lines) if opening(line)), len(lines))
    taken: set[int] = set()
    begin = next((place for place in range(first) if lines[place]), first)
    end = next((place for place in range(begin, first) if not lines[place] or header(lines[place])), first)
    titled = "회의록" in "".join(lines[begin:end]) and end - begin <= _TITLE_LINES_MAX
    if titled and len(title := " ".join(lines[begin:end])) <= TITLE_CHARACTERS_MAX:
        headers.title = title
        taken.update(range(begin, end))
    for place in range(begin, first):
        if place not in taken and headers.take(lines[place]):
            taken.add(place)
    return taken


def _turns(lines: Sequence[str], taken: set[int], headers: Headers) -> Iterator[_Turn]:
    turn = _Turn(1, "")
    opens = attending = False
    for place, line in enumerate(lines):
        if not line or place in taken:
            opens = True
            continue
        found = opening(line)
        if found:
            yield turn
            turn = _Turn(place + 1, found[0], [found[1]] if found[1] else [])
            attending = False
        elif _ATTENDANCE.fullmatch(line):
            yield turn
            turn = _Turn(place + 1, "", [line])
            attending = bool(_MEMBERS.fullmatch(line))
        elif opens and turn.said and (not turn.speaker or _OF_NOBODY.match(line)):
            yield turn
            turn = _Turn(place + 1, "", [line])
        else:
            turn.said.append(line)
        if attending and not found:
            _attend(line, headers)
        opens = False
    yield turn


def _attend(line: str, headers: Headers) -> None:
    """Adds the members that a line lists to the participants, when it lists nothing else."""
    people = line.split()
    if all(_MEMBER.fullmatch(each) for each in people) and len(headers.participants) + len(people) <= PARTICIPANTS_MAX:
        headers.participants += people


def _started(meeting: Meeting, lines: Sequence[str]) -> Meeting:
    """The meeting with the instant of its opening, `(21시17분 개의)`, where the day is known."""
    found = next(filter(None, (_OPENED.fullmatch(line) for line in lines if line.startswith("("))), None)
    clock = clock_in(found["clock"]) if found else None
    if meeting.held_on is None or meeting.started_at is not None or clock is None:
        return meeting
    hour, minute, _ = clock
    return replace(meeting, started_at=datetime.combine(meeting.held_on, time(hour, minute), _KOREA))


FORMAT = Format(
    name="council",
    description="Minutes of Korean councils and the National Assembly as text (○위원장 김철수 …)",
    suffixes=(),
    sniff=_sniff,
    parse=_parse,
)
