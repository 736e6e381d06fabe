"""What an operator sees: metrics on each service's own port, and one trace across services and database."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import grpc
import pytest
from collector import Collector, collecting
from opentelemetry.proto.trace.v1 import trace_pb2
from stack import Stack, running

from sagwan.ingest.v1 import ingest_pb2, ingest_pb2_grpc, meeting_pb2
from sagwan.search.v1 import search_pb2, search_pb2_grpc
from sagwan_bench.pages import read

pytestmark = pytest.mark.e2e

_ITEMS = [("search", "sagwan_search_batch_questions_total"), ("ingest", "sagwan_ingest_import_items_total")]


@pytest.mark.parametrize(
    ("service", "names"),
    {
        "embedder": ["sagwan_embedder_texts_total", "sagwan_embedder_stage_seconds_count"],
        "ingest": ["sagwan_ingest_meetings_total", "sagwan_ingest_stage_seconds_count"],
        "search": ["sagwan_search_stage_seconds_count", "sagwan_search_leg_candidates_count"],
    }.items(),
)
def test_each_service_counts_its_work_on_its_own_port(stack: Stack, search, key, service, names):
    search.Search(search_pb2.SearchRequest(query="library"), metadata=key)
    page = read(f"http://{stack.metrics_address(service)}/metrics")
    for name in [*names, "sagwan_build_info", "process_resident_memory_bytes"]:
        assert page.total(name) > 0, name


def test_a_refused_call_is_counted_with_its_status(stack: Stack, search):
    with pytest.raises(grpc.RpcError):
        search.Search(search_pb2.SearchRequest(query="library"))
    page = read(f"http://{stack.metrics_address('search')}/metrics")
    refused = page.buckets(
        "grpc_server_call_duration_seconds", lambda labels: labels["grpc_status"] == "UNAUTHENTICATED"
    )
    assert max(refused.values()) >= 1


def test_what_a_call_answers_for_is_counted_by_how_each_of_it_ended(stack: Stack, search, ingest, key):
    def counted(service: str, name: str) -> tuple[float, float]:
        page = read(f"http://{stack.metrics_address(service)}/metrics")
        return tuple(
            page.total(name, lambda labels, status=status: labels["grpc_status"] == status)
            for status in ("OK", "INVALID_ARGUMENT")
        )

    before = [counted(*each) for each in _ITEMS]
    questions = [search_pb2.SearchRequest(query=each) for each in ("library", "", "kiln")]
    search.BatchSearch(search_pb2.BatchSearchRequest(requests=questions), metadata=key)
    list(ingest.ImportMeetings(iter([ingest_pb2.ImportMeetingsRequest(sequence=1)]), metadata=key))
    after = [counted(*each) for each in _ITEMS]

    grown = [tuple(now - then for now, then in zip(*each, strict=True)) for each in zip(after, before, strict=True)]
    assert grown == [(2, 1), (0, 1)]


@pytest.fixture
def collector() -> Iterator[tuple[Collector, int]]:
    with collecting() as collector:
        yield collector


def test_one_call_is_one_trace_over_services_and_database(new_folder: Callable[[], Path], model_dir: Path, collector):
    received, port = collector
    with running(
        new_folder(), model_dir=model_dir, SAGWAN_OTLP_ENDPOINT=f"127.0.0.1:{port}", SAGWAN_TRACE_SAMPLE_RATIO="1"
    ) as stack:
        metadata = (("authorization", f"Bearer {stack.api_key}"),)
        with grpc.insecure_channel(stack.address("ingest")) as channel:
            request = ingest_pb2.IngestMeetingRequest(utterances=[meeting_pb2.Utterance(speaker="A", text="a budget")])
            ingest_pb2_grpc.IngestServiceStub(channel).IngestMeeting(request, metadata=metadata)
        with grpc.insecure_channel(stack.address("search")) as channel:
            search_pb2_grpc.SearchServiceStub(channel).Search(
                search_pb2.SearchRequest(query="budget"), metadata=metadata
            )
        give_up = time.monotonic() + 20
        while len(_trace_of(received, "sagwan.search.v1.SearchService/Search")) < 8:
            assert time.monotonic() < give_up, [span.name for _, span in received.spans]
            time.sleep(0.2)
    searched = _trace_of(received, "sagwan.search.v1.SearchService/Search")
    assert {service for service, _ in searched} == {"sagwan-search", "sagwan-embedder"}
    assert {"lexical_leg", "vector_leg", "page_chunks"} <= {span.name for _, span in searched}
    known = {span.span_id for _, span in searched}
    assert [span.name for _, span in searched if span.parent_span_id not in known] == [
        "sagwan.search.v1.SearchService/Search"
    ]
    ingested = _trace_of(received, "sagwan.ingest.v1.IngestService/IngestMeeting")
    assert {service for service, _ in ingested} == {"sagwan-ingest", "sagwan-embedder"}
    words = [value for _, span in received.spans for value in [span.name, *map(str, span.attributes)]]
    assert not [each for each in words if "a budget" in each or "sgw_" in each]


def _trace_of(received: Collector, method: str) -> list[tuple[str, trace_pb2.Span]]:
    """The spans of the trace whose root is a method's server span."""
    roots = [span.trace_id for _, span in received.spans if span.name == method and not span.parent_span_id]
    return [(service, span) for service, span in received.spans if span.trace_id in roots]
