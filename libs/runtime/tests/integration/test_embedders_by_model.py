"""Which of several embedders is asked: real gRPC servers, each with a model."""

import grpc
import pytest
from embedders import HashingEmbedder, serving

from sagwan.embedder.v1 import embedder_pb2
from sagwan_runtime.channels import open_channel
from sagwan_runtime.embedders import Embedders, open_embedders
from sagwan_runtime.errors import DependencyUnavailable

pytestmark = pytest.mark.integration


@pytest.fixture
def one():
    return HashingEmbedder("one", 2)


@pytest.fixture
def two():
    return HashingEmbedder("two", 3)


async def model_of(stub):
    return (await stub.GetModel(embedder_pb2.GetModelRequest())).sha256


async def test_the_one_that_runs_the_model_is_found_and_remembered(one, two):
    async with serving(one, two) as embedders:
        assert await model_of(await embedders.running("two")) == "two"
        assert await model_of(await embedders.running("one")) == "one"
        asked = one.model_calls, two.model_calls
        await embedders.running("two")
        assert (one.model_calls, two.model_calls) == asked


async def test_a_single_one_is_taken_without_being_asked(one):
    async with serving(one) as embedders:
        await embedders.running("whatever")
        assert one.model_calls == 0


async def test_a_model_that_nobody_runs_is_unavailable(one, two):
    async with serving(one, two) as embedders:
        with pytest.raises(DependencyUnavailable, match="no embedder runs"):
            await embedders.running("three")


async def test_what_was_forgotten_is_asked_for_again(one, two):
    async with serving(one, two) as embedders:
        await embedders.running("one")
        one.model, two.model = two.model, one.model
        embedders.forget("one")
        assert await model_of(await embedders.running("one")) == "one"


async def test_one_that_is_down_hides_no_other_and_is_told_of_when_it_may_be_the_one(one, two):
    async with (
        serving(one) as up,
        open_channel("127.0.0.1:1", message_bytes_max=1 << 20) as down,
    ):
        (reachable,) = up._stubs
        embedders = Embedders([down, down])
        embedders._stubs[1] = reachable
        assert await model_of(await embedders.running("one")) == "one"
        assert [each.sha256 for each in await embedders.models()] == ["one"]
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await embedders.running("two")
        assert error.value.code() is grpc.StatusCode.UNAVAILABLE


async def test_with_none_up_there_is_no_model():
    async with open_embedders(
        "127.0.0.1:1, 127.0.0.1:2", lambda to: open_channel(to, message_bytes_max=1)
    ) as embedders:
        with pytest.raises(DependencyUnavailable, match="UNAVAILABLE"):
            await embedders.models()


async def test_no_target_is_a_mistake():
    with pytest.raises(ValueError, match="no embedder"):
        async with open_embedders(" , ", lambda to: open_channel(to, message_bytes_max=1)):
            pass
