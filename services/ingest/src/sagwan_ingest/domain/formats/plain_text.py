"""Plain text: lines with `Name: text`, with or without times, and minutes with `결정:` or `ACTION:` in them.

A line that does not begin a turn goes on with the one before it. A paragraph (after an empty line) and a line with a
time are utterances of their own, by whoever spoke last; a heading and what is marked as a decision or an action item
are nobody's. Text with no turns in it is read as paragraphs.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from sagwan_ingest.domain.formats.format import LIKELY, NEVER, Format, Mending, Parsed, refused
from sagwan_ingest.domain.formats.headers import Headers, header, is_office, key_of
from sagwan_ingest.domain.formats.mendings import bounded
from sagwan_ingest.domain.formats.times import HOUR_MS, counted_from_first
from sagwan_ingest.domain.formats.turn_lines import Line, lines_of, looks_like_a_name
from sagwan_ingest.domain.marks import marked_kind, section_kind
from sagwan_ingest.domain.meeting import Meeting, Utterance, UtteranceKind

# Below this share of the places where a turn could begin, a name has to come back to count as one.
_NAMED_SHARE_MIN = 0.5
# Nobody begins to record in the seventh hour: from there on times are times of day.
_CLOCK_FROM_MS = 6 * HOUR_MS

_NOTHING_SAID = "name has no text after it; the turn was left out"

_LIST_ITEM = re.compile(r"(?:[-*+•▪◦○·]|\d{1,3}[.)]|\[[ xX]\])\s")
_UNDERLINE = re.compile(r"={3,}|-{3,}")
_HEADING = re.compile(r"#{1,6}\s|=== ?\S|(?:[■□▶◆◇●▣]|\d{1,2}[.)])\s{0,4}\S[^.?!]{0,60}\Z")
_TITLE_CHARACTERS_MAX = 120
# What any minutes are called says less than the name of the file.
_NO_TITLES = frozenset({"회의록", "회의결과", "minutes", "meetingminutes", "meetingnotes", "notes"})
_HEADER_LINES_MAX = 40

# Signs of other formats: cue timings, markup, JSON, code, tables, Markdown.
_FOREIGN = re.compile(r"\A\s*(?:<|[\[{]\s*[{}\[\]\"]|\{\\rtf|#!|%[!P])|[0-9][ \t]*-->")
_MARKDOWN_HEADING = re.compile(r"#{1,6}\s")
_MARKDOWN = re.compile(r"\]\(|^\s{0,8}[-*] \*\*|^\|.*\|$|^```")
_CODE = re.compile(
    r"(?:import|from|package|using|#include|#define|@\w+)\s.*|(?:def|class|if|elif|else|for|while|try|except)\b.*:"
    r"|.*(?:[;{}]|\)\s?:|=>|\*/)"
)
_CODE_SHARE_MIN = 0.15
_CODE_LINES_MIN = 2
_NESTED_KEY = re.compile(r"(?:\s{2,20}|\s{0,20}- )[a-z][\w.-]{0,60}:(?:\s|$)")
_NESTED_KEYS_MIN = 3
_TABLE_LINES = 6
_SENTENCE_END = re.compile(r"[^\W_][.?!…。](?:[\"'”’)]{0,2})\Z")
_NOT_SAID = re.compile(r"[=<>{}|\\;]|\w\(")


@dataclass(slots=True)
class _Turn:
    """A turn that lines are being added to."""

    line: int
    speaker: str
    start_ms: int | None = None
    end_ms: int | None = None
    named: bool = False
    kind: UtteranceKind = UtteranceKind.SPEECH
    said: list[str] = field(default_factory=list)

    def utterance(self) -> Utterance:
        return Utterance(self.speaker, "\n".join(self.said), self.start_ms, self.end_ms, self.kind)


def _sniff(head: str) -> float:
    if _FOREIGN.search(head) or _is_foreign(head.split("\n")):
        return NEVER
    lines = list(lines_of(head))
    names = _names(lines)
    begun = sum(1 for line in lines if line.name in names or line.start_ms is not None)
    share = begun / max(1, sum(1 for line in lines if line.opens or line.name in names))
    # Any text can be read as paragraphs, so where there is no sign of turns the file's suffix decides.
    talk = share >= _NAMED_SHARE_MIN and _is_talk(lines, names)
    return LIKELY + 0.4 * min(1.0, share) if talk else 0.1


def _is_talk(lines: Sequence[Line], names: frozenset[str]) -> bool:
    """Whether enough of what follows the names, or the times, could have been said; settings and records could not."""
    turns = [place for place, line in enumerate(lines) if line.name in names or line.start_ms is not None]
    said = [lines[place].rest or lines[min(place + 1, len(lines) - 1)].text for place in turns]
    named = Counter(lines[place].name for place in turns if lines[place].name in names)
    if named and len(named) == named.total():
        # Where nobody speaks twice, whole sentences have to tell.
        return 2 * sum(1 for each in said if _SENTENCE_END.search(each[-4:])) >= len(said)
    return 3 * sum(1 for each in said if _is_said(each)) >= len(said)


def _is_said(text: str) -> bool:
    return bool(_SENTENCE_END.search(text[-4:])) or (len(text.split()) > 2 and not _NOT_SAID.search(text[:200]))


def _is_foreign(head: Sequence[str]) -> bool:
    lines = [line.rstrip() for line in head if line.strip()]
    if lines[:1] == ["---"] or (lines and _MARKDOWN_HEADING.match(lines[0])):
        return True
    headings = sum(1 for line in lines if _MARKDOWN_HEADING.match(line))
    if headings > 1 and any(_MARKDOWN.search(line[:200]) for line in lines):
        return True
    code = sum(1 for line in lines if len(line) < 200 and _CODE.fullmatch(line.strip()))
    keys = sum(1 for line in lines if _NESTED_KEY.match(line))
    code_like = code > max(_CODE_LINES_MIN, len(lines) * _CODE_SHARE_MIN)
    return code_like or keys >= _NESTED_KEYS_MIN or _is_table(lines[:_TABLE_LINES])


def _is_table(lines: Sequence[str]) -> bool:
    """Whether the first lines have as many fields each; commas that end a clause have a space after them."""
    for mark, least in (("\t", 1), (r",(?! )", 1), (r";(?! )", 2), (r"\|", 2)):
        counts = {len(re.findall(mark, line)) for line in lines}
        timed = mark == "\t" and all(re.match(r"[\[(]?\d{1,2}:\d{2}", line) for line in lines)
        if len(lines) > 2 and len(counts) == 1 and counts.pop() >= least and not timed:
            return True
    return False


def _parse(text: str) -> Parsed:
    lines = list(lines_of(text))
    names = _names(lines)
    headers = Headers()
    left = _without_headers(lines, names, headers)
    names |= _attending(lines, headers.participants)
    mended: list[Mending] = []
    turns = [turn for turn in _turns(_in_paragraphs(left, names), names) if turn.said or turn.named]
    mended += [Mending(turn.line, _NOTHING_SAID) for turn in turns if not turn.said]
    turns = [turn for turn in turns if turn.said]
    if not turns:
        raise refused(1, "has no text besides names and times")
    mended += _count_times(turns)
    utterances = tuple(turn.utterance() for turn in turns)
    return Parsed((headers.completed(Meeting(utterances=utterances)),), bounded(mended))


def _names(lines: Sequence[Line]) -> frozenset[str]:
    """Which of the words before a colon are names: those that come back, or look like one where most lines have one."""
    times_seen = Counter(line.name for line in lines if line.name)
    places = sum(1 for line in lines if line.name or line.opens)
    usual = times_seen.total() >= places * _NAMED_SHARE_MIN
    names = {name for name, times in times_seen.items() if times > 1 or (usual and looks_like_a_name(name))}
    heading = {line.name for line in lines if is_office(line.name) and times_seen[line.name] == 1 and header(line.text)}
    return frozenset(names - heading)


def _attending(lines: Sequence[Line], participants: Sequence[str]) -> frozenset[str]:
    """Which of the words before a colon are names of participants: `김철수` of `김철수(팀장)` too."""
    known = {each for whole in participants for each in (whole, whole.partition("(")[0].strip())}
    return frozenset(line.name for line in lines if line.name in known)


def _without_headers(lines: Sequence[Line], names: frozenset[str], headers: Headers) -> list[Line]:
    """The lines that are left when `headers` has taken those above the first turn that say what meeting it was."""
    head = []
    for line in lines[:_HEADER_LINES_MAX]:
        if line.start_ms is not None or line.name in names:
            break
        head.append(line)
    texts = [line.text for line in head]
    taken: set[int] = set()
    for place, text in enumerate(texts):
        if place not in taken:
            taken.update(range(place, place + headers.take(text, texts[place + 1 :])))
    if len(texts) > 1 and 0 not in taken and not headers.title and _can_be_a_title(texts[0]):
        underlined = _UNDERLINE.fullmatch(texts[1]) is not None
        if underlined or 1 in taken:
            headers.title = texts[0].strip("#* ") or texts[0]
            taken.update((0, 1) if underlined else (0,))
    if len(taken) == len(lines):
        # Nothing but headers: they are all that can be found, so they stay.
        headers.title, headers.held_on, headers.started_at = "", None, None
        headers.participants, headers.attributes = [], {}
        return list(lines)
    return [line for place, line in enumerate(lines) if place not in taken]


def _can_be_a_title(text: str) -> bool:
    return (
        len(text) <= _TITLE_CHARACTERS_MAX
        and not text.endswith((".", ":", "?", "!", "。"))
        and key_of(text) not in _NO_TITLES
    )


def _in_paragraphs(lines: Sequence[Line], names: frozenset[str]) -> Sequence[Line]:
    """The lines, each a paragraph where there are neither turns nor empty lines to tell what is one."""
    turns = any(line.start_ms is not None or line.name in names for line in lines)
    if turns or any(line.opens for line in lines[1:]):
        return lines
    return [replace(line, opens=True) for line in lines]


def _turns(lines: Sequence[Line], names: frozenset[str]) -> Iterator[_Turn]:
    turn = _Turn(0, "")
    section = UtteranceKind.SPEECH
    for place, line in enumerate(lines):
        following = lines[place + 1].text if place + 1 < len(lines) else ""
        if line.name in names and not (line.opens and _UNDERLINE.fullmatch(following)):
            yield turn
            turn = _named(line, turn)
            section = UtteranceKind.SPEECH
            continue
        listed = _LIST_ITEM.match(line.text) is not None
        heads = section_kind(line.text) if _LIST_ITEM.match(following) and not listed else UtteranceKind.SPEECH
        kind = section if listed else marked_kind(line.text)
        if line.opens and not listed:
            section = UtteranceKind.SPEECH
        if heads is not UtteranceKind.SPEECH:
            yield turn
            turn, section = _Turn(line.number, "", said=[line.text]), heads
        elif kind is not UtteranceKind.SPEECH or marked_kind(line.text) is not UtteranceKind.SPEECH:
            yield turn
            kind = marked_kind(line.text) if marked_kind(line.text) is not UtteranceKind.SPEECH else kind
            turn = _Turn(line.number, "", line.start_ms, kind=kind, said=[line.text])
        elif _is_heading(line, following):
            yield turn
            turn = _Turn(line.number, "", line.start_ms, said=[line.text])
        elif line.start_ms is not None or (line.opens and turn.said):
            yield turn
            turn = _unnamed(line, turn)
            if line.name and line.opens:
                # Somebody may be named here, and not the one who spoke last.
                turn.speaker = ""
        elif line.text:
            # An empty line right after "Name:" is layout: what follows is what that person said.
            turn.said.append(line.text)
    yield turn


def _named(line: Line, before: _Turn) -> _Turn:
    # A time on a line of its own belongs to the name that follows.
    waits = not before.said and not before.named and line.named_ms[0] is None
    start_ms, end_ms = (before.start_ms, before.end_ms) if waits else line.named_ms
    kind = marked_kind(line.rest)
    return _Turn(line.number, line.name, start_ms, end_ms, True, kind, [line.rest] if line.rest else [])


def _unnamed(line: Line, before: _Turn) -> _Turn:
    """The turn that a time or an empty line begins: by the same speaker."""
    said = [line.text] if line.text else []
    # A name on a line of its own belongs to what follows.
    named = before.named and not before.said
    if named:
        before.named = False
    return _Turn(line.number, before.speaker, line.start_ms, line.end_ms, named, said=said)


def _is_heading(line: Line, following: str) -> bool:
    if not line.opens or line.start_ms is not None:
        return False
    return bool(_HEADING.match(line.text) or (_UNDERLINE.fullmatch(following) and len(line.text) <= 120))


def _count_times(turns: Sequence[_Turn]) -> list[Mending]:
    """Makes offsets of times of day, and says so."""
    fractions = any((turn.start_ms or 0) % 1_000 for turn in turns)
    times = [(turn.line, turn.start_ms) for turn in turns]
    offsets, assumed = counted_from_first(times, clock_from_ms=24 * HOUR_MS if fractions else _CLOCK_FROM_MS)
    for turn, offset in zip(turns, offsets, strict=True):
        if turn.start_ms is not None and turn.end_ms is not None:
            turn.end_ms = None if offset is None else offset + turn.end_ms - turn.start_ms
        turn.start_ms = offset
    return assumed


FORMAT = Format(
    name="text",
    description='Plain text: "Name: text" lines with or without times, minutes, or paragraphs',
    suffixes=(".txt", ".text"),
    sniff=_sniff,
    parse=_parse,
)
