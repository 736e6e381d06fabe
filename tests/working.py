"""Work for a stack: every method of every service, callers' mistakes, and an embedder that hangs for a moment."""

import asyncio
import os
import secrets
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import grpc
from stack import ROOT, Stack

from sagwan.embedder.v1 import embedder_pb2, embedder_pb2_grpc
from sagwan.ingest.v1 import ingest_pb2, ingest_pb2_grpc, meeting_pb2, models_pb2, models_pb2_grpc
from sagwan.search.v1 import index_admin_pb2, index_admin_pb2_grpc, search_pb2, search_pb2_grpc

QUESTIONS = (
    "which night bus is given up and who objects",
    "왜 심야버스를 폐지하나",
    "who was charged twice for one order",
    "how long must a kiln controller cool",
)
SPOKEN = "the copper kettle whistles at dawn"
_DEADLINE_S = 20.0


@dataclass(slots=True)
class Worked:
    """What was done.

    Attributes:
        search_seconds: How long each lone search took its caller.
        begun_s: When, by the clock.
        ended_s: Until when.
    """

    search_seconds: list[float] = field(default_factory=list)
    begun_s: float = 0.0
    ended_s: float = 0.0


class Caller:
    """Calls a stack as its tenant."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._metadata = (("authorization", f"Bearer {stack.api_key}"),)
        self._numbers = count()

    async def work(self, seconds: float, *, workers: int) -> Worked:
        """Searches, and does everything else once in a while, for so long."""
        worked = Worked(begun_s=time.time())
        give_up = time.monotonic() + seconds
        async with self._channel("search") as search, self._channel("ingest") as ingest:
            finder = search_pb2_grpc.SearchServiceStub(search)
            others = self._others(finder, ingest_pb2_grpc.IngestServiceStub(ingest))

            async def one() -> None:
                while time.monotonic() < give_up:
                    number = next(self._numbers)
                    if number % 8 == 7:
                        await others[number // 8 % len(others)]()
                        continue
                    # Every other one is new: its vector is not known, and the embedder is asked.
                    asked = QUESTIONS[number // 2 % len(QUESTIONS)] + f" {number}" * (number % 2)
                    begun = time.perf_counter()
                    await finder.Search(
                        search_pb2.SearchRequest(query=asked),
                        metadata=self._metadata,
                        timeout=_DEADLINE_S,
                    )
                    worked.search_seconds.append(time.perf_counter() - begun)

            await asyncio.gather(*(one() for _ in range(workers)))
        worked.ended_s = time.time()
        return worked

    async def do_the_rest(self) -> None:
        """What is done seldom: models, administration, and what callers get wrong."""
        async with self._channel("search") as search, self._channel("ingest") as ingest:
            await models_pb2_grpc.ModelServiceStub(ingest).ListModels(
                models_pb2.ListModelsRequest(), metadata=self._metadata
            )
            finder = search_pb2_grpc.SearchServiceStub(search)
            await index_admin_pb2_grpc.IndexAdminServiceStub(search).GetIndexStatus(
                index_admin_pb2.GetIndexStatusRequest(), metadata=self._metadata, timeout=_DEADLINE_S
            )
            for wrong in (
                lambda: finder.Search(search_pb2.SearchRequest(query="who"), timeout=_DEADLINE_S),
                lambda: finder.Search(search_pb2.SearchRequest(query=""), metadata=self._metadata, timeout=_DEADLINE_S),
                lambda: search.unary_unary("/no.such.Service/Guess")(b"", timeout=_DEADLINE_S),
            ):
                await _failing(wrong)

    async def work_without_the_embedder(self) -> None:
        """Searches while the embedder hangs: answers lack their vectors, or there are none."""
        embedder = self._stack.pid("embedder")
        # They are few: all of them are traced, and not the share that the setting keeps.
        metadata = (*self._metadata, ("traceparent", f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"))
        async with self._channel("search") as search:
            finder = search_pb2_grpc.SearchServiceStub(search)

            def asked(mode: int, number: int) -> Awaitable[Any]:
                request = search_pb2.SearchRequest(query=f"{QUESTIONS[0]} {number}", mode=mode)
                return finder.Search(request, metadata=metadata, timeout=_DEADLINE_S)

            os.kill(embedder, signal.SIGSTOP)
            try:
                for number in range(3):
                    assert (await asked(search_pb2.SEARCH_MODE_HYBRID, number)).degraded
                    await _failing(lambda number=number: asked(search_pb2.SEARCH_MODE_VECTOR, number))
                # More questions than calls: a share of the calls would be above 1.
                many = [search_pb2.SearchRequest(query=f"{QUESTIONS[1]} {number}") for number in range(12)]
                batch = search_pb2.BatchSearchRequest(requests=many)
                answered = await finder.BatchSearch(batch, metadata=metadata, timeout=_DEADLINE_S)
                degraded = [each.response.degraded for each in answered.results if each.HasField("response")]
                assert degraded
                assert all(degraded)
                context = search_pb2.GetContextRequest(query=f"{QUESTIONS[2]} again", token_budget=100)
                assert (await finder.GetContext(context, metadata=metadata, timeout=_DEADLINE_S)).degraded
            finally:
                os.kill(embedder, signal.SIGCONT)

    async def make_up(self, each: int) -> None:
        """So many methods that nobody registered, keys that nobody has, and meetings that are not there."""
        async with self._channel("search") as search, self._channel("ingest") as ingest:
            finder, keeper = search_pb2_grpc.SearchServiceStub(search), ingest_pb2_grpc.IngestServiceStub(ingest)

            def method(number: int) -> Awaitable[Any]:
                return search.unary_unary(f"/no.such.Service{number}/Guess{number}")(b"", timeout=_DEADLINE_S)

            def tenant(number: int) -> Awaitable[Any]:
                key = (("authorization", f"Bearer sgw_made_up_{number}"),)
                return finder.Suggest(search_pb2.SuggestRequest(prefix="a"), metadata=key, timeout=_DEADLINE_S)

            def meeting(number: int) -> Awaitable[Any]:
                request = ingest_pb2.GetMeetingRequest(name=f"meetings/made-up-{number}")
                return keeper.GetMeeting(request, metadata=self._metadata, timeout=_DEADLINE_S)

            for kind in (method, tenant, meeting):
                numbers = iter(range(each))

                async def work(kind: Callable[[int], Awaitable[Any]] = kind, numbers: Any = numbers) -> None:
                    for number in numbers:
                        await _failing(lambda number=number: kind(number))

                await asyncio.gather(*(work() for _ in range(8)))

    def _channel(self, service: str) -> grpc.aio.Channel:
        return grpc.aio.insecure_channel(self._stack.address(service))

    def _others(self, search: Any, ingest: Any) -> Sequence[Callable[[], Awaitable[Any]]]:
        sent = {"metadata": self._metadata, "timeout": _DEADLINE_S}
        question, unasked = search_pb2.SearchRequest(query=QUESTIONS[0]), search_pb2.SearchRequest(query="")

        def meeting() -> ingest_pb2.IngestMeetingRequest:
            line = meeting_pb2.Utterance(speaker="Mira", text=f"{SPOKEN}, {next(self._numbers)} times")
            return ingest_pb2.IngestMeetingRequest(utterances=[line])

        async def embed() -> None:
            async with self._channel("embedder") as channel:
                stub = embedder_pb2_grpc.EmbedderServiceStub(channel)
                texts = [SPOKEN] * 3
                await stub.Embed(
                    embedder_pb2.EmbedRequest(texts=texts, kind=embedder_pb2.TEXT_KIND_PASSAGE), timeout=_DEADLINE_S
                )
                await stub.CountTokens(
                    embedder_pb2.CountTokensRequest(texts=texts, kind=embedder_pb2.TEXT_KIND_QUERY), timeout=_DEADLINE_S
                )

        async def transcript() -> None:
            content = (ROOT / "samples/meetings/2026-03-12-search-latency-sync.vtt").read_bytes()
            await ingest.IngestTranscript(
                ingest_pb2.IngestTranscriptRequest(content=content, file_name="a.vtt"), **sent
            )

        async def bring_in() -> None:
            async def items() -> AsyncIterator[ingest_pb2.ImportMeetingsRequest]:
                yield ingest_pb2.ImportMeetingsRequest(sequence=1, meeting=meeting())
                yield ingest_pb2.ImportMeetingsRequest(sequence=2)

            async for _ in ingest.ImportMeetings(items(), **sent):
                pass

        return (
            embed,
            transcript,
            bring_in,
            lambda: search.GetContext(search_pb2.GetContextRequest(query=QUESTIONS[1], token_budget=500), **sent),
            lambda: search.BatchSearch(search_pb2.BatchSearchRequest(requests=[question, question, unasked]), **sent),
            lambda: search.FindSimilar(search_pb2.FindSimilarRequest(text=SPOKEN), **sent),
            lambda: search.Suggest(search_pb2.SuggestRequest(prefix="m"), **sent),
            lambda: search.ListUtterances(search_pb2.ListUtterancesRequest(page_size=5), **sent),
            lambda: ingest.IngestMeeting(meeting(), **sent),
            lambda: ingest.ListMeetings(ingest_pb2.ListMeetingsRequest(), **sent),
        )


async def _failing(call: Callable[[], Awaitable[Any]]) -> None:
    try:
        await call()
    except grpc.aio.AioRpcError:
        return
    raise AssertionError("a call that should fail was answered")
