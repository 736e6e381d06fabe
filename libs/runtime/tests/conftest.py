"""Fixtures of the runtime's tests: handlers served on loopback, spans and metrics that can be read back."""

import asyncio
from contextlib import AsyncExitStack

import grpc
import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import CollectorRegistry

from sagwan_runtime.calls import ScopedCalls
from sagwan_runtime.metrics import RpcMetrics

SERVICE = "sagwan.test.v1.TestService"


@pytest.fixture
def registry():
    return CollectorRegistry()


@pytest.fixture
def rpc_metrics(registry):
    return RpcMetrics(registry)


@pytest.fixture
def spans():
    return InMemorySpanExporter()


@pytest.fixture
def tracer(spans):
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(spans))
    return provider.get_tracer("test")


@pytest.fixture
def eventually():
    """Waits until a condition holds: what a server does after its last byte, its caller cannot wait for otherwise."""

    async def wait(condition, within_s=5.0):
        async with asyncio.timeout(within_s):
            while not condition():  # noqa: ASYNC110  # conditions are other parts' figures, which ring no bell
                await asyncio.sleep(0.005)

    return wait


@pytest.fixture
async def serve_handlers(rpc_metrics):
    """Serves bytes-to-bytes handlers as SERVICE inside scopes, and gives a channel to them."""
    async with AsyncExitStack() as stack:

        async def start(handlers, *scopes, interceptors=(), register=None):
            server = grpc.aio.server(interceptors=(ScopedCalls(scopes, rpc_metrics),))
            server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
            if register is not None:
                register(server)
            port = server.add_insecure_port("127.0.0.1:0")
            await server.start()
            stack.push_async_callback(server.stop, None)
            return await stack.enter_async_context(
                grpc.aio.insecure_channel(f"127.0.0.1:{port}", interceptors=list(interceptors))
            )

        yield start
