"""What a caller is told: bad requests, keys, unknown things, health, reflection."""

import json
from uuid import uuid4

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from grpc_status import rpc_status
from stack import Stack

from sagwan.embedder.v1 import embedder_pb2, embedder_pb2_grpc
from sagwan.ingest.v1 import ingest_pb2, meeting_pb2
from sagwan.search.v1 import index_admin_pb2, index_admin_pb2_grpc, search_pb2

pytestmark = pytest.mark.e2e

BAD_SEARCHES = {
    "query": search_pb2.SearchRequest(query=""),
    "query ": search_pb2.SearchRequest(query=" \n\t"),
    "query  ": search_pb2.SearchRequest(query="예산" * 500_000),
    "query   ": search_pb2.SearchRequest(query="budget\x00cut"),
    "filter.start_date": search_pb2.SearchRequest(query="q", filter=search_pb2.Filter(start_date="yesterday")),
    "filter.end_date": search_pb2.SearchRequest(
        query="q", filter=search_pb2.Filter(start_date="2026-02-01", end_date="2026-01-01")
    ),
    "filter.meetings[0]": search_pb2.SearchRequest(query="q", filter=search_pb2.Filter(meetings=["weekly-12"])),
    "filter.speakers[0]": search_pb2.SearchRequest(query="q", filter=search_pb2.Filter(speakers=["A\x00"])),
    "page_size": search_pb2.SearchRequest(query="q", page_size=-1),
    "page_token": search_pb2.SearchRequest(query="q", page_token="????"),
}


def violations(error: grpc.RpcError) -> dict[str, str]:
    """The field violations in a status."""
    status = rpc_status.from_call(error)
    assert status is not None
    bad_request = error_details_pb2.BadRequest()
    for detail in status.details:
        if detail.Unpack(bad_request):
            return {each.field: each.description for each in bad_request.field_violations}
    return {}


@pytest.mark.parametrize("field", BAD_SEARCHES)
def test_a_bad_search_is_refused_with_the_name_of_its_field(search, key, field):
    with pytest.raises(grpc.RpcError) as refusal:
        search.Search(BAD_SEARCHES[field], metadata=key)
    assert refusal.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert list(violations(refusal.value)) == [field.strip()]
    assert search.Search(search_pb2.SearchRequest(query="still up?"), metadata=key).hits


def test_a_bad_request_for_context_is_refused_with_every_field_that_is_wrong(search, key):
    with pytest.raises(grpc.RpcError) as refusal:
        search.GetContext(search_pb2.GetContextRequest(query=" ", token_budget=100_001), metadata=key)
    assert refusal.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert set(violations(refusal.value)) == {"query", "token_budget"}


def test_a_bad_meeting_is_refused_with_every_field_that_is_wrong(ingest, key):
    request = ingest_pb2.IngestMeetingRequest(
        meeting_id="no spaces",
        meeting=meeting_pb2.Meeting(title="t" * 1_000),
        utterances=[meeting_pb2.Utterance(text="fine"), meeting_pb2.Utterance(text="not\x00fine")],
    )
    with pytest.raises(grpc.RpcError) as refusal:
        ingest.IngestMeeting(request, metadata=key)
    assert set(violations(refusal.value)) == {"meeting_id", "meeting.title", "utterances[1].text"}


def test_one_bad_item_of_an_import_does_not_end_it(ingest, key):
    def items():
        for sequence, text in enumerate(["good", "bad\x00", "good again"]):
            yield ingest_pb2.ImportMeetingsRequest(
                sequence=sequence,
                meeting=ingest_pb2.IngestMeetingRequest(
                    meeting_id=f"e2e-import-{sequence}", utterances=[meeting_pb2.Utterance(text=text)]
                ),
            )

    answers = list(ingest.ImportMeetings(items(), metadata=key))
    assert [each.sequence for each in answers] == [0, 1, 2]
    assert [each.WhichOneof("result") for each in answers] == ["meeting", "error", "meeting"]
    assert answers[1].error.code == grpc.StatusCode.INVALID_ARGUMENT.value[0]
    assert answers[1].error.field_violations[0].field == "utterances[0].text"
    for sequence in (0, 2):
        name = f"meetings/e2e-import-{sequence}"
        ingest.DeleteMeeting(ingest_pb2.DeleteMeetingRequest(name=name), metadata=key)


@pytest.mark.parametrize("metadata", [(), (("authorization", "Bearer sgw_unknown"),), (("authorization", "Basic x"),)])
def test_without_a_known_key_nothing_is_answered(search, ingest, metadata):
    for call in (
        lambda: search.Search(search_pb2.SearchRequest(query="budget"), metadata=metadata),
        lambda: search.ListUtterances(search_pb2.ListUtterancesRequest(), metadata=metadata),
        lambda: ingest.ListMeetings(ingest_pb2.ListMeetingsRequest(), metadata=metadata),
        lambda: list(ingest.ImportMeetings(iter([]), metadata=metadata)),
    ):
        with pytest.raises(grpc.RpcError) as refusal:
            call()
        assert refusal.value.code() is grpc.StatusCode.UNAUTHENTICATED


def test_another_tenant_finds_reads_and_lists_nothing(stack: Stack, search, ingest):
    stack.run("tenants", "create", "stranger")
    strange_key = stack.run("keys", "create", "--tenant", "stranger").stdout.split()[-1]
    metadata = (("authorization", f"Bearer {strange_key}"),)
    for mode in (search_pb2.SEARCH_MODE_HYBRID, search_pb2.SEARCH_MODE_LEXICAL, search_pb2.SEARCH_MODE_VECTOR):
        request = search_pb2.SearchRequest(query="library budget 도서관 예산", mode=mode)
        assert not search.Search(request, metadata=metadata).hits
    assert search.ListUtterances(search_pb2.ListUtterancesRequest(), metadata=metadata).total_size == 0
    assert ingest.ListMeetings(ingest_pb2.ListMeetingsRequest(), metadata=metadata).total_size == 0
    name = "meetings/2026-03-04-city-library-budget"
    for call in (
        lambda: ingest.GetMeeting(ingest_pb2.GetMeetingRequest(name=name), metadata=metadata),
        lambda: ingest.DeleteMeeting(ingest_pb2.DeleteMeetingRequest(name=name), metadata=metadata),
    ):
        with pytest.raises(grpc.RpcError) as missing:
            call()
        assert missing.value.code() is grpc.StatusCode.NOT_FOUND


SERVICES = {
    "embedder": ["sagwan.embedder.v1.EmbedderService"],
    "ingest": ["sagwan.ingest.v1.IngestService", "sagwan.ingest.v1.ModelService"],
    "search": ["sagwan.search.v1.SearchService", "sagwan.search.v1.IndexAdminService"],
}


@pytest.mark.parametrize("service", SERVICES)
def test_a_client_without_protos_lists_the_services_and_gets_serving(stack: Stack, service):
    with grpc.insecure_channel(stack.address(service)) as channel:
        listed = ProtoReflectionDescriptorDatabase(channel).get_services()
        assert set(listed) >= {*SERVICES[service], "grpc.health.v1.Health"}
        health = health_pb2_grpc.HealthStub(channel)
        for name in ("", *SERVICES[service]):
            answer = health.Check(health_pb2.HealthCheckRequest(service=name))
            assert answer.status == health_pb2.HealthCheckResponse.SERVING


def test_what_is_wrong_with_the_administration_of_an_index_is_named(stack: Stack, key):
    with grpc.insecure_channel(stack.address("search")) as channel:
        admin = index_admin_pb2_grpc.IndexAdminServiceStub(channel)
        for call, field in (
            (lambda: list(admin.TuneIndex(index_admin_pb2.TuneIndexRequest(), metadata=key)), "recall"),
            (lambda: list(admin.RebuildIndex(index_admin_pb2.RebuildIndexRequest(kind=9), metadata=key)), "kind"),
            (lambda: admin.PlanQuery(index_admin_pb2.PlanQueryRequest(), metadata=key), "query"),
        ):
            with pytest.raises(grpc.RpcError) as refusal:
                call()
            assert refusal.value.code() is grpc.StatusCode.INVALID_ARGUMENT
            assert field in refusal.value.details()


def test_bad_texts_are_named_by_the_embedder(stack: Stack):
    with grpc.insecure_channel(stack.address("embedder")) as channel:
        embedder = embedder_pb2_grpc.EmbedderServiceStub(channel)
        request = embedder_pb2.EmbedRequest(texts=["fine", "", "x\x00"], kind=embedder_pb2.TEXT_KIND_QUERY)
        with pytest.raises(grpc.RpcError) as refusal:
            embedder.Embed(request)
        assert set(violations(refusal.value)) == {"texts[1]", "texts[2]"}
        with pytest.raises(grpc.RpcError) as refusal:
            embedder.Embed(embedder_pb2.EmbedRequest(texts=["x"] * 1_025, kind=embedder_pb2.TEXT_KIND_QUERY))
        assert set(violations(refusal.value)) == {"texts"}


def test_the_command_tells_a_script_what_happened(stack: Stack):
    answer = json.loads(stack.run("search", "night bus", "--json").stdout)
    assert answer["hits"]
    refused = stack.run("ingest", "-", check=False)
    assert refused.returncode != 0
    assert "Traceback" not in refused.stderr


def test_a_repeated_request_gets_its_first_answer_and_another_of_the_same_id_is_refused(ingest, key):
    request_id = str(uuid4())
    request = ingest_pb2.IngestMeetingRequest(
        meeting_id="repeated", utterances=[meeting_pb2.Utterance(text="Said once.")], request_id=request_id
    )
    first = ingest.IngestMeeting(request, metadata=key)
    assert ingest.IngestMeeting(request, metadata=key) == first
    request.utterances[0].text = "Said otherwise."
    with pytest.raises(grpc.RpcError) as refusal:
        ingest.IngestMeeting(request, metadata=key)
    assert refusal.value.code() is grpc.StatusCode.ALREADY_EXISTS
    delete = ingest_pb2.DeleteMeetingRequest(name="meetings/repeated", request_id=str(uuid4()))
    for _ in range(2):
        ingest.DeleteMeeting(delete, metadata=key)
    request.request_id = "mine"
    with pytest.raises(grpc.RpcError) as refusal:
        ingest.IngestMeeting(request, metadata=key)
    assert list(violations(refusal.value)) == ["request_id"]


def test_of_two_items_of_one_meeting_in_an_import_the_later_is_kept(ingest, key):
    versions = [f"Version {number} of the minutes." for number in range(6)]
    items = [
        ingest_pb2.ImportMeetingsRequest(
            sequence=number,
            meeting=ingest_pb2.IngestMeetingRequest(
                meeting_id="imported-twice", utterances=[meeting_pb2.Utterance(text=text)]
            ),
        )
        for number, text in enumerate(versions)
    ]
    answers = list(ingest.ImportMeetings(iter(items), metadata=key))
    outcomes = [each.meeting.outcome for each in answers]
    assert outcomes == [ingest_pb2.INGEST_OUTCOME_CREATED] + [ingest_pb2.INGEST_OUTCOME_UPDATED] * 5
    last = ingest_pb2.IngestMeetingRequest(
        meeting_id="imported-twice", utterances=[meeting_pb2.Utterance(text=versions[-1])]
    )
    assert ingest.IngestMeeting(last, metadata=key).outcome == ingest_pb2.INGEST_OUTCOME_UNCHANGED
    ingest.DeleteMeeting(ingest_pb2.DeleteMeetingRequest(name="meetings/imported-twice"), metadata=key)
