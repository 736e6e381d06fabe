import asyncio
from contextlib import asynccontextmanager

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_status import rpc_status

from sagwan.embedder.v1 import embedder_pb2, embedder_pb2_grpc
from sagwan_runtime.calls import admitted, measured, translated
from sagwan_runtime.errors import DependencyUnavailable, InvalidRequest, Violation

ONE = "/sagwan.test.v1.TestService/One"
MANY = "/sagwan.test.v1.TestService/Many"


def unary(behavior):
    return {"One": grpc.unary_unary_rpc_method_handler(behavior)}


def both_shapes(raised):
    """A unary and a streaming handler that end in an error."""

    async def one(_, context):
        raise raised

    async def many(_, context):
        yield b"first"
        raise raised

    return {"One": grpc.unary_unary_rpc_method_handler(one), "Many": grpc.unary_stream_rpc_method_handler(many)}


async def error_of(channel, method, request=b"", **options):
    """The error that ends a call, and the answers before it."""
    answers = []
    try:
        if method == MANY:
            async for answer in channel.unary_stream(method)(request, **options):
                answers.append(answer)  # noqa: PERF401  # the answers before the error count
        else:
            answers.append(await channel.unary_unary(method)(request, **options))
    except grpc.aio.AioRpcError as error:
        return error, answers
    raise AssertionError(f"{method} answered {answers}")


async def test_scopes_are_entered_from_the_outside_in_and_left_from_the_inside_out(serve_handlers):
    seen = []

    def named(name):
        @asynccontextmanager
        async def scope(call):
            seen.append(f"{name} in")
            yield
            seen.append(f"{name} out")

        return scope

    async def one(request, context):
        seen.append("call")
        return request

    async def many(request, context):
        seen.append("call")
        yield request
        yield request

    channel = await serve_handlers(
        unary(one) | {"Many": grpc.unary_stream_rpc_method_handler(many)}, named("outer"), named("inner")
    )

    assert await channel.unary_unary(ONE)(b"x") == b"x"
    assert seen == ["outer in", "inner in", "call", "inner out", "outer out"]
    seen.clear()
    assert [answer async for answer in channel.unary_stream(MANY)(b"y")] == [b"y", b"y"]
    assert seen == ["outer in", "inner in", "call", "inner out", "outer out"]


async def test_a_scope_sees_what_is_called_and_what_was_sent_along(serve_handlers):
    seen = []

    @asynccontextmanager
    async def looking(call):
        seen.append(call)
        yield

    async def one(request, context):
        return request

    channel = await serve_handlers(unary(one), looking)
    await channel.unary_unary(ONE)(b"", metadata=(("color", "red"), ("color", "blue"), ("raw-bin", b"\x00")))

    (call,) = seen
    assert (call.service, call.method) == ("sagwan.test.v1.TestService", "One")
    assert call.full_method == "sagwan.test.v1.TestService/One"
    assert (call.metadata["color"], call.metadata["raw-bin"]) == ("blue", "")


async def test_every_shape_of_call_runs_inside_the_scopes(serve_handlers):
    entered = []

    @asynccontextmanager
    async def counting(call):
        entered.append(call.method)
        yield

    async def last(requests, context):
        return b"".join([request async for request in requests])

    async def each(requests, context):
        async for request in requests:
            yield request * 2

    channel = await serve_handlers(
        {
            "Last": grpc.stream_unary_rpc_method_handler(last),
            "Each": grpc.stream_stream_rpc_method_handler(each),
        },
        counting,
    )
    joined = await channel.stream_unary("/sagwan.test.v1.TestService/Last")(iter([b"a", b"b"]))
    doubled = channel.stream_stream("/sagwan.test.v1.TestService/Each")(iter([b"a", b"b"]))

    assert joined == b"ab"
    assert [answer async for answer in doubled] == [b"aa", b"bb"]
    assert entered == ["Last", "Each"]


@pytest.mark.parametrize(("method", "answers_before"), [(ONE, []), (MANY, [b"first"])])
async def test_a_domain_error_leaves_as_a_rich_status(serve_handlers, method, answers_before):
    channel = await serve_handlers(
        both_shapes(InvalidRequest(Violation("query", "비어 있습니다"), Violation("page_size", "is -1"))), translated()
    )

    error, answers = await error_of(channel, method)

    assert answers == answers_before
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert error.details() == "query: 비어 있습니다; page_size: is -1"
    status = rpc_status.from_call(error)
    bad_request = error_details_pb2.BadRequest()
    assert any(detail.Unpack(bad_request) for detail in status.details)
    assert [each.field for each in bad_request.field_violations] == ["query", "page_size"]


@pytest.mark.parametrize("method", [ONE, MANY])
async def test_an_unexpected_exception_tells_the_caller_nothing(serve_handlers, method):
    channel = await serve_handlers(both_shapes(ValueError("relation secrets does not exist")), translated())

    error, _ = await error_of(channel, method)

    assert (error.code(), error.details()) == (grpc.StatusCode.INTERNAL, "internal error")
    assert "secrets" not in str(error.trailing_metadata()) + error.debug_error_string()


async def test_an_unexpected_exception_is_in_the_log_with_its_cause(serve_handlers, capsys):
    channel = await serve_handlers(both_shapes(ValueError("relation secrets does not exist")), translated())

    await error_of(channel, ONE)

    log = capsys.readouterr().out
    assert "sagwan.test.v1.TestService/One" in log
    assert "relation secrets does not exist" in log


async def test_what_made_a_dependency_unavailable_is_in_the_log_only(serve_handlers, capsys):
    unavailable = DependencyUnavailable("the database cannot be reached")
    unavailable.__cause__ = ConnectionRefusedError("10.0.0.7:5432")
    channel = await serve_handlers(both_shapes(unavailable), translated())

    error, _ = await error_of(channel, ONE)

    assert (error.code(), error.details()) == (grpc.StatusCode.UNAVAILABLE, "the database cannot be reached")
    assert "10.0.0.7" in capsys.readouterr().out


@pytest.mark.parametrize("method", [ONE, MANY])
async def test_time_that_ran_out_inside_is_a_deadline_exceeded(serve_handlers, method):
    channel = await serve_handlers(both_shapes(TimeoutError()), translated())

    error, _ = await error_of(channel, method)

    assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED


async def test_a_request_with_a_thousand_faults_is_still_an_invalid_argument(serve_handlers):
    channel = await serve_handlers(
        both_shapes(InvalidRequest(*(Violation(f"texts[{i}]", "빈 글입니다") for i in range(1_024)))), translated()
    )

    error, _ = await error_of(channel, ONE)

    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert rpc_status.from_call(error) is not None


async def test_an_rpc_that_no_version_has_implemented_yet_says_so(serve_handlers):
    channel = await serve_handlers(
        {},
        translated(),
        register=lambda server: embedder_pb2_grpc.add_EmbedderServiceServicer_to_server(
            embedder_pb2_grpc.EmbedderServiceServicer(), server
        ),
    )
    stub = embedder_pb2_grpc.EmbedderServiceStub(channel)

    with pytest.raises(grpc.aio.AioRpcError) as one:
        await stub.CountTokens(embedder_pb2.CountTokensRequest())
    with pytest.raises(grpc.aio.AioRpcError) as many:
        async for _ in stub.EmbedStream(iter([embedder_pb2.EmbedStreamRequest()])):
            pass

    assert one.value.code() is many.value.code() is grpc.StatusCode.UNIMPLEMENTED
    assert one.value.details() == "this RPC is part of the contract and not of this version"


@pytest.mark.parametrize("method", [ONE, MANY])
async def test_calls_past_the_limit_are_refused_at_once_and_told_when_to_come_back(serve_handlers, method):
    full, go_on = asyncio.Event(), asyncio.Event()

    async def one(request, context):
        full.set()
        await go_on.wait()
        return request

    async def many(request, context):
        yield await one(request, context)

    channel = await serve_handlers(
        unary(one) | {"Many": grpc.unary_stream_rpc_method_handler(many)}, translated(), admitted(1)
    )
    first = channel.unary_unary(ONE)(b"first")
    await full.wait()

    error, _ = await error_of(channel, method)

    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert ("grpc-retry-pushback-ms", "100") in tuple(error.trailing_metadata())
    retry = error_details_pb2.RetryInfo()
    assert any(detail.Unpack(retry) for detail in rpc_status.from_call(error).details)
    go_on.set()
    assert await first == b"first"
    assert await channel.unary_unary(ONE)(b"second") == b"second"


async def test_calls_that_fail_or_are_cancelled_give_their_place_back(
    serve_handlers, eventually, registry, rpc_metrics
):
    answering = asyncio.Event()

    async def one(request, context):
        if request == b"fail":
            raise ValueError
        if request == b"wait":
            answering.set()
            await asyncio.sleep(60)
        return request

    channel = await serve_handlers(unary(one), measured(rpc_metrics), translated(), admitted(1))
    for _ in range(3):
        error, _ = await error_of(channel, ONE, b"fail")
        assert error.code() is grpc.StatusCode.INTERNAL

        waiting = channel.unary_unary(ONE)(b"wait")
        await answering.wait()
        answering.clear()
        waiting.cancel()
        await eventually(
            lambda: registry.get_sample_value("grpc_server_calls_in_flight", {"grpc_method": ONE[1:]}) == 0
        )

        assert await channel.unary_unary(ONE)(b"ok") == b"ok"


async def test_a_generator_whose_caller_has_gone_is_closed_at_once(serve_handlers, eventually, registry, rpc_metrics):
    left = []

    async def many(request, context):
        try:
            while True:
                yield b"x" * 100_000
        finally:
            left.append(asyncio.current_task())

    @asynccontextmanager
    async def same_task(call):
        task = asyncio.current_task()
        try:
            yield
        finally:
            left.append(task)

    channel = await serve_handlers(
        {"Many": grpc.unary_stream_rpc_method_handler(many)}, measured(rpc_metrics), same_task, translated()
    )
    call = channel.unary_stream(MANY)(b"")
    await call.read()
    call.cancel()

    await eventually(lambda: len(left) == 2)
    assert left[0] is left[1]
    assert registry.get_sample_value(
        "grpc_server_call_duration_seconds_count",
        {"grpc_method": "sagwan.test.v1.TestService/Many", "grpc_status": "CANCELLED"},
    )


async def test_health_runs_outside_the_scopes(serve_handlers):
    def refusing(call):
        raise AssertionError

    channel = await serve_handlers(
        {},
        refusing,
        register=lambda server: health_pb2_grpc.add_HealthServicer_to_server(health.aio.HealthServicer(), server),
    )

    answer = await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest())

    assert answer.status == health_pb2.HealthCheckResponse.SERVING
