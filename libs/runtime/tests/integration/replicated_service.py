"""A service in two processes whose answer is the number of the process, run as a process by test_replicas.py."""

import asyncio
import os
import sys

from sagwan.embedder.v1 import embedder_pb2, embedder_pb2_grpc
from sagwan_runtime.metrics import RpcMetrics, new_registry
from sagwan_runtime.replicas import run_replicas
from sagwan_runtime.serving import Registration, serve
from sagwan_runtime.settings import RpcSettings, TelemetrySettings
from sagwan_runtime.telemetry import Telemetry

NAME = "sagwan.embedder.v1.EmbedderService"
PORT = int(sys.argv[1])


class Numbered(embedder_pb2_grpc.EmbedderServiceServicer):
    def __init__(self, index):
        self.index = index

    async def GetModel(self, request, context):  # noqa: N802  # the name is the contract's
        return embedder_pb2.Model(name=str(os.getpid()), dimension=self.index)


def replica(index):
    telemetry = Telemetry(TelemetrySettings(), service="sagwan-test", version="1")
    numbered = Numbered(index)
    asyncio.run(
        serve(
            RpcSettings(port=PORT, metrics_port=0),
            [Registration(NAME, lambda to: embedder_pb2_grpc.add_EmbedderServiceServicer_to_server(numbered, to))],
            checks={},
            tracer=telemetry.tracer,
            rpc_metrics=RpcMetrics(new_registry("sagwan-test", "1")),
            share_port=True,
        )
    )


if __name__ == "__main__":
    sys.exit(not run_replicas(replica, 2, host="127.0.0.1", port=PORT, stop_timeout_s=10))
