-- Finding names that are an edit or two from what somebody typed.

-- The word that each key begins with, and both halves of its letters, Hangul taken apart into its own: an edit leaves one of
-- the halves as it is. So near names are found by equality, which is leakproof and reaches an index under row-level
-- security; trigram operators are not, and looking at 100,000 words takes a tenth of a second and more.
ALTER TABLE completions
    ADD COLUMN word text COLLATE "C" NOT NULL DEFAULT '',
    ADD COLUMN head text COLLATE "C" NOT NULL GENERATED ALWAYS AS (
        left(normalize(word, NFD), length(normalize(word, NFD)) / 2)
    ) STORED,
    ADD COLUMN tail text COLLATE "C" NOT NULL GENERATED ALWAYS AS (
        right(normalize(word, NFD), (length(normalize(word, NFD)) + 1) / 2)
    ) STORED;

-- Words of what is there already, tenant by tenant as the services do; the longest that a key begins with. The next edit of
-- a meeting writes what ingest does.
DO $$
DECLARE
    known uuid;
    all_tenants uuid[] := ARRAY(SELECT tenant_id FROM tenants);
BEGIN
    SET LOCAL ROLE sagwan_service;
    FOREACH known IN ARRAY all_tenants LOOP
        PERFORM set_config('sagwan.tenant_id', known::text, true);
        UPDATE completions AS c
        SET word = coalesce((
            SELECT w.word
            FROM regexp_split_to_table(lower(normalize(c.value, NFKC)), '[\s[:punct:]]+') AS w (word)
            WHERE w.word <> '' AND starts_with(c.key, w.word)
            ORDER BY length(w.word) DESC
            LIMIT 1
        ), '');
    END LOOP;
    PERFORM set_config('sagwan.tenant_id', '', true);
    RESET ROLE;
END $$;

CREATE INDEX completions_by_head ON completions (tenant_id, head);
CREATE INDEX completions_by_tail ON completions (tenant_id, tail);
