"""How one service calls the next: channel options, and client spans that carry the trace across."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import grpc
from opentelemetry import trace
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

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
    """A client span around each call, sent along as W3C trace context."""

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
        method: Any = client_call_details.method  # bytes in C-core, str in the stubs
        name = (method.decode() if isinstance(method, bytes) else method).removeprefix("/")
        with self._tracer.start_as_current_span(
            name,
            kind=trace.SpanKind.CLIENT,
            attributes={"rpc.system.name": "grpc", "rpc.method": name},
            record_exception=False,
        ) as span:
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
                raise
            span.set_attribute("rpc.response.status_code", code.name)
            return call
