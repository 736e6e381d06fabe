import asyncio

import grpc
import pytest
from opentelemetry import trace

from sagwan_runtime.calls import traced, translated
from sagwan_runtime.channels import TracedUnaryCalls
from sagwan_runtime.errors import NotFound

ONE = "sagwan.test.v1.TestService/One"
MANY = "sagwan.test.v1.TestService/Many"


@pytest.fixture
async def call(serve_handlers, tracer):
    """Calls a traced service through a traced channel."""
    in_handler = asyncio.Event()

    async def one(request, context):
        with tracer.start_as_current_span("work"):
            if request == b"missing":
                raise NotFound("meetings/m")
            if request == b"fault":
                raise ValueError("quotes what somebody said")
            if request == b"wait":
                in_handler.set()
                await asyncio.sleep(60)
        return request

    async def many(request, context):
        yield await one(request, context)

    channel = await serve_handlers(
        {"One": grpc.unary_unary_rpc_method_handler(one), "Many": grpc.unary_stream_rpc_method_handler(many)},
        traced(tracer),
        translated(),
        interceptors=[TracedUnaryCalls(tracer)],
    )

    async def run(request, method=ONE, **options):
        if method == ONE:
            return await channel.unary_unary(f"/{method}")(request, **options)
        return [answer async for answer in channel.unary_stream(f"/{method}")(request, **options)]

    run.in_handler = in_handler
    return run


@pytest.fixture
def span_of(spans):
    def find(kind):
        (span,) = [each for each in spans.get_finished_spans() if each.kind is kind]
        return span

    return find


async def test_a_trace_goes_from_the_caller_through_the_wire_into_the_handler(call, tracer, span_of, spans, eventually):
    with tracer.start_as_current_span("ask") as ask:
        assert await call(b"hello") == b"hello"

    await eventually(lambda: len(spans.get_finished_spans()) == 4)
    client, server = span_of(trace.SpanKind.CLIENT), span_of(trace.SpanKind.SERVER)
    (work,) = [each for each in spans.get_finished_spans() if each.name == "work"]
    assert client.parent.span_id == ask.get_span_context().span_id
    assert server.parent.span_id == client.context.span_id
    assert work.parent.span_id == server.context.span_id
    assert {each.context.trace_id for each in (client, server, work)} == {ask.get_span_context().trace_id}


async def test_spans_are_named_after_the_method_and_carry_the_status(call, span_of, spans, eventually):
    await call(b"hello")

    await eventually(lambda: len(spans.get_finished_spans()) == 3)
    for span in (span_of(trace.SpanKind.CLIENT), span_of(trace.SpanKind.SERVER)):
        assert span.name == ONE
        assert span.attributes["rpc.method"] == ONE
        assert span.attributes["rpc.response.status_code"] == "OK"


async def test_the_status_of_an_error_is_on_both_spans(call, span_of, spans, eventually):
    with pytest.raises(grpc.aio.AioRpcError):
        await call(b"missing")

    await eventually(lambda: len(spans.get_finished_spans()) == 3)
    for span in (span_of(trace.SpanKind.CLIENT), span_of(trace.SpanKind.SERVER)):
        assert span.attributes["rpc.response.status_code"] == "NOT_FOUND"


async def test_a_caller_of_another_kind_may_send_w3c_trace_context(call, span_of, spans, eventually):
    traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

    await call(b"hello", MANY, metadata=(("traceparent", traceparent),))

    await eventually(lambda: len(spans.get_finished_spans()) == 2)
    server = span_of(trace.SpanKind.SERVER)
    assert trace.format_trace_id(server.context.trace_id) == "4bf92f3577b34da6a3ce929d0e0e4736"
    assert trace.format_span_id(server.parent.span_id) == "00f067aa0ba902b7"


@pytest.mark.parametrize("metadata", [(), (("traceparent", "garbage"),)])
async def test_without_trace_context_a_call_begins_a_trace(call, span_of, spans, eventually, metadata):
    await call(b"hello", MANY, metadata=metadata)

    await eventually(lambda: len(spans.get_finished_spans()) == 2)
    assert span_of(trace.SpanKind.SERVER).parent is None


async def test_calls_at_the_same_time_keep_their_traces_apart(call, spans, eventually):
    await asyncio.gather(*(call(b"hello") for _ in range(10)))

    await eventually(lambda: len(spans.get_finished_spans()) == 30)
    by_trace = {}
    for span in spans.get_finished_spans():
        by_trace.setdefault(span.context.trace_id, []).append(span.kind)
    assert [len(kinds) for kinds in by_trace.values()] == [3] * 10


async def test_a_call_of_a_trace_that_is_not_kept_says_so_and_has_no_span(serve_handlers, tracer, spans):
    async def told(_, context):
        return dict(context.invocation_metadata())["traceparent"].encode()

    channel = await serve_handlers(
        {"One": grpc.unary_unary_rpc_method_handler(told)}, interceptors=[TracedUnaryCalls(tracer)]
    )
    asking = trace.SpanContext(0xA1, 0xB2, is_remote=True, trace_flags=trace.TraceFlags(0))

    with trace.use_span(trace.NonRecordingSpan(asking)):
        answer = await channel.unary_unary(f"/{ONE}")(b"")

    assert answer == f"00-{0xA1:032x}-{0xB2:016x}-00".encode()
    assert not spans.get_finished_spans()


async def test_metadata_of_the_call_is_sent_along(serve_handlers, tracer):
    async def color(_, context):
        return dict(context.invocation_metadata())["color"].encode()

    channel = await serve_handlers(
        {"One": grpc.unary_unary_rpc_method_handler(color)}, interceptors=[TracedUnaryCalls(tracer)]
    )

    assert await channel.unary_unary(f"/{ONE}")(b"", metadata=(("color", "blue"),)) == b"blue"


async def test_a_call_that_its_caller_gives_up_ends_at_the_other_end_too(call, span_of, spans, eventually):
    waiting = asyncio.create_task(call(b"wait"))
    await call.in_handler.wait()

    waiting.cancel()

    with pytest.raises(asyncio.CancelledError):
        await waiting
    await eventually(lambda: len(spans.get_finished_spans()) == 3)
    assert span_of(trace.SpanKind.SERVER).attributes["rpc.response.status_code"] == "CANCELLED"


async def test_a_fault_of_the_service_fails_the_spans_of_both_ends(call, span_of, spans, eventually):
    with pytest.raises(grpc.aio.AioRpcError):
        await call(b"fault")

    await eventually(lambda: len(spans.get_finished_spans()) == 3)
    for span in (span_of(trace.SpanKind.CLIENT), span_of(trace.SpanKind.SERVER)):
        assert span.status.status_code is trace.StatusCode.ERROR
        assert span.attributes["error.type"] == "INTERNAL"
        assert not span.status.description
        assert not span.events


async def test_an_answer_that_the_caller_brought_about_fails_only_the_caller_s_span(call, span_of, spans, eventually):
    with pytest.raises(grpc.aio.AioRpcError):
        await call(b"missing")

    await eventually(lambda: len(spans.get_finished_spans()) == 3)
    assert span_of(trace.SpanKind.CLIENT).status.status_code is trace.StatusCode.ERROR
    assert span_of(trace.SpanKind.SERVER).status.status_code is trace.StatusCode.UNSET
