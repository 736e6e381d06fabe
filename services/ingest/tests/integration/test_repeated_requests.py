"""Requests that name themselves: one answer and one effect, however often they come."""

import asyncio
from collections.abc import Sequence
from uuid import UUID, uuid4

import pytest
from google.protobuf import empty_pb2

from sagwan.ingest.v1 import ingest_pb2, meeting_pb2
from sagwan_ingest.convert import ingest_response, meeting_message, meeting_of, request_key
from sagwan_ingest.ingestion import Ingested, Once
from sagwan_ingest.ports import AnsweredMeanwhile, Reply
from sagwan_ingest.repeating import answered_once
from sagwan_runtime.deadline import Deadline
from sagwan_runtime.errors import AlreadyExists, Conflict, InvalidRequest, NotFound

pytestmark = pytest.mark.integration

CUT = "The budget for next year was cut by a tenth, which nobody in the room expected."
HIRE = "We should hire two engineers before the summer, or the release will slip again."
LOST = 1_000
WRITTEN = """
    SELECT count(*), sum(revision)::bigint, (SELECT count(*) FROM replies WHERE tenant_id = $1)
    FROM meetings WHERE tenant_id = $1
"""


def soon() -> Deadline:
    return Deadline.after(60)


def request(text: str, *, meeting_id: str = "weekly", request_id: UUID | str = "") -> ingest_pb2.IngestMeetingRequest:
    return ingest_pb2.IngestMeetingRequest(
        meeting_id=meeting_id,
        meeting=meeting_pb2.Meeting(title="Weekly"),
        utterances=[meeting_pb2.Utterance(speaker="Ann", text=text)],
        request_id=str(request_id),
    )


@pytest.fixture
def answer(store, ingestion):
    """Answers a request as the servicer does."""

    async def call(tenant_id: UUID, asked: ingest_pb2.IngestMeetingRequest) -> ingest_pb2.IngestMeetingResponse:
        key = request_key(asked)
        once = Once(key, lambda done: ingest_response(done[0]).SerializeToString()) if key else None

        async def act() -> ingest_pb2.IngestMeetingResponse:
            return ingest_response((await ingestion.ingest(tenant_id, [meeting_of(asked)], soon(), once))[0])

        return await answered_once(store, tenant_id, key, soon(), act=act, response=ingest_pb2.IngestMeetingResponse)

    return call


async def test_of_a_thousand_answers_lost_after_the_commit_each_is_given_to_the_repeat(
    new_tenant, store, ingestion, answer, owner
):
    tenant_id = await new_tenant()
    for number in range(LOST):
        asked = request(f"Point {number} was agreed on by all.", meeting_id=f"m-{number % 50}", request_id=uuid4())
        key = request_key(asked)
        assert key
        remembered: list[bytes] = []

        def encoded(done: Sequence[Ingested], remembered: list[bytes] = remembered) -> bytes:
            remembered.append(ingest_response(done[0]).SerializeToString())
            return remembered[-1]

        once = Once(key, encoded)

        async def act(asked=asked, once=once) -> ingest_pb2.IngestMeetingResponse:
            await ingestion.ingest(tenant_id, [meeting_of(asked)], soon(), once)
            raise ConnectionResetError

        with pytest.raises(ConnectionResetError):
            await answered_once(store, tenant_id, key, soon(), act=act, response=ingest_pb2.IngestMeetingResponse)
        before = await owner.fetchrow(WRITTEN, tenant_id)
        assert (await answer(tenant_id, asked)).SerializeToString() == remembered[0]
        assert await owner.fetchrow(WRITTEN, tenant_id) == before
    assert tuple(before) == (50, LOST, LOST)


async def test_a_repeat_changes_nothing(new_tenant, answer, inspector, embedder):
    tenant_id, asked = await new_tenant(), request(CUT, request_id=uuid4())
    first = await answer(tenant_id, asked)
    assert first.outcome == ingest_pb2.INGEST_OUTCOME_CREATED
    before, embedded = await inspector.row_versions(), len(embedder.texts)
    assert await answer(tenant_id, asked) == first
    assert await inspector.row_versions() == before
    assert len(embedder.texts) == embedded


async def test_the_first_answer_is_given_even_when_the_meeting_has_changed_since(new_tenant, answer):
    tenant_id, asked = await new_tenant(), request(CUT, request_id=uuid4())
    first = await answer(tenant_id, asked)
    await answer(tenant_id, request(HIRE))
    assert await answer(tenant_id, asked) == first


async def test_a_request_that_changes_nothing_is_remembered_too(new_tenant, answer):
    tenant_id = await new_tenant()
    await answer(tenant_id, request(CUT))
    asked = request(CUT, request_id=uuid4())
    unchanged = await answer(tenant_id, asked)
    assert unchanged.outcome == ingest_pb2.INGEST_OUTCOME_UNCHANGED
    await answer(tenant_id, request(HIRE))
    assert await answer(tenant_id, asked) == unchanged


async def test_the_same_id_with_other_content_is_refused(new_tenant, answer, inspector):
    tenant_id, request_id = await new_tenant(), uuid4()
    await answer(tenant_id, request(CUT, request_id=request_id))
    before = await inspector.row_versions()
    with pytest.raises(AlreadyExists, match=str(request_id)):
        await answer(tenant_id, request(HIRE, request_id=request_id))
    assert await inspector.row_versions() == before


async def test_an_id_is_a_tenants_own(new_tenant, answer):
    one, other, request_id = await new_tenant(), await new_tenant(), uuid4()
    await answer(one, request(CUT, request_id=request_id))
    answered = await answer(other, request(HIRE, request_id=request_id))
    assert answered.outcome == ingest_pb2.INGEST_OUTCOME_CREATED


async def test_of_many_at_once_one_acts_and_all_get_its_answer(new_tenant, answer, embedder, owner):
    tenant_id, asked = await new_tenant(), request(CUT, request_id=uuid4())
    # All have looked for an answer, in vain, before one writes.
    embedder.gate = asyncio.Barrier(6)
    answers = await asyncio.gather(*(answer(tenant_id, asked) for _ in range(6)))
    assert all(each == answers[0] for each in answers)
    assert answers[0].outcome == ingest_pb2.INGEST_OUTCOME_CREATED
    assert await owner.fetchval("SELECT count(*) FROM replies WHERE tenant_id = $1", tenant_id) == 1
    assert await owner.fetchval("SELECT revision FROM meetings WHERE tenant_id = $1", tenant_id) == 1


async def test_after_a_day_an_id_is_new_and_old_answers_are_forgotten(new_tenant, answer, owner):
    tenant_id, request_id = await new_tenant(), uuid4()
    await answer(tenant_id, request(CUT, request_id=request_id))
    await answer(tenant_id, request(CUT, meeting_id="other", request_id=uuid4()))
    await owner.execute("UPDATE replies SET created_at = now() - interval '25 hours'")
    answered = await answer(tenant_id, request(HIRE, request_id=request_id))
    assert answered.outcome == ingest_pb2.INGEST_OUTCOME_UPDATED
    rows = await owner.fetch("SELECT request_id FROM replies WHERE tenant_id = $1", tenant_id)
    assert [row["request_id"] for row in rows] == [request_id]


async def test_a_deleted_meeting_takes_its_answers_along_and_does_not_come_back(new_tenant, answer, store, owner):
    tenant_id, asked = await new_tenant(), request(CUT, request_id=uuid4())
    await answer(tenant_id, asked)
    await store.delete(tenant_id, "weekly", "", soon())
    (row,) = await owner.fetch("SELECT answer, meeting_ids FROM replies WHERE tenant_id = $1", tenant_id)
    assert (row["answer"], row["meeting_ids"]) == (None, [])
    with pytest.raises(NotFound):
        await answer(tenant_id, asked)
    assert await owner.fetchval("SELECT count(*) FROM meetings WHERE tenant_id = $1", tenant_id) == 0


async def test_a_deletion_is_answered_once_too(new_tenant, answer, store):
    tenant_id = await new_tenant()
    await answer(tenant_id, request(CUT))
    key = request_key(ingest_pb2.DeleteMeetingRequest(name="meetings/weekly", request_id=str(uuid4())))
    assert key

    async def act() -> empty_pb2.Empty:
        await store.delete(tenant_id, "weekly", "", soon(), Reply(key, [], lambda _: b""))
        return empty_pb2.Empty()

    for _ in range(2):
        await answered_once(store, tenant_id, key, soon(), act=act, response=empty_pb2.Empty)


def test_an_id_that_is_no_uuid_is_refused():
    with pytest.raises(InvalidRequest, match="request_id"):
        request_key(request(CUT, request_id="mine"))


def test_requests_of_different_kinds_with_equal_bytes_are_different():
    update = ingest_pb2.UpdateMeetingRequest(request_id=str(uuid4()))
    delete = ingest_pb2.DeleteMeetingRequest(request_id=update.request_id)
    assert request_key(update) != request_key(delete)


async def test_a_repeat_in_whose_way_its_own_first_attempt_stands_gets_the_first_answer(
    new_tenant, answer, store, ingestion
):
    tenant_id = await new_tenant()
    etag = (await answer(tenant_id, request(CUT))).meeting.etag
    update = ingest_pb2.UpdateMeetingRequest(
        meeting=meeting_pb2.Meeting(name="meetings/weekly", title="New", etag=etag), request_id=str(uuid4())
    )
    key = request_key(update)
    assert key
    reply = Reply(key, ["weekly"], lambda kept: meeting_message(kept).SerializeToString())

    async def act() -> meeting_pb2.Meeting:
        return meeting_message(await ingestion.update(tenant_id, "weekly", {"title": "New"}, etag, soon(), reply))

    # Both have looked for an answer before either acts, and the second finds the etag that the first one made.
    async def late_act() -> meeting_pb2.Meeting:
        await act()
        return await act()

    answered = await answered_once(store, tenant_id, key, soon(), act=late_act, response=meeting_pb2.Meeting)
    assert answered.title == "New"
    assert answered == meeting_message(await store.get(tenant_id, "weekly", soon()))


async def test_a_deletion_of_nothing_is_remembered_and_does_not_delete_what_came_later(new_tenant, answer, store):
    tenant_id = await new_tenant()
    key = request_key(
        ingest_pb2.DeleteMeetingRequest(name="meetings/weekly", allow_missing=True, request_id=str(uuid4()))
    )
    assert key
    await store.remember(tenant_id, Reply(key, [], lambda _: b""), soon())
    await answer(tenant_id, request(CUT))
    assert await store.reply(tenant_id, key, soon()) == b""
    with pytest.raises(AnsweredMeanwhile):
        await store.remember(tenant_id, Reply(key, [], lambda _: b""), soon())


async def test_an_unchanged_answer_is_not_remembered_of_a_meeting_that_has_gone(new_tenant, answer, store):
    tenant_id, asked = await new_tenant(), request(CUT, request_id=uuid4())
    key = request_key(asked)
    assert key
    with pytest.raises(Conflict, match="has gone"):
        await store.keep(tenant_id, [], soon(), Reply(key, ["weekly"], lambda _: b""))
    assert await store.reply(tenant_id, key, soon()) is None
