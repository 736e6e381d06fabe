"""The embedder's client against a real gRPC server whose answers the test chooses."""

import asyncio
from collections.abc import AsyncIterator, Callable

import grpc
import numpy as np
import pytest

from sagwan.embedder.v1 import embedder_pb2, embedder_pb2_grpc
from sagwan_runtime.channels import open_channel
from sagwan_runtime.deadline import Deadline
from sagwan_runtime.embedders import Embedders
from sagwan_runtime.errors import DeadlineExceeded, DependencyUnavailable
from sagwan_search.adapters.embedder import GrpcQueryEmbedder

pytestmark = pytest.mark.integration

MODEL = embedder_pb2.Model(name="hashes", revision="1", quantization="int8", sha256="abc", dimension=3)


class Answering(embedder_pb2_grpc.EmbedderServiceServicer):
    """Answers as the test says, and remembers the requests."""

    def __init__(self) -> None:
        self.requests: list[embedder_pb2.EmbedRequest] = []
        self.answer: Callable[[grpc.aio.ServicerContext], object] = lambda context: vectors([0.6, 0.8, 0.0])

    async def Embed(self, request, context):  # noqa: N802  # the name is the contract's
        self.requests.append(request)
        answer = self.answer(context)
        return await answer if asyncio.iscoroutine(answer) else answer


def vectors(*rows: list[float]) -> embedder_pb2.EmbedResponse:
    return embedder_pb2.EmbedResponse(
        model=MODEL, embeddings=[embedder_pb2.Embedding(packed=np.array(row, "<f4").tobytes()) for row in rows]
    )


@pytest.fixture
def service() -> Answering:
    return Answering()


@pytest.fixture
async def embedder(service) -> AsyncIterator[GrpcQueryEmbedder]:
    server = grpc.aio.server()
    embedder_pb2_grpc.add_EmbedderServiceServicer_to_server(service, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with open_channel(f"127.0.0.1:{port}", message_bytes_max=1 << 20) as channel:
        yield GrpcQueryEmbedder(Embedders([channel]))
    await server.stop(0)


async def test_a_question_is_embedded_as_a_query_by_the_model_that_is_named(embedder, service):
    found = await embedder.embed("예산", Deadline.after(5))
    assert found.vector.tolist() == pytest.approx([0.6, 0.8, 0.0])
    assert (found.model.sha256, found.model.label) == ("abc", "hashes@1/int8")
    (request,) = service.requests
    assert (list(request.texts), request.kind) == (["예산"], embedder_pb2.TEXT_KIND_QUERY)


async def test_many_questions_are_embedded_by_one_call_in_their_order(embedder, service):
    service.answer = lambda context: vectors([1.0, 0.0, 0.0], [0.0, 1.0, 0.0])
    first, second = await embedder.embed_all(["예산", "budget"], Deadline.after(5))
    assert (first.vector.tolist(), second.vector.tolist()) == ([1.0, 0.0, 0.0], [0.0, 1.0, 0.0])
    assert [list(request.texts) for request in service.requests] == [["예산", "budget"]]


async def test_long_questions_leave_room_between_calls_for_others(embedder, service):
    service.answer = lambda context: vectors(*[[1.0, 0.0, 0.0]] * len(service.requests[-1].texts))
    texts = ["a" * 5_000, "b" * 3_000, "c" * 9_000, "d", "e"]
    assert len(await embedder.embed_all(texts, Deadline.after(5))) == 5
    assert [list(request.texts) for request in service.requests] == [texts[:2], texts[2:3], texts[3:]]


async def test_a_passage_is_embedded_as_one_and_not_cut(embedder, service):
    found = await embedder.embed_passage("예산", Deadline.after(5))
    assert found.vector.tolist() == pytest.approx([0.6, 0.8, 0.0])
    (request,) = service.requests
    assert (list(request.texts), request.kind) == (["예산"], embedder_pb2.TEXT_KIND_PASSAGE)
    assert request.overlong_policy == embedder_pb2.OVERLONG_POLICY_WINDOW


@pytest.mark.parametrize("rows", [1, 3])
async def test_more_or_fewer_vectors_than_questions_are_a_fault_of_the_embedder(embedder, service, rows):
    service.answer = lambda context: vectors(*[[1.0, 0.0, 0.0]] * rows)
    with pytest.raises(DependencyUnavailable, match="of which 2 were due"):
        await embedder.embed_all(["예산", "budget"], Deadline.after(5))


@pytest.mark.parametrize(
    "code", [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.INTERNAL]
)
async def test_a_refusal_is_named_and_not_waited_out(embedder, service, code):
    service.answer = lambda context: context.abort(code, "no")
    with pytest.raises(DependencyUnavailable, match=code.name):
        await embedder.embed("예산", Deadline.after(5))
    assert len(service.requests) == 1


async def test_a_late_answer_is_not_waited_for(embedder, service):
    service.answer = lambda context: asyncio.sleep(60)
    with pytest.raises(DeadlineExceeded):
        await embedder.embed("예산", Deadline.after(0.1))


async def test_without_time_left_nothing_is_asked(embedder, service):
    with pytest.raises(DeadlineExceeded):
        await embedder.embed("예산", Deadline.after(-1))
    assert service.requests == []


async def test_a_server_that_is_not_there_is_unavailable():
    async with open_channel("127.0.0.1:1", message_bytes_max=1 << 20) as channel:
        with pytest.raises(DependencyUnavailable):
            await GrpcQueryEmbedder(Embedders([channel])).embed("예산", Deadline.after(5))


@pytest.mark.parametrize(
    "nonsense",
    [
        vectors(),
        vectors([0.6, 0.8]),
        vectors([0.6, 0.8, 0.0], [0.6, 0.8, 0.0]),
        embedder_pb2.EmbedResponse(model=MODEL, embeddings=[embedder_pb2.Embedding(packed=b"12345")]),
        embedder_pb2.EmbedResponse(),
    ],
)
async def test_an_answer_that_is_not_one_vector_is_a_fault_of_the_embedder(embedder, service, nonsense):
    service.answer = lambda context: nonsense
    with pytest.raises(DependencyUnavailable, match="bytes"):
        await embedder.embed("예산", Deadline.after(5))
