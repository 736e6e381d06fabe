"""Proto in, proto out."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import grpc
import structlog
from google.protobuf import empty_pb2
from google.protobuf.message import Message

from sagwan.ingest.v1 import ingest_pb2, ingest_pb2_grpc, meeting_pb2
from sagwan_ingest.convert import (
    RepeatableRequest,
    changes_of,
    formats_response,
    ingest_response,
    item_error,
    meeting_id_of,
    meeting_message,
    meeting_of,
    overridden,
    page_request,
    page_response,
    request_key,
    transcript_of,
    transcript_response,
    unknown_item_error,
)
from sagwan_ingest.domain.formats.registry import Transcript, formats, read_transcript
from sagwan_ingest.domain.indexing import completed
from sagwan_ingest.domain.meeting import Meeting
from sagwan_ingest.importing import ImportOrder
from sagwan_ingest.ingestion import Ingested, Ingestion, Once
from sagwan_ingest.ports import KeptMeeting, MeetingStore, Reply
from sagwan_ingest.repeating import answered_once
from sagwan_runtime.auth import current_principal
from sagwan_runtime.deadline import Deadline
from sagwan_runtime.errors import InvalidRequest, NotFound, SagwanError
from sagwan_runtime.metrics import IngestMetrics
from sagwan_runtime.status import status_name
from sagwan_runtime.streaming import answers_in_order

_log = structlog.get_logger(__name__)

Context = grpc.aio.ServicerContext[Any, Any]
_Response = TypeVar("_Response", bound=Message)


class IngestServicer(ingest_pb2_grpc.IngestServiceServicer):
    """Answers IngestService."""

    def __init__(
        self,
        ingestion: Ingestion,
        store: MeetingStore,
        metrics: IngestMetrics,
        *,
        call_timeout_s: float,
        import_ahead: int,
        readers_max: int,
    ) -> None:
        self._ingestion = ingestion
        self._store = store
        self._metrics = metrics
        self._call_timeout_s = call_timeout_s
        self._import_ahead = import_ahead
        self._reading = asyncio.Semaphore(readers_max)

    async def IngestMeeting(  # noqa: N802  # the name is the contract's
        self, request: ingest_pb2.IngestMeetingRequest, context: Context
    ) -> ingest_pb2.IngestMeetingResponse:
        """Keeps a meeting given as turns."""
        return await self._meeting(request, meeting_of(request), self._deadline(context))

    async def IngestTranscript(  # noqa: N802  # the name is the contract's
        self, request: ingest_pb2.IngestTranscriptRequest, context: Context
    ) -> ingest_pb2.IngestTranscriptResponse:
        """Keeps the meeting or meetings in the bytes of a transcript."""
        return await self._transcript(request, await self._read(request), self._deadline(context))

    async def ImportMeetings(  # noqa: N802  # the name is the contract's
        self,
        request_iterator: AsyncIterator[ingest_pb2.ImportMeetingsRequest],
        context: Context,  # noqa: ARG002  # the signature is gRPC's
    ) -> AsyncIterator[ingest_pb2.ImportMeetingsResponse]:
        """Keeps many meetings, answering each item in order. The time limit is each item's, not the call's."""
        order = ImportOrder()

        async def answer(item: ingest_pb2.ImportMeetingsRequest) -> ingest_pb2.ImportMeetingsResponse:
            return await self._item(item, order, Deadline.after(self._call_timeout_s))

        async for response in answers_in_order(request_iterator, answer, ahead=self._import_ahead):
            yield response

    async def GetMeeting(  # noqa: N802  # the name is the contract's
        self, request: ingest_pb2.GetMeetingRequest, context: Context
    ) -> meeting_pb2.Meeting:
        """Reads a meeting."""
        kept = await self._store.get(
            current_principal().tenant_id, meeting_id_of(request.name), self._deadline(context)
        )
        return meeting_message(kept)

    async def ListMeetings(  # noqa: N802  # the name is the contract's
        self, request: ingest_pb2.ListMeetingsRequest, context: Context
    ) -> ingest_pb2.ListMeetingsResponse:
        """Lists meetings, newest first."""
        caller = current_principal()
        after, size = page_request(request, caller.token_key)
        meetings, total = await self._store.page(
            caller.tenant_id,
            after=after,
            meetings_max=size + 1,
            deadline=self._deadline(context),
        )
        return page_response(request, caller.token_key, meetings, total, size)

    async def UpdateMeeting(  # noqa: N802  # the name is the contract's
        self, request: ingest_pb2.UpdateMeetingRequest, context: Context
    ) -> meeting_pb2.Meeting:
        """Changes a meeting's own fields."""
        tenant_id, deadline = current_principal().tenant_id, self._deadline(context)
        meeting_id = meeting_id_of(request.meeting.name, field="meeting.name")
        changes, key = changes_of(request), request_key(request)
        reply = Reply(key, [meeting_id], _serialized_meeting) if key else None

        async def act() -> meeting_pb2.Meeting:
            etag = request.meeting.etag
            return meeting_message(await self._ingestion.update(tenant_id, meeting_id, changes, etag, deadline, reply))

        return await answered_once(self._store, tenant_id, key, deadline, act=act, response=meeting_pb2.Meeting)

    async def DeleteMeeting(  # noqa: N802  # the name is the contract's
        self, request: ingest_pb2.DeleteMeetingRequest, context: Context
    ) -> empty_pb2.Empty:
        """Removes every trace of a meeting."""
        tenant_id, deadline = current_principal().tenant_id, self._deadline(context)
        meeting_id, key = meeting_id_of(request.name), request_key(request)
        reply: Reply[None] | None = Reply(key, [], lambda _: b"") if key else None

        async def act() -> empty_pb2.Empty:
            try:
                await self._ingestion.delete(tenant_id, meeting_id, request.etag, deadline, reply)
            except NotFound:
                if not request.allow_missing:
                    raise
                if reply is not None:
                    await self._store.remember(tenant_id, reply, deadline)
            return empty_pb2.Empty()

        return await answered_once(self._store, tenant_id, key, deadline, act=act, response=empty_pb2.Empty)

    async def ListFormats(  # noqa: N802  # the name is the contract's
        self,
        request: ingest_pb2.ListFormatsRequest,  # noqa: ARG002  # the signature is gRPC's
        context: Context,  # noqa: ARG002
    ) -> ingest_pb2.ListFormatsResponse:
        """Lists the formats of transcripts that can be read."""
        return formats_response(formats())

    async def _item(
        self, item: ingest_pb2.ImportMeetingsRequest, order: ImportOrder, deadline: Deadline
    ) -> ingest_pb2.ImportMeetingsResponse:
        response = ingest_pb2.ImportMeetingsResponse(sequence=item.sequence)
        try:
            match item.WhichOneof("item"):
                case "meeting":
                    async with order.reading:
                        meeting = completed(meeting_of(item.meeting))
                        turn = order.turn([meeting.meeting_id])
                    async with turn:
                        response.meeting.CopyFrom(await self._meeting(item.meeting, meeting, deadline))
                case "transcript":
                    async with order.reading:
                        transcript = await self._read(item.transcript)
                        turn = order.turn(each.meeting_id for each in transcript.meetings)
                    async with turn:
                        response.transcript.CopyFrom(await self._transcript(item.transcript, transcript, deadline))
                case _:
                    nothing = InvalidRequest.field("item", "must be a meeting or a transcript")
                    response.error.CopyFrom(item_error(nothing))
        except SagwanError as error:
            response.error.CopyFrom(item_error(error))
        except Exception:  # noqa: BLE001  # one item must not end the import, whatever it is
            _log.exception("item of an import failed", sequence=item.sequence)
            response.error.CopyFrom(unknown_item_error())
        self._metrics.import_items.labels(status_name(response.error.code)).inc()
        return response

    async def _meeting(
        self, request: ingest_pb2.IngestMeetingRequest, meeting: Meeting, deadline: Deadline
    ) -> ingest_pb2.IngestMeetingResponse:
        def response(ingested: Sequence[Ingested]) -> ingest_pb2.IngestMeetingResponse:
            return ingest_response(ingested[0])

        return await self._kept(request, [meeting], response, ingest_pb2.IngestMeetingResponse, deadline)

    async def _transcript(
        self, request: ingest_pb2.IngestTranscriptRequest, transcript: Transcript, deadline: Deadline
    ) -> ingest_pb2.IngestTranscriptResponse:
        def response(ingested: Sequence[Ingested]) -> ingest_pb2.IngestTranscriptResponse:
            return transcript_response(ingested, transcript.format_name, transcript.mended)

        return await self._kept(request, transcript.meetings, response, ingest_pb2.IngestTranscriptResponse, deadline)

    async def _read(self, request: ingest_pb2.IngestTranscriptRequest) -> Transcript:
        """The meetings of a transcript, complete but for what only validation tells."""
        content, hints = transcript_of(request)
        begun = time.perf_counter()

        def read() -> Transcript:
            transcript = read_transcript(content, hints)
            return replace(
                transcript, meetings=tuple(completed(each) for each in overridden(transcript.meetings, request))
            )

        # A thread, because reading 32 MiB would hold up every other call; few at once, because each may take 300 MB.
        async with self._reading:
            transcript = await asyncio.to_thread(read)
        self._metrics.stage_seconds.labels("parse").observe(time.perf_counter() - begun)
        self._metrics.mendings.inc(len(transcript.mended))
        return transcript

    async def _kept(
        self,
        request: RepeatableRequest,
        meetings: Sequence[Meeting],
        response_of: Callable[[Sequence[Ingested]], _Response],
        response: type[_Response],
        deadline: Deadline,
    ) -> _Response:
        tenant_id, key = current_principal().tenant_id, request_key(request)
        once = Once(key, lambda ingested: response_of(ingested).SerializeToString()) if key else None

        async def act() -> _Response:
            return response_of(await self._ingestion.ingest(tenant_id, meetings, deadline, once))

        return await answered_once(self._store, tenant_id, key, deadline, act=act, response=response)

    def _deadline(self, context: Context) -> Deadline:
        return Deadline.of_call(context, longest_s=self._call_timeout_s)


def _serialized_meeting(kept: KeptMeeting) -> bytes:
    return meeting_message(kept).SerializeToString()
