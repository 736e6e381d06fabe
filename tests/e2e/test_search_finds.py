"""From a transcript to an answer, through gRPC."""

import json

import grpc
import pytest
from stack import ROOT, Stack

from sagwan.ingest.v1 import ingest_pb2, meeting_pb2
from sagwan.search.v1 import search_pb2

pytestmark = pytest.mark.e2e

QUESTIONS = [
    json.loads(line) for line in (ROOT / "samples" / "questions.jsonl").read_text(encoding="utf-8").splitlines()
]


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question["meeting_id"])
def test_each_sample_question_finds_its_meeting_among_the_first_three(search, key, question):
    filters = question["filters"]
    request = search_pb2.SearchRequest(
        query=question["text"],
        filter=search_pb2.Filter(
            speakers=[filters["speaker"]] if "speaker" in filters else [],
            start_date=filters.get("after", ""),
            end_date=filters.get("before", ""),
        ),
    )
    response = search.Search(request, metadata=key)
    assert not response.degraded
    assert f"meetings/{question['meeting_id']}" in [hit.meeting.name for hit in response.hits[:3]]


def test_a_hit_says_who_spoke_when_and_why_it_ranked(search, key):
    request = search_pb2.SearchRequest(query="캐시 적중률이 떨어진 이유", explain=True)
    response = search.Search(request, metadata=key)
    hit = response.hits[0]
    line = hit.lines[hit.best_line]
    assert line.speaker
    assert line.HasField("start_offset")
    assert line.HasField("end_offset")
    assert {leg.leg for leg in hit.legs} == {search_pb2.LEG_LEXICAL, search_pb2.LEG_VECTOR}
    assert sum(leg.contribution for leg in hit.legs) + hit.neighbor_support == pytest.approx(hit.score)
    assert 0 < response.explanation.match_share <= 1
    assert [each.choice.partition(":")[0] for each in response.explanation.legs] == ["index of terms", "exact scan"]
    assert "캐시" in [term.term for term in hit.matched_terms]
    assert any("캐시" in line.text[mark.start : mark.end] for line in hit.lines for mark in line.highlights)
    assert response.model.startswith("intfloat/multilingual-e5-small@")
    for stage in ("embed", "lexical", "vector", "fuse", "fetch", "total"):
        assert response.timings.HasField(stage)


def test_only_chunks_with_the_speaker_come_back(search, key):
    request = search_pb2.SearchRequest(
        query="budget", page_size=100, filter=search_pb2.Filter(speakers=["WEN  harrow"])
    )
    response = search.Search(request, metadata=key)
    assert response.hits
    assert all("Wen Harrow" in [line.speaker for line in hit.lines] for hit in response.hits)


def test_pages_follow_each_other_without_gap_or_repeat(search, key):
    whole = search.Search(search_pb2.SearchRequest(query="결정 decision", page_size=30), metadata=key)
    names: list[str] = []
    token = ""
    while len(names) < 30:
        request = search_pb2.SearchRequest(query="결정 decision", page_size=7, page_token=token)
        page = search.Search(request, metadata=key)
        names += [hit.name for hit in page.hits]
        token = page.next_page_token
    assert names[:30] == [hit.name for hit in whole.hits]


def test_a_hit_is_shown_among_what_was_said_around_it(search, key):
    request = search_pb2.SearchRequest(query="캐시 적중률이 떨어진 이유", neighbor_count=5)
    hit = search.Search(request, metadata=key).hits[0]
    condition = search_pb2.Filter(meetings=[hit.meeting.name])
    said = search.ListUtterances(search_pb2.ListUtterancesRequest(filter=condition, page_size=1000), metadata=key)
    around = [*hit.lines_before, *hit.lines, *hit.lines_after]
    assert len(around) > len(hit.lines)
    texts = ["".join(line.text.split()) for line in around]
    assert "".join(texts) in "".join("".join(line.text.split()) for line in said.utterances)


def test_one_meeting_gives_no_more_hits_than_asked_for(search, key):
    request = search_pb2.SearchRequest(query="결정 decision", page_size=100, hits_per_meeting_max=1)
    names = [hit.meeting.name for hit in search.Search(request, metadata=key).hits]
    assert len(names) == len(set(names)) > 1


def test_a_language_model_gets_cited_passages_within_its_budget(search, key):
    request = search_pb2.GetContextRequest(query="캐시 적중률이 떨어진 이유", token_budget=600)
    context = search.GetContext(request, metadata=key)
    assert not context.degraded
    assert 300 < context.token_count <= 600
    best = search.Search(search_pb2.SearchRequest(query=request.query), metadata=key).hits[0]
    first = context.passages[0]
    assert first.meeting == best.meeting
    assert first.citation.startswith(f"{best.meeting.title} ({best.meeting.date}): ")
    lines = [line.utterance for passage in context.passages for line in passage.lines]
    assert len(lines) == len(set(lines))
    # Passages of one meeting come in the order in which they were said, the best of them wherever it stands.
    of_meeting = [line for each in context.passages if each.meeting == best.meeting for line in each.lines]
    assert any("캐시" in line.text[mark.start : mark.end] for line in of_meeting for mark in line.highlights)


def test_a_token_of_another_question_is_refused(search, key):
    page = search.Search(search_pb2.SearchRequest(query="budget", page_size=1), metadata=key)
    request = search_pb2.SearchRequest(query="library", page_size=1, page_token=page.next_page_token)
    with pytest.raises(grpc.RpcError) as refusal:
        search.Search(request, metadata=key)
    assert refusal.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_what_was_acked_is_found_and_what_was_deleted_is_not(ingest, search, key):
    word = "quixotically"
    request = ingest_pb2.IngestMeetingRequest(
        meeting_id="e2e-ack",
        meeting=meeting_pb2.Meeting(title="Ack", date="2026-05-01"),
        utterances=[meeting_pb2.Utterance(speaker="Ada", text=f"We named the pump {word} on purpose.")],
    )
    kept = ingest.IngestMeeting(request, metadata=key)
    assert kept.outcome == ingest_pb2.INGEST_OUTCOME_CREATED
    lexical = search_pb2.SearchRequest(query=word, mode=search_pb2.SEARCH_MODE_LEXICAL)
    found = search.Search(lexical, metadata=key)
    assert [hit.meeting.name for hit in found.hits] == ["meetings/e2e-ack"]
    ingest.DeleteMeeting(ingest_pb2.DeleteMeetingRequest(name="meetings/e2e-ack"), metadata=key)
    assert not search.Search(lexical, metadata=key).hits
    with pytest.raises(grpc.RpcError) as missing:
        ingest.GetMeeting(ingest_pb2.GetMeetingRequest(name="meetings/e2e-ack"), metadata=key)
    assert missing.value.code() is grpc.StatusCode.NOT_FOUND


def test_ingesting_the_samples_again_changes_nothing(stack: Stack):
    again = stack.run("ingest", "--json", str(ROOT / "samples" / "meetings"))
    answer = json.loads(again.stdout)
    assert answer["unchanged"] == 11
    assert answer["created"] == answer["updated"] == answer["refused"] == 0


def test_utterances_are_listed_in_order_and_counted(search, key):
    condition = search_pb2.Filter(meetings=["meetings/2026-03-12-search-latency-sync"])
    listed = search.ListUtterances(search_pb2.ListUtterancesRequest(filter=condition, page_size=1000), metadata=key)
    numbers = [int(line.utterance.rsplit("/", 1)[1]) for line in listed.utterances]
    assert numbers == list(range(listed.total_size))
    assert [(each.value, each.count) for each in listed.meeting_counts] == [
        ("meetings/2026-03-12-search-latency-sync", listed.total_size)
    ]
