import asyncpg
import pytest

pytestmark = pytest.mark.integration

# One row a table, of the tenant $1, in the order in which they refer to each other.
INSERTS = {
    "meetings": """
        INSERT INTO meetings (
            tenant_id, meeting_id, title, language, series, participants, tags, source, attributes, content_sha256,
            utterance_count, chunk_count
        ) VALUES ($1, gen_random_uuid()::text, 't', '', '', '{}', '{}', '', '{}', '', 1, 1)""",
    "utterances": """
        INSERT INTO utterances (tenant_id, meeting_key, ordinal, speaker, speaker_key, kind, text)
        VALUES ($1, coalesce((SELECT max(meeting_key) FROM meetings), 0), 0, 's', 's', 'speech', 'x')""",
    "chunks": """
        INSERT INTO chunks (
            tenant_id, chunk_id, meeting_key, ordinal, first_utterance, first_character, last_utterance, last_character,
            text_sha256, text
        ) VALUES (
            $1, nextval(pg_get_serial_sequence('chunks', 'chunk_id')),
            coalesce((SELECT max(meeting_key) FROM meetings), 0), 0, 0, 0, 0, 1, '', 'x'
        )""",
    "chunk_terms": """
        INSERT INTO chunk_terms (tenant_id, chunk_id, meeting_key, speakers, term_ids, weights)
        VALUES ($1, coalesce((SELECT max(chunk_id) FROM chunks), 0), 0, '{}', '{1}', '{1:1}/1000000000')""",
    "term_stats": "INSERT INTO term_stats (tenant_id, term_id, chunk_count) VALUES ($1, 1, 1)",
    "corpus_stats": "INSERT INTO corpus_stats (tenant_id, chunk_count) VALUES ($1, 1)",
    "statistics_changes": """
        INSERT INTO statistics_changes (tenant_id, chunk_change, term_ids, term_changes)
        VALUES ($1, 1, '{1}', '{1}')""",
    "replies": """
        INSERT INTO replies (tenant_id, request_id, fingerprint, meeting_ids)
        VALUES ($1, gen_random_uuid(), sha256(''), '{}')""",
    "completions": """
        INSERT INTO completions (tenant_id, meeting_key, ordinal, property, key, value, occurrences)
        VALUES ($1, coalesce((SELECT max(meeting_key) FROM meetings), 0), 0, 'title', 't', 't', 1)""",
    "chunk_vectors_1": """
        INSERT INTO chunk_vectors_1 (tenant_id, chunk_id, meeting_key, speakers, embedding)
        VALUES ($1, coalesce((SELECT max(chunk_id) FROM chunks), 0), 0, '{}', '[1,0,0]')""",
}
OWNERS_TABLES = {"tenants", "api_keys"}
VIEWS = {"term_statistics", "corpus_statistics"}
SHARED_TABLES = {"models", "schema_migrations", "vector_indexes"}


@pytest.fixture(autouse=True)
async def one_row_each(owner, tenants, as_tenant):
    """A row of each tenant in every table."""
    assert await owner.fetchval("SELECT register_model('m', 'r', 'int8', 'sha', 3)") == 1
    for tenant_id in tenants:
        for insert in INSERTS.values():
            await as_tenant(tenant_id, insert, tenant_id)


async def rows_of(owner, table, tenants):
    """Whose rows of the test's two tenants a table really holds."""
    rows = await owner.fetch(f"SELECT tenant_id FROM {table} WHERE tenant_id = ANY ($1)", list(tenants))
    return [row["tenant_id"] for row in rows]


async def test_every_table_of_the_schema_is_known_to_these_tests(owner):
    rows = await owner.fetch(
        """
        SELECT c.relname AS name, EXISTS (
            SELECT FROM pg_attribute AS a WHERE a.attrelid = c.oid AND a.attname = 'tenant_id'
        ) AS of_tenants
        FROM pg_class AS c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
        """
    )

    assert {row["name"] for row in rows if row["of_tenants"]} == INSERTS.keys() | OWNERS_TABLES | VIEWS
    assert {row["name"] for row in rows if not row["of_tenants"]} == SHARED_TABLES


async def test_row_level_security_is_enabled_and_forced_on_every_table_of_tenants(owner):
    rows = await owner.fetch("SELECT relname FROM pg_class WHERE relrowsecurity AND relforcerowsecurity")

    assert {row["relname"] for row in rows} == INSERTS.keys() | OWNERS_TABLES


async def test_the_services_have_one_policy_for_reading_and_writing(owner):
    rows = await owner.fetch(
        """
        SELECT tablename, policyname, permissive, cmd, qual, with_check
        FROM pg_policies WHERE roles && ARRAY['sagwan_service', 'public']::name[]
        """
    )

    assert sorted(row["tablename"] for row in rows) == sorted(INSERTS)
    for row in rows:
        assert (row["policyname"], row["permissive"], row["cmd"]) == ("own_rows", "PERMISSIVE", "ALL")
        assert row["qual"] == row["with_check"]
        assert "current_tenant()" in row["qual"]


@pytest.mark.parametrize("role", ["sagwan_service", "sagwan_definer"])
async def test_the_roles_have_no_power_of_their_own(owner, role):
    row = await owner.fetchrow(
        """
        SELECT rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolreplication, rolcanlogin
        FROM pg_roles WHERE rolname = $1
        """,
        role,
    )

    assert not any(row)
    assert await owner.fetch("SELECT FROM pg_auth_members WHERE member = $1::regrole", role) == []


async def test_the_services_role_owns_nothing(owner):
    assert (
        await owner.fetch("SELECT FROM pg_shdepend WHERE refobjid = 'sagwan_service'::regrole AND deptype = 'o'") == []
    )


async def test_the_definer_owns_the_functions_that_must_see_more_and_nothing_else(owner):
    rows = await owner.fetch(
        """
        SELECT classid::regclass::text AS kind, objid::regproc::text AS name
        FROM pg_shdepend
        WHERE refobjid = 'sagwan_definer'::regrole AND deptype = 'o'
          AND dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
        """
    )

    functions = (
        "authenticate",
        "lexical_matches",
        "filter_matches",
        "filter_estimate",
        "passing_meetings",
        "vector_counts",
        "chunks_without_vector",
        "sampled_chunks",
        "explain_lexical_matches",
    )
    assert {tuple(row) for row in rows} == {("pg_proc", name) for name in functions}


@pytest.mark.parametrize(
    "hidden", ["SELECT text FROM chunks", "SELECT embedding FROM chunk_vectors_1", "SELECT name FROM tenants"]
)
async def test_the_definer_sees_which_chunks_have_a_vector_and_whose_and_not_what_is_in_them(owner, hidden):
    async with owner.transaction():
        await owner.execute("SET LOCAL ROLE sagwan_definer")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await owner.fetch(hidden)


async def test_functions_that_run_as_their_owner_are_the_services_only_and_pin_where_they_look(owner):
    rows = await owner.fetch(
        """
        SELECT proname, proconfig, has_function_privilege('sagwan_service', oid, 'EXECUTE') AS of_services,
            EXISTS (SELECT FROM aclexplode(proacl) AS g WHERE g.grantee = 0) OR proacl IS NULL AS of_everybody
        FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prosecdef
        """
    )

    assert {row["proname"] for row in rows} == {
        "authenticate",
        "lexical_matches",
        "filter_matches",
        "filter_estimate",
        "passing_meetings",
        "register_model",
        "vector_counts",
        "chunks_without_vector",
        "sampled_chunks",
        "explain_lexical_matches",
        "switch_model",
        "drop_model",
    }
    for row in rows:
        assert "search_path=public, pg_temp" in row["proconfig"]
        assert row["of_services"]
        assert not row["of_everybody"]


async def test_the_services_are_granted_what_they_need_and_no_more(owner):
    rows = await owner.fetch(
        """
        SELECT c.relname AS table_name, k.kind
        FROM pg_class AS c, unnest($1::text[]) AS k (kind)
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
          AND has_table_privilege('sagwan_service', c.oid, k.kind)
        """,
        ["SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER"],
    )

    needed = {(table, kind) for table in INSERTS for kind in ("SELECT", "INSERT", "UPDATE", "DELETE")}
    assert {tuple(row) for row in rows} == needed | {("models", "SELECT"), ("vector_indexes", "SELECT")}


async def test_the_services_can_create_nothing(service):
    for statement in ("CREATE TABLE mine (x integer)", "CREATE FUNCTION f() RETURNS int LANGUAGE sql RETURN 1"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await service.execute(statement)


async def test_without_a_tenant_nothing_is_seen_and_nothing_changed(as_tenant, owner, tenants):
    for table in INSERTS:
        assert await as_tenant(None, f"SELECT * FROM {table}") == [], table
        assert await as_tenant(None, f"UPDATE {table} SET tenant_id = tenant_id RETURNING 1") == [], table
        assert await as_tenant(None, f"DELETE FROM {table} RETURNING 1") == [], table
        assert len(await rows_of(owner, table, tenants)) == 2, table


async def test_without_a_tenant_nothing_can_be_written(as_tenant, tenants):
    for table, insert in INSERTS.items():
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match=f'row-level security policy for table "{table}"'):
            await as_tenant(None, insert, tenants.a)


async def test_a_tenant_sees_its_own_rows_only(as_tenant, tenants):
    for table in (*INSERTS, *VIEWS):
        seen = await as_tenant(tenants.a, f"SELECT tenant_id FROM {table}")
        assert [row["tenant_id"] for row in seen] == [tenants.a], table
        assert await as_tenant(tenants.a, f"SELECT FROM {table} WHERE tenant_id = $1", tenants.b) == [], table


async def test_a_tenant_changes_its_own_rows_only(as_tenant, owner, tenants):
    for table in reversed(INSERTS):
        assert await as_tenant(tenants.a, f"DELETE FROM {table} WHERE tenant_id = $1 RETURNING 1", tenants.b) == []
        changed = await as_tenant(tenants.a, f"UPDATE {table} SET tenant_id = tenant_id RETURNING tenant_id")
        assert [row["tenant_id"] for row in changed] == [tenants.a], table
        assert len(await as_tenant(tenants.a, f"DELETE FROM {table} RETURNING 1")) == 1, table
        assert await rows_of(owner, table, tenants) == [tenants.b], table


async def test_a_tenant_can_neither_write_rows_of_another_nor_give_its_own_away(as_tenant, tenants):
    for table, insert in INSERTS.items():
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match=f'row-level security policy for table "{table}"'):
            await as_tenant(tenants.a, insert, tenants.b)
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match=f'row-level security policy for table "{table}"'):
            await as_tenant(tenants.a, f"UPDATE {table} SET tenant_id = $1", tenants.b)


async def test_the_tenant_is_forgotten_with_its_transaction(service, as_tenant, tenants):
    assert await as_tenant(tenants.a, "SELECT FROM meetings")

    assert await service.fetchval("SELECT current_tenant()") is None
    assert await service.fetch("SELECT FROM meetings") == []


async def test_tenants_keys_and_the_ledger_are_closed_to_the_services(as_tenant, tenants):
    for table in (*OWNERS_TABLES, "schema_migrations"):
        for statement in (f"SELECT * FROM {table}", f"DELETE FROM {table}"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError, match=f"permission denied for table {table}"):
                await as_tenant(tenants.a, statement)


async def test_a_tenant_goes_with_everything_that_it_has(owner, tenants):
    await owner.execute("DELETE FROM tenants WHERE tenant_id = $1", tenants.a)

    for table in INSERTS:
        assert await rows_of(owner, table, tenants) == [tenants.b], table
