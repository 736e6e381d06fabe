import socket
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc

from sagwan_runtime.settings import TelemetrySettings
from sagwan_runtime.telemetry import Telemetry

pytestmark = pytest.mark.integration

# More than two batches; a collector that hangs would take its timeout for each of them.
SPANS = 1_500


class HangingCollector(trace_service_pb2_grpc.TraceServiceServicer):
    def __init__(self):
        self.over = Event()

    def Export(self, request, context):  # noqa: N802  # the name is the contract's
        self.over.wait(60)
        return trace_service_pb2.ExportTraceServiceResponse()


@pytest.fixture
def hanging():
    server, collector = grpc.server(ThreadPoolExecutor(2)), HangingCollector()
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(collector, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield port
    collector.over.set()
    server.stop(None).wait()


@pytest.fixture
def silent():
    """Takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


@pytest.mark.parametrize("collector", ["hanging", "silent", "unused_tcp_port"])
def test_a_process_ends_soon_whatever_its_collector_does(collector, request):
    port = request.getfixturevalue(collector)
    settings = TelemetrySettings(otlp_endpoint=f"127.0.0.1:{port}", trace_sample_ratio=1)
    telemetry = Telemetry(settings, service="test", version="0")
    for _ in range(SPANS):
        with telemetry.tracer.start_as_current_span("work"):
            pass

    begun = time.monotonic()
    telemetry.close()

    assert time.monotonic() - begun < 5
