"""The scopes that every RPC runs in.

A scope is an async context manager around one call, whatever the call's shape. `serving` nests them in this order,
outermost first, each for a reason:

1. `traced`: every later scope's logs and spans belong to the call's span;
2. `measured`: refused calls must be counted too;
3. `translated`: what the inner scopes and the servicer raise leaves as a status;
4. `admitted`: a full service refuses before it spends anything on authentication;
5. `authenticated` (module `auth`): the servicer may rely on a tenant.

Health and reflection (`grpc.*`) run outside all of them: probes carry no key and must not fill the histograms.
"""

import asyncio
import inspect
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import grpc
import structlog
from opentelemetry import trace
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from sagwan_runtime.decoding import Undecodable, tolerant
from sagwan_runtime.errors import (
    DeadlineExceeded,
    DependencyUnavailable,
    NotImplementedYet,
    Overloaded,
    SagwanError,
)
from sagwan_runtime.metrics import OTHER_METHODS, RpcMetrics
from sagwan_runtime.spans import current_exemplar, mark_failed
from sagwan_runtime.status import RichStatus, internal_status, rich_status, status_name

_log = structlog.get_logger(__name__)
# Of these the service is the cause; the others are its answers to what it was sent (OpenTelemetry's rule for servers).
_FAILURES = frozenset({"UNKNOWN", "DEADLINE_EXCEEDED", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS"})
_INFRASTRUCTURE_PREFIX = "/grpc."
_RETRY_AFTER_MS = 100
_NOT_IMPLEMENTED = "this RPC is part of the contract and not of this version"


@dataclass(frozen=True, slots=True)
class Call:
    """One RPC being answered.

    Attributes:
        service: Full name, such as `sagwan.search.v1.SearchService`.
        method: Name within the service.
        metadata: What the caller sent; the last value of a repeated key.
        context: gRPC's own handle.
    """

    service: str
    method: str
    metadata: Mapping[str, str]
    context: grpc.aio.ServicerContext[Any, Any]

    @property
    def full_method(self) -> str:
        """`sagwan.search.v1.SearchService/Search`, as metrics and spans name it."""
        return f"{self.service}/{self.method}"


Scope = Callable[[Call], AbstractAsyncContextManager[None]]


class ScopedCalls(grpc.aio.ServerInterceptor):
    """Runs every RPC of ours inside the given scopes, outermost first."""

    def __init__(self, scopes: tuple[Scope, ...], metrics: RpcMetrics) -> None:
        self._scopes = scopes
        self._metrics = metrics

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:
        """Wraps the handler that gRPC found; a method that nobody registered is counted as `other`."""
        begun = time.perf_counter()
        handler = await continuation(handler_call_details)
        full_method = str(handler_call_details.method)
        if handler is None:
            self._metrics.started.labels(OTHER_METHODS).inc()
            refused = self._metrics.duration.labels(OTHER_METHODS, grpc.StatusCode.UNIMPLEMENTED.name)
            refused.observe(time.perf_counter() - begun)
            return None
        if full_method.startswith(_INFRASTRUCTURE_PREFIX):
            return handler
        service, _, method = full_method.removeprefix("/").rpartition("/")
        metadata = {
            str(key): value if isinstance(value, str) else ""
            for key, value in handler_call_details.invocation_metadata or ()
        }

        @asynccontextmanager
        async def scoped(context: grpc.aio.ServicerContext[Any, Any]) -> AsyncIterator[None]:
            call = Call(service, method, metadata, context)
            async with AsyncExitStack() as stack:
                for scope in self._scopes:
                    await stack.enter_async_context(scope(call))
                yield

        return _wrapped(handler, scoped)


def _wrapped(
    handler: Any,
    scoped: Callable[[grpc.aio.ServicerContext[Any, Any]], AbstractAsyncContextManager[None]],
) -> Any:
    """The same handler inside a scope. Streaming handlers of this project are async generators.

    Their answers are written here, and not yielded to gRPC: it would leave the generator of a caller who has gone to
    the garbage collector, which would close the scopes later and in a context that is not the call's.
    """
    behavior = handler.unary_unary or handler.unary_stream or handler.stream_unary or handler.stream_stream

    # What a servicer does not override is the generated default, a plain function.
    implemented = inspect.iscoroutinefunction(behavior) or inspect.isasyncgenfunction(behavior)

    async def one_answer(request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> Any:
        async with scoped(context):
            if not implemented:
                raise NotImplementedYet(_NOT_IMPLEMENTED)
            return await behavior(_sound(request), context)

    async def many_answers(request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> None:
        async with scoped(context):
            if not implemented:
                raise NotImplementedYet(_NOT_IMPLEMENTED)
            async with aclosing(behavior(_sound(request), context)) as answers:
                async for answer in answers:
                    await _write(context, answer)

    make = {
        (False, False): grpc.unary_unary_rpc_method_handler,
        (False, True): grpc.unary_stream_rpc_method_handler,
        (True, False): grpc.stream_unary_rpc_method_handler,
        (True, True): grpc.stream_stream_rpc_method_handler,
    }[(handler.request_streaming, handler.response_streaming)]
    return make(
        many_answers if handler.response_streaming else one_answer,
        request_deserializer=handler.request_deserializer and tolerant(handler.request_deserializer),
        response_serializer=handler.response_serializer,
    )


def _sound(request: Any) -> Any:
    """The request, or each of a stream of them, unless its bytes were no message."""
    if isinstance(request, Undecodable):
        raise request.error
    return _each_sound(request) if isinstance(request, AsyncIterator) else request


async def _each_sound(requests: AsyncIterator[Any]) -> AsyncIterator[Any]:
    async for request in requests:
        yield _sound(request)


async def _write(context: grpc.aio.ServicerContext[Any, Any], answer: Any) -> None:
    try:
        await context.write(answer)
    except grpc.aio.InternalError:
        # The caller has gone, and this write has learnt of it before the call was told.
        raise asyncio.CancelledError from None


def traced(tracer: trace.Tracer) -> Scope:
    """A server span, child of the caller's where the caller sent W3C trace context."""
    propagator = TraceContextTextMapPropagator()

    @asynccontextmanager
    async def scope(call: Call) -> AsyncIterator[None]:
        with tracer.start_as_current_span(
            call.full_method,
            context=propagator.extract(call.metadata),
            kind=trace.SpanKind.SERVER,
            attributes={"rpc.system.name": "grpc", "rpc.method": call.full_method},
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            status = grpc.StatusCode.CANCELLED.name
            try:
                yield
                status = _status_name(call.context)
            except grpc.aio.AbortError:
                status = _status_name(call.context)
                raise
            finally:
                span.set_attribute("rpc.response.status_code", status)
                if status in _FAILURES:
                    mark_failed(span, status)

    return scope


def measured(metrics: RpcMetrics) -> Scope:
    """Counts and times the call by method and status."""

    @asynccontextmanager
    async def scope(call: Call) -> AsyncIterator[None]:
        metrics.started.labels(call.full_method).inc()
        in_flight = metrics.in_flight.labels(call.full_method)
        in_flight.inc()
        begun = time.perf_counter()
        status = "UNKNOWN"
        try:
            yield
            status = _status_name(call.context)
        except asyncio.CancelledError:
            status = grpc.StatusCode.CANCELLED.name
            raise
        except grpc.aio.AbortError:
            status = _status_name(call.context)
            raise
        finally:
            in_flight.dec()
            metrics.duration.labels(call.full_method, status).observe(time.perf_counter() - begun, current_exemplar())

    return scope


def translated() -> Scope:
    """Lets domain errors leave as rich statuses, and faults of ours as INTERNAL with their cause in the log only."""

    @asynccontextmanager
    async def scope(call: Call) -> AsyncIterator[None]:
        try:
            yield
        except grpc.aio.AbortError:
            raise
        except SagwanError as error:
            if isinstance(error, DependencyUnavailable | DeadlineExceeded) and error.__cause__ is not None:
                _log.warning(
                    "call not answered", method=call.full_method, reason=str(error), cause=repr(error.__cause__)
                )
            await _abort(call.context, rich_status(error))
        except TimeoutError:
            await _abort(call.context, rich_status(DeadlineExceeded("the deadline passed")))
        except Exception:  # noqa: BLE001  # the last door: nothing may leave it untranslated
            _log.exception("call failed", method=call.full_method)
            await _abort(call.context, internal_status())

    return scope


def admitted(in_flight_max: int) -> Scope:
    """Refuses calls past a limit at once: waiting in a queue nobody sees only moves the failure to the deadline."""
    in_flight = 0

    @asynccontextmanager
    async def scope(_: Call) -> AsyncIterator[None]:
        nonlocal in_flight
        if in_flight >= in_flight_max:
            raise Overloaded(f"{in_flight_max} calls are being answered already", retry_after_ms=_RETRY_AFTER_MS)
        in_flight += 1
        try:
            yield
        finally:
            in_flight -= 1

    return scope


async def _abort(context: grpc.aio.ServicerContext[Any, Any], status: RichStatus) -> None:
    await context.abort(status.code, status.message, status.trailing_metadata)


def _status_name(context: grpc.aio.ServicerContext[Any, Any]) -> str:
    code: Any = context.code()
    # None until somebody has set one: the call has ended well.
    return code.name if isinstance(code, grpc.StatusCode) else status_name(code or 0)
