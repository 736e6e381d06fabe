"""The migrations that bring the tiered index and narrow filters, on a database that holds chunks and is in use."""

import asyncio

import pytest

from sagwan_runtime.postgres.migrations import migrate
from sagwan_runtime.postgres.tenants import ensure_tenant

pytestmark = pytest.mark.integration

MEETING = """
    INSERT INTO meetings (tenant_id, meeting_id, title, language, series, participants, tags, source, attributes,
        content_sha256, utterance_count, chunk_count, weights_version)
    VALUES ($1, $2, '', '', '', '{}', '{}', '', '{}', '', 1, 2, $3) RETURNING meeting_key
"""
CHUNK = """
    WITH chunk AS (
        INSERT INTO chunks (tenant_id, meeting_key, ordinal, first_utterance, first_character, last_utterance,
            last_character, text_sha256, text)
        VALUES ($1, $2, $3, 0, 0, 0, 1, '', 'x') RETURNING chunk_id
    )
    INSERT INTO chunk_terms (tenant_id, chunk_id, meeting_key, speakers, term_ids, weights)
    SELECT $1, chunk_id, $2, '{ann}', $4, $5::text::sparsevec FROM chunk
"""


async def test_chunks_that_were_there_before_are_found_by_tiers_and_counted_each_for_its_own_tenant(
    connect, empty_database_url, migrations
):
    owner = await connect(empty_database_url)
    await migrate(owner, [each for each in migrations if each.version < 13])
    tenants = [await ensure_tenant(owner, name) for name in ("a", "b")]
    for tenant_id in tenants:
        meeting_key = await owner.fetchval(MEETING, tenant_id, "m", 2)
        weights = "{3:1,5:1.5,7:1.7,1000000000:2}/1000000000"
        await owner.execute(CHUNK, tenant_id, meeting_key, 0, [3, 5, 7, 1_000_000_000], weights)
        await owner.execute(CHUNK, tenant_id, meeting_key, 1, [5], "{5:1.31}/1000000000")
        await owner.execute(CHUNK, tenant_id, meeting_key, 2, [], "{}/1000000000")
        await owner.execute(
            "INSERT INTO term_stats VALUES ($1, 3, 1), ($1, 5, 2), ($1, 7, 1), ($1, 1000000000, 1)", tenant_id
        )
    await owner.fetchval(MEETING, tenants[0], "older", 1)

    await migrate(owner, migrations)

    for tenant_id in tenants:
        rows = await owner.fetch("SELECT term_ids FROM chunk_terms WHERE tenant_id = $1 ORDER BY chunk_id", tenant_id)
        upper = [1_000_000_005, 1_000_000_007, -7, 2_000_000_000, -1_000_000_000, -2_000_000_000]
        assert [row["term_ids"] for row in rows] == [
            sorted([3, 5, 7, 1_000_000_000, *upper]),
            [5, 1_000_000_005],
            [],
        ]
        counts = await owner.fetch("SELECT term_id, chunk_count FROM term_stats WHERE tenant_id = $1", tenant_id)
        counted = {row["term_id"]: row["chunk_count"] for row in counts}
        assert counted == {3: 1, 5: 2, 7: 1, 1_000_000_000: 1} | dict.fromkeys(upper, 1) | {1_000_000_005: 2}
    versions = await owner.fetch("SELECT weights_version FROM meetings ORDER BY meeting_key")
    assert [row["weights_version"] for row in versions] == [3, 3, 1]


@pytest.mark.parametrize("version", [13, 14], ids=["tiers", "narrow filters"])
async def test_a_writer_who_has_begun_ends_before_the_migration_does(connect, empty_database_url, migrations, version):
    owner, writer, watcher = [await connect(empty_database_url) for _ in range(3)]
    await migrate(owner, [each for each in migrations if each.version < version])
    tenant_id = await ensure_tenant(owner, "a")
    meeting_key = await owner.fetchval(MEETING, tenant_id, "m", 2)
    await owner.execute(CHUNK, tenant_id, meeting_key, 0, [5], "{5:1}/1000000000")

    async with writer.transaction():
        # As an edit does: the meeting's row first, then what lies beside its chunks.
        await writer.execute("UPDATE meetings SET title = 'edited'")
        migrating = asyncio.create_task(migrate(owner, migrations))
        async with asyncio.timeout(30):
            while not await watcher.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"):
                assert not migrating.done()
                await asyncio.sleep(0.01)
        await writer.execute("UPDATE chunk_terms SET speakers = '{bob}'")
    await migrating

    assert await owner.fetchval("SELECT title FROM meetings") == "edited"
    assert await owner.fetchval("SELECT speakers FROM chunk_terms") == ["bob"]
