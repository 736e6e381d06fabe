-- Filters of any shape: what they compare stands beside chunks and meetings.

-- Beside the speakers: which kinds of utterance a chunk holds, and from when to when they are said, as far as that is known.
ALTER TABLE chunk_terms
    ADD COLUMN kinds    text[] NOT NULL DEFAULT '{}',
    ADD COLUMN start_ms bigint,
    ADD COLUMN end_ms   bigint;

-- What filters compare: case, width and the length of spaces folded, as in utterances.speaker_key.
ALTER TABLE meetings
    ADD COLUMN participant_keys text[] NOT NULL DEFAULT '{}',
    ADD COLUMN tag_keys         text[] NOT NULL DEFAULT '{}',
    ADD COLUMN series_key       text   NOT NULL DEFAULT '';

-- Meetings that are there already, tenant by tenant as the services do. lower() stands for the folding of case: for plain
-- letters and Hangul that is what ingest does, and the next edit of a meeting puts the rest right.
DO $$
DECLARE
    known uuid;
    all_tenants uuid[] := ARRAY(SELECT tenant_id FROM tenants);
BEGIN
    SET LOCAL ROLE sagwan_service;
    FOREACH known IN ARRAY all_tenants LOOP
        PERFORM set_config('sagwan.tenant_id', known::text, true);
        UPDATE meetings AS m
        SET series_key = btrim(regexp_replace(lower(normalize(m.series, NFKC)), '\s+', ' ', 'g')),
            participant_keys = ARRAY(
                SELECT btrim(regexp_replace(lower(normalize(p.name, NFKC)), '\s+', ' ', 'g'))
                FROM unnest(m.participants) WITH ORDINALITY AS p (name, place) ORDER BY p.place
            ),
            tag_keys = ARRAY(
                SELECT btrim(regexp_replace(lower(normalize(g.tag, NFKC)), '\s+', ' ', 'g'))
                FROM unnest(m.tags) WITH ORDINALITY AS g (tag, place) ORDER BY g.place
            );
        UPDATE chunk_terms AS t
        SET kinds = s.kinds, start_ms = s.start_ms, end_ms = s.end_ms
        FROM (
            SELECT c.chunk_id, array_agg(DISTINCT u.kind ORDER BY u.kind) AS kinds,
                min(coalesce(u.start_ms, u.end_ms)) AS start_ms, max(coalesce(u.end_ms, u.start_ms)) AS end_ms
            FROM chunks AS c
            JOIN utterances AS u
                ON u.meeting_key = c.meeting_key AND u.ordinal BETWEEN c.first_utterance AND c.last_utterance
            WHERE u.text ~ '\S'
            GROUP BY c.chunk_id
        ) AS s
        WHERE s.chunk_id = t.chunk_id;
    END LOOP;
    PERFORM set_config('sagwan.tenant_id', '', true);
    RESET ROLE;
END $$;
