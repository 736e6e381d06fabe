"""The migration that lets indexes look after themselves, on a database that has one already."""

import pytest

from sagwan_runtime.postgres.migrations import migrate

pytestmark = pytest.mark.integration


async def test_an_index_that_was_there_before_is_kept_and_recorded(connect, empty_database_url, migrations):
    owner = await connect(empty_database_url)
    before = next(each.version for each in migrations if "vector_indexes" in each.file_name) - 1
    await migrate(owner, migrations[:before])
    assert await owner.fetchval("SELECT register_model('m', 'r', 'q', 'old', 3)") == 1

    await migrate(owner, migrations)

    assert await owner.fetchval("SELECT register_model('m', 'r', 'q', 'new', 3)") == 2
    rows = await owner.fetch("SELECT model_id, kind, m, ef_construction FROM vector_indexes ORDER BY 1")
    assert [tuple(row) for row in rows] == [(1, "hnsw", 16, 64), (2, "exact", 0, 0)]
    rows = await owner.fetch("SELECT indexname FROM pg_indexes WHERE indexdef LIKE '%hnsw%' OR indexdef LIKE '%ivf%'")
    assert [row["indexname"] for row in rows] == ["chunk_vectors_1_hnsw"]


async def test_what_is_recorded_of_an_index_goes_with_its_model(service, owner):
    await service.fetchval("SELECT register_model('m', 'r', 'q', 'first', 3)")
    other = await service.fetchval("SELECT register_model('m', 'r', 'q', 'second', 3)")

    assert await service.fetchval("SELECT drop_model($1)", other)

    assert await owner.fetchval("SELECT count(*) FROM vector_indexes WHERE model_id = $1", other) == 0


async def test_the_services_draw_chunks_of_all_tenants_as_identities_only(service, owner, tenants):
    for place, tenant_id in enumerate(tenants):
        meeting_key = await owner.fetchval(
            """
            INSERT INTO meetings (tenant_id, meeting_id, title, language, series, participants, tags, source,
                attributes, content_sha256, utterance_count, chunk_count)
            VALUES ($1, 'm', 't', '', '', '{}', '{}', '', '{}', '', 1, 1) RETURNING meeting_key
            """,
            tenant_id,
        )
        await owner.execute(
            "INSERT INTO chunks VALUES ($1, DEFAULT, $2, 0, $3, 0, 0, 1, '', 'x')", tenant_id, meeting_key, place
        )

    rows = await service.fetch("SELECT * FROM sampled_chunks(200)")

    assert {row["tenant_id"] for row in rows} >= set(tenants)
    assert len({row["chunk_id"] for row in rows}) == len(rows)
    assert set(rows[0].keys()) == {"tenant_id", "chunk_id"}
    assert len(await service.fetch("SELECT * FROM sampled_chunks(0)")) == 0
