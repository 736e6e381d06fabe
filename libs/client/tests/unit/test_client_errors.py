"""What a failing call becomes, decoded from a real gRPC server."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest
from google.protobuf import any_pb2, duration_pb2
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

from sagwan.search.v1 import search_pb2, search_pb2_grpc
from sagwan_client import FieldViolation, SagwanCallError, SagwanClient
from sagwan_client.errors import status_code


class _Answering(search_pb2_grpc.SearchServiceServicer):
    """Answers the first calls as the test says, later ones with an empty answer, and remembers what it was sent."""

    def __init__(self, *outcomes: Any) -> None:
        self._outcomes = list(outcomes)
        self.calls: list[tuple[search_pb2.SearchRequest, dict[str, str], float]] = []

    async def Search(self, request, context):  # noqa: N802
        metadata = dict(context.invocation_metadata())
        self.calls.append((request, metadata, context.time_remaining()))
        if self._outcomes:
            await self._outcomes.pop(0)(context)
        return search_pb2.SearchResponse()


@asynccontextmanager
async def _client_of(servicer: _Answering, **settings: Any) -> AsyncIterator[SagwanClient]:
    server = grpc.aio.server()
    search_pb2_grpc.add_SearchServiceServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        async with SagwanClient(search_target=f"127.0.0.1:{port}", **settings) as client:
            yield client
    finally:
        await server.stop(None)


def _aborting(code: grpc.StatusCode, message: str, *details: Any, **pushback: str) -> Any:
    async def abort(context):
        status = status_pb2.Status(code=code.value[0], message=message)
        for detail in details:
            packed = any_pb2.Any()
            packed.Pack(detail)
            status.details.append(packed)
        trailing = rpc_status.to_status(status).trailing_metadata
        trailing += tuple((key.replace("_", "-"), value) for key, value in pushback.items())
        await context.abort(code, message, trailing)

    return abort


async def test_a_call_carries_the_key_and_a_deadline():
    servicer = _Answering()
    async with _client_of(servicer, api_key="sgw_k", timeout_s=7.0) as client:
        await client.search("why", page_size=3, filter=search_pb2.Filter(speakers=["김철수"]))
    ((request, metadata, time_remaining),) = servicer.calls
    assert metadata["authorization"] == "Bearer sgw_k"
    # A timeout of seconds travels in steps of 10 ms, rounded up.
    assert 6.0 < time_remaining <= 7.01
    assert request == search_pb2.SearchRequest(query="why", page_size=3, filter=search_pb2.Filter(speakers=["김철수"]))


async def test_without_a_key_no_authorization_is_sent():
    servicer = _Answering()
    async with _client_of(servicer) as client:
        await client.search("why")
    assert "authorization" not in servicer.calls[0][1]


async def test_violations_are_decoded_field_by_field():
    bad_request = error_details_pb2.BadRequest(
        field_violations=[
            error_details_pb2.BadRequest.FieldViolation(field="query", description="is empty"),
            error_details_pb2.BadRequest.FieldViolation(field="page_size", description="is negative"),
        ]
    )
    refusal = _aborting(grpc.StatusCode.INVALID_ARGUMENT, "query: is empty", bad_request)
    async with _client_of(_Answering(refusal)) as client:
        with pytest.raises(SagwanCallError) as caught:
            await client.search("")
    assert caught.value.code is grpc.StatusCode.INVALID_ARGUMENT
    assert caught.value.message == "query: is empty"
    assert caught.value.violations == (
        FieldViolation("query", "is empty"),
        FieldViolation("page_size", "is negative"),
    )
    assert caught.value.retry_after_s is None
    assert not caught.value.retryable


async def test_a_full_service_says_when_to_come_back():
    retry_info = error_details_pb2.RetryInfo(retry_delay=duration_pb2.Duration(nanos=250_000_000))
    refusal = _aborting(grpc.StatusCode.RESOURCE_EXHAUSTED, "full", retry_info)
    async with _client_of(_Answering(refusal)) as client:
        with pytest.raises(SagwanCallError) as caught:
            await client.search("why")
    assert caught.value.retry_after_s == 0.25
    assert caught.value.retryable


async def test_a_pushback_counts_where_there_is_no_retry_info():
    refusal = _aborting(grpc.StatusCode.RESOURCE_EXHAUSTED, "full", grpc_retry_pushback_ms="1500")
    async with _client_of(_Answering(refusal)) as client:
        with pytest.raises(SagwanCallError) as caught:
            await client.search("why")
    assert caught.value.retry_after_s == 1.5


async def test_details_that_contradict_the_status_do_not_hide_it():
    async def abort(context):
        wrong = status_pb2.Status(code=5, message="other").SerializeToString()
        await context.abort(grpc.StatusCode.PERMISSION_DENIED, "no", (("grpc-status-details-bin", wrong),))

    async with _client_of(_Answering(abort)) as client:
        with pytest.raises(SagwanCallError) as caught:
            await client.search("why")
    assert caught.value.code is grpc.StatusCode.PERMISSION_DENIED
    assert caught.value.violations == ()


async def test_a_call_that_finds_the_service_unavailable_is_tried_again():
    unavailable = _aborting(grpc.StatusCode.UNAVAILABLE, "restarting")
    servicer = _Answering(unavailable, unavailable)
    async with _client_of(servicer) as client:
        await client.search("why")
    assert len(servicer.calls) == 3


async def test_a_call_that_was_refused_is_not_tried_again():
    servicer = _Answering(_aborting(grpc.StatusCode.INVALID_ARGUMENT, "no"))
    async with _client_of(servicer) as client:
        with pytest.raises(SagwanCallError):
            await client.search("why")
    assert len(servicer.calls) == 1


async def test_nobody_listening_is_unavailable():
    async with SagwanClient(search_target="127.0.0.1:1", timeout_s=5.0) as client:
        with pytest.raises(SagwanCallError) as caught:
            await client.search("why")
        assert caught.value.code is grpc.StatusCode.UNAVAILABLE
        assert await client.health("search") == "UNREACHABLE"


def test_a_status_number_has_a_code_and_an_odd_one_is_unknown():
    assert status_code(3) is grpc.StatusCode.INVALID_ARGUMENT
    assert status_code(999) is grpc.StatusCode.UNKNOWN
