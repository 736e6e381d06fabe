import asyncio

import grpc
import pytest

from sagwan_runtime.calls import measured, traced, translated
from sagwan_runtime.channels import MeasuredUnaryCalls, TracedUnaryCalls
from sagwan_runtime.errors import NotFound
from sagwan_runtime.metrics import RpcClientMetrics

ONE = "sagwan.test.v1.TestService/One"
LABELS = {"grpc_target": "there:1", "grpc_method": ONE}


@pytest.fixture
def client_metrics(registry):
    return RpcClientMetrics(registry)


@pytest.fixture
async def call(serve_handlers, client_metrics, rpc_metrics, tracer):
    async def one(request, context):
        if request == b"missing":
            raise NotFound("meetings/m")
        if request == b"wait":
            await asyncio.sleep(60)
        return request

    channel = await serve_handlers(
        {"One": grpc.unary_unary_rpc_method_handler(one)},
        traced(tracer),
        measured(rpc_metrics),
        translated(),
        interceptors=[TracedUnaryCalls(tracer), MeasuredUnaryCalls(client_metrics, "there:1")],
    )
    return lambda request, **options: channel.unary_unary(f"/{ONE}")(request, **options)


@pytest.fixture
def ended(registry):
    return lambda status: registry.get_sample_value(
        "grpc_client_call_duration_seconds_count", LABELS | {"grpc_status": status}
    )


async def test_an_answered_call_is_timed_under_its_target_and_method(call, ended, registry):
    assert await call(b"hello") == b"hello"

    assert ended("OK") == 1
    assert 0 < registry.get_sample_value("grpc_client_call_duration_seconds_sum", LABELS | {"grpc_status": "OK"}) < 5
    assert registry.get_sample_value("grpc_client_calls_in_flight", LABELS) == 0


async def test_a_failed_call_is_counted_under_its_status(call, ended):
    with pytest.raises(grpc.aio.AioRpcError):
        await call(b"missing")

    assert ended("NOT_FOUND") == 1


async def test_a_call_that_its_caller_gives_up_is_counted_as_cancelled(call, ended, registry, eventually):
    waiting = asyncio.ensure_future(call(b"wait"))
    await eventually(lambda: registry.get_sample_value("grpc_client_calls_in_flight", LABELS) == 1)

    waiting.cancel()

    await eventually(lambda: ended("CANCELLED") == 1)
    assert registry.get_sample_value("grpc_client_calls_in_flight", LABELS) == 0


@pytest.mark.parametrize("name", ["grpc_client_call_duration_seconds", "grpc_server_call_duration_seconds"])
async def test_a_measurement_leads_to_the_trace_that_it_was_made_in(call, registry, spans, eventually, name):
    await call(b"hello")
    await eventually(lambda: len(spans.get_finished_spans()) == 2)

    exemplars = [
        sample.exemplar.labels
        for metric in registry.collect()
        for sample in metric.samples
        if sample.name == f"{name}_bucket" and sample.exemplar
    ]
    contexts = {
        (f"{each.context.trace_id:032x}", f"{each.context.span_id:016x}") for each in spans.get_finished_spans()
    }
    assert len(exemplars) == 1
    assert (exemplars[0]["trace_id"], exemplars[0]["span_id"]) in contexts
