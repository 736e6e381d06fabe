import asyncio

import asyncpg
import pytest

pytestmark = pytest.mark.integration

REGISTER = "SELECT register_model($1, 'r1', 'int8', $2, $3)"


@pytest.fixture
async def database_url(new_database):
    """A database for each test: which model was the first matters."""
    return await new_database()


async def states(owner):
    rows = await owner.fetch("SELECT sha256, state FROM models ORDER BY model_id")
    return [tuple(row) for row in rows]


async def vector_tables(owner):
    rows = await owner.fetch("SELECT tablename FROM pg_tables WHERE tablename LIKE 'chunk\\_vectors\\_%' ORDER BY 1")
    return [row["tablename"] for row in rows]


async def test_the_first_model_serves(service, owner):
    model_id = await service.fetchval(REGISTER, "e5", "sha-1", 384)

    assert await states(owner) == [("sha-1", "serving")]
    assert await vector_tables(owner) == [f"chunk_vectors_{model_id}"]


async def test_a_known_model_keeps_its_id_and_its_table(service, owner):
    first = await service.fetchval(REGISTER, "e5", "sha-1", 384)

    assert await service.fetchval(REGISTER, "another name", "sha-1", 384) == first

    assert await states(owner) == [("sha-1", "serving")]
    assert await vector_tables(owner) == [f"chunk_vectors_{first}"]


async def test_a_second_model_fills_while_the_first_serves(service, owner):
    first = await service.fetchval(REGISTER, "e5", "sha-1", 384)
    second = await service.fetchval(REGISTER, "e5", "sha-2", 768)

    assert await states(owner) == [("sha-1", "serving"), ("sha-2", "filling")]
    assert await vector_tables(owner) == [f"chunk_vectors_{first}", f"chunk_vectors_{second}"]


async def test_two_models_never_serve_at_once(service, owner):
    await service.fetchval(REGISTER, "e5", "sha-1", 384)
    await service.fetchval(REGISTER, "e5", "sha-2", 384)

    with pytest.raises(asyncpg.UniqueViolationError):
        await owner.execute("UPDATE models SET state = 'serving'")


async def test_two_services_that_register_one_model_at_once_agree(service, connect, database_url, owner):
    other = await connect(database_url, server_settings={"role": "sagwan_service"})

    one, two = await asyncio.gather(*(each.fetchval(REGISTER, "e5", "sha-1", 384) for each in (service, other)))

    assert one == two
    assert await states(owner) == [("sha-1", "serving")]


async def test_vectors_of_another_length_do_not_fit_into_the_table_of_a_model(service, owner, tenants):
    model_id = await service.fetchval(REGISTER, "e5", "sha-1", 3)

    with pytest.raises(asyncpg.DataError, match="expected 3 dimensions, not 4"):
        await owner.execute(
            f"""
            INSERT INTO chunk_vectors_{model_id} (tenant_id, chunk_id, meeting_key, speakers, embedding)
            VALUES ($1, 1, 1, '{{}}', '[1,0,0,0]')
            """,
            tenants.a,
        )


async def test_a_table_of_vectors_begins_without_an_index_of_them(service, owner):
    model_id = await service.fetchval(REGISTER, "e5", "sha-1", 3)

    row = await service.fetchrow("SELECT kind, quantization FROM vector_indexes WHERE model_id = $1", model_id)
    assert tuple(row) == ("exact", "none")
    rows = await owner.fetch("SELECT indexdef FROM pg_indexes WHERE tablename = $1", f"chunk_vectors_{model_id}")
    assert not [row for row in rows if "embedding" in row["indexdef"]]


async def test_the_services_say_how_an_index_is_searched_and_not_which_there_is(service):
    await service.fetchval(REGISTER, "e5", "sha-1", 3)

    await service.execute("UPDATE vector_indexes SET ef_search = 40, recall = 0.9")
    for statement in (
        "UPDATE vector_indexes SET kind = 'hnsw'",
        "DELETE FROM vector_indexes",
        "INSERT INTO vector_indexes (model_id) VALUES (2)",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await service.execute(statement)
    with pytest.raises(asyncpg.CheckViolationError):
        await service.execute("UPDATE vector_indexes SET ef_search = 1001")


@pytest.mark.parametrize("dimension", [0, -1, 2_001])
async def test_a_length_that_no_index_takes_is_refused_and_leaves_nothing(service, owner, dimension):
    with pytest.raises(asyncpg.CheckViolationError):
        await service.fetchval(REGISTER, "e5", "sha-1", dimension)

    assert await states(owner) == []
    assert await vector_tables(owner) == []


async def test_the_services_can_register_models_and_change_none(service):
    await service.fetchval(REGISTER, "e5", "sha-1", 384)

    for statement in ("UPDATE models SET state = 'retired'", "DELETE FROM models", "DROP TABLE chunk_vectors_1"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await service.execute(statement)
