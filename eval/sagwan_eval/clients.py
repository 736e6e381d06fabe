"""Calls to a stack that is being measured."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import grpc
from stack import Stack

from sagwan.embedder.v1 import embedder_pb2_grpc
from sagwan.ingest.v1 import ingest_pb2_grpc
from sagwan.search.v1 import search_pb2_grpc

Metadata = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Stubs:
    """The three services, and the key to call them with."""

    embedder: embedder_pb2_grpc.EmbedderServiceStub
    ingest: ingest_pb2_grpc.IngestServiceStub
    search: search_pb2_grpc.SearchServiceStub
    key: Metadata


@contextmanager
def stubs_of(stack: Stack) -> Iterator[Stubs]:
    """Opens channels to a stack's services."""
    with (
        grpc.insecure_channel(stack.address("embedder")) as embedder,
        grpc.insecure_channel(stack.address("ingest")) as ingest,
        grpc.insecure_channel(stack.address("search")) as search,
    ):
        yield Stubs(
            embedder_pb2_grpc.EmbedderServiceStub(embedder),
            ingest_pb2_grpc.IngestServiceStub(ingest),
            search_pb2_grpc.SearchServiceStub(search),
            (("authorization", f"Bearer {stack.api_key}"),),
        )
