"""What callers see while a part is down."""

import json
import os
import signal
import time

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from stack import Stack

from sagwan.ingest.v1 import ingest_pb2, ingest_pb2_grpc, meeting_pb2
from sagwan.search.v1 import search_pb2, search_pb2_grpc

pytestmark = pytest.mark.faults

QUESTION = "Why did some shoppers pay for the same order more than once?"


def metadata(stack: Stack) -> tuple[tuple[str, str], ...]:
    return (("authorization", f"Bearer {stack.api_key}"),)


def ask(stack: Stack, *, mode: search_pb2.SearchMode.ValueType, timeout_s: float = 5.0) -> search_pb2.SearchResponse:
    with grpc.insecure_channel(stack.address("search")) as channel:
        request = search_pb2.SearchRequest(query=QUESTION, mode=mode)
        return search_pb2_grpc.SearchServiceStub(channel).Search(request, metadata=metadata(stack), timeout=timeout_s)


def test_without_the_embedder_search_answers_from_words_and_says_so(stack: Stack):
    whole = ask(stack, mode=search_pb2.SEARCH_MODE_HYBRID)
    assert not whole.degraded
    os.kill(stack.pid("embedder"), signal.SIGKILL)

    answer = ask(stack, mode=search_pb2.SEARCH_MODE_HYBRID)
    assert answer.degraded
    assert answer.degraded_reason
    assert answer.hits[0].meeting.name == "meetings/2026-02-11-payment-outage-review"
    assert {leg.leg for hit in answer.hits for leg in hit.legs} == {search_pb2.LEG_LEXICAL}
    with pytest.raises(grpc.RpcError) as refusal:
        ask(stack, mode=search_pb2.SEARCH_MODE_VECTOR)
    assert refusal.value.code() is grpc.StatusCode.UNAVAILABLE

    give_up = time.monotonic() + 60
    while ask(stack, mode=search_pb2.SEARCH_MODE_HYBRID).degraded:
        assert time.monotonic() < give_up, "the embedder did not come back"
        time.sleep(0.5)


def test_an_embedder_that_hangs_costs_its_time_budget_and_no_more(stack: Stack):
    embedder = stack.pid("embedder")
    os.kill(embedder, signal.SIGSTOP)
    try:
        begun = time.monotonic()
        answer = ask(stack, mode=search_pb2.SEARCH_MODE_HYBRID, timeout_s=5.0)
        assert time.monotonic() - begun < 3.0
        assert answer.degraded
        assert answer.hits
    finally:
        os.kill(embedder, signal.SIGCONT)


def test_what_was_acked_survives_the_kill_of_every_service(stack: Stack):
    with grpc.insecure_channel(stack.address("ingest")) as channel:
        ingest_pb2_grpc.IngestServiceStub(channel).IngestMeeting(
            ingest_pb2.IngestMeetingRequest(
                meeting_id="acked",
                utterances=[meeting_pb2.Utterance(speaker="Ada", text="The zephyrous valve stays closed.")],
            ),
            metadata=metadata(stack),
        )
    for service in ("ingest", "search", "embedder"):
        os.kill(stack.pid(service), signal.SIGKILL)
    stack.wait_until_serving()
    found = json.loads(stack.run("search", "zephyrous", "--mode", "lexical", "--json").stdout)
    assert found["hits"][0]["meeting"]["name"] == "meetings/acked"


def test_ingest_is_not_serving_while_the_embedder_is_away(stack: Stack):
    os.kill(stack.pid("embedder"), signal.SIGSTOP)
    try:
        with grpc.insecure_channel(stack.address("ingest")) as channel:
            health = health_pb2_grpc.HealthStub(channel)
            give_up = time.monotonic() + 30
            while health.Check(health_pb2.HealthCheckRequest()).status != health_pb2.HealthCheckResponse.NOT_SERVING:
                assert time.monotonic() < give_up, "ingest still says SERVING"
                time.sleep(0.2)
    finally:
        os.kill(stack.pid("embedder"), signal.SIGCONT)


def test_sigterm_lets_calls_in_flight_finish(stack: Stack):
    with grpc.insecure_channel(stack.address("ingest")) as channel:
        stub = ingest_pb2_grpc.IngestServiceStub(channel)
        request = ingest_pb2.IngestMeetingRequest(
            meeting_id="in-flight",
            utterances=[
                meeting_pb2.Utterance(speaker="Ada", text=f"Point {number} of the long list we went through. " * 8)
                for number in range(60)
            ],
        )
        call = stub.IngestMeeting.future(request, metadata=metadata(stack))
        time.sleep(0.2)
        os.kill(stack.pid("ingest"), signal.SIGTERM)
        assert call.result(timeout=60).outcome == ingest_pb2.INGEST_OUTCOME_CREATED
