"""`python -m sagwan_runtime.probe ADDRESS [SERVICE]`: exit 0 when the health service there says SERVING."""

import sys

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

_TIMEOUT_S = 2.0


def is_serving(target: str, service: str = "") -> bool:
    """Whether a gRPC server says that a service (or, unnamed, the whole of it) is SERVING."""
    with grpc.insecure_channel(target) as channel:
        request = health_pb2.HealthCheckRequest(service=service)
        try:
            answer = health_pb2_grpc.HealthStub(channel).Check(request, timeout=_TIMEOUT_S)
        except grpc.RpcError:
            return False
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


if __name__ == "__main__":
    sys.exit(0 if is_serving(*sys.argv[1:3]) else 1)
