import asyncio

import grpc
import pytest
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from sagwan_runtime.calls import admitted, measured, translated
from sagwan_runtime.errors import NotFound

ONE = "sagwan.test.v1.TestService/One"
MANY = "sagwan.test.v1.TestService/Many"


@pytest.fixture
def started(registry):
    return lambda method: registry.get_sample_value("grpc_server_call_started_total", {"grpc_method": method}) or 0


@pytest.fixture
def finished(registry):
    """How many calls of a method have ended, by status."""

    def by_status(method):
        return {
            sample.labels["grpc_status"]: sample.value
            for metric in registry.collect()
            for sample in metric.samples
            if sample.name == "grpc_server_call_duration_seconds_count" and sample.labels["grpc_method"] == method
        }

    return by_status


@pytest.fixture
def in_flight(registry):
    return lambda method: registry.get_sample_value("grpc_server_calls_in_flight", {"grpc_method": method})


@pytest.fixture
async def channel(serve_handlers, rpc_metrics):
    """A service that does what its request says, with room for one call."""

    async def one(request, context):
        match request:
            case b"wait":
                await asyncio.sleep(60)
            case b"missing":
                raise NotFound("meetings/m")
            case b"fault":
                raise ValueError
            case b"abort":
                await context.abort(grpc.StatusCode.FAILED_PRECONDITION, "no")
            case b"code":
                context.set_code(grpc.StatusCode.DATA_LOSS)
        return request

    async def many(request, context):
        yield b"first"
        yield await one(request, context)

    return await serve_handlers(
        {"One": grpc.unary_unary_rpc_method_handler(one), "Many": grpc.unary_stream_rpc_method_handler(many)},
        measured(rpc_metrics),
        translated(),
        admitted(1),
    )


async def call(channel, method, request, **options):
    if method == ONE:
        await channel.unary_unary(f"/{method}")(request, **options)
    else:
        async for _ in channel.unary_stream(f"/{method}")(request, **options):
            pass


@pytest.mark.parametrize("method", [ONE, MANY])
@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"missing", "NOT_FOUND"),
        (b"fault", "INTERNAL"),
        (b"abort", "FAILED_PRECONDITION"),
        (b"code", "DATA_LOSS"),
    ],
)
async def test_a_failed_call_is_counted_under_its_status(
    channel, started, finished, in_flight, eventually, method, request_bytes, status
):
    with pytest.raises(grpc.aio.AioRpcError):
        await call(channel, method, request_bytes)

    await eventually(lambda: finished(method) == {status: 1})
    assert started(method) == 1
    assert in_flight(method) == 0


@pytest.mark.parametrize("method", [ONE, MANY])
async def test_an_answered_call_is_counted_and_timed(channel, registry, started, finished, eventually, method):
    await call(channel, method, b"hello")

    await eventually(lambda: finished(method) == {"OK": 1})
    assert started(method) == 1
    labels = {"grpc_method": method, "grpc_status": "OK"}
    assert 0 < registry.get_sample_value("grpc_server_call_duration_seconds_sum", labels) < 5


@pytest.mark.parametrize("method", [ONE, MANY])
async def test_a_cancelled_call_is_counted_as_cancelled(channel, started, finished, in_flight, eventually, method):
    # The call itself, and not a task that waits for it: such a task may end and leave its stream behind.
    make = channel.unary_unary if method == ONE else channel.unary_stream
    waiting = make(f"/{method}")(b"wait")
    await eventually(lambda: in_flight(method) == 1)

    waiting.cancel()

    await eventually(lambda: finished(method) == {"CANCELLED": 1})
    assert started(method) == 1
    assert in_flight(method) == 0


async def test_a_call_whose_deadline_passes_does_not_stay_in_flight(channel, finished, in_flight, eventually):
    with pytest.raises(grpc.aio.AioRpcError) as late:
        await call(channel, ONE, b"wait", timeout=0.1)

    assert late.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    await eventually(lambda: finished(ONE) == {"CANCELLED": 1})
    assert in_flight(ONE) == 0


async def test_a_refused_call_is_counted_too(channel, started, finished, in_flight, eventually):
    waiting = asyncio.create_task(call(channel, ONE, b"wait"))
    await eventually(lambda: in_flight(ONE) == 1)

    with pytest.raises(grpc.aio.AioRpcError):
        await call(channel, ONE, b"hello")

    await eventually(lambda: finished(ONE) == {"RESOURCE_EXHAUSTED": 1})
    assert started(ONE) == 2
    waiting.cancel()
    await eventually(lambda: in_flight(ONE) == 0)


@pytest.mark.parametrize("method", ["/sagwan.test.v1.TestService/Guess1", "/no.such.Service/Two", "/grpc.guess.V1/X"])
async def test_methods_that_nobody_registered_share_one_label(channel, registry, started, method):
    with pytest.raises(grpc.aio.AioRpcError) as unknown:
        await channel.unary_unary(method)(b"")

    assert unknown.value.code() is grpc.StatusCode.UNIMPLEMENTED
    assert started("other") == 1
    assert started(method.removeprefix("/")) == 0


async def test_probes_do_not_fill_the_histograms(serve_handlers, registry, rpc_metrics):
    channel = await serve_handlers(
        {},
        measured(rpc_metrics),
        register=lambda server: health_pb2_grpc.add_HealthServicer_to_server(health.aio.HealthServicer(), server),
    )
    await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest())

    labelled = [sample for metric in registry.collect() for sample in metric.samples if "grpc_method" in sample.labels]
    assert labelled == []


async def test_the_number_of_series_does_not_grow_with_what_callers_make_up(channel, registry, started):
    def series():
        return sum(len(metric.samples) for metric in registry.collect())

    async def guess(number):
        with pytest.raises(grpc.aio.AioRpcError):
            await channel.unary_unary(f"/no.such.Service{number}/Guess{number}")(b"")

    await guess(0)
    before = series()
    for first in range(0, 2_000, 100):
        await asyncio.gather(*(guess(number) for number in range(first, first + 100)))

    assert series() == before
    assert started("other") == 2_001
