"""The migration that brings completions, on a database that has meetings already."""

import pytest

from sagwan_runtime.postgres.migrations import migrate
from sagwan_runtime.postgres.tenants import ensure_tenant

pytestmark = pytest.mark.integration

MEETING = """
    INSERT INTO meetings (tenant_id, meeting_id, title, language, series, participants, tags, source, attributes,
        content_sha256, utterance_count, chunk_count)
    VALUES ($1, 'm', $2, '', '', '{}', $3, '', '{}', '', 3, 1) RETURNING meeting_key
"""
TURN = """
    INSERT INTO utterances (tenant_id, meeting_key, ordinal, speaker, speaker_key, kind, text)
    VALUES ($1, $2, $3, $4, $4, 'speech', 'x')
"""


async def test_meetings_that_were_there_before_are_completed_each_for_its_own_tenant(
    connect, empty_database_url, migrations
):
    owner = await connect(empty_database_url)
    await migrate(owner, [each for each in migrations if each.version < 6])
    expected = {}
    for name, title, tags in (("a", "  예산  Weekly", ["Q3", "Q3"]), ("b", "", [])):
        tenant_id = await ensure_tenant(owner, name)
        meeting_key = await owner.fetchval(MEETING, tenant_id, title, tags)
        for ordinal, speaker in enumerate(["Wen Harrow", "", "Wen Harrow"]):
            await owner.execute(TURN, tenant_id, meeting_key, ordinal, speaker)
        expected[tenant_id] = {("speaker", "wenharrow", "Wen Harrow", 2), ("speaker", "harrow", "Wen Harrow", 2)}
        if title:
            own = {("title", "예산weekly", title, 1), ("title", "weekly", title, 1), ("tag", "q3", "Q3", 1)}
            expected[tenant_id] |= own

    await migrate(owner, migrations)

    for tenant_id, rows in expected.items():
        found = await owner.fetch(
            "SELECT property, key, value, occurrences FROM completions WHERE tenant_id = $1", tenant_id
        )
        assert len(found) == len(rows)
        assert {tuple(row) for row in found} == rows
    assert await owner.fetchval("SELECT current_user") == await owner.fetchval("SELECT session_user")
