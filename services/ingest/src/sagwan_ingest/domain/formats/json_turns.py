"""JSON of any origin that is a list of turns beyond doubt, and what speech services answer.

A list of objects, each with a text and most with a speaker or a start, under the names that are usual for them; or an
object with such a list in it. Whatever is in the shape of another format of this package is read as that.
"""

import re
from collections.abc import Iterator, Mapping, Sequence

from sagwan_ingest.domain.formats import fireflies, speech_services, whisper
from sagwan_ingest.domain.formats.fields import Field, day_of, fields_of, says_milliseconds
from sagwan_ingest.domain.formats.format import LIKELY, NEVER, Format, Parsed
from sagwan_ingest.domain.formats.json_document import object_in, objects_in, read_json, refuse_shape
from sagwan_ingest.domain.formats.mendings import Mendings
from sagwan_ingest.domain.formats.rows import Row, utterances_of
from sagwan_ingest.domain.meeting import Meeting, Utterance

_BEGINS = re.compile(r"\s*(?:\[\s*\{|\{\s*\")")
_LISTS = (
    "turns utterances segments sentences transcript transcripts messages monologues entries speeches dialogue dialog"
)
_LIST_NAMES = (
    *_LISTS.split(),
    "conversation",
    "captions",
    "cues",
    "lines",
    "items",
    "results",
    "data",
    "발언",
    "발언목록",
)
_LIST_SIGN = re.compile(rf'"(?:{"|".join(_LIST_NAMES)})"\s*:\s*[\[{{]')
# A list of turns may lack a speaker or a time here and there, but not a text.
_TOLD_SHARE_MIN = 0.5
_NAMES_MAX = 1_000

_NEEDED = (
    "is JSON, but no list of turns that is known; write a list of objects with a speaker, a text, and a start and an "
    'end in seconds, as [{"speaker": "Kim", "text": "Hello", "start": 0.0, "end": 1.5}]'
)


def _sniff(head: str) -> float:
    if not _BEGINS.match(head):
        return NEVER
    # Above what JSON lines say of an object that has no turns; below what the formats with a name of their own say.
    is_no_line = head.lstrip().startswith("[") or "\n" in head.lstrip()[:3]
    return LIKELY + 0.1 if is_no_line or _LIST_SIGN.search(head) else LIKELY - 0.1


def _parse(text: str) -> Parsed:
    mendings = Mendings()
    document = read_json(text, mendings)
    readers = (whisper.meeting_of, fireflies.meeting_of, speech_services.meeting_of, meeting_of)
    meeting = next(filter(None, (read(document, mendings) for read in readers)), None)
    if meeting is None:
        refuse_shape(_NEEDED)
    return Parsed((meeting,), mendings.all())


def meeting_of(document: object, mendings: Mendings) -> Meeting | None:
    """The meeting in a list of turns, or in an object with one in it; None when there is none."""
    for around, name, items in _lists(document):
        utterances = utterances_of_items(items, name, mendings)
        if utterances:
            own = fields_of([key for key, value in around.items() if isinstance(value, str)])
            title, day = (str(around[own[field]]) if field in own else "" for field in (Field.TITLE, Field.DATE))
            language, participants = around.get("language"), around.get("participants")
            return Meeting(
                title=title.strip(),
                held_on=day_of(day),
                language=language if isinstance(language, str) else "",
                participants=tuple(_texts(participants)),
                utterances=tuple(utterances),
            )
    return None


def utterances_of_items(
    items: Sequence[Mapping[str, object]], name: str, mendings: Mendings
) -> Sequence[Utterance] | None:
    """The utterances of a list of objects; None when they are not turns beyond doubt."""
    names = dict.fromkeys(key for each in items[:_NAMES_MAX] for key in each)
    fields = fields_of(list(names)[:_NAMES_MAX])
    text, speaker, start, end = (fields.get(each) for each in (Field.TEXT, Field.SPEAKER, Field.START, Field.END))
    if not text or not all(isinstance(each.get(text), str) for each in items):
        return None
    told = sum(1 for each in items if (speaker and each.get(speaker)) or (start and each.get(start) is not None))
    if told < len(items) * _TOLD_SHARE_MIN:
        return None
    rows = [
        Row(
            0,
            f"{name}[{place}]",
            _name_of(each.get(speaker) if speaker else None),
            str(each[text]),
            each.get(start) if start else None,
            each.get(end) if end else None,
        )
        for place, each in enumerate(items)
    ]
    return utterances_of(rows, mendings, milliseconds=True if start and says_milliseconds(start) else None)


def _lists(document: object) -> Iterator[tuple[Mapping[str, object], str, list[Mapping[str, object]]]]:
    """What could be lists of turns: the object around it, its name, and its objects."""
    if isinstance(document, list):
        yield {}, "", objects_in(document)
        return
    for around in (object_in(document), *(object_in(document, name) for name in ("data", "result", "transcript"))):
        for name in _LIST_NAMES:
            items = objects_in(around.get(name))
            if items:
                yield around, name, items


def _texts(value: object) -> list[str]:
    listed = value if isinstance(value, list) else []
    return [each for each in listed if isinstance(each, str) and each.strip()]


def _name_of(speaker: object) -> str:
    """A name, a number, or an object that has one of them."""
    if isinstance(speaker, dict):
        own = fields_of([key for key, value in speaker.items() if isinstance(value, (str, int))])
        speaker = speaker[own[Field.SPEAKER]] if Field.SPEAKER in own else ""
    if isinstance(speaker, bool) or not isinstance(speaker, (str, int)):
        return ""
    return speaker if isinstance(speaker, str) else f"Speaker {speaker}"


FORMAT = Format(
    name="json",
    description="JSON with a list of turns; answers of AssemblyAI, Deepgram, AWS Transcribe and Google Speech-to-Text",
    suffixes=(".json",),
    sniff=_sniff,
    parse=_parse,
)
