"""Every RPC of Sagwan that a caller needs, as a typed coroutine."""

from collections.abc import AsyncGenerator, Iterable, Sequence
from types import TracebackType
from typing import Self, TypeVar

import grpc
from google.protobuf.field_mask_pb2 import FieldMask
from grpc_health.v1 import health_pb2, health_pb2_grpc

from sagwan.embedder.v1 import embedder_pb2, embedder_pb2_grpc
from sagwan.ingest.v1 import ingest_pb2, ingest_pb2_grpc, meeting_pb2, models_pb2, models_pb2_grpc
from sagwan.search.v1 import index_admin_pb2, index_admin_pb2_grpc, search_pb2, search_pb2_grpc
from sagwan_client.channels import open_channel
from sagwan_client.errors import SagwanCallError
from sagwan_client.filling import fill_all
from sagwan_client.importing import import_all
from sagwan_client.indexing import rebuild_all, tune_all
from sagwan_client.settings import ClientSettings

SERVING = "SERVING"
UNREACHABLE = "UNREACHABLE"

_HEALTH_TIMEOUT_S = 2.0

_Request = TypeVar("_Request")
_Response = TypeVar("_Response")


class SagwanClient:
    """A client of the three services. Answers are the protobuf messages themselves.

        async with SagwanClient.from_settings(ClientSettings.from_environment()) as client:
            answer = await client.search("why was the release late", page_size=3)

    Every method raises `SagwanCallError` when its call fails, and takes at most `timeout_s` seconds, retries
    included. Calls may run concurrently. Channels connect when they are first used.
    """

    def __init__(
        self,
        *,
        search_target: str = "127.0.0.1:50053",
        ingest_target: str = "127.0.0.1:50052",
        embedder_target: str = "127.0.0.1:50051",
        api_key: str = "",
        timeout_s: float = 30.0,
        credentials: grpc.ChannelCredentials | None = None,
    ) -> None:
        self._channels = {
            "embedder": open_channel(embedder_target, credentials),
            "ingest": open_channel(ingest_target, credentials),
            "search": open_channel(search_target, credentials),
        }
        self._search: search_pb2_grpc.SearchServiceAsyncStub = search_pb2_grpc.SearchServiceStub(
            self._channels["search"]
        )
        self._index: index_admin_pb2_grpc.IndexAdminServiceAsyncStub = index_admin_pb2_grpc.IndexAdminServiceStub(
            self._channels["search"]
        )
        self._ingest: ingest_pb2_grpc.IngestServiceAsyncStub = ingest_pb2_grpc.IngestServiceStub(
            self._channels["ingest"]
        )
        self._models: models_pb2_grpc.ModelServiceAsyncStub = models_pb2_grpc.ModelServiceStub(self._channels["ingest"])
        self._embedder: embedder_pb2_grpc.EmbedderServiceAsyncStub = embedder_pb2_grpc.EmbedderServiceStub(
            self._channels["embedder"]
        )
        self._metadata = (("authorization", f"Bearer {api_key}"),) if api_key else ()
        self._timeout_s = timeout_s

    @classmethod
    def from_settings(cls, settings: ClientSettings, *, timeout_s: float = 30.0) -> Self:
        """The client that the environment describes."""
        return cls(
            search_target=settings.search_target,
            ingest_target=settings.ingest_target,
            embedder_target=settings.embedder_target,
            api_key=settings.api_key,
            timeout_s=timeout_s,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Closes the channels; calls in flight are cancelled."""
        for channel in self._channels.values():
            await channel.close()

    async def search(
        self,
        query: str,
        *,
        filter: search_pb2.Filter | None = None,  # noqa: A002  # as the field of SearchRequest is called
        mode: search_pb2.SearchMode.ValueType = search_pb2.SEARCH_MODE_UNSPECIFIED,
        fusion: search_pb2.Fusion | None = None,
        page_size: int = 0,
        page_token: str = "",
        neighbor_count: int = 0,
        hits_per_meeting_max: int = 0,
        explain: bool = False,
        plain_text: bool = False,
        facets: bool = False,
    ) -> search_pb2.SearchResponse:
        """Finds chunks for a question, best first. The arguments are the fields of SearchRequest."""
        request = search_pb2.SearchRequest(
            query=query,
            filter=filter,
            mode=mode,
            fusion=fusion,
            page_size=page_size,
            page_token=page_token,
            neighbor_count=neighbor_count,
            hits_per_meeting_max=hits_per_meeting_max,
            explain=explain,
            plain_text=plain_text,
            facets=facets,
        )
        return await self._unary(self._search.Search, request)

    async def batch_search(self, requests: Iterable[search_pb2.SearchRequest]) -> search_pb2.BatchSearchResponse:
        """Answers up to 100 searches, in their order; each result is an answer or an error of its own."""
        return await self._unary(self._search.BatchSearch, search_pb2.BatchSearchRequest(requests=requests))

    async def find_similar(
        self,
        *,
        chunk: str = "",
        utterance: str = "",
        text: str = "",
        filter: search_pb2.Filter | None = None,  # noqa: A002  # as the field of FindSimilarRequest is called
        page_size: int = 0,
        page_token: str = "",
    ) -> search_pb2.SearchResponse:
        """Finds chunks like one of: a chunk or the chunk of an utterance, given by name, or a text.

        Raises:
            ValueError: Not exactly one is given.
        """
        given = {name: value for name, value in (("chunk", chunk), ("utterance", utterance), ("text", text)) if value}
        if len(given) != 1:
            raise ValueError("give one of chunk, utterance and text")
        request = search_pb2.FindSimilarRequest(filter=filter, page_size=page_size, page_token=page_token, **given)
        return await self._unary(self._search.FindSimilar, request)

    async def get_context(
        self,
        query: str,
        filter: search_pb2.Filter | None = None,  # noqa: A002  # as the field of GetContextRequest is called
        *,
        token_budget: int = 0,
        plain_text: bool = False,
    ) -> search_pb2.GetContextResponse:
        """Finds passages for a language model, within a budget of tokens."""
        request = search_pb2.GetContextRequest(
            query=query, filter=filter, token_budget=token_budget, plain_text=plain_text
        )
        return await self._unary(self._search.GetContext, request)

    async def suggest(self, prefix: str, *, page_size: int = 0) -> Sequence[search_pb2.Suggestion]:
        """Completes speakers, tags and titles from the beginning of a word, the most frequent first."""
        request = search_pb2.SuggestRequest(prefix=prefix, page_size=page_size)
        return (await self._unary(self._search.Suggest, request)).suggestions

    async def list_utterances(
        self,
        filter: search_pb2.Filter | None = None,  # noqa: A002  # as the field of the request is called
        *,
        page_size: int = 0,
        page_token: str = "",
    ) -> search_pb2.ListUtterancesResponse:
        """Lists utterances that pass a filter, in the order they were said."""
        request = search_pb2.ListUtterancesRequest(filter=filter, page_size=page_size, page_token=page_token)
        return await self._unary(self._search.ListUtterances, request)

    async def ingest_transcript(
        self,
        content: bytes,
        *,
        meeting_id: str = "",
        format: str = "",  # noqa: A002  # as the field of the request is called
        file_name: str = "",
        meeting: meeting_pb2.Meeting | None = None,
        request_id: str = "",
    ) -> ingest_pb2.IngestTranscriptResponse:
        """Keeps the meeting or meetings in the bytes of a transcript: all of them, or none."""
        request = ingest_pb2.IngestTranscriptRequest(
            content=content,
            meeting_id=meeting_id,
            format=format,
            file_name=file_name,
            meeting=meeting,
            request_id=request_id,
        )
        return await self._unary(self._ingest.IngestTranscript, request)

    async def ingest_meeting(
        self,
        meeting: meeting_pb2.Meeting,
        utterances: Iterable[meeting_pb2.Utterance],
        *,
        meeting_id: str = "",
        request_id: str = "",
    ) -> ingest_pb2.IngestMeetingResponse:
        """Keeps a meeting given as turns, replacing the meeting of that id."""
        request = ingest_pb2.IngestMeetingRequest(
            meeting=meeting, utterances=utterances, meeting_id=meeting_id, request_id=request_id
        )
        return await self._unary(self._ingest.IngestMeeting, request)

    def import_transcripts(
        self,
        transcripts: Iterable[ingest_pb2.IngestTranscriptRequest],
        *,
        in_flight_max: int = 8,
        answer_timeout_s: float = 660.0,
    ) -> AsyncGenerator[ingest_pb2.ImportMeetingsResponse, None]:
        """Keeps many transcripts over one call; yields one answer a transcript, in order, refusals included.

        `sequence` of an answer is the place of its transcript, from 0. A stream that is cut is opened again and what
        was not answered is sent again, which is safe because ingesting the same content twice changes nothing.

        Args:
            transcripts: Taken one by one, at most `in_flight_max` ahead of the answers.
            in_flight_max: Transcripts sent and not yet answered.
            answer_timeout_s: Longest wait for the next answer; the service gives each transcript 10 minutes.
        """
        return import_all(
            lambda requests: self._ingest.ImportMeetings(requests, metadata=self._metadata),
            transcripts,
            in_flight_max=in_flight_max,
            answer_timeout_s=answer_timeout_s,
        )

    async def get_meeting(self, meeting: str) -> meeting_pb2.Meeting:
        """Reads a meeting, given by id or resource name."""
        request = ingest_pb2.GetMeetingRequest(name=meeting_name(meeting))
        return await self._unary(self._ingest.GetMeeting, request)

    async def list_meetings(self, *, page_size: int = 0, page_token: str = "") -> ingest_pb2.ListMeetingsResponse:
        """Lists a page of meetings, newest first."""
        request = ingest_pb2.ListMeetingsRequest(page_size=page_size, page_token=page_token)
        return await self._unary(self._ingest.ListMeetings, request)

    async def update_meeting(
        self, meeting: meeting_pb2.Meeting, fields: Sequence[str], *, request_id: str = ""
    ) -> meeting_pb2.Meeting:
        """Changes the named fields of the meeting that `meeting.name` names. A set `etag` must be the current one."""
        request = ingest_pb2.UpdateMeetingRequest(
            meeting=meeting, update_mask=FieldMask(paths=fields), request_id=request_id
        )
        return await self._unary(self._ingest.UpdateMeeting, request)

    async def delete_meeting(
        self, meeting: str, *, etag: str = "", allow_missing: bool = False, request_id: str = ""
    ) -> None:
        """Removes every trace of a meeting, given by id or resource name."""
        request = ingest_pb2.DeleteMeetingRequest(
            name=meeting_name(meeting),
            etag=etag,
            allow_missing=allow_missing,
            request_id=request_id,
        )
        await self._unary(self._ingest.DeleteMeeting, request)

    async def list_formats(self) -> ingest_pb2.ListFormatsResponse:
        """Lists the formats of transcripts that the ingest service reads."""
        return await self._unary(self._ingest.ListFormats, ingest_pb2.ListFormatsRequest())

    async def list_models(self) -> Sequence[models_pb2.Model]:
        """The embedding models that are known or that an embedder runs; takes a key with the scope `admin`."""
        return (await self._unary(self._models.ListModels, models_pb2.ListModelsRequest())).models

    async def add_model(self, name: str = "") -> models_pb2.Model:
        """Makes a model known that an embedder runs; unnamed, the only one that is not known yet."""
        return await self._unary(self._models.AddModel, models_pb2.AddModelRequest(name=name))

    def fill_model(
        self, name: str, *, answer_timeout_s: float = 660.0
    ) -> AsyncGenerator[models_pb2.FillModelProgress, None]:
        """Gives every chunk a vector of a model; yields how far it is, `done` last. A cut-off call is made again.

        Args:
            name: Its resource name.
            answer_timeout_s: Longest wait for the next step; the service gives each 10 minutes.
        """
        request = models_pb2.FillModelRequest(name=name)
        return fill_all(
            lambda: self._models.FillModel(request, metadata=self._metadata), answer_timeout_s=answer_timeout_s
        )

    async def switch_model(self, name: str) -> models_pb2.Model:
        """Lets a model serve."""
        return await self._unary(self._models.SwitchModel, models_pb2.SwitchModelRequest(name=name), timeout_s=120.0)

    async def drop_model(self, name: str, *, allow_missing: bool = False) -> None:
        """Removes a model that does not serve, with its vectors."""
        request = models_pb2.DropModelRequest(name=name, allow_missing=allow_missing)
        await self._unary(self._models.DropModel, request)

    async def index_status(self) -> index_admin_pb2.IndexStatus:
        """How the index of the serving model's vectors is; takes a key with the scope `admin`."""
        return await self._unary(self._index.GetIndexStatus, index_admin_pb2.GetIndexStatusRequest())

    async def plan_query(
        self,
        query: str,
        filter: search_pb2.Filter | None = None,  # noqa: A002  # as the field of the request is called
    ) -> Sequence[index_admin_pb2.LegExplain]:
        """How PostgreSQL does each leg of a search."""
        request = index_admin_pb2.PlanQueryRequest(query=query, filter=filter)
        return (await self._unary(self._index.PlanQuery, request)).legs

    def tune_index(
        self,
        recall: float,
        *,
        apply: bool = False,
        quantizations: Sequence[index_admin_pb2.Quantization.ValueType] = (),
    ) -> AsyncGenerator[index_admin_pb2.TuneIndexProgress, None]:
        """Finds the cheapest settings that reach a recall; yields each one that was tried, the choice last."""
        request = index_admin_pb2.TuneIndexRequest(recall=recall, apply=apply, quantizations=quantizations)
        return tune_all(lambda: self._index.TuneIndex(request, metadata=self._metadata))

    def rebuild_index(
        self,
        kind: index_admin_pb2.IndexKind.ValueType = index_admin_pb2.INDEX_KIND_UNSPECIFIED,
        quantization: index_admin_pb2.Quantization.ValueType = index_admin_pb2.QUANTIZATION_UNSPECIFIED,
    ) -> AsyncGenerator[index_admin_pb2.RebuildIndexProgress, None]:
        """Builds the index anew beside the one in use; yields how far it is."""
        request = index_admin_pb2.RebuildIndexRequest(kind=kind, quantization=quantization)
        return rebuild_all(lambda: self._index.RebuildIndex(request, metadata=self._metadata), status=self.index_status)

    async def embed(self, texts: Sequence[str], kind: embedder_pb2.TextKind.ValueType) -> embedder_pb2.EmbedResponse:
        """One unit vector a text, packed as little-endian float32."""
        request = embedder_pb2.EmbedRequest(texts=texts, kind=kind)
        return await self._unary(self._embedder.Embed, request)

    async def model(self) -> embedder_pb2.Model:
        """The model that the embedder has loaded."""
        return await self._unary(self._embedder.GetModel, embedder_pb2.GetModelRequest())

    async def health(self, service: str) -> str:
        """What `embedder`, `ingest` or `search` says of itself.

        Returns:
            `SERVING`, `NOT_SERVING`, or `UNREACHABLE` when it does not answer within two seconds.
        """
        stub = health_pb2_grpc.HealthStub(self._channels[service])
        try:
            answer = await stub.Check(health_pb2.HealthCheckRequest(), timeout=_HEALTH_TIMEOUT_S)
        except grpc.aio.AioRpcError:
            return UNREACHABLE
        status: str = health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status)
        return status

    async def _unary(
        self,
        method: grpc.aio.UnaryUnaryMultiCallable[_Request, _Response],
        request: _Request,
        timeout_s: float | None = None,
    ) -> _Response:
        try:
            return await method(request, timeout=timeout_s or self._timeout_s, metadata=self._metadata)
        except grpc.aio.AioRpcError as error:
            raise SagwanCallError.of(error) from error


def meeting_name(meeting: str) -> str:
    """The resource name of a meeting given by id or by name."""
    return meeting if meeting.startswith("meetings/") else f"meetings/{meeting}"
