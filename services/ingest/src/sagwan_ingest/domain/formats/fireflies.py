"""JSON as Fireflies gives it: `sentences` with `speaker_name`, `text` and `start_time`, and the meeting around them."""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime

from sagwan_ingest.domain.formats.fields import day_of
from sagwan_ingest.domain.formats.format import CERTAIN, NEVER, Format, Parsed
from sagwan_ingest.domain.formats.json_document import object_in, objects_in, read_json, refuse_shape, text_in
from sagwan_ingest.domain.formats.mendings import Mendings
from sagwan_ingest.domain.formats.rows import Row, utterances_of
from sagwan_ingest.domain.meeting import Meeting

_SIGNS = re.compile(r'"sentences"\s*:\s*\[\s*\{')
_OF_SENTENCES = re.compile(r'"(?:speaker_name|speaker_id|raw_text)"\s*:')
# The year 5138; a number above is no time.
_MS_SINCE_1970_MAX = 1e14


def _sniff(head: str) -> float:
    is_object = head.lstrip().startswith("{")
    return CERTAIN if is_object and _SIGNS.search(head) and _OF_SENTENCES.search(head) else NEVER


def _parse(text: str) -> Parsed:
    mendings = Mendings()
    meeting = meeting_of(read_json(text, mendings), mendings)
    if meeting is None:
        refuse_shape('is not what Fireflies writes: it has no "sentences", each with a "text" and a "speaker_name"')
    return Parsed((meeting,), mendings.all())


def meeting_of(document: object, mendings: Mendings) -> Meeting | None:
    """The meeting in what Fireflies wrote; None when it is of another shape.

    Raises:
        InvalidRequest: When it is of this shape and nothing is said in it.
    """
    # As it is, or in the answer to a query.
    for record in (object_in(document), object_in(document, "transcript"), object_in(document, "data", "transcript")):
        sentences = objects_in(record.get("sentences"))
        if sentences and all("speaker_name" in each and ("text" in each or "raw_text" in each) for each in sentences):
            return _meeting(record, sentences, mendings)
    return None


def _meeting(record: Mapping[str, object], sentences: list[Mapping[str, object]], mendings: Mendings) -> Meeting:
    rows = [
        Row(
            0,
            f"sentences[{place}]",
            # Speakers that were not recognised have a number and no name.
            text_in(each, "speaker_name")
            or (f"Speaker {text_in(each, 'speaker_id')}" if each.get("speaker_id") else ""),
            text_in(each, "text", "raw_text"),
            each.get("start_time"),
            each.get("end_time"),
        )
        for place, each in enumerate(sentences)
    ]
    utterances = utterances_of(rows, mendings, milliseconds=False)
    if not utterances:
        refuse_shape("holds no sentence with text")
    started_at, held_on = _when(record)
    return Meeting(
        title=text_in(record, "title").strip(),
        started_at=started_at,
        held_on=held_on,
        participants=_participants(record),
        source=text_in(record, "transcript_url"),
        utterances=tuple(utterances),
    )


def _when(record: Mapping[str, object]) -> tuple[datetime | None, date | None]:
    """When it began, and the day where that is all that is known. A number is milliseconds since 1970."""
    for written in (record.get("date"), record.get("dateString")):
        if isinstance(written, (int, float)) and 0 < written < _MS_SINCE_1970_MAX:
            return datetime.fromtimestamp(written / 1_000, UTC), None
        if not isinstance(written, str):
            continue
        try:
            instant = datetime.fromisoformat(written)
            instant.astimezone(UTC)
        except (ValueError, OverflowError):
            day = day_of(written)
        else:
            if instant.utcoffset() is not None:
                return instant, None
            day = instant.date()
        if day:
            return None, day
    return None, None


def _participants(record: Mapping[str, object]) -> tuple[str, ...]:
    attendees = (text_in(each, "displayName", "name", "email") for each in objects_in(record.get("meeting_attendees")))
    named = dict.fromkeys(each.strip() for each in attendees if each.strip())
    listed = record.get("participants")
    if not named and isinstance(listed, list):
        named = dict.fromkeys(each.strip() for each in listed if isinstance(each, str) and each.strip())
    return tuple(named)


FORMAT = Format(
    name="fireflies",
    description="JSON of Fireflies: sentences with speakers, and the title, day and participants of the meeting",
    suffixes=(),
    sniff=_sniff,
    parse=_parse,
)
