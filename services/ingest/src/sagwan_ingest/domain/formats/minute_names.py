"""Who speaks in a line of minutes: `Name: text`, `**Name** [00:12]: text`, `[nick] text`, `<nick> text`.

A colon alone makes no name. One counts when the list of attendees has it, when it comes back, or when it looks like a
person's name in minutes whose lines usually begin with one.
"""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from sagwan_ingest.domain.formats import times

_TIME = r"(?:(?P<h>[0-9]{1,3}):)?(?P<m>[0-9]{1,3}):(?P<s>[0-9]{2})(?:[.,][0-9]{1,3})?"
_BRACKETED_TIME = re.compile(rf"\s*[\[(]{_TIME}[\])]\s*")
_ANY_TIME = re.compile(
    rf"\s*(?:[\[(]{_TIME}[\])]|{_TIME.replace('?P<h>', '').replace('?P<m>', '').replace('?P<s>', '')}(?![0-9]))\s*"
)
# A link on a time whose bracket somebody forgot: it says who speaks all the same.
_UNCLOSED_TIME = re.compile(r"\s*[\[(][0-9]{1,3}:[0-9]{2}")
_TIME_AT_END = re.compile(rf"\s+[\[(]?{_TIME}[\])]?\s*\Z")

_NAMED = re.compile(
    r"(?P<name>[=@]?[^\W\d_][^:：?!\"\n]{0,59}?)[ \t]{0,4}(?::(?=\s|\Z)|：)[ \t]*(?P<text>.*)", re.DOTALL
)
_TIGHT = re.compile(r"(?P<name>[가-힣]{2,4}):(?P<text>[^/\s].*)", re.DOTALL)
_NICK = re.compile(r"\[(?P<name>[^\W\d_][^\[\]\n]{0,39})\]\s+(?P<text>\S.*)", re.DOTALL)
_IRC = re.compile(
    r"(?:[0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?\s+)?<(?P<name>[^\W\d][\w|.-]{0,31})>\s+(?P<text>\S.*)", re.DOTALL
)
_ROLE = re.compile(r"\s*[(（\[][^()（）\[\]]{1,60}[)）\]]\s*\Z")
_SEVERAL = re.compile(r"\s*(?:[,/&·]| and | 및 )\s*")

# What minutes write before a colon that is nobody's name.
# fmt: off
_NOT_NAMES = frozenset({
    "a", "absent", "action", "action item", "action items", "actions", "agenda", "agenda item", "agreed", "answer",
    "apologies", "attendees", "background", "chair", "chairs", "comment", "comments", "conclusion", "conclusions",
    "consensus", "contact", "context", "date", "deadline", "decision", "decisions", "discussion", "due", "duration",
    "e.g", "example", "facilitator", "follow-up", "fyi", "github issue", "goal", "goals", "i.e", "idea", "invited",
    "issue", "issues", "item", "last update", "link", "links", "location", "meeting", "moderator", "nb", "next",
    "next steps", "note", "note taker", "notes", "notetaker", "objective", "option", "options", "overview", "owner",
    "participants", "place", "poll", "pr", "present", "presenter", "problem", "proposal", "ps", "q", "question",
    "questions", "reason", "recording", "regrets", "remote", "resolution", "resolved", "result", "results", "scribe",
    "scribenick", "scribes", "slides", "solution", "status", "subject", "summary", "tbd", "time", "title", "tl;dr",
    "to-do", "todo", "topic", "topics", "update", "updates", "url", "vote", "warning", "what", "when", "where", "who",
    "why", "결과", "결과물", "결론", "결정", "결정사항", "기간", "기능", "기록", "기록자", "기타", "날짜", "내용",
    "논의", "논의사항", "다음", "단점", "담당", "담당자", "목적", "목표", "문제", "문제점", "방법", "배경", "백엔드",
    "비고", "사유", "서기", "서버", "시간", "안건", "예시", "요약", "원인", "의견", "의결", "의제", "이유", "일시",
    "일정", "작성자", "장소", "장점", "정리", "제목", "조치", "조치사항", "주소", "주제", "진행", "차수", "참고",
    "참석", "참석인원", "참석자", "팀명", "할일", "합의", "현황", "회의내용", "회의명",
})
_PARTICLES = frozenset({
    "al", "bin", "da", "de", "del", "della", "den", "der", "di", "du", "el", "ibn", "la", "le", "of", "van", "von",
    "y",
})
# fmt: on
_SURNAMES = (
    "김이박최정강조윤장임한오서신권황안송전홍유고문양손배백허남심노하곽성차주우구나민진지엄채원천방공현함변염여추도소석선설마"
    "길연위표명기반왕금옥육인맹제모탁국어은편용"
)
_KOREAN_NAME = re.compile(rf"(?:[{_SURNAMES}][가-힣]{{1,3}})")
OFFICE = re.compile(
    r"(?:위원장|의장|부의장|위원|의원|사장|부사장|대표|이사|본부장|실장|국장|과장|차장|부장|팀장|대리|주임|사원|교수|박사|선생|기자|조장|간사|총무"
    r"|회장|부회장|센터장|원장|연구원|매니저|책임|선임|수석|주무관|사무관|전문위원)님?|님|씨"
)
_PARTY = re.compile(
    r"(?:화자|참석자|발언자|발표자|사회자|진행자|질문자|답변자) ?[0-9A-Z]{0,3}"
    r"|(?:speaker|participant|person) ?[0-9A-Z]{1,3}",
    re.IGNORECASE,
)

# From this share of a text's lines on, beginning with a name is how it is written.
_USUAL_SHARE = 0.3
_WORDS_MAX = 5
_NICKS_MIN = 2
# A word unlike the other names here must come back this often to be one.
_ODD_NAMES_MIN = 3


@dataclass(frozen=True, slots=True)
class Line:
    """A line of minutes.

    Attributes:
        number: In the file, from 1.
        text: Without the marks of emphasis, lists and links.
        bold: What the text begins with in bold type.
    """

    number: int
    text: str
    bold: str = ""


@dataclass(frozen=True, slots=True)
class Opening:
    """How a line begins a turn.

    Attributes:
        speaker: As written.
        text: What follows the name; may be empty.
        start_ms: The time beside the name.
        nick: Whether brackets and not a colon set the name apart.
        alone: Whether the name stands on a line of its own with nothing but a time.
        bold: Whether the name is in bold type.
    """

    speaker: str
    text: str
    start_ms: int | None = None
    nick: bool = False
    alone: bool = False
    bold: bool = False


def opening(line: Line) -> Opening | None:
    """How `line` might begin a turn, by its shape alone."""
    text, start_ms = line.text.strip(), None
    leading = _BRACKETED_TIME.match(text)
    if leading:
        start_ms, text = milliseconds(leading["h"], leading["m"], leading["s"]), text[leading.end() :]
    if line.bold and not leading:
        found = _after_bold(line)
        if found:
            return found
    for pattern in (_IRC, _NICK):
        match = pattern.match(text)
        if match:
            return Opening(match["name"].strip(), match["text"], start_ms, nick=True)
    match = _NAMED.match(text) or _TIGHT.match(text)
    if match:
        name, beside = without_time(match["name"])
        return Opening(name, match["text"].strip(), start_ms if beside is None else beside) if name else None
    name, beside = without_time(text) if len(text) <= 90 else (text, None)
    if beside is not None and name and name[0].isalpha():
        return Opening(name, "", beside, alone=True)
    return None


def _after_bold(line: Line) -> Opening | None:
    rest = line.text.strip()[len(line.bold.strip()) :]
    name, start_ms = without_time(line.bold.strip().rstrip(":： "))
    time = _ANY_TIME.match(rest)
    if time and start_ms is None:
        hours, minutes, seconds = (time[n] or time[n + 3] for n in (1, 2, 3))
        start_ms, rest = milliseconds(hours, minutes or "", seconds or ""), rest[time.end() :]
    colon = rest.lstrip().startswith((":", "：")) or line.bold.strip().endswith((":", "："))
    unclosed = _UNCLOSED_TIME.match(rest)
    if not name or len(name) > 60 or not (colon or unclosed or start_ms is not None):
        return None
    return Opening(name, rest.lstrip(" \t:："), start_ms, alone=not colon and not rest.strip(), bold=True)


def without_time(text: str) -> tuple[str, int | None]:
    """`text` without the offset that it ends with, and that offset in milliseconds."""
    match = _TIME_AT_END.search(text[-40:])
    if not match:
        return text.strip(), None
    start_ms = milliseconds(match["h"], match["m"], match["s"])
    return (
        (text[: len(text) - (len(text[-40:]) - match.start())].strip(), start_ms)
        if start_ms is not None
        else (text, None)
    )


def milliseconds(hours: str | None, minutes: str, seconds: str) -> int | None:
    """The offset that a time stands for; None when it is none."""
    # Minutes may pass 59 beside no hours, however these are written.
    return times.milliseconds(hours if int(hours or 0) else None, minutes, seconds)


class Names:
    """The names that begin turns in one text.

    Args:
        lines: All that could begin one.
        participants: Who was there, as the text says.
        initials: What the list of attendees gives in brackets behind names.
    """

    def __init__(self, lines: Iterable[Line], participants: Iterable[str], initials: Iterable[str]) -> None:
        self._listed = {each.casefold() for each in initials} | {k for each in participants for k in _keys(each)}
        self._times: Counter[str] = Counter()
        self._saying: set[str] = set()
        shapes: Counter[str] = Counter()
        count = nicks = 0
        for line in lines:
            count += 1
            found = opening(line)
            if not found or not _plausible(found.speaker) or _is_link(found.text):
                continue
            key = _key(found.speaker)
            self._times[key] += 1
            nicks += found.nick
            if found.text or found.alone:
                self._saying.add(key)
                shapes[_shape(found.speaker)] += 1
        self._usual = self._times.total() >= max(1, count) * _USUAL_SHARE
        self._nicks = nicks >= _NICKS_MIN
        # How most names are written here, where one word is a name: "Patrick", "PM" or "pmcmanus".
        self._shapes = {shape for shape, n in shapes.items() if shape and 4 * n >= shapes.total()}

    @property
    def any(self) -> bool:
        """Whether any name comes back at the beginning of lines."""
        return any(n > 1 and name in self._saying for name, n in self._times.items())

    def begun(self, line: Line) -> Opening | None:
        """How `line` begins a turn; None when it does not."""
        found = opening(line)
        return found if found and self._is_one(found) else None

    def doubtful(self, line: Line) -> bool:
        """Whether somebody else may begin to speak in `line`, though that is not certain."""
        found = opening(line)
        return bool(found and found.text and self._usual and looks_like_a_name(found.speaker))

    def listed(self, name: str) -> bool:
        """Whether `name` is in the list of attendees, in full, in part or as initials."""
        return _key(name) in self._listed

    def _is_one(self, found: Opening) -> bool:
        key = _key(found.speaker)
        if key in _NOT_NAMES or found.text.isdigit() or _is_link(found.text):
            return False
        if key in self._listed:
            return True
        parts = _SEVERAL.split(key)
        if len(parts) > 1 and all(part in self._listed or self._times[part] > 1 for part in parts):
            return True
        if found.nick:
            return self._nicks and _plausible(found.speaker)
        # What never says anything on its own line is the label of a list.
        if key not in self._saying or not looks_like_a_name(found.speaker):
            return False
        if found.start_ms is not None:
            return True
        alike = " " in key or found.bold or _shape(found.speaker) in self._shapes
        often = self._times[key] >= (2 if alike else _ODD_NAMES_MIN)
        return often or (alike and self._usual and bool(found.text))


def _is_link(text: str) -> bool:
    return text.startswith(("http://", "https://"))


def _shape(name: str) -> str:
    """How a name of one word is written; empty for several words and for what is hardly a name."""
    word = _ROLE.sub("", name).strip().lstrip("@=")
    if re.search("[가-힣]", word):
        return "hangul"
    if word.isalpha() and word.isupper():
        return "initials" if len(word) <= 4 else ""
    if word.islower() and " " not in word:
        return "nick"
    return "name" if word.isalpha() and word[0].isupper() else ""


def looks_like_a_name(text: str) -> bool:
    """Whether `text` could be a person and hardly anything else: capitalised words, initials, a Korean name."""
    name = _ROLE.sub("", text).strip().lstrip("@=")
    if not _plausible(name):
        return False
    if _PARTY.fullmatch(name):
        return True
    words = name.split()
    if re.search("[가-힣]", name):
        return all(_KOREAN_NAME.fullmatch(w) or OFFICE.fullmatch(w) or _ended(w) for w in words)
    return all(word[0].isupper() or word.casefold() in _PARTICLES or len(words) == 1 for word in words)


def _ended(word: str) -> bool:
    """Whether an office or an address ends a Korean name: 김철수님."""
    return any(OFFICE.fullmatch(word[place:]) for place in range(1, len(word)))


def _plausible(text: str) -> bool:
    name = _ROLE.sub("", text).strip()
    words = name.split()
    if not words or len(words) > _WORDS_MAX or name.casefold() in _NOT_NAMES:
        return False
    if words[0].casefold() in {
        "the",
        "a",
        "an",
        "this",
        "that",
        "we",
        "i",
        "it",
        "if",
        "but",
        "and",
        "so",
        "there",
        "note",
        "re",
    }:
        return False
    return len(words) == 1 or sum(word[0].islower() for word in words) * 2 <= len(words)


def _key(name: str) -> str:
    return " ".join(_ROLE.sub("", name).lstrip("@=").split()).casefold()


def _keys(participant: str) -> set[str]:
    """What somebody may be called in the lines: in full, by either name, by the initials."""
    words = participant.split()
    keys = (
        {participant.casefold(), "".join(word[0] for word in words).casefold()}
        if len(words) > 1
        else {participant.casefold()}
    )
    if words and not re.search("[가-힣]", participant):
        keys |= {
            word.casefold() for word in (words[0], words[-1]) if len(word) > 2 and word.casefold() not in _NOT_NAMES
        }
    return keys
