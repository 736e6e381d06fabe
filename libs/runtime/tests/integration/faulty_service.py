"""A service whose every call fails, run as a process by test_service_process.py."""

import asyncio
import logging

from sagwan.embedder.v1 import embedder_pb2_grpc
from sagwan_runtime.metrics import RpcMetrics, new_registry
from sagwan_runtime.serving import Registration, serve
from sagwan_runtime.settings import RpcSettings, TelemetrySettings
from sagwan_runtime.telemetry import Telemetry, configure_logging

NAME = "sagwan.embedder.v1.EmbedderService"


class FaultyEmbedder(embedder_pb2_grpc.EmbedderServiceServicer):
    async def GetModel(self, request, context):  # noqa: N802  # the name is the contract's
        logging.getLogger("third.party").warning("a word of %s", "warning")
        raise ValueError("회의록")


async def main():
    settings = TelemetrySettings()
    configure_logging(settings, service="sagwan-test")
    telemetry = Telemetry(settings, service="sagwan-test", version="1")
    await serve(
        RpcSettings(port=0, metrics_port=0),
        [Registration(NAME, lambda to: embedder_pb2_grpc.add_EmbedderServiceServicer_to_server(FaultyEmbedder(), to))],
        checks={},
        tracer=telemetry.tracer,
        rpc_metrics=RpcMetrics(new_registry("sagwan-test", "1")),
    )
    telemetry.close()


if __name__ == "__main__":
    asyncio.run(main())
