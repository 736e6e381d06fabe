"""What callers are told: strangers, clients without protos, bad requests, and searches without an embedder."""

import os
import signal
from collections.abc import Callable, Iterator

import grpc
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from grpc_status import rpc_status
from stack import Stack

from sagwan.ingest.v1 import ingest_pb2
from sagwan.search.v1 import search_pb2
from sagwan_bench.results import Figure, exactly
from sagwan_eval.clients import Stubs, stubs_of

_SERVICES = {
    "embedder": "sagwan.embedder.v1.EmbedderService",
    "ingest": "sagwan.ingest.v1.IngestService",
    "search": "sagwan.search.v1.SearchService",
}
_BAD = {
    "filter.start_date": search_pb2.SearchRequest(query="q", filter=search_pb2.Filter(start_date="soon")),
    "query": search_pb2.SearchRequest(query=""),
    "query (1 MB)": search_pb2.SearchRequest(query="q" * 1_000_000),
    "query (NUL)": search_pb2.SearchRequest(query="a\x00b"),
}


def telling_figures(stack: Stack) -> Iterator[Figure]:
    """One figure a claim."""
    with stubs_of(stack) as stubs:
        yield Figure("other_tenant_rows_seen", _seen_by_stranger(stack, stubs), "rows", exactly(0))
        yield Figure("services_listed_and_serving", _introduced(stack), "of 3", exactly(3))
        yield Figure("bad_requests_named", _named(stubs), f"of {len(_BAD)}", exactly(len(_BAD)))
        yield Figure("degraded_without_embedder", _degraded(stack, stubs), "answers", exactly(1))


def _seen_by_stranger(stack: Stack, stubs: Stubs) -> int:
    """What another tenant's key finds, lists and reads."""
    stack.run("tenants", "create", "stranger")
    key = stack.run("keys", "create", "--tenant", "stranger").stdout.split()[-1]
    metadata = (("authorization", f"Bearer {key}"),)
    own = stubs.ingest.ListMeetings(ingest_pb2.ListMeetingsRequest(page_size=1), metadata=stubs.key)
    found = stubs.search.Search(search_pb2.SearchRequest(query="budget 예산"), metadata=metadata)
    lines = stubs.search.ListUtterances(search_pb2.ListUtterancesRequest(), metadata=metadata)
    listed = stubs.ingest.ListMeetings(ingest_pb2.ListMeetingsRequest(), metadata=metadata)
    read = _code(
        lambda: stubs.ingest.GetMeeting(ingest_pb2.GetMeetingRequest(name=own.meetings[0].name), metadata=metadata)
    )
    return len(found.hits) + lines.total_size + listed.total_size + (read is not grpc.StatusCode.NOT_FOUND)


def _introduced(stack: Stack) -> int:
    """Services that a client without protos can list, and that say SERVING."""
    count = 0
    for service, name in _SERVICES.items():
        with grpc.insecure_channel(stack.address(service)) as channel:
            listed = ProtoReflectionDescriptorDatabase(channel).get_services()
            health = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(service=name))
            count += name in listed and health.status == health_pb2.HealthCheckResponse.SERVING
    return count


def _named(stubs: Stubs) -> int:
    """Bad requests that are refused with the name of their field, the service answering afterwards."""
    count = 0
    for case, request in _BAD.items():
        try:
            stubs.search.Search(request, metadata=stubs.key)
        except grpc.RpcError as error:
            fields = _violations(error)
            refused = error.code() is grpc.StatusCode.INVALID_ARGUMENT and fields == [case.split(" ")[0]]
            alive = stubs.search.Search(search_pb2.SearchRequest(query="budget"), metadata=stubs.key)
            count += refused and bool(alive.hits)
    return count


def _degraded(stack: Stack, stubs: Stubs) -> int:
    """Whether a search answers from words, and says so, right after the embedder was killed."""
    os.kill(stack.pid("embedder"), signal.SIGKILL)
    answer = stubs.search.Search(search_pb2.SearchRequest(query="remote control buttons"), metadata=stubs.key)
    legs = {leg.leg for hit in answer.hits for leg in hit.legs}
    return int(answer.degraded and legs == {search_pb2.LEG_LEXICAL})


def _code(call: Callable[[], object]) -> grpc.StatusCode:
    try:
        call()
    except grpc.RpcError as error:
        code: grpc.StatusCode = error.code()
        return code
    return grpc.StatusCode.OK


def _violations(error: grpc.RpcError) -> list[str]:
    status = rpc_status.from_call(error)
    bad_request = error_details_pb2.BadRequest()
    for detail in status.details if status else ():
        if detail.Unpack(bad_request):
            return [each.field for each in bad_request.field_violations]
    return []
