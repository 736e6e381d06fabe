"""From minutes as a sequence of blocks to a meeting, whatever document the blocks stood in.

A heading is an utterance of nobody's, so that an agenda item is found by its words; it ends what somebody was saying.
Under a name, what has no name of its own is that person's: the rest of the paragraph, the list below, the paragraphs up
to the next name or heading. Under `Decisions` or `Action items`, the items of a list are of that kind.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sagwan_ingest.domain.formats.attendance import (
    Attendance,
    attendance,
    closed_up,
    is_attendance,
    with_initials,
)
from sagwan_ingest.domain.formats.format import Parsed, refused
from sagwan_ingest.domain.formats.mendings import Mendings
from sagwan_ingest.domain.formats.minute_blocks import Block, Heading, Known, Row, Text, Turn
from sagwan_ingest.domain.formats.minute_dates import days_in, is_only_a_day
from sagwan_ingest.domain.formats.minute_names import (
    Line,
    Names,
    Opening,
    looks_like_a_name,
    milliseconds,
    without_time,
)
from sagwan_ingest.domain.marks import marked_kind
from sagwan_ingest.domain.meeting import Meeting, Utterance, UtteranceKind
from sagwan_ingest.domain.validation import (
    PARTICIPANTS_MAX,
    SPEAKER_CHARACTERS_MAX,
    TEXT_CHARACTERS_MAX,
    TITLE_CHARACTERS_MAX,
)


def read_minutes(blocks: Sequence[Block], mended: Mendings, known: Known) -> Parsed:
    """The meeting that `blocks` are the minutes of.

    Raises:
        InvalidRequest: When they hold no text.
    """
    title = None if known.title else _title(blocks)
    lists = _lists(blocks)
    participants = _distinct((*known.participants, *(name for each in lists.values() for name in each.names)))
    initials = [initial for each in lists.values() for initial in each.initials]
    lines = (line for block in blocks if isinstance(block, Text) and not block.verbatim for line in block.lines)
    names = Names(lines, participants, initials)
    heading = blocks[title] if title is not None else None
    shown = _cut_title(heading, mended) if isinstance(heading, Heading) else known.title
    left_out = {place for place, each in lists.items() if each.whole} | _empty_lists(blocks, lists)
    if title is not None and isinstance(heading, Heading) and shown == heading.line.text:
        left_out.add(title)
    kept = [block for place, block in enumerate(blocks) if place not in left_out]
    utterances = tuple(_Writing(names, _speaking(kept, names)).utterances(kept))
    utterances = tuple(_fitting(utterances, mended))
    if not utterances:
        if title is None or not isinstance(heading, Heading):
            raise refused(1, "holds no text besides a title and a list of attendees; send minutes that say something")
        utterances = (Utterance("", heading.line.text),)
    if len(participants) > PARTICIPANTS_MAX:
        mended.add(0, f"names more than {PARTICIPANTS_MAX:,} participants; the rest was left out of their list")
    meeting = Meeting(
        title=shown,
        held_on=known.held_on or _held_on(blocks, shown, mended),
        language=known.language,
        participants=participants[:PARTICIPANTS_MAX],
        tags=known.tags,
        attributes=known.attributes,
        utterances=utterances,
    )
    return Parsed((meeting,), mended.all())


def _distinct(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(
        {name.casefold(): name for name in reversed(list(names)) if len(name) <= SPEAKER_CHARACTERS_MAX}.values()
    )[::-1]


def _title(blocks: Sequence[Block]) -> int | None:
    """Where the title is: the first heading if nothing stands before it, else the first of level 1."""
    if blocks and isinstance(blocks[0], Heading):
        return 0
    return next((n for n, each in enumerate(blocks) if isinstance(each, Heading) and each.level == 1), None)


def _cut_title(heading: Heading, mended: Mendings) -> str:
    text = heading.line.text
    if len(text) > TITLE_CHARACTERS_MAX:
        mended.add(
            heading.line.number, f"title was cut at {TITLE_CHARACTERS_MAX} characters; it is kept whole as a line"
        )
    return text[:TITLE_CHARACTERS_MAX].strip()


def _held_on(blocks: Sequence[Block], title: str, mended: Mendings) -> date | None:
    """The one day that the title, else the lines that say `Date:`, else the headings that are days, agree on."""
    labelled = [found for each in _first_lines(blocks) if (found := _dated(each))]
    headed = [each.line.text for each in blocks if isinstance(each, Heading) and is_only_a_day(each.line.text)]
    for what, texts in (("the title", [title]), ("the dates that it gives", labelled), ("its headings", headed)):
        days = set().union(*map(days_in, texts))
        if len(days) == 1:
            return days.pop()
        if days:
            mended.add(0, f"{what} name {len(days)} days; none was taken for the day of the meeting")
            return None
    return None


def _first_lines(blocks: Sequence[Block]) -> Iterator[str]:
    for block in blocks:
        match block:
            case Heading(line=line):
                yield line.text
            case Text(lines=lines):
                yield from (line.text for line in lines)
            case Row(cells=cells) if len(cells) > 1:
                yield f"{cells[0]}: {cells[1]}"
            case _:
                pass


_DATED = re.compile(
    r"(?:meeting )?(?:date|held on|when)(?: ?(?:/|and|&) ?time)?"
    r"|일시|날짜|회의 ?일시|개최 ?일시|일자|회의 ?일자|회의 ?날짜",
    re.IGNORECASE,
)


def _dated(line: str) -> str:
    label, colon, rest = line[:400].replace("：", ":").partition(":")
    return rest if colon and len(label) < 40 and _DATED.fullmatch(closed_up(label.strip("*_[] "))) else ""


def _lists(blocks: Sequence[Block]) -> dict[int, Attendance]:
    """The blocks that say who was there, by their place."""
    found: dict[int, Attendance] = {}
    level: int | None = None
    for place, block in enumerate(blocks):
        people = None
        match block:
            case Heading():
                if level is None or block.level <= level:
                    level = block.level if is_attendance(block.line.text) else None
            case Text(verbatim=False):
                text = "\n".join(line.text for line in block.lines)
                people = with_initials(text) or _labelled(text)
                if not people and level is not None:
                    people = attendance(text)
                    level = level if people or block.item else None
            case Row(cells=(label, value)) if is_attendance(label):
                people = attendance(value)
                people = Attendance(people.names, people.initials, whole=False) if people else None
            case _:
                pass
        if people:
            found[place] = people
    return found


def _labelled(text: str) -> Attendance | None:
    """The people of `Present: Ann, Bo`, or of a label over their names."""
    label, colon, rest = text[:20_000].replace("：", ":").partition(":")
    if len(label) < 40 and colon and is_attendance(label):
        return attendance(rest)
    first, _, below = text.partition("\n")
    return with_initials(below) if below and first.rstrip().endswith(":") and len(first) < 40 else None


def _empty_lists(blocks: Sequence[Block], lists: Mapping[int, Attendance]) -> set[int]:
    """The headings of lists of which nothing stays in the text."""
    empty = set()
    for place, block in enumerate(blocks):
        if isinstance(block, Heading) and is_attendance(block.line.text):
            below = place + 1
            while below in lists and lists[below].whole:
                below += 1
            if below > place + 1 and (below == len(blocks) or isinstance(blocks[below], Heading)):
                empty.add(place)
    return empty


def _speaking(blocks: Sequence[Block], names: Names) -> set[int]:
    """The headings that are a speaker and a time, by their place; where lines have names they are chapters."""
    found = set()
    for place, block in enumerate(blocks):
        if isinstance(block, Heading):
            name, start_ms = _name_and_time(block.line.text)
            if names.listed(name) or (start_ms is not None and not names.any and looks_like_a_name(name)):
                found.add(place)
    return found


_TIME_FIRST = re.compile(r"[\[(]?(?:([0-9]{1,3}):)?([0-9]{1,3}):([0-9]{2})[\])]?\s+(?=\S)")


def _name_and_time(text: str) -> tuple[str, int | None]:
    leading = _TIME_FIRST.match(text)
    if leading:
        return text[leading.end() :].strip(" -–—:"), milliseconds(*leading.groups())
    name, start_ms = without_time(text)
    return name.rstrip(" -–—:"), start_ms


def _fitting(utterances: Iterable[Utterance], mended: Mendings) -> Iterator[Utterance]:
    """What is longer than an utterance may be is cut in several; what has no text is left out."""
    for each in utterances:
        if not each.text.strip():
            continue
        if len(each.text) > TEXT_CHARACTERS_MAX:
            mended.add(0, f"a passage of more than {TEXT_CHARACTERS_MAX:,} characters was cut in several")
        for place in range(0, len(each.text), TEXT_CHARACTERS_MAX):
            piece = each.text[place : place + TEXT_CHARACTERS_MAX]
            if piece.strip():
                yield Utterance(each.speaker, piece, each.start_ms, each.end_ms, each.kind)


_NOTHING = frozenset({"none", "n/a", "tbd", "-", "없음", "해당 없음", "해당없음", "미정"})
# Headings and labels that are a topic more often than a mark.
_NO_MARKS = frozenset({"ai"})


def announced_kind(label: str) -> UtteranceKind:
    """What a heading, a label or the head of a column says that all below it is."""
    for part in re.split(r"\s*[/&]\s*", label.strip(" *_:：[]【】")):
        if len(part) <= 40 and re.sub(r"^\d{1,3}[.)]\s*", "", part).casefold() not in _NO_MARKS:
            kind = marked_kind(f"{closed_up(part)}:")
            if kind is not UtteranceKind.SPEECH:
                return kind
    return UtteranceKind.SPEECH


def _kind(text: str) -> UtteranceKind:
    # A box is one in a list only, and the list's own marker is not in the text any more.
    return marked_kind(f"- {text.lstrip()}")


_SPEAKER_HEADS = frozenset({"speaker", "name", "who", "발언자", "화자", "이름", "성명", "발표자"})
_TEXT_HEADS = frozenset(
    {
        "text",
        "comment",
        "comments",
        "said",
        "statement",
        "remarks",
        "utterance",
        "transcript",
        "content",
        "내용",
        "발언",
        "발언내용",
        "의견",
    }
)
_TIME_HEADS = frozenset({"time", "timestamp", "start", "시간", "시각"})
_CELL_TIME = re.compile(r"[\[(]?(?:([0-9]{1,3}):)?([0-9]{1,3}):([0-9]{2})(?:[.,][0-9]{1,3})?[\])]?")
_ASIDE = re.compile(r"[(（\[][^()（）\[\]]*[)）\]]\.?")


class _Writing:
    """Blocks becoming utterances: who speaks, at which depth of lists, and what a heading announced."""

    def __init__(self, names: Names, speaking: set[int]) -> None:
        self._names = names
        self._speaking = speaking
        self._speakers: list[tuple[int, str]] = []
        self._kind = UtteranceKind.SPEECH
        self._label = UtteranceKind.SPEECH
        # A name after which nothing was said yet, as it was written, and the time beside it.
        self._waiting: tuple[str, int | None] | None = None

    def utterances(self, blocks: Sequence[Block]) -> Iterator[Utterance]:
        for place, block in enumerate(blocks):
            match block:
                case Heading():
                    yield from self._heading(block, speaks=place in self._speaking)
                case Text():
                    following = blocks[place + 1] if place + 1 < len(blocks) else None
                    nested = isinstance(following, Text) and following.depth > block.depth
                    yield from self._text(block, nested=nested)
                case Row():
                    yield from self._given_up()
                    yield from self._row(block)
                case Turn():
                    yield from self._given_up()
                    yield block.utterance
        yield from self._given_up()

    def _given_up(self) -> Iterator[Utterance]:
        """A name after which nothing was said is text like any other."""
        if self._waiting:
            yield Utterance("", self._waiting[0])
        self._waiting = None

    def _heading(self, block: Heading, *, speaks: bool) -> Iterator[Utterance]:
        yield from self._given_up()
        self._label = UtteranceKind.SPEECH
        self._speakers = []
        text = block.line.text
        if speaks:
            name, start_ms = _name_and_time(text)
            self._speakers = [(0, name)]
            self._waiting = (text, start_ms)
            return
        self._kind = announced_kind(text)
        yield Utterance("", text, kind=_marked_heading(text))

    def _text(self, block: Text, *, nested: bool) -> Iterator[Utterance]:
        yield from self._left_depth(block)
        said: _Said | None = None
        for line in block.lines:
            found = None if block.verbatim else self._begun(line, alone=nested and len(block.lines) == 1)
            kind = UtteranceKind.SPEECH if block.verbatim else _kind(line.text)
            doubtful = found is None and not block.verbatim and self._names.doubtful(line)
            if said and not (found or doubtful) and kind is UtteranceKind.SPEECH:
                said.lines.append(line.text)
                continue
            if said:
                yield said.utterance()
            if found:
                yield from self._given_up()
                said = self._opened(found, line, block)
            elif kind is not UtteranceKind.SPEECH or doubtful:
                said = self._nobodys(line, kind)
            else:
                said = self._inherited(line, block)
        if said:
            yield said.utterance()

    def _left_depth(self, block: Text) -> Iterator[Utterance]:
        """Forgets who spoke in lists that have ended, and in the item before a new one."""
        depth = block.depth if block.item else block.depth + 1
        while self._speakers and self._speakers[-1][0] >= depth:
            yield from self._given_up()
            self._speakers.pop()
        if not block.item and block.depth == 0:
            self._label = UtteranceKind.SPEECH

    def _opened(self, found: Opening, line: Line, block: Text) -> "_Said | None":
        self._speakers = [each for each in self._speakers if each[0] < block.depth]
        self._speakers.append((block.depth, found.speaker))
        if block.depth == 0:
            self._kind = UtteranceKind.SPEECH
        if not found.text:
            self._waiting = (line.text, found.start_ms)
            return None
        return _Said(found.speaker, [found.text], found.start_ms, _kind(found.text))

    def _nobodys(self, line: Line, kind: UtteranceKind) -> "_Said":
        if _only_a_mark(line.text):
            self._label, kind = kind, UtteranceKind.SPEECH
        return _Said("", [line.text], None, kind)

    def _begun(self, line: Line, *, alone: bool) -> Opening | None:
        found = self._names.begun(line)
        if found is None and alone and self._names.listed(line.text):
            return Opening(line.text.strip(), "", alone=True)
        if (
            found
            and announced_kind(found.speaker) is not UtteranceKind.SPEECH
            and not self._names.listed(found.speaker)
        ):
            return None
        return found

    def _inherited(self, line: Line, block: Text) -> "_Said":
        """A line without a name: whose it is, and what was announced that it would be."""
        if len(block.lines) == 1 and not self._waiting and _ASIDE.fullmatch(line.text.strip()):
            return _Said("", [line.text], None, UtteranceKind.SPEECH)
        speaker = self._speakers[-1][1] if self._speakers else ""
        start_ms = self._waiting[1] if self._waiting else None
        self._waiting = None
        kind = UtteranceKind.SPEECH
        if not speaker and line.text.strip().rstrip(".").casefold() not in _NOTHING:
            kind = self._label if block.item and self._label is not UtteranceKind.SPEECH else self._kind
        return _Said(speaker, [line.text], start_ms, kind)

    def _row(self, row: Row) -> Iterator[Utterance]:
        heads = [closed_up(head).casefold() for head in row.header]
        speaker, text, time = (_column(heads, known) for known in (_SPEAKER_HEADS, _TEXT_HEADS, _TIME_HEADS))
        pairs = [
            (head, cell)
            for head, cell in zip(row.header or ("",) * len(row.cells), row.cells, strict=False)
            if cell.strip()
        ]
        if not pairs:
            return
        kinds = [announced_kind(head) for head, cell in pairs if cell.strip().casefold() not in _NOTHING]
        boxes = any(_kind(cell) is UtteranceKind.ACTION for _, cell in pairs)
        if speaker is not None and text is not None and row.cells[text].strip():
            start = _CELL_TIME.fullmatch(row.cells[time].strip()) if time is not None else None
            others = [
                f"{head}: {cell}"
                for n, (head, cell) in enumerate(zip(row.header, row.cells, strict=False))
                if cell.strip() and n not in {speaker, text, time if start else None}
            ]
            said = row.cells[text]
            start_ms = milliseconds(*start.groups()) if start else None
            yield Utterance(row.cells[speaker].strip(), "\n".join([said, *others]), start_ms, kind=_kind(said))
            return
        kind = next((each for each in kinds if each is not UtteranceKind.SPEECH), UtteranceKind.SPEECH)
        kind = UtteranceKind.ACTION if boxes and kind is UtteranceKind.SPEECH else kind
        if kind is UtteranceKind.SPEECH:
            kind = next((k for _, cell in pairs if (k := _kind(cell)) is not UtteranceKind.SPEECH), self._kind)
        yield Utterance("", "\n".join(f"{head}: {cell}" if head else cell for head, cell in pairs), kind=kind)


@dataclass(slots=True)
class _Said:
    """An utterance that lines are being added to."""

    speaker: str
    lines: list[str]
    start_ms: int | None
    kind: UtteranceKind

    def utterance(self) -> Utterance:
        return Utterance(self.speaker, "\n".join(self.lines).strip(), self.start_ms, kind=self.kind)


def _column(heads: Sequence[str], known: frozenset[str]) -> int | None:
    return next((n for n, head in enumerate(heads) if head in known), None)


def _only_a_mark(text: str) -> bool:
    """Whether a mark announces what follows and says nothing itself: `Action items:`."""
    return text.rstrip(" *_").endswith((":", "：")) and announced_kind(text) is not UtteranceKind.SPEECH


def _marked_heading(text: str) -> UtteranceKind:
    return UtteranceKind.SPEECH if _only_a_mark(text) else marked_kind(text)
