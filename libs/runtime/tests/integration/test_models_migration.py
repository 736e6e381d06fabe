"""The migration that lets models be changed, on a database that has one already."""

import pytest

from sagwan_runtime.postgres.migrations import migrate

pytestmark = pytest.mark.integration


async def test_a_model_that_was_there_before_is_counted_filled_switched_and_dropped(
    connect, empty_database_url, migrations
):
    owner = await connect(empty_database_url)
    await migrate(owner, migrations[:3])
    assert await owner.fetchval("SELECT register_model('m', 'r', 'q', 'old', 3)") == 1
    await migrate(owner, migrations)
    service = await connect(empty_database_url, server_settings={"role": "sagwan_service"})
    assert await service.fetchval("SELECT register_model('m', 'r', 'q', 'new', 4)") == 2
    assert [tuple(row) for row in await service.fetch("SELECT * FROM vector_counts()")] == [(1, 0, 0), (2, 0, 0)]
    assert await service.fetch("SELECT * FROM chunks_without_vector(1, 0, 10)") == []
    assert await service.fetchval("SELECT drop_model(1)") is False
    assert await service.fetchval("SELECT switch_model(2)") == 0
    assert await service.fetchval("SELECT drop_model(1)") is True
    assert [await service.fetchval(f"SELECT {name}_model(1)") for name in ("switch", "drop")] == [None, None]
    assert [tuple(row) for row in await owner.fetch("SELECT sha256, state FROM models")] == [("new", "serving")]
