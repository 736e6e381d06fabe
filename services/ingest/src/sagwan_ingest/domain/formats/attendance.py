"""Who was there, as the lists of attendees in minutes say."""

import re
from dataclasses import dataclass

from sagwan_ingest.domain.formats.minute_names import OFFICE

_HEADINGS = re.compile(
    r"(?:list of )?(?:meeting |members? )?"
    r"(?:attendees?|participants?|present|in attendance|attendance|members present|roll call)"
    r"|(?:회의 ?)?(?:참석자|참가자|참여자|참석 ?인원|참석 ?위원|출석 ?위원|출석자|참석)(?: ?명단| ?목록)?",
    re.IGNORECASE,
)
_AROUND = re.compile(r"^\s*(?:\d{1,3}[.)]\s*)?|\s*[(（][^()（）]{0,80}[)）]\s*$|[\s:：*_-]+$")
_BETWEEN = re.compile(r"[,;、，·]|\n")
_INITIALS = re.compile(r"(?P<name>[^()]{2,80}?)\s*\((?P<initials>[A-Z][A-Z0-9]{1,4})\)")
_BEHIND = re.compile(r"\s*(?:[(（\[].*|\s@\S.*|\s[-–—]\s.*|<[^<>]*@.*)", re.DOTALL)
_HANDLE = re.compile(r"\s@(?P<handle>[\w-]{2,39})")
_HANGUL_NAME = re.compile(r"[가-힣]{2,4}")
# The end of a sentence, but not of an initial.
_LAST_STOP = re.compile(r"(?<=\w\w)\.$")
_NOBODY = frozenset({"", "-", "x", "none", "n/a", "tbd", "없음", "미정", "해당없음", "all", "everyone", "전원"})
_WORDS_MAX = 5
_CHARACTERS_MAX = 60
_LISTED_AT_LEAST = 3


@dataclass(frozen=True, slots=True)
class Attendance:
    """People that a line of a list names.

    Attributes:
        names: As written, without what stands behind them.
        initials: And handles: what the minutes may call them.
        whole: Whether the line says nothing besides the names.
    """

    names: tuple[str, ...]
    initials: tuple[str, ...] = ()
    whole: bool = True


def is_attendance(heading: str) -> bool:
    """Whether a heading or a label announces who was there."""
    return bool(_HEADINGS.fullmatch(closed_up(_AROUND.sub("", _AROUND.sub("", heading)))))


def closed_up(label: str) -> str:
    """A Korean label that is spaced out for looks (`참 석 자`), closed up."""
    words = label.split()
    spaced = len(words) > 1 and all(len(word) == 1 and "가" <= word <= "힣" for word in words)
    return "".join(words) if spaced else " ".join(words)


def attendance(text: str) -> Attendance | None:
    """The people in a line below such a heading; None when most of it are none."""
    entries = [
        entry for entry in (_LAST_STOP.sub("", each.strip()) for each in _BETWEEN.split(_outside(text))) if entry
    ]
    if len(entries) == 1 and len(words := entries[0].split()) > 1 and all(map(_HANGUL_NAME.fullmatch, words)):
        entries = _with_offices(words)
    found = [(_person(entry), entry) for entry in entries]
    names = [name for name, _ in found if name]
    if not names or 2 * len(names) < len(entries):
        return None
    return Attendance(
        tuple(names), tuple(_initials(text)), whole=all(name == _filled(entry).strip() for name, entry in found)
    )


def with_initials(text: str) -> Attendance | None:
    """The people in a list that gives everybody's initials, which needs no heading: `Ann Lee (AL), Bo Kim (BK), …`."""
    people_only = " ".join(line for line in text.split("\n") if not line.rstrip().endswith(":"))
    entries = [each.strip().rstrip(".") for each in re.split(r",|(?<=\)) (?=\w)", people_only) if each.strip()]
    matches = [_INITIALS.fullmatch(each) for each in entries]
    people = [match for match in matches if match]
    if len(people) < _LISTED_AT_LEAST or len(people) < 0.8 * len(entries):
        return None
    return Attendance(tuple(m["name"].strip() for m in people), tuple(m["initials"] for m in people), whole=False)


def _with_offices(words: list[str]) -> list[str]:
    """Korean names apart by spaces; an office belongs to the name before it: `김철수 팀장 이영희`."""
    people: list[str] = []
    for word in words:
        if people and OFFICE.fullmatch(word):
            people[-1] += f" {word}"
        else:
            people.append(word)
    return people


def _outside(text: str) -> str:
    """`text` with the commas in its brackets out of the way."""
    return re.sub(r"[(（][^()（）]{0,200}[)）]", lambda m: re.sub(r"[,;、，·\n]", "\0", m[0]), text)


def _filled(entry: str) -> str:
    return entry.replace("\0", ",")


def _person(entry: str) -> str:
    name = _BEHIND.sub("", _filled(entry)).strip().lstrip("@")
    words = name.split()
    if not words or name.casefold() in _NOBODY or len(words) > _WORDS_MAX or len(name) > _CHARACTERS_MAX:
        return ""
    if (
        re.search(r"[:：?!\"=<>|/]|https?|[가-힣]{2,}[다요음]\Z", name)
        or not any(map(str.isalpha, name))
        or name[0].isdigit()
    ):
        return ""
    if re.fullmatch(r"외\s*\d+\s*명", name):
        return ""
    small = sum(word[0].islower() for word in words)
    return name if len(words) == 1 or 2 * small <= len(words) else ""


def _initials(text: str) -> list[str]:
    found = [m["handle"] for m in _HANDLE.finditer(text)]
    return found + re.findall(r"[(（]([A-Z][A-Z0-9]{1,4})[)）]", text)
