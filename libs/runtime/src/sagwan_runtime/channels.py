"""How one service calls the next: channel options, client spans that carry the trace across, and measurements."""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any

import grpc
from opentelemetry import trace
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from sagwan_runtime.metrics import RpcClientMetrics
from sagwan_runtime.spans import client_span, current_exemplar, mark_failed

# Pings go out only while calls do, and less often than the server allows (see `serving`), or it would hang up.
_KEEPALIVE_TIME_MS = 60_000
_KEEPALIVE_TIMEOUT_MS = 10_000
_RECONNECT_BACKOFF_MAX_MS = 2_000


def open_channel(
    target: str,
    *,
    message_bytes_max: int,
    interceptors: Sequence[grpc.aio.ClientInterceptor] = (),
) -> grpc.aio.Channel:
    """A channel to a service of this project. It connects by itself, again and again, until closed."""
    return grpc.aio.insecure_channel(
        target,
        options=(
            ("grpc.keepalive_time_ms", _KEEPALIVE_TIME_MS),
            ("grpc.keepalive_timeout_ms", _KEEPALIVE_TIMEOUT_MS),
            ("grpc.max_reconnect_backoff_ms", _RECONNECT_BACKOFF_MAX_MS),
            ("grpc.max_receive_message_length", message_bytes_max),
            ("grpc.max_send_message_length", message_bytes_max),
            ("grpc.lb_policy_name", "round_robin"),
        ),
        interceptors=list(interceptors),
    )


class TracedUnaryCalls(grpc.aio.UnaryUnaryClientInterceptor):
    """A client span around each call of a trace that may be kept, sent along as W3C trace context."""

    def __init__(self, tracer: trace.Tracer) -> None:
        self._tracer = tracer
        self._propagator = TraceContextTextMapPropagator()

    async def intercept_unary_unary(
        self,
        continuation: Callable[[grpc.aio.ClientCallDetails, Any], Any],
        client_call_details: grpc.aio.ClientCallDetails,
        request: Any,
    ) -> Any:
        """Waits for the answer inside the span, so that the span's length is the call's."""
        name = _full_method(client_call_details)
        with client_span(self._tracer, name, {"rpc.system.name": "grpc", "rpc.method": name}) as span:
            metadata = grpc.aio.Metadata(*(client_call_details.metadata or ()))
            carrier: dict[str, str] = {}
            self._propagator.inject(carrier)
            for key, value in carrier.items():
                metadata.add(key, value)
            details = grpc.aio.ClientCallDetails(
                client_call_details.method,
                client_call_details.timeout,
                metadata,
                client_call_details.credentials,
                client_call_details.wait_for_ready,
            )
            call = await continuation(details, request)
            try:
                code = await call.code()
            except asyncio.CancelledError:
                # gRPC cancels this wait and not the call inside it, which would go on at the other end.
                call.cancel()
                mark_failed(span, grpc.StatusCode.CANCELLED.name)
                raise
            span.set_attribute("rpc.response.status_code", code.name)
            if code is not grpc.StatusCode.OK:
                mark_failed(span, code.name)
            return call


class MeasuredUnaryCalls(grpc.aio.UnaryUnaryClientInterceptor):
    """Counts and times each call. Stands after `TracedUnaryCalls`, so that its measurements lead to their spans."""

    def __init__(self, metrics: RpcClientMetrics, target: str) -> None:
        self._metrics = metrics
        self._target = target

    async def intercept_unary_unary(
        self,
        continuation: Callable[[grpc.aio.ClientCallDetails, Any], Any],
        client_call_details: grpc.aio.ClientCallDetails,
        request: Any,
    ) -> Any:
        """Waits for the answer, and counts it under its status."""
        method = _full_method(client_call_details)
        in_flight = self._metrics.in_flight.labels(self._target, method)
        in_flight.inc()
        begun = time.perf_counter()
        status = grpc.StatusCode.CANCELLED.name
        try:
            call = await continuation(client_call_details, request)
            try:
                status = (await call.code()).name
            except asyncio.CancelledError:
                call.cancel()
                raise
            return call
        finally:
            in_flight.dec()
            duration = self._metrics.duration.labels(self._target, method, status)
            duration.observe(time.perf_counter() - begun, current_exemplar())


def _full_method(details: grpc.aio.ClientCallDetails) -> str:
    method: Any = details.method  # bytes in C-core, str in the stubs
    return (method.decode() if isinstance(method, bytes) else str(method)).removeprefix("/")
