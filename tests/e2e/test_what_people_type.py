"""What people type, and what must come back: the cases that are written down in queries/cases.toml."""

import asyncio
import tomllib
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import asyncpg
import grpc
import pytest
from stack import ROOT, Stack

from sagwan.ingest.v1 import ingest_pb2, meeting_pb2
from sagwan.search.v1 import search_pb2
from sagwan_runtime.postgres.tenants import ensure_tenant, issue_key

pytestmark = pytest.mark.e2e

FOLDER = ROOT / "tests" / "e2e" / "queries"
MEETINGS = tomllib.loads((FOLDER / "meetings.toml").read_text(encoding="utf-8"))["meeting"]
CASES = tomllib.loads((FOLDER / "cases.toml").read_text(encoding="utf-8"))["case"]
MODES = {"lexical": search_pb2.SEARCH_MODE_LEXICAL, "hybrid": search_pb2.SEARCH_MODE_HYBRID}
KINDS = {
    "speech": meeting_pb2.UTTERANCE_KIND_SPEECH,
    "decision": meeting_pb2.UTTERANCE_KIND_DECISION,
    "action": meeting_pb2.UTTERANCE_KIND_ACTION,
}


@pytest.fixture(scope="module")
def own_key(stack: Stack, ingest) -> Sequence[tuple[str, str]]:
    """The key of a tenant that has these meetings and nothing else."""

    async def issued() -> str:
        connection = await asyncpg.connect(stack.database_url)
        key = await issue_key(connection, await ensure_tenant(connection, "what people type"), "tests")
        await connection.close()
        return key

    key = (("authorization", f"Bearer {asyncio.run(issued())}"),)
    for meeting in MEETINGS:
        ingest.IngestMeeting(ingest_request(meeting), metadata=key)
    return key


def ingest_request(meeting: Mapping[str, Any]) -> ingest_pb2.IngestMeetingRequest:
    fields = {
        name: meeting[name]
        for name in ("title", "date", "language", "series", "tags", "participants")
        if name in meeting
    }
    request = ingest_pb2.IngestMeetingRequest(meeting_id=meeting["id"], meeting=meeting_pb2.Meeting(**fields))
    for when, speaker, kind, text in meeting["lines"]:
        minutes, seconds = map(int, when.split(":"))
        line = request.utterances.add(speaker=speaker, kind=KINDS[kind], text=text)
        line.start_offset.FromTimedelta(timedelta(minutes=minutes, seconds=seconds))
        line.end_offset.FromTimedelta(timedelta(minutes=minutes, seconds=seconds + 20))
    return request


def test_at_least_sixty_cases_are_written_down():
    assert len(CASES) >= 60
    assert len({case["query"] + str(case) for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["says"])
def test_what_is_typed_finds_what_is_written_down(search, own_key, case):
    request = search_pb2.SearchRequest(
        query=unicodedata.normalize(case.get("normal_form", "NFC"), case["query"]),
        mode=MODES[case.get("mode", "hybrid")],
        plain_text=case.get("plain_text", False),
        page_size=100,
    )
    if "refused" in case:
        with pytest.raises(grpc.RpcError) as refusal:
            search.Search(request, metadata=own_key)
        assert refusal.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert case["refused"] in refusal.value.details()
        return
    answer = search.Search(request, metadata=own_key)
    assert not answer.degraded
    meetings = [hit.meeting.name.removeprefix("meetings/") for hit in answer.hits]
    if "first" in case:
        assert meetings[:1] == [case["first"]]
    if "only" in case:
        assert set(meetings) == set(case["only"])
    if "line" in case:
        best = answer.hits[0]
        assert case["line"] in best.lines[best.best_line].text
    assert set(case.get("found", ())) <= set(meetings)
    assert not set(case.get("missing", ())) & set(meetings)
    for name, applied in (("corrections", True), ("suggested", False)):
        if name in case:
            corrections = [[each.written, each.replacement] for each in answer.corrections if each.applied is applied]
            assert corrections == case[name]
