import asyncio
import os
import signal
import urllib.request

import grpc
import pytest
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from sagwan.embedder.v1 import embedder_pb2, embedder_pb2_grpc
from sagwan_runtime.auth import authenticated
from sagwan_runtime.channels import open_channel
from sagwan_runtime.exposition import serve_metrics
from sagwan_runtime.probe import is_serving
from sagwan_runtime.readiness import Readiness
from sagwan_runtime.serving import Registration, serve
from sagwan_runtime.settings import RpcSettings

pytestmark = pytest.mark.integration

NAME = "sagwan.embedder.v1.EmbedderService"
SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


class Embedder(embedder_pb2_grpc.EmbedderServiceServicer):
    """Answers with the number of texts, once it may."""

    def __init__(self):
        self.asked = asyncio.Event()
        self.may_answer = asyncio.Event()

    async def GetModel(self, request, context):  # noqa: N802  # the name is the contract's
        return embedder_pb2.Model(name="echo")

    async def CountTokens(self, request, context):  # noqa: N802  # the same
        self.asked.set()
        await self.may_answer.wait()
        return embedder_pb2.CountTokensResponse(token_counts=[len(text) for text in request.texts])


class Dependency:
    """Something that a service needs: up, down, or silent."""

    def __init__(self):
        self.up = True
        self.answers = asyncio.Event()
        self.answers.set()

    async def check(self):
        await self.answers.wait()
        if not self.up:
            raise ConnectionRefusedError("down")


class NoKeys:
    async def principal_of(self, key_sha256):
        return None


@pytest.fixture
def embedder():
    return Embedder()


@pytest.fixture
def dependency():
    return Dependency()


@pytest.fixture
async def started(embedder, dependency, tracer, rpc_metrics):
    """Starts `serve` in this process, and gives its task and its port."""
    tasks = []

    async def start(inner_scopes=(), **settings):
        bound = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(
            serve(
                RpcSettings(**({"port": 0, "metrics_port": 0, "drain_grace_ms": 5_000} | settings)),
                [Registration(NAME, lambda to: embedder_pb2_grpc.add_EmbedderServiceServicer_to_server(embedder, to))],
                checks={"dependency": dependency.check},
                tracer=tracer,
                rpc_metrics=rpc_metrics,
                inner_scopes=inner_scopes,
                on_bound=bound.set_result,
            )
        )
        tasks.append(task)
        await asyncio.wait([bound, task], return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            task.result()
        return task, bound.result()

    yield start
    embedder.may_answer.set()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@pytest.fixture
async def channel_to():
    channels = []

    def connect(port):
        channels.append(open_channel(f"127.0.0.1:{port}", message_bytes_max=4 << 20))
        return channels[-1]

    yield connect
    for channel in channels:
        await channel.close()


async def health_of(channel, service=""):
    answer = await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(service=service), timeout=5)
    return answer.status


async def health_becomes(channel, status):
    for service in ("", NAME):
        async with asyncio.timeout(10):
            while await health_of(channel, service) != status:  # noqa: ASYNC110  # asked as a probe would
                await asyncio.sleep(0.01)


async def test_a_service_is_not_serving_until_its_checks_have_passed(started, channel_to, dependency):
    dependency.answers.clear()
    _, port = await started()
    channel = channel_to(port)

    assert [await health_of(channel, service) for service in ("", NAME)] == [NOT_SERVING, NOT_SERVING]

    dependency.answers.set()
    await health_becomes(channel, SERVING)


async def test_a_service_whose_dependency_is_down_at_the_start_becomes_ready_when_it_is_up(
    started, channel_to, dependency
):
    dependency.up = False
    _, port = await started()
    channel = channel_to(port)
    await health_becomes(channel, NOT_SERVING)
    await asyncio.sleep(0.1)
    assert await health_of(channel) == NOT_SERVING

    dependency.up = True

    await health_becomes(channel, SERVING)


async def test_a_service_that_is_not_ready_answers_who_calls_it_anyway(started, channel_to, dependency):
    dependency.up = False
    _, port = await started()

    model = await embedder_pb2_grpc.EmbedderServiceStub(channel_to(port)).GetModel(embedder_pb2.GetModelRequest())

    assert model.name == "echo"


@pytest.mark.parametrize("fault", ["down", "silent"])
async def test_readiness_is_lost_with_a_dependency_and_comes_back_with_it(dependency, channel_to, fault):
    server = grpc.aio.server()
    health_servicer = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(health_servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    readiness = Readiness(
        health_servicer,
        [NAME],
        {"steady": Dependency().check, "dependency": dependency.check},
        check_timeout_s=0.05,
        interval_ready_s=0.02,
        interval_failing_s=0.01,
    )
    watching = asyncio.create_task(readiness.watch())
    channel = channel_to(port)
    await health_becomes(channel, SERVING)

    dependency.up = fault != "down"
    if fault == "silent":
        dependency.answers.clear()
    await health_becomes(channel, NOT_SERVING)

    dependency.up = True
    dependency.answers.set()
    await health_becomes(channel, SERVING)

    watching.cancel()
    await server.stop(None)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_lets_the_call_in_flight_finish_and_takes_no_new_one(started, channel_to, embedder, number):
    serving, port = await started()
    stub = embedder_pb2_grpc.EmbedderServiceStub(channel_to(port))
    in_flight = stub.CountTokens(embedder_pb2.CountTokensRequest(texts=["사관"]))
    await embedder.asked.wait()

    os.kill(os.getpid(), number)
    await refuses(channel_to(port))

    assert not serving.done()
    with pytest.raises(grpc.aio.AioRpcError) as late:
        await stub.GetModel(embedder_pb2.GetModelRequest(), timeout=5)
    assert late.value.code() is grpc.StatusCode.UNAVAILABLE
    embedder.may_answer.set()
    assert (await in_flight).token_counts == [2]
    async with asyncio.timeout(5):
        await serving


async def refuses(channel):
    """Waits until a server takes no new connection."""
    async with asyncio.timeout(5):
        while True:
            try:
                await health_of(channel)
            except grpc.aio.AioRpcError as error:
                if error.code() is grpc.StatusCode.UNAVAILABLE:
                    return
            await asyncio.sleep(0.01)


async def test_a_call_that_outlasts_the_grace_is_cut(started, channel_to, embedder, registry, eventually):
    serving, port = await started(drain_grace_ms=100)
    in_flight = embedder_pb2_grpc.EmbedderServiceStub(channel_to(port)).CountTokens(embedder_pb2.CountTokensRequest())
    await embedder.asked.wait()

    os.kill(os.getpid(), signal.SIGTERM)

    async with asyncio.timeout(5):
        await serving
        with pytest.raises(grpc.aio.AioRpcError):
            await in_flight
    cancelled = {"grpc_method": f"{NAME}/CountTokens", "grpc_status": "CANCELLED"}
    await eventually(lambda: registry.get_sample_value("grpc_server_call_duration_seconds_count", cancelled) == 1)


async def test_who_watches_health_learns_of_the_draining(started, channel_to, embedder):
    serving, port = await started(drain_grace_ms=200)
    watch = health_pb2_grpc.HealthStub(channel_to(port)).Watch(health_pb2.HealthCheckRequest(service=NAME))
    seen = [(await watch.read()).status]
    while seen[-1] != SERVING:
        seen.append((await watch.read()).status)

    os.kill(os.getpid(), signal.SIGTERM)

    assert (await watch.read()).status == NOT_SERVING
    async with asyncio.timeout(5):
        await serving


async def test_who_watches_health_does_not_hold_up_the_draining(started, channel_to):
    serving, port = await started(drain_grace_ms=60_000)
    watch = health_pb2_grpc.HealthStub(channel_to(port)).Watch(health_pb2.HealthCheckRequest())
    while (await watch.read()).status != SERVING:
        pass

    os.kill(os.getpid(), signal.SIGTERM)

    async with asyncio.timeout(10):
        await serving
        assert (await watch.read()).status == NOT_SERVING
        assert await watch.read() is grpc.aio.EOF


async def test_a_method_is_counted_from_0_on_before_it_is_first_called(started, registry):
    await started(in_flight_max=7)

    expected = {f"{NAME}/{each}" for each in ("Embed", "EmbedStream", "CountTokens", "GetModel")} | {"other"}
    begun = {
        sample.labels["grpc_method"]: sample.value
        for metric in registry.collect()
        for sample in metric.samples
        if sample.name == "grpc_server_call_started_total"
    }
    assert begun == dict.fromkeys(expected, 0)
    assert registry.get_sample_value("grpc_server_calls_in_flight_max") == 7


async def test_reflection_lists_the_services(started, channel_to):
    _, port = await started()
    stub = reflection_pb2_grpc.ServerReflectionStub(channel_to(port))

    answers = stub.ServerReflectionInfo(iter([reflection_pb2.ServerReflectionRequest(list_services="")]))

    listed = [each.name async for answer in answers for each in answer.list_services_response.service]
    assert sorted(listed) == ["grpc.health.v1.Health", "grpc.reflection.v1alpha.ServerReflection", NAME]


async def test_a_port_that_is_taken_is_an_error_at_the_start(started):
    _, port = await started()

    with pytest.raises(RuntimeError, match=str(port)):
        await started(port=port)


async def test_every_scope_is_around_a_call_and_none_around_a_probe(started, channel_to, registry, spans, eventually):
    _, port = await started(inner_scopes=(authenticated(NoKeys()),))
    channel = channel_to(port)

    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await embedder_pb2_grpc.EmbedderServiceStub(channel).GetModel(embedder_pb2.GetModelRequest())
    await health_becomes(channel, SERVING)

    assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED
    counted = {"grpc_method": f"{NAME}/GetModel", "grpc_status": "UNAUTHENTICATED"}
    await eventually(lambda: registry.get_sample_value("grpc_server_call_duration_seconds_count", counted) == 1)
    await eventually(lambda: [span.name for span in spans.get_finished_spans()] == [f"{NAME}/GetModel"])
    methods = {sample.labels.get("grpc_method") for metric in registry.collect() for sample in metric.samples}
    assert not [each for each in methods if each and each.startswith("grpc.")]


async def test_calls_past_the_limit_are_refused(started, channel_to, embedder):
    _, port = await started(in_flight_max=1)
    stub = embedder_pb2_grpc.EmbedderServiceStub(channel_to(port))
    in_flight = stub.CountTokens(embedder_pb2.CountTokensRequest())
    await embedder.asked.wait()

    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await stub.GetModel(embedder_pb2.GetModelRequest())

    assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    embedder.may_answer.set()
    await in_flight


async def test_a_request_past_the_limit_is_refused(started, channel_to, embedder):
    embedder.may_answer.set()
    _, port = await started(message_bytes_max=1_024)
    stub = embedder_pb2_grpc.EmbedderServiceStub(channel_to(port))

    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await stub.CountTokens(embedder_pb2.CountTokensRequest(texts=["x" * 2_000]))
    answer = await stub.CountTokens(embedder_pb2.CountTokensRequest(texts=["x" * 500]))

    assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert answer.token_counts == [500]


async def test_the_probe_says_whether_a_service_is_serving(started, channel_to, dependency, unused_tcp_port):
    dependency.up = False
    _, port = await started()
    address = f"127.0.0.1:{port}"
    assert not await asyncio.to_thread(is_serving, address)

    dependency.up = True
    await health_becomes(channel_to(port), SERVING)

    assert await asyncio.to_thread(is_serving, address)
    assert await asyncio.to_thread(is_serving, address, NAME)
    assert not await asyncio.to_thread(is_serving, address, "sagwan.unknown.v1.Service")
    assert not await asyncio.to_thread(is_serving, f"127.0.0.1:{unused_tcp_port}")


async def test_metrics_of_calls_are_on_the_page_for_prometheus(started, channel_to, registry):
    _, port = await started()
    await embedder_pb2_grpc.EmbedderServiceStub(channel_to(port)).GetModel(embedder_pb2.GetModelRequest())

    page = serve_metrics(registry, "127.0.0.1", 0)
    try:
        with await asyncio.to_thread(urllib.request.urlopen, f"http://127.0.0.1:{page.port}/metrics") as answer:
            text = answer.read().decode()
    finally:
        page.close()

    assert f'grpc_server_call_started_total{{grpc_method="{NAME}/GetModel"}} 1.0' in text
    assert f'grpc_method="{NAME}/GetModel",grpc_status="OK",le="0.1"' in text


async def test_a_text_that_is_not_utf8_is_the_callers_mistake_and_named(started, channel_to):
    _, port = await started()
    count = channel_to(port).unary_unary(f"/{NAME}/CountTokens", request_serializer=bytes)

    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await count(b"\x0a\x02ok\x0a\x03\xed\xa0\x80")

    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "texts[1]" in refused.value.details()
