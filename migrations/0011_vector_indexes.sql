-- Indexes of vectors that look after themselves (docs/decisions/0013-vector-indexes.md).
--
-- A table of vectors begins without an index of them, and is scanned exactly. The search service builds one when it pays,
-- knows alone how one is written, and records here what there is and how it is searched. Every search reads its model's
-- row in the statement that names the model, so a change holds from the next search on.

CREATE TABLE vector_indexes (
    model_id        integer PRIMARY KEY REFERENCES models ON DELETE CASCADE,
    kind            text    NOT NULL DEFAULT 'exact' CHECK (kind IN ('exact', 'hnsw', 'ivfflat')),
    quantization    text    NOT NULL DEFAULT 'none' CHECK (quantization IN ('none', 'halfvec', 'binary')),
    m               integer NOT NULL DEFAULT 0,
    ef_construction integer NOT NULL DEFAULT 0,
    lists           integer NOT NULL DEFAULT 0,
    built_rows      bigint,
    built_at        timestamptz,
    -- How it is searched. A value that PostgreSQL refuses would end every search.
    ef_search       integer NOT NULL DEFAULT 100 CHECK (ef_search BETWEEN 1 AND 1000),
    probes          integer NOT NULL DEFAULT 1 CHECK (probes BETWEEN 1 AND 32768),
    iterative_scan  text    NOT NULL DEFAULT 'relaxed_order' CHECK (iterative_scan IN ('off', 'relaxed_order')),
    rescored        integer NOT NULL DEFAULT 1 CHECK (rescored BETWEEN 1 AND 100),
    -- What it finds: recall@10 against an exact scan, at so many rows; and the rows when it was last tuned.
    recall_target   double precision CHECK (recall_target > 0 AND recall_target <= 1),
    recall          double precision CHECK (recall BETWEEN 0 AND 1),
    recall_rows     bigint,
    recall_at       timestamptz,
    tuned_rows      bigint
);

-- The services may change how an index is searched and say what it finds. What index there is, its builder says, who has the
-- rights of the tables' owner.
GRANT SELECT, UPDATE (ef_search, probes, iterative_scan, rescored, recall_target, recall, recall_rows, recall_at, tuned_rows)
    ON vector_indexes TO sagwan_service;

INSERT INTO vector_indexes (model_id, kind, m, ef_construction) SELECT model_id, 'hnsw', 16, 64 FROM models;

DO $$
DECLARE
    known_id integer;
BEGIN
    FOR known_id IN SELECT model_id FROM models LOOP
        EXECUTE format(
            'CREATE INDEX %I ON %I (tenant_id, held_on)',
            format('chunk_vectors_%s_by_day', known_id), format('chunk_vectors_%s', known_id)
        );
        EXECUTE format('DROP INDEX %I', format('chunk_vectors_%s_by_tenant', known_id));
    END LOOP;
END $$;

-- As in 0005, with a row above in place of the index of vectors, and the index by tenant and day.
CREATE OR REPLACE FUNCTION register_model(
    model_name text, model_revision text, model_quantization text, model_sha256 text, model_dimension integer
) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '10s'
AS $$
DECLARE
    new_id     integer;
    table_name text;
BEGIN
    SELECT m.model_id INTO new_id FROM models AS m WHERE m.sha256 = model_sha256;
    IF FOUND THEN
        RETURN new_id;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext('sagwan.writers'));
    SELECT m.model_id INTO new_id FROM models AS m WHERE m.sha256 = model_sha256;
    IF FOUND THEN
        RETURN new_id;
    END IF;

    INSERT INTO models (name, revision, quantization, sha256, dimension, state)
    VALUES (
        model_name, model_revision, model_quantization, model_sha256, model_dimension,
        CASE WHEN EXISTS (SELECT FROM models WHERE state = 'serving') THEN 'filling' ELSE 'serving' END
    )
    RETURNING models.model_id INTO new_id;
    INSERT INTO vector_indexes (model_id) VALUES (new_id);

    table_name := format('chunk_vectors_%s', new_id);
    EXECUTE format(
        'CREATE TABLE %I (
             tenant_id   uuid       NOT NULL,
             chunk_id    bigint     PRIMARY KEY,
             meeting_key bigint     NOT NULL,
             held_on     date,
             speakers    text[]     NOT NULL,
             embedding   vector(%s) NOT NULL,
             FOREIGN KEY (tenant_id, chunk_id) REFERENCES chunks (tenant_id, chunk_id) ON DELETE CASCADE
         )', table_name, model_dimension
    );
    -- A small tenant beside large ones, or a few days of a large one, are compared exactly: an index of vectors would walk past
    -- the others' rows for them.
    EXECUTE format('CREATE INDEX %I ON %I (tenant_id, held_on)', table_name || '_by_day', table_name);
    EXECUTE format('CREATE INDEX %I ON %I (meeting_key)', table_name || '_by_meeting', table_name);
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', table_name);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', table_name);
    EXECUTE format(
        'CREATE POLICY own_rows ON %I TO sagwan_service
         USING (tenant_id = (SELECT current_tenant())) WITH CHECK (tenant_id = (SELECT current_tenant()))', table_name
    );
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO sagwan_service', table_name);
    PERFORM let_definer_count(table_name);
    RETURN new_id;
END $$;

-- Chunks drawn at random, of all tenants, as identities only: to read a vector, the service names the chunk's tenant like every
-- other transaction. A draw is the first chunk from a random place of the ids on, so it reads an index and no table.
CREATE FUNCTION sampled_chunks(sample_max integer) RETURNS TABLE (tenant_id uuid, chunk_id bigint)
    LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp
    BEGIN ATOMIC
        SELECT DISTINCT found.tenant_id, found.chunk_id
        FROM (SELECT min(c.chunk_id) AS low, max(c.chunk_id) AS high FROM chunks AS c) AS ends
        CROSS JOIN LATERAL (
            SELECT ends.low + floor(random() * (ends.high - ends.low + 1))::bigint AS place
            FROM generate_series(1, least(sample_max, 10000))
        ) AS draws
        CROSS JOIN LATERAL (
            SELECT c.tenant_id, c.chunk_id FROM chunks AS c
            WHERE c.chunk_id >= draws.place ORDER BY c.chunk_id LIMIT 1
        ) AS found;
    END;

-- How lexical_matches (0008) does what it is asked, as EXPLAIN tells it: outside of the function nobody may ask this.
CREATE FUNCTION explain_lexical_matches(
    match_terms integer[], query_weights sparsevec, condition jsonb, matches_max integer
) RETURNS json
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
    plan json;
BEGIN
    EXECUTE format(
        'EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON)
         SELECT t.chunk_id, -(t.weights <#> $2)
         FROM chunk_terms AS t
         WHERE t.tenant_id = (SELECT current_tenant()) AND t.term_ids && $1 AND %s
         ORDER BY t.weights <#> $2, t.chunk_id
         LIMIT $3', filter_condition(condition, 'terms')
    ) INTO plan USING match_terms, query_weights, matches_max;
    RETURN plan;
END $$;

REVOKE ALL ON FUNCTION sampled_chunks(integer), explain_lexical_matches(integer[], sparsevec, jsonb, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sampled_chunks(integer), explain_lexical_matches(integer[], sparsevec, jsonb, integer)
    TO sagwan_service;
-- A function's new owner must be able to create in its schema, at the moment of the change only.
GRANT CREATE ON SCHEMA public TO sagwan_definer;
ALTER FUNCTION sampled_chunks(integer) OWNER TO sagwan_definer;
ALTER FUNCTION explain_lexical_matches(integer[], sparsevec, jsonb, integer) OWNER TO sagwan_definer;
REVOKE CREATE ON SCHEMA public FROM sagwan_definer;
