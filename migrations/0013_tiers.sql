-- A tiered index. Beside its terms, term_ids holds the tiers of them that their weights reach, each under a number of its own:
-- with these, a question of common words selects the few chunks that are about them. The floors and the numbers are those of
-- sagwan_text.tiers: from 1.3 on a term is also indexed as itself plus 1e9, from 1.6 as its negative, from 1.85 as both.

-- Writers lock a meeting first and then what lies beside its chunks, and what follows locks these the other way round: it waits
-- for the writers that have begun, and lets none begin. Who only reads goes on until the index is dropped.
LOCK TABLE meetings IN EXCLUSIVE MODE;

-- A row that is scored must not be toasted, and up to a page none needs to be: the longest chunks' were, and cost four more blocks
-- each.
ALTER TABLE chunk_terms SET (toast_tuple_target = 8160);

-- Rewriting every row, the index is cheaper to build again than to keep.
DROP INDEX chunk_terms_by_term;

DO $$
DECLARE
    known uuid;
    all_tenants uuid[] := ARRAY(SELECT tenant_id FROM tenants);
BEGIN
    SET LOCAL ROLE sagwan_service;
    FOREACH known IN ARRAY all_tenants LOOP
        PERFORM set_config('sagwan.tenant_id', known::text, true);
        UPDATE chunk_terms AS t
        SET term_ids = (
            SELECT array_agg(keys.key ORDER BY keys.key)
            FROM (
                SELECT unnest(t.term_ids) AS key
                UNION ALL
                SELECT tier.sign * (split_part(entry.term_and_weight, ':', 1)::integer + tier.shift)
                FROM string_to_table(btrim(split_part(t.weights::text, '/', 1), '{}'), ',') AS entry (term_and_weight)
                JOIN (VALUES (1.3, 1, 1000000000), (1.6, -1, 0), (1.85, -1, 1000000000)) AS tier (floor, sign, shift)
                    ON split_part(entry.term_and_weight, ':', 2)::float8 >= tier.floor
            ) AS keys
        )
        WHERE t.term_ids <> '{}';
        INSERT INTO term_stats (tenant_id, term_id, chunk_count)
        SELECT known, keys.key, count(*)
        FROM chunk_terms AS t
        CROSS JOIN unnest(t.term_ids) AS keys (key)
        WHERE keys.key NOT BETWEEN 1 AND 1000000000
        GROUP BY keys.key;
        UPDATE meetings SET weights_version = 3 WHERE weights_version = 2;
    END LOOP;
    PERFORM set_config('sagwan.tenant_id', '', true);
    RESET ROLE;
END $$;

CREATE INDEX chunk_terms_by_term ON chunk_terms USING gin (term_ids) WITH (fastupdate = off);
