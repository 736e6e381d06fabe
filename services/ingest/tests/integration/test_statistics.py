"""The counts that BM25 needs, folded or not."""

import asyncio

import pytest

from sagwan_ingest.domain.indexing import completed
from sagwan_ingest.domain.meeting import Meeting, Utterance
from sagwan_ingest.ingestion import Ingestion
from sagwan_runtime.deadline import Deadline
from sagwan_runtime.errors import DependencyUnavailable

pytestmark = pytest.mark.integration

FOLDED = "SELECT coalesce(sum(chunk_count), 0)::bigint FROM corpus_stats WHERE tenant_id = $1"
PENDING = "SELECT count(*) FROM statistics_changes WHERE tenant_id = $1"


def meeting(meeting_id: str, *sentences: str) -> Meeting:
    return completed(Meeting(meeting_id=meeting_id, utterances=tuple(Utterance("Ann", each) for each in sentences)))


def soon() -> Deadline:
    return Deadline.after(30)


async def test_an_ingest_leaves_nothing_to_be_folded(new_tenant, ingest, owner):
    tenant_id = await new_tenant()
    await ingest(tenant_id, meeting("weekly", "The budget was cut by a tenth."))
    assert await owner.fetchval(PENDING, tenant_id) == 0
    assert await owner.fetchval(FOLDED, tenant_id) == 1


async def test_what_is_not_folded_counts_and_the_next_ingest_folds_it(
    new_tenant, ingest, inspector, owner, monkeypatch
):
    tenant_id = await new_tenant()
    written = meeting("weekly", "The budget was cut by a tenth.")

    async def failing(*_: object) -> None:
        raise DependencyUnavailable("the connection is gone")

    with monkeypatch.context() as broken:
        broken.setattr("sagwan_ingest.adapters.postgres.PostgresMeetingStore.fold_statistics", failing)
        await ingest(tenant_id, written)
    assert await owner.fetchval(PENDING, tenant_id) == 1
    await inspector.assert_holds(tenant_id, written)

    await ingest(tenant_id, written)
    assert await owner.fetchval(PENDING, tenant_id) == 0
    await inspector.assert_holds(tenant_id, written)


async def test_folding_while_others_write_loses_nothing(new_tenant, ingest, inspector, store, owner):
    tenant_id = await new_tenant()
    words = ["alpha", "beta", "gamma", "delta"]

    async def write(number: int) -> Meeting:
        last = meeting(f"m{number}", "nothing yet")
        for round_ in range(5):
            last = meeting(f"m{number}", f"{words[number % 4]} {words[round_ % 4]} was agreed on by all of them.")
            await ingest(tenant_id, last)
        return last

    async def fold() -> None:
        for _ in range(20):
            await store.fold_statistics(tenant_id, soon())

    *written, _, _ = await asyncio.gather(*(write(number) for number in range(6)), fold(), fold())
    await store.fold_statistics(tenant_id, soon())
    assert await owner.fetchval(PENDING, tenant_id) == 0
    await inspector.assert_holds(tenant_id, *written)


async def test_writers_of_different_meetings_do_not_wait_for_each_other(
    new_tenant, ingestion: Ingestion, ingest, owner
):
    tenant_id = await new_tenant()
    await ingest(tenant_id, meeting("slow", "The budget was cut by a tenth."))
    async with owner.transaction():
        await owner.execute("SELECT FROM meetings WHERE tenant_id = $1 AND meeting_id = 'slow' FOR UPDATE", tenant_id)
        blocked = asyncio.create_task(ingest(tenant_id, meeting("slow", "The budget was raised by a tenth.")))
        await ingest(tenant_id, meeting("quick", "The budget was cut by a tenth."), seconds=10)
        assert not blocked.done()
    await blocked
