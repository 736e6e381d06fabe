"""One search, from the service that asks to the database, as a collector gets it."""

import asyncio
import time

import grpc
import pytest
from opentelemetry import trace
from opentelemetry.proto.trace.v1 import trace_pb2

from sagwan.ingest.v1 import ingest_pb2, ingest_pb2_grpc, meeting_pb2
from sagwan.search.v1 import search_pb2, search_pb2_grpc
from sagwan_runtime.channels import TracedUnaryCalls
from sagwan_runtime.settings import TelemetrySettings
from sagwan_runtime.telemetry import Telemetry

SEARCH = "sagwan.search.v1.SearchService/Search"
EMBED = "sagwan.embedder.v1.EmbedderService/Embed"


@pytest.fixture
def call(watched):
    """Calls a service as one that is traced itself; gives the spans of the trace once they are all there."""
    endpoint = watched.stack.environment["SAGWAN_OTLP_ENDPOINT"]

    def run(service, of, spans_min):
        telemetry = Telemetry(
            TelemetrySettings(otlp_endpoint=endpoint, trace_sample_ratio=1), service="asking", version="0"
        )
        metadata = (("authorization", f"Bearer {watched.stack.api_key}"),)

        async def asked():
            interceptors = [TracedUnaryCalls(telemetry.tracer)]
            async with grpc.aio.insecure_channel(watched.stack.address(service), interceptors=interceptors) as channel:
                with telemetry.tracer.start_as_current_span("ask") as span:
                    await of(channel, metadata)
                    return span.get_span_context().trace_id.to_bytes(16, "big")

        trace_id = asyncio.run(asked())
        telemetry.close()
        give_up = time.monotonic() + 20
        while True:
            spans = watched.collector.trace(trace_id)
            # Each service sends its own, every five seconds, and a parent ends after its children.
            known = {span.span_id for _, span in spans}
            whole = all(span.parent_span_id in known for _, span in spans if span.parent_span_id)
            if whole and len(spans) >= spans_min and {service for service, _ in spans} > {"asking", "sagwan-embedder"}:
                return spans
            assert time.monotonic() < give_up, [span.name for _, span in spans]
            time.sleep(0.2)

    return run


def parents(spans):
    """Each span's service and name, with those of its parent."""
    by_id = {span.span_id: (service, span.name) for service, span in spans}
    return {(service, span.name): by_id.get(span.parent_span_id) for service, span in spans}


def test_one_search_is_one_trace_over_three_services_and_the_database(call):
    async def ask(channel, metadata):
        # A question that nobody has asked: its vector is not known.
        request = search_pb2.SearchRequest(query=f"who objects to the closing of the pool {time.time_ns()}")
        await search_pb2_grpc.SearchServiceStub(channel).Search(request, metadata=metadata)

    spans = call("search", ask, 9)

    assert len(spans) >= 8
    assert {service for service, _ in spans} == {"asking", "sagwan-search", "sagwan-embedder"}
    found = parents(spans)
    assert found["asking", "ask"] is None
    assert found["sagwan-search", EMBED] == ("sagwan-search", SEARCH)
    assert found["sagwan-embedder", EMBED] == ("sagwan-search", EMBED)
    statements = [name for service, name in found if service == "sagwan-search" and "/" not in name]
    assert {"lexical_leg", "vector_leg", "page_chunks", "term_statistics"} <= set(statements)
    assert {found["sagwan-search", name] for name in statements} == {("sagwan-search", SEARCH)}
    (server,) = [span for service, span in spans if (service, span.name) == ("sagwan-search", SEARCH)]
    (client,) = [span for service, span in spans if (service, span.name) == ("asking", SEARCH)]
    assert server.parent_span_id == client.span_id
    # Each lies within its parent: the clocks are one here.
    by_id = {span.span_id: span for _, span in spans}
    for _, span in spans:
        if span.parent_span_id:
            parent = by_id[span.parent_span_id]
            assert parent.start_time_unix_nano <= span.start_time_unix_nano
            assert span.end_time_unix_nano <= parent.end_time_unix_nano + 5_000_000


def test_spans_are_described_by_the_conventions(call):
    async def ask(channel, metadata):
        request = search_pb2.SearchRequest(query=f"budget {time.time_ns()}")
        await search_pb2_grpc.SearchServiceStub(channel).Search(request, metadata=metadata)

    for _, span in call("search", ask, 9):
        attributes = {each.key: each.value.string_value for each in span.attributes}
        if "/" in span.name:
            assert attributes["rpc.system.name"] == "grpc"
            assert attributes["rpc.method"] == span.name
            assert attributes["rpc.response.status_code"] == "OK"
        elif span.kind == trace_pb2.Span.SPAN_KIND_CLIENT:
            assert attributes["db.system.name"] == "postgresql"
            assert attributes["db.query.summary"] == span.name


def test_one_ingest_is_one_trace_over_ingest_the_embedder_and_the_database(call):
    async def keep(channel, metadata):
        line = meeting_pb2.Utterance(speaker="Ada", text=f"the ledger of {time.time_ns()} words nobody counted")
        request = ingest_pb2.IngestMeetingRequest(utterances=[line])
        await ingest_pb2_grpc.IngestServiceStub(channel).IngestMeeting(request, metadata=metadata)

    found = parents(call("ingest", keep, 10))

    assert {service for service, _ in found} == {"asking", "sagwan-ingest", "sagwan-embedder"}
    assert found["sagwan-embedder", EMBED] == ("sagwan-ingest", EMBED)
    assert found["sagwan-ingest", EMBED] == ("sagwan-ingest", "sagwan.ingest.v1.IngestService/IngestMeeting")


def test_a_share_of_the_traces_is_kept_as_the_setting_says(watched):
    searched = len(watched.worked.search_seconds)
    began = int(watched.worked.begun_s * 1e9)
    kept = [
        span
        for service, span in watched.collector.spans
        if (service, span.name) == ("sagwan-search", SEARCH)
        and not span.parent_span_id
        and began <= span.start_time_unix_nano <= watched.worked.ended_s * 1e9
    ]
    # 0.3 of them, within five standard deviations.
    assert abs(len(kept) - 0.3 * searched) < 5 * (searched * 0.3 * 0.7) ** 0.5


def test_a_span_that_failed_says_so(watched):
    failed = [
        span
        for service, span in watched.collector.spans
        if service == "sagwan-search" and span.status.code == trace_pb2.Status.STATUS_CODE_ERROR
    ]
    assert {span.name for span in failed} >= {SEARCH, EMBED}
    assert trace.StatusCode.ERROR.value == trace_pb2.Status.STATUS_CODE_ERROR
    for span in failed:
        assert not span.status.message
