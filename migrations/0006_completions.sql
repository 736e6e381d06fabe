-- Completing speakers, tags and titles from the beginning of one of their words.

-- A row for each word of each value of a meeting. Rows of a meeting and not counters of the tenant: writers of two
-- meetings must not wait for each other on a speaker that both have. Ingest writes them; `sagwan_text.completion` folds
-- the keys, which are compared by code point.
CREATE TABLE completions (
    tenant_id   uuid    NOT NULL,
    meeting_key bigint  NOT NULL,
    ordinal     integer NOT NULL,
    property    text    NOT NULL CHECK (property IN ('speaker', 'tag', 'title')),
    key         text    COLLATE "C" NOT NULL,
    value       text    NOT NULL,
    occurrences integer NOT NULL,
    PRIMARY KEY (meeting_key, ordinal),
    FOREIGN KEY (tenant_id, meeting_key) REFERENCES meetings (tenant_id, meeting_key) ON DELETE CASCADE
);
CREATE INDEX completions_by_key ON completions (tenant_id, key);

ALTER TABLE completions ENABLE ROW LEVEL SECURITY;
ALTER TABLE completions FORCE ROW LEVEL SECURITY;
CREATE POLICY own_rows ON completions TO sagwan_service
    USING (tenant_id = (SELECT current_tenant())) WITH CHECK (tenant_id = (SELECT current_tenant()));
GRANT SELECT, INSERT, UPDATE, DELETE ON completions TO sagwan_service;

-- Meetings that are there already. Row-level security holds for the owner too, so this goes tenant by tenant as the
-- services do. Words are what spaces part, and lower() stands for the folding of case: for plain letters and Hangul that
-- is what ingest does, and the next edit of a meeting puts the rest right.
DO $$
DECLARE
    known uuid;
    all_tenants uuid[] := ARRAY(SELECT tenant_id FROM tenants);
BEGIN
    SET LOCAL ROLE sagwan_service;
    FOREACH known IN ARRAY all_tenants LOOP
        PERFORM set_config('sagwan.tenant_id', known::text, true);
        INSERT INTO completions (tenant_id, meeting_key, ordinal, property, key, value, occurrences)
        SELECT known, v.meeting_key, row_number() OVER (PARTITION BY v.meeting_key) - 1, v.property,
            left(replace(substr(v.folded, place), ' ', ''), 100), v.value, v.occurrences
        FROM (
            SELECT n.*, btrim(regexp_replace(lower(normalize(n.value, NFKC)), '\s+', ' ', 'g')) AS folded
            FROM (
                SELECT meeting_key, 'title' AS property, title AS value, 1 AS occurrences FROM meetings
                UNION ALL
                SELECT DISTINCT meeting_key, 'tag', tag, 1 FROM meetings, unnest(tags) AS tag
                UNION ALL
                SELECT meeting_key, 'speaker', speaker, count(*) FROM utterances GROUP BY meeting_key, speaker
            ) AS n
        ) AS v, generate_series(1, length(v.folded)) AS place
        WHERE place = 1 OR substr(v.folded, place - 1, 1) = ' ';
    END LOOP;
    PERFORM set_config('sagwan.tenant_id', '', true);
    RESET ROLE;
END $$;
