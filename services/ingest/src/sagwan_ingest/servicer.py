"""Proto in, proto out."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import grpc
from google.protobuf import empty_pb2

from sagwan.ingest.v1 import ingest_pb2, ingest_pb2_grpc, meeting_pb2
from sagwan_ingest.convert import (
    changes_of,
    ingest_response,
    item_error,
    meeting_id_of,
    meeting_message,
    meeting_of,
    overridden,
    page_request,
    page_response,
    refuse_request_id,
    transcript_of,
    transcript_response,
)
from sagwan_ingest.domain.formats.registry import read_transcript
from sagwan_ingest.ingestion import Ingestion
from sagwan_ingest.ports import MeetingStore
from sagwan_runtime.auth import current_principal
from sagwan_runtime.deadline import Deadline
from sagwan_runtime.errors import InvalidRequest, NotFound, SagwanError
from sagwan_runtime.metrics import IngestMetrics

Context = grpc.aio.ServicerContext[Any, Any]


class IngestServicer(ingest_pb2_grpc.IngestServiceServicer):
    """Answers IngestService."""

    def __init__(
        self,
        ingestion: Ingestion,
        store: MeetingStore,
        metrics: IngestMetrics,
        *,
        call_timeout_s: float,
    ) -> None:
        self._ingestion = ingestion
        self._store = store
        self._metrics = metrics
        self._call_timeout_s = call_timeout_s

    async def IngestMeeting(  # noqa: N802  # the name is the contract's
        self, request: ingest_pb2.IngestMeetingRequest, context: Context
    ) -> ingest_pb2.IngestMeetingResponse:
        """Keeps a meeting given as turns."""
        return await self._meeting(request, self._deadline(context))

    async def IngestTranscript(  # noqa: N802  # the name is the contract's
        self, request: ingest_pb2.IngestTranscriptRequest, context: Context
    ) -> ingest_pb2.IngestTranscriptResponse:
        """Keeps the meeting or meetings in the bytes of a transcript."""
        return await self._transcript(request, self._deadline(context))

    async def ImportMeetings(  # noqa: N802  # the name is the contract's
        self,
        request_iterator: AsyncIterator[ingest_pb2.ImportMeetingsRequest],
        context: Context,  # noqa: ARG002  # the signature is gRPC's
    ) -> AsyncIterator[ingest_pb2.ImportMeetingsResponse]:
        """Keeps many meetings, answering each item in order. The time limit is each item's, not the call's."""
        async for item in request_iterator:
            yield await self._item(item, Deadline.after(self._call_timeout_s))

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
        after, size = page_request(request)
        meetings, total = await self._store.page(
            current_principal().tenant_id,
            after=after,
            meetings_max=size + 1,
            deadline=self._deadline(context),
        )
        return page_response(request, meetings, total, size)

    async def UpdateMeeting(  # noqa: N802  # the name is the contract's
        self, request: ingest_pb2.UpdateMeetingRequest, context: Context
    ) -> meeting_pb2.Meeting:
        """Changes a meeting's own fields."""
        kept = await self._store.update(
            current_principal().tenant_id,
            meeting_id_of(request.meeting.name, field="meeting.name"),
            changes_of(request),
            request.meeting.etag,
            self._deadline(context),
        )
        return meeting_message(kept)

    async def DeleteMeeting(  # noqa: N802  # the name is the contract's
        self, request: ingest_pb2.DeleteMeetingRequest, context: Context
    ) -> empty_pb2.Empty:
        """Removes every trace of a meeting."""
        refuse_request_id(request.request_id)
        try:
            await self._store.delete(
                current_principal().tenant_id,
                meeting_id_of(request.name),
                request.etag,
                self._deadline(context),
            )
        except NotFound:
            if not request.allow_missing:
                raise
        return empty_pb2.Empty()

    def _deadline(self, context: Context) -> Deadline:
        return Deadline.of_call(context, longest_s=self._call_timeout_s)

    async def _item(
        self, item: ingest_pb2.ImportMeetingsRequest, deadline: Deadline
    ) -> ingest_pb2.ImportMeetingsResponse:
        response = ingest_pb2.ImportMeetingsResponse(sequence=item.sequence)
        try:
            match item.WhichOneof("item"):
                case "meeting":
                    response.meeting.CopyFrom(await self._meeting(item.meeting, deadline))
                case "transcript":
                    response.transcript.CopyFrom(await self._transcript(item.transcript, deadline))
                case _:
                    raise InvalidRequest.field("item", "must be a meeting or a transcript")
        except SagwanError as error:
            response.error.CopyFrom(item_error(error))
        return response

    async def _meeting(
        self, request: ingest_pb2.IngestMeetingRequest, deadline: Deadline
    ) -> ingest_pb2.IngestMeetingResponse:
        (ingested,) = await self._ingestion.ingest(current_principal().tenant_id, [meeting_of(request)], deadline)
        return ingest_response(ingested)

    async def _transcript(
        self, request: ingest_pb2.IngestTranscriptRequest, deadline: Deadline
    ) -> ingest_pb2.IngestTranscriptResponse:
        content, hints = transcript_of(request)
        begun = time.perf_counter()
        # A thread, because reading 32 MiB would hold up every other call.
        transcript = await asyncio.to_thread(read_transcript, content, hints)
        self._metrics.stage_seconds.labels("parse").observe(time.perf_counter() - begun)
        ingested = await self._ingestion.ingest(
            current_principal().tenant_id, overridden(transcript.meetings, request), deadline
        )
        self._metrics.mendings.inc(len(transcript.mended))
        return transcript_response(ingested, transcript.format_name, transcript.mended)
