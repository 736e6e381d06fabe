"""Reading, listing and changing what is kept."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from sagwan.ingest.v1 import ingest_pb2, meeting_pb2
from sagwan_ingest.convert import changes_of, page_request, page_response
from sagwan_ingest.domain.indexing import completed
from sagwan_ingest.domain.meeting import Meeting, Utterance
from sagwan_ingest.ports import Outcome
from sagwan_runtime.deadline import Deadline
from sagwan_runtime.errors import Conflict, NotFound

pytestmark = pytest.mark.integration

WEEKLY = completed(
    Meeting(
        meeting_id="weekly",
        title="Weekly",
        held_on=date(2024, 3, 5),
        participants=("Ann",),
        tags=("budget",),
        attributes={"room": "3"},
        utterances=(
            Utterance("Ann", "The budget for next year was cut by a tenth, which nobody expected."),
            Utterance("Bob", "We should hire two engineers before the summer, or the release will slip."),
        ),
    )
)


def soon() -> Deadline:
    return Deadline.after(30)


@pytest.fixture
async def tenant_id(new_tenant, ingest):
    """A tenant that keeps the weekly meeting."""
    tenant_id = await new_tenant()
    await ingest(tenant_id, WEEKLY)
    return tenant_id


def changes(*paths: str, **fields):
    message = meeting_pb2.Meeting(name="meetings/weekly", **fields)
    return changes_of(ingest_pb2.UpdateMeetingRequest(meeting=message, update_mask=FieldMask(paths=paths)))


class TestReading:
    async def test_a_meeting_is_read_as_it_was_acknowledged(self, new_tenant, ingest, store):
        tenant_id = await new_tenant()
        (ingested,) = await ingest(tenant_id, WEEKLY)
        assert await store.get(tenant_id, "weekly", soon()) == ingested.kept

    async def test_a_meeting_that_is_not_there_is_not_found(self, tenant_id, store):
        with pytest.raises(NotFound, match="meetings/other"):
            await store.get(tenant_id, "other", soon())

    async def test_another_tenants_meeting_is_not_found_and_not_touched(
        self, tenant_id, new_tenant, store, inspector, ingestion
    ):
        stranger = await new_tenant()
        with pytest.raises(NotFound):
            await store.get(stranger, "weekly", soon())
        with pytest.raises(NotFound):
            await ingestion.update(stranger, "weekly", {"title": "Mine"}, "", soon())
        with pytest.raises(NotFound):
            await store.delete(stranger, "weekly", "", soon())
        assert await store.page(stranger, after=None, meetings_max=10, deadline=soon()) == ([], 0)
        await inspector.assert_holds(tenant_id, WEEKLY)


class TestChanging:
    async def test_only_what_the_mask_names_changes(self, tenant_id, store, inspector, ingestion):
        before = await store.get(tenant_id, "weekly", soon())
        fields = changes("title", "tags", "attributes", title="New", tags=["a", "b"], language="fr")
        updated = await ingestion.update(tenant_id, "weekly", fields, "", soon())
        expected = replace(WEEKLY, title="New", tags=("a", "b"), attributes={})
        assert updated.meeting == replace(expected, utterances=())
        assert updated == await store.get(tenant_id, "weekly", soon())
        assert updated.etag != before.etag
        assert updated.created_at == before.created_at < updated.updated_at
        await inspector.assert_holds(tenant_id, expected)

    async def test_a_new_title_is_weighed_in_every_chunk_and_nothing_is_embedded(
        self, tenant_id, ingestion, inspector, embedder
    ):
        embedder.texts.clear()
        await ingestion.update(tenant_id, "weekly", {"title": "예산 심사"}, "", soon())
        await inspector.assert_holds(tenant_id, replace(WEEKLY, title="예산 심사"))
        assert embedder.texts == []

    async def test_a_meeting_that_was_weighed_otherwise_is_weighed_anew_when_it_is_sent_again(
        self, tenant_id, ingest, ingestion, inspector, embedder, owner
    ):
        await ingestion.update(tenant_id, "weekly", {"title": "Renamed"}, "", soon())
        await owner.execute(
            "UPDATE meetings SET weights_version = 1; UPDATE chunk_terms SET weights = '{1:1}/1000000000'"
        )
        embedder.texts.clear()
        (again,) = await ingest(tenant_id, WEEKLY)
        assert again.outcome is Outcome.UNCHANGED
        await inspector.assert_holds(tenant_id, replace(WEEKLY, title="Renamed"))
        assert embedder.texts == []

    async def test_new_names_are_folded_for_filters(self, tenant_id, store, inspector, ingestion):
        names = {"series": "Ｗｅｅｋｌｙ  II", "participants": ("Zoë", " KIM  철수"), "tags": ("STRASSE", "straße")}
        await ingestion.update(tenant_id, "weekly", names, "", soon())
        await inspector.assert_holds(tenant_id, replace(WEEKLY, **names))

    @pytest.mark.parametrize("held_on", ["2024-04-01", ""])
    async def test_a_new_day_moves_the_columns_that_filters_compare(
        self, tenant_id, store, inspector, held_on, ingestion
    ):
        await ingestion.update(tenant_id, "weekly", changes("date", date=held_on), "", soon())
        expected = replace(WEEKLY, held_on=date.fromisoformat(held_on) if held_on else None)
        await inspector.assert_holds(tenant_id, expected)

    async def test_a_new_start_leaves_the_day(self, tenant_id, store, inspector, ingestion):
        started_at = datetime(2024, 5, 1, 9, 0, tzinfo=UTC)
        await ingestion.update(tenant_id, "weekly", {"started_at": started_at}, "", soon())
        await inspector.assert_holds(tenant_id, replace(WEEKLY, started_at=started_at))

    async def test_the_current_etag_is_taken_and_a_stale_one_is_a_conflict(
        self, tenant_id, store, inspector, ingestion
    ):
        first = await store.get(tenant_id, "weekly", soon())
        second = await ingestion.update(tenant_id, "weekly", {"title": "Second"}, first.etag, soon())
        with pytest.raises(Conflict, match=second.etag):
            await ingestion.update(tenant_id, "weekly", {"title": "Third"}, first.etag, soon())
        with pytest.raises(Conflict):
            await store.delete(tenant_id, "weekly", first.etag, soon())
        await inspector.assert_holds(tenant_id, replace(WEEKLY, title="Second"))
        await store.delete(tenant_id, "weekly", second.etag, soon())
        await inspector.assert_holds(tenant_id)

    async def test_an_ingest_makes_the_etag_stale(self, tenant_id, store, ingest, ingestion):
        first = await store.get(tenant_id, "weekly", soon())
        await ingest(tenant_id, replace(WEEKLY, utterances=WEEKLY.utterances[:1]))
        with pytest.raises(Conflict):
            await ingestion.update(tenant_id, "weekly", {"title": "New"}, first.etag, soon())

    async def test_ingesting_the_old_content_again_keeps_the_changed_fields(self, tenant_id, store, ingest, ingestion):
        await ingestion.update(tenant_id, "weekly", {"title": "New"}, "", soon())
        (again,) = await ingest(tenant_id, WEEKLY)
        assert (again.outcome, again.kept.meeting.title) == (Outcome.UNCHANGED, "New")

    async def test_changing_a_meeting_that_is_not_there_is_not_found(self, tenant_id, store, ingestion):
        with pytest.raises(NotFound):
            await ingestion.update(tenant_id, "other", {"title": "New"}, "", soon())


class TestListing:
    DAYS = (date(2024, 3, 5), None, date(2024, 3, 4), date(2024, 3, 5), None, date(1900, 1, 1), date(2999, 12, 31))

    @pytest.mark.parametrize("page_size", [1, 2, 3, 6, 7, 50])
    async def test_pages_walk_every_meeting_once_newest_first_and_those_without_a_day_last(
        self, new_tenant, ingest, store, page_size
    ):
        tenant_id = await new_tenant()
        short = (Utterance("Ann", "네."),)
        meetings = [
            Meeting(meeting_id=f"m-{number}", held_on=day, utterances=short) for number, day in enumerate(self.DAYS)
        ]
        await ingest(tenant_id, *meetings)
        walked, request = [], ingest_pb2.ListMeetingsRequest(page_size=page_size)
        for _ in self.DAYS:
            after, size = page_request(request, b"secret")
            found = await store.page(tenant_id, after=after, meetings_max=size + 1, deadline=soon())
            response = page_response(request, b"secret", *found, size)
            assert response.total_size == len(self.DAYS)
            assert len(response.meetings) <= page_size
            walked += [each.name for each in response.meetings]
            request.page_token = response.next_page_token
            if not request.page_token:
                break
        assert walked == [f"meetings/m-{number}" for number in (6, 0, 3, 2, 5, 1, 4)]
        assert not request.page_token
