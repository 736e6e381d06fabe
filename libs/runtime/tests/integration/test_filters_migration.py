"""The migration that brings filters of any shape, on a database that has meetings already."""

import pytest

from sagwan_runtime.postgres.migrations import migrate
from sagwan_runtime.postgres.tenants import ensure_tenant

pytestmark = pytest.mark.integration

MEETING = """
    INSERT INTO meetings (tenant_id, meeting_id, title, language, series, participants, tags, source, attributes,
        content_sha256, utterance_count, chunk_count)
    VALUES ($1, 'm', '', '', $2, $3, $4, '', '{}', '', 5, 2) RETURNING meeting_key
"""
TURN = """
    INSERT INTO utterances (tenant_id, meeting_key, ordinal, speaker, speaker_key, start_ms, end_ms, kind, text)
    VALUES ($1, $2, $3, 'Ann', 'ann', $4, $5, $6, $7)
"""
CHUNK = """
    WITH chunk AS (
        INSERT INTO chunks (tenant_id, meeting_key, ordinal, first_utterance, first_character, last_utterance,
            last_character, text_sha256, text)
        VALUES ($1, $2, $3, $3, 0, $4, 1, '', 'x') RETURNING chunk_id
    )
    INSERT INTO chunk_terms (tenant_id, chunk_id, meeting_key, speakers, term_ids, weights)
    SELECT $1, chunk_id, $2, '{ann}', '{1}', '{1:1}/1000000000' FROM chunk
"""
TURNS = [
    (None, 9_000, "decision", "x"),
    (4_000, None, "speech", "x"),
    (0, 99_000, "action", " \n"),
    (7_000, 8_000, "decision", "x"),
    (None, None, "action", "x"),
]


async def test_meetings_that_were_there_before_can_be_filtered_each_for_its_own_tenant(
    connect, empty_database_url, migrations
):
    owner = await connect(empty_database_url)
    await migrate(owner, [each for each in migrations if each.version < 8])
    names = {"a": ("Ｗｅｅｋｌｙ  Sync", ["김철수", " ANN  B "], ["Q3", "예산"]), "b": ("", [], [])}
    keys = {"a": ("weekly sync", ["김철수", "ann b"], ["q3", "예산"]), "b": ("", [], [])}
    tenants = {}
    for name, own in names.items():
        tenant_id = tenants[name] = await ensure_tenant(owner, name)
        meeting_key = await owner.fetchval(MEETING, tenant_id, *own)
        for ordinal, turn in enumerate(TURNS):
            await owner.execute(TURN, tenant_id, meeting_key, ordinal, *turn)
        await owner.execute(CHUNK, tenant_id, meeting_key, 0, 3)
        await owner.execute(CHUNK, tenant_id, meeting_key, 4, 4)

    await migrate(owner, migrations)

    for name, tenant_id in tenants.items():
        row = await owner.fetchrow(
            "SELECT series_key, participant_keys, tag_keys FROM meetings WHERE tenant_id = $1", tenant_id
        )
        assert tuple(row) == keys[name]
        rows = await owner.fetch(
            "SELECT kinds, start_ms, end_ms FROM chunk_terms WHERE tenant_id = $1 ORDER BY chunk_id", tenant_id
        )
        assert [tuple(row) for row in rows] == [(["decision", "speech"], 4_000, 9_000), (["action"], None, None)]
    assert await owner.fetchval("SELECT current_user") == await owner.fetchval("SELECT session_user")
