"""One stack for all end-to-end tests, with the sample meetings in it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import grpc
import pytest
from stack import ROOT, Stack, running

from sagwan.ingest.v1 import ingest_pb2_grpc
from sagwan.search.v1 import search_pb2_grpc


@pytest.fixture(scope="session")
def stack(new_folder: Callable[[], Path], model_dir: Path) -> Iterator[Stack]:
    with running(new_folder(), model_dir=model_dir) as stack:
        stack.run("ingest", str(ROOT / "samples" / "meetings"))
        yield stack


@pytest.fixture(scope="session")
def key(stack: Stack) -> tuple[tuple[str, str], ...]:
    return (("authorization", f"Bearer {stack.api_key}"),)


@pytest.fixture(scope="session")
def search(stack: Stack) -> Iterator[search_pb2_grpc.SearchServiceStub]:
    with grpc.insecure_channel(stack.address("search")) as channel:
        yield search_pb2_grpc.SearchServiceStub(channel)


@pytest.fixture(scope="session")
def ingest(stack: Stack) -> Iterator[ingest_pb2_grpc.IngestServiceStub]:
    with grpc.insecure_channel(stack.address("ingest")) as channel:
        yield ingest_pb2_grpc.IngestServiceStub(channel)
