-- Writers of one tenant at the same time, and answers to repeated requests.

-- What transactions have changed in the statistics and nobody has added up yet: a row a meeting that is written, so that no two
-- writers wait for each other on a common word. Folded into term_stats and corpus_stats soon after.
CREATE TABLE statistics_changes (
    tenant_id    uuid      NOT NULL REFERENCES tenants ON DELETE CASCADE,
    change_id    bigint    GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    chunk_change bigint    NOT NULL,
    term_ids     integer[] NOT NULL,
    term_changes bigint[]  NOT NULL,
    CHECK (cardinality(term_ids) = cardinality(term_changes))
);
CREATE INDEX statistics_changes_by_tenant ON statistics_changes (tenant_id, change_id);

-- The statistics as they are, folded or not. As its reader, so that row-level security is the reader's.
CREATE VIEW term_statistics WITH (security_invoker = true) AS
SELECT tenant_id, term_id, sum(chunk_count)::bigint AS chunk_count
FROM (
    SELECT tenant_id, term_id, chunk_count FROM term_stats
    UNION ALL
    SELECT c.tenant_id, t.term_id, t.term_change
    FROM statistics_changes AS c, unnest(c.term_ids, c.term_changes) AS t (term_id, term_change)
) AS counted
GROUP BY tenant_id, term_id
HAVING sum(chunk_count) <> 0;

CREATE VIEW corpus_statistics WITH (security_invoker = true) AS
SELECT tenant_id, sum(chunk_count)::bigint AS chunk_count
FROM (
    SELECT tenant_id, chunk_count FROM corpus_stats
    UNION ALL
    SELECT tenant_id, chunk_change FROM statistics_changes
) AS counted
GROUP BY tenant_id;

-- The first answer to each request that named itself, written with what it did. A meeting that is deleted takes its
-- answers with it: the row stays without them, so that a late repeat does not bring the meeting back.
CREATE TABLE replies (
    tenant_id   uuid        NOT NULL REFERENCES tenants ON DELETE CASCADE,
    request_id  uuid        NOT NULL,
    fingerprint bytea       NOT NULL CHECK (octet_length(fingerprint) = 32),
    meeting_ids text[]      NOT NULL,
    answer      bytea,
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, request_id)
);
CREATE INDEX replies_by_age ON replies (tenant_id, created_at);

DO $$
DECLARE
    table_name text;
BEGIN
    FOREACH table_name IN ARRAY ARRAY['statistics_changes', 'replies'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', table_name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', table_name);
        EXECUTE format(
            'CREATE POLICY own_rows ON %I TO sagwan_service
             USING (tenant_id = (SELECT current_tenant())) WITH CHECK (tenant_id = (SELECT current_tenant()))',
            table_name
        );
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO sagwan_service', table_name);
    END LOOP;
END $$;
GRANT SELECT ON term_statistics, corpus_statistics TO sagwan_service;
