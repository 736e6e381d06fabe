"""The embedder's client against a real gRPC server whose answers the test chooses."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable

import grpc
import numpy as np
import pytest

from sagwan.embedder.v1 import embedder_pb2, embedder_pb2_grpc
from sagwan_ingest.adapters.embedder import GrpcPassageEmbedder
from sagwan_ingest.ports import Model
from sagwan_runtime.channels import open_channel
from sagwan_runtime.deadline import Deadline
from sagwan_runtime.embedders import Embedders
from sagwan_runtime.errors import DeadlineExceeded, DependencyUnavailable

pytestmark = pytest.mark.integration

MODEL = embedder_pb2.Model(name="hashes", revision="1", quantization="int8", sha256="abc", dimension=2)
ROWS = [[0.6, 0.8], [1.0, 0.0]]


def vectors(*rows: list[float]) -> embedder_pb2.EmbedResponse:
    return embedder_pb2.EmbedResponse(
        model=MODEL, embeddings=[embedder_pb2.Embedding(packed=np.array(row, "<f4").tobytes()) for row in rows]
    )


async def full(context: grpc.aio.ServicerContext, pushback: tuple[tuple[str, str], ...] = ()) -> None:
    await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "full", pushback)


async def down(context: grpc.aio.ServicerContext) -> None:
    await context.abort(grpc.StatusCode.UNAVAILABLE, "restarting")


async def well(context: grpc.aio.ServicerContext) -> embedder_pb2.EmbedResponse:
    return vectors(*ROWS)


class Answering(embedder_pb2_grpc.EmbedderServiceServicer):
    """Gives the test's answers one after the other, the last one for ever."""

    def __init__(self) -> None:
        self.answers: list[Callable] = [well]
        self.requests: list[embedder_pb2.EmbedRequest] = []

    async def Embed(self, request, context):  # noqa: N802  # the name is the contract's
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return await answer(context)

    async def GetModel(self, request, context):  # noqa: N802  # the name is the contract's
        return MODEL


@pytest.fixture
def service() -> Answering:
    return Answering()


@pytest.fixture
async def embedder(service) -> AsyncIterator[GrpcPassageEmbedder]:
    server = grpc.aio.server()
    embedder_pb2_grpc.add_EmbedderServiceServicer_to_server(service, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with open_channel(f"127.0.0.1:{port}", message_bytes_max=1 << 20) as channel:
        yield GrpcPassageEmbedder(Embedders([channel]), unavailable_timeout_s=0.7)
    await server.stop(0)


async def test_texts_are_embedded_as_passages_in_order_by_the_model_that_is_named(embedder, service):
    embedded = await embedder.embed(["하나", "two"], "abc", Deadline.after(5))
    assert [each.tolist() for each in embedded] == [pytest.approx(row) for row in ROWS]
    (request,) = service.requests
    assert (list(request.texts), request.kind) == (["하나", "two"], embedder_pb2.TEXT_KIND_PASSAGE)


async def test_a_full_embedder_is_asked_again_after_the_pause_that_it_names(embedder, service):
    service.answers = [lambda context: full(context, (("grpc-retry-pushback-ms", "150"),)), full, well]
    begun = time.monotonic()
    embedded = await embedder.embed(["하나", "two"], "abc", Deadline.after(5))
    assert (len(embedded), len(service.requests)) == (2, 3)
    assert time.monotonic() - begun >= 0.15 + 0.2


async def test_one_that_stays_full_is_waited_for_until_the_deadline(embedder, service):
    service.answers = [full]
    with pytest.raises(DeadlineExceeded):
        await embedder.embed(["하나", "two"], "abc", Deadline.after(0.5))
    assert len(service.requests) >= 2


async def test_a_restart_is_waited_out(embedder, service):
    service.answers = [down, well]
    assert len(await embedder.embed(["하나", "two"], "abc", Deadline.after(5))) == 2


async def test_one_that_stays_down_is_unavailable_after_a_while(embedder, service):
    service.answers = [down]
    begun = time.monotonic()
    with pytest.raises(DependencyUnavailable, match="UNAVAILABLE"):
        await embedder.embed(["하나", "two"], "abc", Deadline.after(30))
    assert 0.7 <= time.monotonic() - begun < 5


async def test_a_server_that_is_not_there_is_unavailable():
    async with open_channel("127.0.0.1:1", message_bytes_max=1 << 20) as channel:
        embedder = GrpcPassageEmbedder(Embedders([channel]), unavailable_timeout_s=0)
        with pytest.raises(DependencyUnavailable):
            await embedder.embed(["하나"], "abc", Deadline.after(5))
        with pytest.raises(DependencyUnavailable):
            await embedder.models()


@pytest.mark.parametrize("code", [grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.INTERNAL])
async def test_what_will_not_pass_by_waiting_is_not_tried_again(embedder, service, code):
    service.answers = [lambda context: context.abort(code, "no")]
    with pytest.raises(DependencyUnavailable, match=code.name):
        await embedder.embed(["하나", "two"], "abc", Deadline.after(5))
    assert len(service.requests) == 1


async def test_a_late_answer_is_not_waited_for(embedder, service):
    service.answers = [lambda context: asyncio.sleep(60)]
    with pytest.raises(DeadlineExceeded):
        await embedder.embed(["하나", "two"], "abc", Deadline.after(0.2))


async def test_without_time_left_nothing_is_asked(embedder, service):
    with pytest.raises(DeadlineExceeded):
        await embedder.embed(["하나", "two"], "abc", Deadline.after(-1))
    assert service.requests == []


@pytest.mark.parametrize("nonsense", [vectors(), vectors(ROWS[0]), vectors(*ROWS, ROWS[0]), vectors([1.0], [1.0])])
async def test_an_answer_without_a_vector_for_each_text_is_a_fault_of_the_embedder(embedder, service, nonsense):
    async def answer(context):
        return nonsense

    service.answers = [answer]
    with pytest.raises(DependencyUnavailable, match="each of 2 texts"):
        await embedder.embed(["하나", "two"], "abc", Deadline.after(5))


async def test_the_model_is_described(embedder):
    assert await embedder.models() == [Model("hashes", "1", "int8", "abc", 2)]
