"""What tables and lists of turns call their fields, in English and Korean, and how they write days and times."""

import re
from collections.abc import Iterable, Sequence
from datetime import date
from enum import StrEnum

from sagwan_ingest.domain.formats.dates import calendar_day
from sagwan_ingest.domain.formats.times import milliseconds
from sagwan_ingest.domain.validation import OFFSET_MS_MAX


class Field(StrEnum):
    """What a field of a turn says."""

    SPEAKER = "speaker"
    TEXT = "text"
    START = "start"
    END = "end"
    ORDER = "order"
    DATE = "date"
    MEETING_ID = "meeting id"
    TITLE = "title"
    # Names the meeting together with others of its kind, as the session and the committee of a council do.
    PART_OF_TITLE = "part of the title"


# In the order in which one is taken where several are there. Case, spaces and punctuation do not matter.
_NAMES: dict[Field, str] = {
    Field.SPEAKER: "speaker speakername displayname speakerlabel name who username user participant participantname "
    "author speakerid 발언자 발언자명 발언의원 발언의원명 화자 화자명 이름 성명 의원명 말한사람",
    Field.TEXT: "text content utterance sentence transcript transcription speech said caption message body rawtext "
    "발언내용 발언 내용 발화내용 발화 회의내용 본문 대화 대화내용 텍스트",
    Field.START: "start starttime startms starttimems startmilliseconds startseconds startsec startins begin begintime "
    "offset offsetms startoffset timestamp timecode time 시작 시작시간 시작시각 시간 시각",
    Field.END: "end endtime endms endtimems endmilliseconds endseconds endsec endins stop stoptime endoffset "
    "종료 종료시간 종료시각 끝",
    Field.ORDER: "order seq sequence sequencenumber no number index 발언순번 순번 순서 번호 연번",
    Field.DATE: "date meetingdate day 회의일자 회의일 회의날짜 날짜 일자 일시 회의일시 개최일 개최일자",
    Field.MEETING_ID: "meetingid 회의id",
    Field.TITLE: "title meetingtitle meetingname meeting meetingtopic 회의명 회의제목 제목",
    Field.PART_OF_TITLE: "committee session meetingtype 회의구분 회의종류 위원회 위원회명 회수 회기 차수 회차",
}
_FIELD_OF = {name: field for field, names in _NAMES.items() for name in names.split()}
_RANK_OF = {name: rank for names in _NAMES.values() for rank, name in enumerate(names.split())}
_NOT_IN_NAMES = re.compile(r"[\s_\-./()\[\]:*]+")
_NAME_CHARACTERS_MAX = 64

_DAY = re.compile(
    r"\s*(\d{4})\s*(?:[-./]|년)\s*(\d{1,2})\s*(?:[-./]|월)\s*(\d{1,2})(?!\d)|\s*(\d{4})(\d\d)(\d\d)(?!\d)"
)
_CLOCK = re.compile(r"(?:(\d{1,4}):)?(\d{1,4}):(\d{1,2})(?:[.,](\d{1,9}))?")
_NUMBER = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,12})?")

# People say 5 to 25 characters a second: of a list of turns in seconds, even with long silences, a tenth of one; of one
# in milliseconds no more than a fortieth. Nothing that was said is over within a second.
_CHARACTERS_PER_SECOND_MIN = 0.06
_LAST_MS_MIN = 1_000


def fields_of(names: Sequence[str]) -> dict[Field, str]:
    """Which of `names` says what. PART_OF_TITLE is left out, because several can: see `parts_of_title`."""
    found: dict[Field, str] = {}
    for name in sorted(names, key=lambda each: _RANK_OF.get(_plain(each), 0)):
        field = _FIELD_OF.get(_plain(name))
        if field and field is not Field.PART_OF_TITLE:
            found.setdefault(field, name)
    return found


def parts_of_title(names: Iterable[str]) -> list[str]:
    """Those of `names` that name a meeting together."""
    return [name for name in names if _FIELD_OF.get(_plain(name)) is Field.PART_OF_TITLE]


def says_milliseconds(name: str) -> bool:
    """Whether the name of a field gives its unit."""
    plain = _plain(name)
    return plain.endswith("ms") or "milli" in plain


def day_of(text: str) -> date | None:
    """The day that a text begins with, written with the year first; None where there is none."""
    match = _DAY.match(text)
    if not match:
        return None
    return calendar_day(*(match[n] or match[n + 3] for n in (1, 2, 3)))


def clock_ms(value: object) -> int | None:
    """Milliseconds of a time written h:mm:ss or mm:ss, with or without a fraction; None when it is not."""
    match = _CLOCK.fullmatch(value.strip()) if isinstance(value, str) else None
    if not match:
        return None
    whole_ms = milliseconds(match[1], match[2], match[3])
    if whole_ms is None:
        return None
    offset_ms = whole_ms + (round(float(f"0.{match[4]}") * 1_000) if match[4] else 0)
    return offset_ms if offset_ms <= OFFSET_MS_MAX else None


def number_of(value: object) -> float | None:
    """A number, or one written as text, that can be an offset in seconds or milliseconds; None when it is neither."""
    if isinstance(value, str):
        written = value.strip().removesuffix("s")
        return float(written) if _NUMBER.fullmatch(written) else None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    # False for NaN too; an integer may be too large for a float.
    return float(value) if 0 <= value <= OFFSET_MS_MAX else None


def are_milliseconds(turns: Iterable[tuple[int, object, object]]) -> bool:
    """Whether bare numbers are milliseconds and not seconds: none has a fraction, and else nobody could talk so slowly.

    Args:
        turns: Characters said, start and end of each turn, as written.
    """
    characters, duration, last = 0, 0.0, 0.0
    starts: list[float] = []
    for said, *written in turns:
        if any(isinstance(each, float) or (isinstance(each, str) and "." in each) for each in written):
            return False
        start, end = map(number_of, written)
        last = max(last, start or 0.0, end or 0.0)
        if start is not None:
            starts.append(start)
            if end is not None and end > start:
                duration += end - start
        characters += said
    duration = duration or (max(starts) - min(starts) if starts else 0.0)
    return last >= _LAST_MS_MIN and duration > 0 and characters / duration < _CHARACTERS_PER_SECOND_MIN


def _plain(name: str) -> str:
    return _NOT_IN_NAMES.sub("", name[:_NAME_CHARACTERS_MAX]).casefold()
