"""The migration by which near names are found, on a database that has completions already."""

import pytest

from sagwan_runtime.postgres.migrations import migrate
from sagwan_runtime.postgres.tenants import ensure_tenant
from sagwan_text.completion import completion_keys

pytestmark = pytest.mark.integration

MEETING = """
    INSERT INTO meetings (tenant_id, meeting_id, title, language, series, participants, tags, source, attributes,
        content_sha256, utterance_count, chunk_count)
    VALUES ($1, 'm', '', '', '', '{}', '{}', '', '{}', '', 0, 0) RETURNING meeting_key
"""
COMPLETION = """
    INSERT INTO completions (tenant_id, meeting_key, ordinal, property, key, value, occurrences)
    VALUES ($1, $2, $3, 'speaker', $4, $5, 1)
"""
VALUES = ["Wen  HARROW", "김철수", "2026 예산 심의 (2차)", "O'Neil, Ann-Marie"]


async def test_words_of_what_was_there_before_are_what_ingest_writes(connect, empty_database_url, migrations):
    owner = await connect(empty_database_url)
    before = next(each.version for each in migrations if "word text" in each.sql)
    await migrate(owner, [each for each in migrations if each.version < before])
    expected = {}
    for tenant in ("a", "b"):
        tenant_id = await ensure_tenant(owner, tenant)
        meeting_key = await owner.fetchval(MEETING, tenant_id)
        words = [(key, word, value) for value in VALUES for key, word in completion_keys(value).items()]
        for ordinal, (key, _, value) in enumerate(words):
            await owner.execute(COMPLETION, tenant_id, meeting_key, ordinal, key, value)
        expected[tenant_id] = [word for _, word, _ in words]

    await migrate(owner, migrations)

    for tenant_id, words in expected.items():
        rows = await owner.fetch("SELECT word FROM completions WHERE tenant_id = $1 ORDER BY ordinal", tenant_id)
        assert [row["word"] for row in rows] == words
    halves = await owner.fetchrow("SELECT head, tail FROM completions WHERE word = '김철수'")
    assert tuple(halves) == ("\u1100\u1175\u11b7\u110e", "\u1165\u11af\u1109\u116e")
