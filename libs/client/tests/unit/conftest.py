"""Where commands find their services."""

from collections.abc import Iterator

import pytest
from small_services import KEY, Search, served

from sagwan.search.v1 import search_pb2_grpc


@pytest.fixture
def environment(monkeypatch, tmp_path):
    """An environment in which no service is, and the key is the one that services here take."""
    for variable in ("SEARCH_TARGET", "INGEST_TARGET", "EMBEDDER_TARGET"):
        monkeypatch.setenv(f"SAGWAN_{variable}", "127.0.0.1:1")
    monkeypatch.setenv("SAGWAN_HOME", str(tmp_path))
    monkeypatch.setenv("SAGWAN_API_KEY", KEY)
    monkeypatch.delenv("SAGWAN_DATABASE_URL", raising=False)
    monkeypatch.delenv("SAGWAN_DATABASE_OWNER_URL", raising=False)
    return monkeypatch


@pytest.fixture
def search_service(environment) -> Iterator[Search]:
    servicer = Search()
    with served(search_pb2_grpc.add_SearchServiceServicer_to_server, servicer) as address:
        environment.setenv("SAGWAN_SEARCH_TARGET", address)
        yield servicer
