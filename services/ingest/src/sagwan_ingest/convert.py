"""Protobuf to domain, with every violation found, and back."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any, TypeAlias
from uuid import UUID

from google.protobuf import duration_pb2, timestamp_pb2
from google.protobuf.message import Message

from sagwan.ingest.v1 import ingest_pb2, meeting_pb2
from sagwan_ingest.domain.formats.format import BinaryFormat, Format, Mending
from sagwan_ingest.domain.formats.registry import Hints
from sagwan_ingest.domain.meeting import Meeting, Utterance, UtteranceKind
from sagwan_ingest.domain.validation import validated
from sagwan_ingest.ingestion import Ingested
from sagwan_ingest.ports import KeptMeeting, Outcome, RequestKey
from sagwan_runtime.errors import (
    InvalidRequest,
    SagwanError,
    Violation,
    refuse_if_any,
)
from sagwan_runtime.status import internal_status, rich_status, status_code_number
from sagwan_runtime.tokens import page_position, page_token, refused_token
from sagwan_runtime.validation import page_size_violations, parsed_date

_CONTENT_BYTES_MAX = 32 << 20
_MEETINGS_DEFAULT = 50
_MEETINGS_MAX = 1_000
_PREFIX = "meetings/"

RepeatableRequest: TypeAlias = (
    ingest_pb2.IngestMeetingRequest
    | ingest_pb2.IngestTranscriptRequest
    | ingest_pb2.UpdateMeetingRequest
    | ingest_pb2.DeleteMeetingRequest
)

_KINDS = {
    meeting_pb2.UTTERANCE_KIND_UNSPECIFIED: UtteranceKind.SPEECH,
    meeting_pb2.UTTERANCE_KIND_SPEECH: UtteranceKind.SPEECH,
    meeting_pb2.UTTERANCE_KIND_DECISION: UtteranceKind.DECISION,
    meeting_pb2.UTTERANCE_KIND_ACTION: UtteranceKind.ACTION,
}
_OUTCOMES = {
    Outcome.CREATED: ingest_pb2.INGEST_OUTCOME_CREATED,
    Outcome.UPDATED: ingest_pb2.INGEST_OUTCOME_UPDATED,
    Outcome.UNCHANGED: ingest_pb2.INGEST_OUTCOME_UNCHANGED,
}
# Names in an update mask, and what each is called in the domain.
_UPDATABLE = {
    "title": "title",
    "start_time": "started_at",
    "date": "held_on",
    "language": "language",
    "participants": "participants",
    "tags": "tags",
    "series": "series",
    "source": "source",
    "attributes": "attributes",
}


def request_key(request: RepeatableRequest) -> RequestKey | None:
    """What tells a request from every other; None when the caller gave it no id.

    Raises:
        InvalidRequest: The id is no UUID.
    """
    if not request.request_id:
        return None
    try:
        request_id = UUID(request.request_id)
    except ValueError:
        raise InvalidRequest.field("request_id", "is not a UUID") from None
    same: Message = type(request)()
    same.CopyFrom(request)
    same.ClearField("request_id")
    content = f"{request.DESCRIPTOR.full_name}\n".encode() + same.SerializeToString(deterministic=True)
    return RequestKey(request_id, hashlib.sha256(content).digest())


def meeting_of(request: ingest_pb2.IngestMeetingRequest) -> Meeting:
    """The meeting that a request brings.

    Raises:
        InvalidRequest: Fields are wrong; all that are.
    """
    violations: list[Violation] = []
    own = _own_fields(request.meeting, violations)
    for index, each in enumerate(request.utterances):
        if each.kind not in _KINDS:
            violations.append(Violation(f"utterances[{index}].kind", f"{each.kind} is not a kind"))
    if not request.utterances:
        violations.append(Violation("utterances", "must hold at least one"))
    refuse_if_any(violations)
    return Meeting(
        meeting_id=request.meeting_id,
        utterances=tuple(_utterance(each) for each in request.utterances),
        **own,
    )


def transcript_of(request: ingest_pb2.IngestTranscriptRequest) -> tuple[bytes, Hints]:
    """The bytes of a transcript and what is known about them.

    Raises:
        InvalidRequest: Fields are wrong; all that are.
    """
    violations: list[Violation] = []
    if not request.content:
        violations.append(Violation("content", "is empty"))
    if len(request.content) > _CONTENT_BYTES_MAX:
        violations.append(Violation("content", f"holds {len(request.content):,} bytes; at most 32 MiB are taken"))
    _own_fields(request.meeting, violations)
    refuse_if_any(violations)
    hints = Hints(meeting_id=request.meeting_id, file_name=request.file_name, format_name=request.format)
    return request.content, hints


def overridden(meetings: Iterable[Meeting], request: ingest_pb2.IngestTranscriptRequest) -> list[Meeting]:
    """Meetings of a transcript with the fields that the request sets itself."""
    own = {name: value for name, value in _own_fields(request.meeting, []).items() if value}
    return [replace(each, **own) for each in meetings]


def meeting_id_of(name: str, *, field: str = "name") -> str:
    """The id in a resource name.

    Raises:
        InvalidRequest: It is not a meeting's name.
    """
    meeting_id = name.removeprefix(_PREFIX)
    if not name.startswith(_PREFIX) or not meeting_id or "/" in meeting_id or "\x00" in name:
        raise InvalidRequest.field(field, "is not a name like meetings/weekly-12")
    return meeting_id


def changes_of(request: ingest_pb2.UpdateMeetingRequest) -> Mapping[str, Any]:
    """The fields that an update changes, by their names in the domain.

    Raises:
        InvalidRequest: The mask is empty or names what cannot be changed, or a value is wrong.
    """
    violations: list[Violation] = []
    own = _own_fields(request.meeting, violations)
    if not request.update_mask.paths:
        violations.append(Violation("update_mask", "must name the fields to change"))
    unknown = [path for path in request.update_mask.paths if path not in _UPDATABLE]
    if unknown:
        violations.append(Violation("update_mask", f"{unknown[0]!r} is not one of {', '.join(_UPDATABLE)}"))
    refuse_if_any(violations)
    names = [_UPDATABLE[path] for path in request.update_mask.paths]
    # One utterance, because a meeting without any is not valid and this one's are not at hand.
    validated(Meeting(meeting_id="m", utterances=(Utterance("", "-"),), **own))
    empty = Meeting()
    return {name: own.get(name, getattr(empty, name)) for name in names}


def ingest_response(ingested: Ingested) -> ingest_pb2.IngestMeetingResponse:
    """What became of a meeting, as it goes over the wire."""
    return ingest_pb2.IngestMeetingResponse(
        meeting=meeting_message(ingested.kept),
        outcome=_OUTCOMES[ingested.outcome],
        embedded_chunk_count=ingested.embedded_chunk_count,
    )


def formats_response(formats: Iterable[Format | BinaryFormat]) -> ingest_pb2.ListFormatsResponse:
    """The formats that are known, as they go over the wire."""
    return ingest_pb2.ListFormatsResponse(
        formats=[
            ingest_pb2.TranscriptFormat(name=each.name, description=each.description, suffixes=each.suffixes)
            for each in formats
        ]
    )


def transcript_response(
    ingested: Iterable[Ingested], format_name: str, mended: Iterable[Mending]
) -> ingest_pb2.IngestTranscriptResponse:
    """What became of a transcript, as it goes over the wire."""
    return ingest_pb2.IngestTranscriptResponse(
        meetings=[ingest_response(each) for each in ingested],
        format=format_name,
        mendings=[meeting_pb2.Mending(line=each.line, description=each.what) for each in mended],
    )


def item_error(error: SagwanError) -> ingest_pb2.ItemError:
    """Why an item of an import failed."""
    status = rich_status(error)
    violations = error.violations if isinstance(error, InvalidRequest) else ()
    return ingest_pb2.ItemError(
        code=status_code_number(status.code),
        message=status.message,
        field_violations=[ingest_pb2.FieldViolation(field=each.field, description=each.reason) for each in violations],
    )


def unknown_item_error() -> ingest_pb2.ItemError:
    """For an item that failed by a fault of this service; its cause is in the log."""
    status = internal_status()
    return ingest_pb2.ItemError(code=status_code_number(status.code), message=status.message)


def meeting_message(kept: KeptMeeting) -> meeting_pb2.Meeting:
    """A meeting as it goes over the wire."""
    meeting = kept.meeting
    message = meeting_pb2.Meeting(
        name=_PREFIX + meeting.meeting_id,
        title=meeting.title,
        date=meeting.held_on.isoformat() if meeting.held_on else "",
        language=meeting.language,
        participants=meeting.participants,
        tags=meeting.tags,
        series=meeting.series,
        source=meeting.source,
        attributes=dict(meeting.attributes),
        etag=kept.etag,
        create_time=_timestamp(kept.created_at),
        update_time=_timestamp(kept.updated_at),
        utterance_count=kept.utterance_count,
        chunk_count=kept.chunk_count,
    )
    if meeting.started_at:
        message.start_time.CopyFrom(_timestamp(meeting.started_at))
    if kept.duration_ms is not None:
        message.duration.FromMilliseconds(kept.duration_ms)
    return message


def page_request(
    request: ingest_pb2.ListMeetingsRequest, token_key: bytes
) -> tuple[tuple[date | None, str] | None, int]:
    """Day and id after which the page begins, and meetings of the page.

    Raises:
        InvalidRequest: Page size or token are wrong.
    """
    refuse_if_any(page_size_violations("page_size", request.page_size, largest=_MEETINGS_MAX))
    after = _position(page_position(request, token_key, request.page_token))
    return after, request.page_size or _MEETINGS_DEFAULT


def page_response(
    request: ingest_pb2.ListMeetingsRequest, token_key: bytes, meetings: list[KeptMeeting], total: int, size: int
) -> ingest_pb2.ListMeetingsResponse:
    """A page of meetings; one more than `size` means that there is another page."""
    response = ingest_pb2.ListMeetingsResponse(
        meetings=[meeting_message(each) for each in meetings[:size]], total_size=total
    )
    if len(meetings) > size:
        last = meetings[size - 1].meeting
        day = last.held_on.isoformat() if last.held_on else None
        response.next_page_token = page_token(request, token_key, json.dumps([day, last.meeting_id]).encode())
    return response


def _position(position: bytes | None) -> tuple[date | None, str] | None:
    if position is None:
        return None
    match json.loads(position):
        case [None, str() as meeting_id]:
            return None, meeting_id
        case [str() as day, str() as meeting_id]:
            return date.fromisoformat(day), meeting_id
    raise refused_token()


def _own_fields(message: meeting_pb2.Meeting, violations: list[Violation]) -> dict[str, Any]:
    """A meeting's own fields by their names in the domain; what is wrong is added to `violations`."""
    own: dict[str, Any] = {
        "title": message.title,
        "held_on": parsed_date("meeting.date", message.date, violations),
        "language": message.language,
        "participants": tuple(message.participants),
        "tags": tuple(message.tags),
        "series": message.series,
        "source": message.source,
        "attributes": dict(message.attributes),
        "started_at": None,
    }
    if message.HasField("start_time"):
        try:
            own["started_at"] = message.start_time.ToDatetime(tzinfo=UTC)
        except (ValueError, OverflowError):
            violations.append(Violation("meeting.start_time", "is out of range"))
    return own


def _utterance(message: meeting_pb2.Utterance) -> Utterance:
    return Utterance(
        speaker=message.speaker,
        text=message.text,
        start_ms=_milliseconds(message, "start_offset"),
        end_ms=_milliseconds(message, "end_offset"),
        kind=_KINDS[message.kind],
    )


def _milliseconds(message: meeting_pb2.Utterance, field: str) -> int | None:
    if not message.HasField(field):  # type: ignore[arg-type]  # the stub lists names one by one
        return None
    duration: duration_pb2.Duration = getattr(message, field)
    return int(duration.ToMilliseconds())


def _timestamp(moment: datetime) -> timestamp_pb2.Timestamp:
    timestamp = timestamp_pb2.Timestamp()
    timestamp.FromDatetime(moment)
    return timestamp
