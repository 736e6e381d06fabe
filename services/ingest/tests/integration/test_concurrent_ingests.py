"""Ingests that meet: races, locks, cancelled calls."""

import asyncio
import random
from dataclasses import replace
from datetime import date

import asyncpg
import pytest

from sagwan_ingest.domain.indexing import completed
from sagwan_ingest.domain.meeting import Meeting, Utterance
from sagwan_ingest.ports import Outcome
from sagwan_runtime.deadline import Deadline
from sagwan_runtime.errors import Conflict, DeadlineExceeded

pytestmark = pytest.mark.integration

WORDS = [f"w{number}" for number in range(60)]
CUT = "The budget for next year was cut by a tenth, which nobody in the room expected."
HIRE = "We should hire two engineers before the summer, or the release will slip again."
MOVE = "The office moves to the third floor, and everyone will get a new desk there."

TAKE_TURN = "SELECT FROM meetings WHERE tenant_id = $1 FOR UPDATE"
WAITING = """
    SELECT count(*) FROM pg_sleep(0.01), pg_stat_activity
    WHERE application_name = 'tests' AND wait_event_type = 'Lock'
"""


def meeting(meeting_id: str, *sentences: str) -> Meeting:
    return completed(Meeting(meeting_id=meeting_id, utterances=tuple(Utterance("Ann", each) for each in sentences)))


def soon() -> Deadline:
    return Deadline.after(30)


class TestRaces:
    async def test_of_two_ingests_of_one_meeting_one_creates_it_and_one_finds_it_unchanged(
        self, new_tenant, ingest, inspector, embedder
    ):
        tenant_id, weekly, other = await new_tenant(), meeting("weekly", CUT, HIRE), meeting("other", MOVE)
        await ingest(tenant_id, other)
        # Both have seen that there is no such meeting before either goes on.
        embedder.gate = asyncio.Barrier(2)
        results = await asyncio.gather(ingest(tenant_id, weekly), ingest(tenant_id, weekly))
        assert sorted(each.outcome for (each,) in results) == [Outcome.CREATED, Outcome.UNCHANGED]
        assert len({each.kept.etag for (each,) in results}) == 1
        await inspector.assert_holds(tenant_id, weekly, other)

    async def test_of_two_edits_the_last_to_write_wins_whole(self, new_tenant, ingest, inspector, embedder):
        tenant_id = await new_tenant()
        await ingest(tenant_id, meeting("weekly", CUT))
        embedder.gate = asyncio.Barrier(2)
        edits = [meeting("weekly", CUT, HIRE), meeting("weekly", CUT, MOVE)]
        results = await asyncio.gather(*(ingest(tenant_id, each) for each in edits))
        assert [each.outcome for (each,) in results] == [Outcome.UPDATED] * 2
        last = max(range(2), key=lambda place: results[place][0].kept.etag)
        await inspector.assert_holds(tenant_id, edits[last])

    async def test_a_chunk_that_was_counted_on_and_has_gone_is_embedded_after_all(
        self, new_tenant, ingest, inspector, embedder
    ):
        tenant_id = await new_tenant()
        await ingest(tenant_id, meeting("weekly", CUT, HIRE))
        embedder.texts.clear()
        embedder.asked.clear()
        embedder.gate = asyncio.Event()
        edit = meeting("weekly", CUT, MOVE)
        slow = asyncio.create_task(ingest(tenant_id, edit))
        await embedder.asked.wait()
        # Needs no vector, so it overtakes; and it takes the chunk away that the slow one keeps.
        await ingest(tenant_id, meeting("weekly", HIRE))
        embedder.gate.set()
        (updated,) = await slow
        assert updated.outcome is Outcome.UPDATED
        assert embedder.texts == [f"Ann: {MOVE}", f"Ann: {MOVE}", f"Ann: {CUT}"]
        await inspector.assert_holds(tenant_id, edit)

    async def test_a_meeting_that_is_deleted_during_an_edit_is_created_anew(
        self, new_tenant, ingest, inspector, embedder, store
    ):
        tenant_id = await new_tenant()
        await ingest(tenant_id, meeting("weekly", CUT, HIRE))
        embedder.texts.clear()
        embedder.asked.clear()
        embedder.gate = asyncio.Event()
        edit = meeting("weekly", CUT, MOVE)
        slow = asyncio.create_task(ingest(tenant_id, edit))
        await embedder.asked.wait()
        await store.delete(tenant_id, "weekly", "", soon())
        embedder.gate.set()
        (created,) = await slow
        assert created.outcome is Outcome.CREATED
        await inspector.assert_holds(tenant_id, edit)


class TestLocks:
    async def test_eight_writers_that_share_their_words_do_not_deadlock(
        self, new_tenant, ingest, inspector, embedder, store, ingestion
    ):
        tenant_id = await new_tenant()
        other = meeting("other", CUT)
        await ingest(tenant_id, other)
        # Four sentences are four chunks and one call to the embedder, after which all eight write at once.
        embedder.gate = asyncio.Barrier(8)

        def sentences(dice: random.Random) -> list[str]:
            return [" ".join(dice.sample(WORDS, k=12)) + "." for _ in range(4)]

        async def write(number: int) -> Meeting:
            dice = random.Random(number)
            for _ in range(3):
                # Two meetings in one transaction touch the same words in two orders.
                written = [meeting(f"{name}-{number}", *sentences(dice)) for name in "ab"]
                await ingest(tenant_id, *written)
            held_on = date(2024, 1, 31)
            await ingestion.update(tenant_id, f"a-{number}", {"held_on": held_on}, "", soon())
            await store.delete(tenant_id, f"b-{number}", "", soon())
            return replace(written[0], held_on=held_on)

        async with asyncio.timeout(30):
            written = await asyncio.gather(*(write(number) for number in range(8)))
        await inspector.assert_holds(tenant_id, other, *written)

    async def test_eight_writers_of_the_same_meetings_neither_deadlock_nor_mix_their_versions(
        self, new_tenant, ingest, inspector
    ):
        tenant_id = await new_tenant()
        names = ["a", "b", "c", "d"]

        def version(name: str, number: int) -> Meeting:
            dice = random.Random(f"{name}{number}")
            return meeting(name, *(" ".join(dice.sample(WORDS, k=12)) + "." for _ in range(4)))

        async def write(number: int) -> None:
            for round_ in range(3):
                # Each in an order of its own, two meetings in one transaction.
                order = random.Random(number * 10 + round_).sample(names, k=4)
                for pair in (order[:2], order[2:]):
                    await patient_ingest([version(name, number * 10 + round_) for name in pair])

        async def patient_ingest(meetings: list[Meeting]) -> None:
            while True:
                try:
                    await ingest(tenant_id, *meetings)
                except Conflict:
                    # What another writer has taken away since the look; the caller is told to try again.
                    continue
                return

        async with asyncio.timeout(60):
            await asyncio.gather(*(write(number) for number in range(8)))
        kept = await inspector.texts(tenant_id)
        versions = {
            tuple(turn.text for turn in each.utterances): each
            for each in (
                version(name, number * 10 + round_) for name in names for number in range(8) for round_ in range(3)
            )
        }
        await inspector.assert_holds(tenant_id, *(versions[kept[name]] for name in names))

    async def test_no_update_is_lost_where_eight_writers_name_the_etag_that_they_saw(
        self, new_tenant, ingest, store, ingestion
    ):
        tenant_id = await new_tenant()
        await ingest(tenant_id, meeting("weekly", CUT))

        async def add(tag: str) -> None:
            while True:
                seen = await store.get(tenant_id, "weekly", soon())
                try:
                    await ingestion.update(tenant_id, "weekly", {"tags": (*seen.meeting.tags, tag)}, seen.etag, soon())
                except Conflict:
                    continue
                return

        tags = [f"tag-{number}" for number in range(8)]
        async with asyncio.timeout(60):
            await asyncio.gather(*(add(tag) for tag in tags))
        assert sorted((await store.get(tenant_id, "weekly", soon())).meeting.tags) == tags

    async def test_edits_of_fields_and_of_content_at_once_do_not_deadlock(
        self, new_tenant, ingest, inspector, store, ingestion
    ):
        tenant_id = await new_tenant()
        versions = [meeting("weekly", CUT, HIRE), meeting("weekly", MOVE, CUT)]
        await ingest(tenant_id, versions[0])

        async def change_fields() -> None:
            for day in range(1, 11):
                await ingestion.update(tenant_id, "weekly", {"held_on": date(2024, 1, day)}, "", soon())

        async def change_content() -> None:
            for round_ in range(10):
                await ingest(tenant_id, versions[round_ % 2])

        async with asyncio.timeout(30):
            await asyncio.gather(change_fields(), change_content())
        kept = await store.get(tenant_id, "weekly", soon())
        await inspector.assert_holds(tenant_id, replace(versions[1], held_on=kept.meeting.held_on))

    @pytest.fixture
    async def busy_tenant(self, new_tenant, ingest, owner):
        """A tenant whose meeting somebody else is changing, for as long as the test lasts."""
        tenant_id = await new_tenant()
        await ingest(tenant_id, meeting("weekly", CUT))
        async with owner.transaction():
            await owner.execute(TAKE_TURN, tenant_id)
            yield tenant_id

    async def test_a_turn_that_does_not_come_in_time_leaves_everything_as_it_was(
        self, busy_tenant, ingest, inspector, store
    ):
        with pytest.raises(DeadlineExceeded):
            await ingest(busy_tenant, meeting("weekly", HIRE), seconds=0.3)
        with pytest.raises(DeadlineExceeded):
            await store.delete(busy_tenant, "weekly", "", Deadline.after(0.3))
        await inspector.assert_holds(busy_tenant, meeting("weekly", CUT))

    async def test_another_tenants_turn_is_not_waited_for(self, new_tenant, ingest, owner):
        busy, idle = await new_tenant(), await new_tenant()
        await ingest(busy, meeting("weekly", CUT))
        async with owner.transaction():
            await owner.execute(TAKE_TURN, busy)
            (ingested,) = await ingest(idle, meeting("weekly", CUT), seconds=10)
        assert ingested.outcome is Outcome.CREATED

    async def test_a_cancelled_ingest_leaves_nothing_and_gives_its_connection_back(
        self, new_tenant, ingest, inspector, owner, database_url
    ):
        tenant_id = await new_tenant()
        await ingest(tenant_id, meeting("weekly", CUT))
        watcher = await asyncpg.connect(database_url)
        async with owner.transaction():
            await owner.execute(TAKE_TURN, tenant_id)
            # More than the pool has connections, one after the other.
            for _ in range(12):
                blocked = asyncio.create_task(ingest(tenant_id, meeting("weekly", HIRE)))
                while not await watcher.fetchval(WAITING):
                    assert not blocked.done()
                blocked.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await blocked
        await watcher.close()
        await inspector.assert_holds(tenant_id, meeting("weekly", CUT))
        await ingest(tenant_id, meeting("weekly", HIRE), seconds=5)
        await inspector.assert_holds(tenant_id, meeting("weekly", HIRE))
