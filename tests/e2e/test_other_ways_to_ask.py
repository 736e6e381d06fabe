"""Several questions at once, what is like something, and what is being typed, through gRPC."""

import grpc
import pytest

from sagwan.ingest.v1 import ingest_pb2, meeting_pb2
from sagwan.search.v1 import search_pb2

pytestmark = pytest.mark.e2e

QUESTIONS = ["why was the cache slow", "새 심야버스 예산", "who was charged twice"]


def test_a_batch_answers_each_question_as_a_search_does_and_names_what_is_wrong(search, key):
    requests = [search_pb2.SearchRequest(query=each, page_size=5) for each in QUESTIONS]
    bad = search_pb2.SearchRequest(query="budget", filter=search_pb2.Filter(start_date="soon"))
    batch = search_pb2.BatchSearchRequest(requests=[*requests, bad])
    *answered, refused = search.BatchSearch(batch, metadata=key).results
    for request, result in zip(requests, answered, strict=True):
        alone = search.Search(request, metadata=key)
        assert [hit.name for hit in result.response.hits] == [hit.name for hit in alone.hits]
        assert (result.response.model, result.response.degraded) == (alone.model, False)
    assert refused.error.code == grpc.StatusCode.INVALID_ARGUMENT.value[0]
    assert "filter.start_date" in refused.error.message


def test_pages_of_a_batch_go_on_in_a_search(search, key):
    request = search_pb2.SearchRequest(query="budget", page_size=2)
    (result,) = search.BatchSearch(search_pb2.BatchSearchRequest(requests=[request]), metadata=key).results
    request.page_token = result.response.next_page_token
    shown = {hit.name for hit in result.response.hits}
    assert not shown & {hit.name for hit in search.Search(request, metadata=key).hits}


def test_an_empty_batch_is_refused(search, key):
    with pytest.raises(grpc.RpcError) as refusal:
        search.BatchSearch(search_pb2.BatchSearchRequest(), metadata=key)
    assert refusal.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_what_is_like_a_chunk_leaves_it_out_and_begins_with_what_is_like_its_text(search, key):
    hit = search.Search(search_pb2.SearchRequest(query="캐시 적중률이 떨어진 이유", page_size=1), metadata=key).hits[0]
    near = search.FindSimilar(search_pb2.FindSimilarRequest(chunk=hit.name, page_size=100), metadata=key)
    assert len(near.hits) > 10
    assert hit.name not in [each.name for each in near.hits]
    assert near.model.startswith("intfloat/multilingual-e5-small@")
    scores = [each.legs[0].score for each in near.hits]
    assert scores == sorted(scores, reverse=True)
    by_line = search.FindSimilar(
        search_pb2.FindSimilarRequest(utterance=hit.lines[hit.best_line].utterance, page_size=100), metadata=key
    )
    assert [each.name for each in by_line.hits] == [each.name for each in near.hits]
    text = "\n".join(f"{line.speaker}: {line.text}" for line in hit.lines)
    by_text = search.FindSimilar(search_pb2.FindSimilarRequest(text=text, page_size=1), metadata=key)
    assert by_text.hits[0].name == hit.name


def test_similar_chunks_come_in_pages_and_pass_the_filter(search, key):
    name = search.Search(search_pb2.SearchRequest(query="library budget", page_size=1), metadata=key).hits[0].name
    whole = search.FindSimilar(search_pb2.FindSimilarRequest(chunk=name, page_size=9), metadata=key)
    walked: list[str] = []
    token = ""
    for _ in range(3):
        request = search_pb2.FindSimilarRequest(chunk=name, page_size=3, page_token=token)
        page = search.FindSimilar(request, metadata=key)
        walked += [hit.name for hit in page.hits]
        token = page.next_page_token
    assert walked == [hit.name for hit in whole.hits]
    request = search_pb2.FindSimilarRequest(chunk=name, filter=search_pb2.Filter(start_date="2026-03-12"))
    filtered = search.FindSimilar(request, metadata=key)
    assert filtered.hits
    assert all(hit.meeting.date >= "2026-03-12" for hit in filtered.hits)


def test_what_is_not_there_is_like_nothing(search, key):
    for request, code in (
        (search_pb2.FindSimilarRequest(chunk="meetings/gone/chunks/1"), grpc.StatusCode.NOT_FOUND),
        (search_pb2.FindSimilarRequest(utterance="meetings/gone/utterances/1"), grpc.StatusCode.NOT_FOUND),
        (search_pb2.FindSimilarRequest(), grpc.StatusCode.INVALID_ARGUMENT),
    ):
        with pytest.raises(grpc.RpcError) as refusal:
            search.FindSimilar(request, metadata=key)
        assert refusal.value.code() is code


def suggested(search, key, prefix: str) -> list[tuple[str, str]]:
    response = search.Suggest(search_pb2.SuggestRequest(prefix=prefix), metadata=key)
    return [(each.property, each.value) for each in response.suggestions]


def test_what_is_typed_is_completed_by_speakers_and_titles_of_the_samples(search, key):
    for typed in ("WEN", "harr", "wenh"):
        assert ("speaker", "Wen Harrow") in suggested(search, key, typed)
    for typed in ("한", "한ㄱ", "한기서", "위원장 한"):
        assert ("speaker", "위원장 한기섭") in suggested(search, key, typed)
    assert suggested(search, key, "zzz") == []
    with pytest.raises(grpc.RpcError) as refusal:
        search.Suggest(search_pb2.SuggestRequest(prefix="x" * 101), metadata=key)
    assert refusal.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_a_tag_is_completed_as_soon_as_it_was_acked_and_no_more_when_its_meeting_is_gone(search, ingest, key):
    request = ingest_pb2.IngestMeetingRequest(
        meeting_id="e2e-suggest",
        meeting=meeting_pb2.Meeting(title="Ümläut café", tags=["quixotry"]),
        utterances=[meeting_pb2.Utterance(speaker="Ada", text="Hello.")],
    )
    ingest.IngestMeeting(request, metadata=key)
    assert suggested(search, key, "quix") == [("tag", "quixotry")]
    assert suggested(search, key, "CAFÉ") == [("title", "Ümläut café")]
    ingest.DeleteMeeting(ingest_pb2.DeleteMeetingRequest(name="meetings/e2e-suggest"), metadata=key)
    assert suggested(search, key, "quix") == []
