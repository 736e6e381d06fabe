"""Collectors of every kind: one that takes spans, one that hangs, one that refuses, and none."""

import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from threading import Event
from typing import Any

import grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc


class _Collector(trace_service_pb2_grpc.TraceServiceServicer):
    def __init__(self, answer: Callable[[Any], None]) -> None:
        self._answer = answer

    def Export(self, request: Any, context: Any) -> trace_service_pb2.ExportTraceServiceResponse:  # noqa: ARG002, N802  # the signature is gRPC's
        """Does with spans what this kind does."""
        self._answer(context)
        return trace_service_pb2.ExportTraceServiceResponse()


@contextmanager
def _serving(answer: Callable[[Any], None]) -> Iterator[str]:
    server = grpc.server(ThreadPoolExecutor(8))
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(_Collector(answer), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(None)


def taking() -> AbstractContextManager[str]:
    """Takes spans and forgets them. Each gives the endpoint that services are told."""
    return _serving(lambda _: None)


def refusing() -> AbstractContextManager[str]:
    """Says UNAVAILABLE to all."""
    return _serving(lambda context: context.abort(grpc.StatusCode.UNAVAILABLE, "no room"))


@contextmanager
def hanging() -> Iterator[str]:
    """Takes spans and never says so."""
    over = Event()
    with _serving(lambda _: over.wait() and None) as endpoint:
        try:
            yield endpoint
        finally:
            over.set()


@contextmanager
def absent() -> Iterator[str]:
    """Nobody listens there."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    yield f"127.0.0.1:{port}"


@contextmanager
def none() -> Iterator[str]:
    """Services are told of none: no spans are recorded."""
    yield ""
