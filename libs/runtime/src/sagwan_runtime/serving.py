"""Bind, serve, drain."""

import asyncio
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import grpc
import structlog
from google.protobuf import descriptor_pool
from grpc_health.v1 import health, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from opentelemetry import trace

from sagwan_runtime.calls import Scope, ScopedCalls, admitted, measured, traced, translated
from sagwan_runtime.health import DrainingHealth
from sagwan_runtime.metrics import RpcMetrics
from sagwan_runtime.readiness import Check, Readiness
from sagwan_runtime.settings import RpcSettings

_log = structlog.get_logger(__name__)
_KEEPALIVE_TIME_MS = 120_000
# The longest page of the longest utterances; clients of this project take as much.
_ANSWER_BYTES_MAX = 64 << 20
# Clients of this project ping every 60 s while calls are in flight (see `channels`); stricter ones are told to go away.
_PING_INTERVAL_MIN_MS = 30_000


@dataclass(frozen=True, slots=True)
class Registration:
    """One gRPC service to be served.

    Attributes:
        name: Full name, such as `sagwan.search.v1.SearchService`.
        add: Adds its servicer to a server.
    """

    name: str
    add: Callable[[grpc.aio.Server], None]


async def serve(
    settings: RpcSettings,
    registrations: Sequence[Registration],
    *,
    checks: Mapping[str, Check],
    tracer: trace.Tracer,
    rpc_metrics: RpcMetrics,
    inner_scopes: tuple[Scope, ...] = (),
    on_bound: Callable[[int], None] = lambda _: None,
    share_port: bool = False,
) -> None:
    """Serves until SIGTERM or SIGINT, then drains.

    Draining: health turns to NOT_SERVING, no new call is taken, calls in flight get `drain_grace_ms` to finish.

    Args:
        settings: Where to listen and within which limits.
        registrations: What to serve.
        checks: What must answer before health says SERVING.
        tracer: Writes the server spans.
        rpc_metrics: Counts and times the calls.
        inner_scopes: Run inside the scopes of `calls`, such as `auth.authenticated`.
        on_bound: Told the port once it is bound.
        share_port: Whether other processes of this service listen on the same port (SO_REUSEPORT).

    Raises:
        RuntimeError: The port is taken.
    """
    scopes = (
        traced(tracer),
        measured(rpc_metrics),
        translated(),
        admitted(settings.in_flight_max),
        *inner_scopes,
    )
    server = grpc.aio.server(
        interceptors=(ScopedCalls(scopes, rpc_metrics),), options=_server_options(settings, share_port)
    )
    names = [each.name for each in registrations]
    rpc_metrics.in_flight_max.set(settings.in_flight_max)
    rpc_metrics.expect(f"{name}/{method}" for name in names for method in _methods_of(name))
    for registration in registrations:
        registration.add(server)
    health_servicer = DrainingHealth()
    health_pb2_grpc.add_HealthServicer_to_server(health_servicer, server)
    reflection.enable_server_reflection((*names, health.SERVICE_NAME, reflection.SERVICE_NAME), server)
    port = server.add_insecure_port(f"{settings.host}:{settings.port}")
    readiness = Readiness(health_servicer, names, checks)
    await readiness.report_starting()
    stopping = _stop_event()
    await server.start()
    on_bound(port)
    _log.info("listening", port=port, services=names)
    watching = asyncio.create_task(readiness.watch())
    try:
        await stopping.wait()
    finally:
        watching.cancel()
        _log.info("draining", grace_ms=settings.drain_grace_ms)
        await health_servicer.drain()
        await server.stop(settings.drain_grace_ms / 1_000)
        _log.info("stopped")


def _methods_of(service: str) -> list[str]:
    return [each.name for each in descriptor_pool.Default().FindServiceByName(service).methods]


def _server_options(settings: RpcSettings, share_port: bool) -> list[tuple[str, int]]:
    return [
        ("grpc.max_receive_message_length", settings.message_bytes_max),
        ("grpc.max_send_message_length", _ANSWER_BYTES_MAX),
        ("grpc.keepalive_time_ms", _KEEPALIVE_TIME_MS),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.min_ping_interval_without_data_ms", _PING_INTERVAL_MIN_MS),
        ("grpc.http2.min_recv_ping_interval_without_data_ms", _PING_INTERVAL_MIN_MS),
        ("grpc.max_connection_age_ms", settings.connection_age_max_ms),
        ("grpc.max_connection_age_grace_ms", settings.call_timeout_ms),
        # A second process on the port is a mistake unless it is meant, and gRPC would share the port silently.
        ("grpc.so_reuseport", int(share_port)),
    ]


def _stop_event() -> asyncio.Event:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    return stopping
