-- Changing the embedding model of a running system (docs/decisions/0009-models-cut-over.md).
--
-- Writers of meetings hold the advisory lock `sagwan.writers` shared, from before they read which models there are to
-- their commit. What changes the models holds it alone: a writer knows every table, and which one serves, until it commits.

-- The definer sees which chunks have a vector, and neither a text nor a vector.
CREATE POLICY definer_reads ON chunks FOR SELECT TO sagwan_definer USING (true);
GRANT SELECT (tenant_id, chunk_id, meeting_key) ON chunks TO sagwan_definer;
GRANT SELECT (model_id) ON models TO sagwan_definer;

CREATE FUNCTION let_definer_count(vectors_table text) RETURNS void
    LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
BEGIN
    EXECUTE format('CREATE POLICY definer_reads ON %I FOR SELECT TO sagwan_definer USING (true)', vectors_table);
    EXECUTE format('GRANT SELECT (chunk_id) ON %I TO sagwan_definer', vectors_table);
END $$;
REVOKE ALL ON FUNCTION let_definer_count(text) FROM PUBLIC;

DO $$
DECLARE
    known_id integer;
BEGIN
    FOR known_id IN SELECT model_id FROM models LOOP
        PERFORM let_definer_count(format('chunk_vectors_%s', known_id));
    END LOOP;
END $$;

-- As in 0003, and further: the table may be counted by the definer, and a writer that does not know of it must end first.
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
    -- Vectors have unit length, so the inner product is the cosine, and the cheapest of pgvector's distances.
    EXECUTE format('CREATE INDEX %I ON %I USING hnsw (embedding vector_ip_ops)', table_name || '_hnsw', table_name);
    -- A small tenant beside large ones is scanned exactly; the graph would walk past the others' rows for it.
    EXECUTE format('CREATE INDEX %I ON %I (tenant_id)', table_name || '_by_tenant', table_name);
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

-- How many chunks there are, and how many of them have a vector of each model. A vector without its chunk cannot be, so the
-- difference is what lacks one. It counts the chunks of all tenants, which no tenant's policy shows.
CREATE FUNCTION vector_counts() RETURNS TABLE (model_id integer, vector_count bigint, chunk_count bigint)
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
BEGIN
    SELECT count(c.chunk_id) INTO chunk_count FROM chunks AS c;
    FOR model_id IN SELECT m.model_id FROM models AS m ORDER BY m.model_id LOOP
        EXECUTE format('SELECT count(chunk_id) FROM %I', format('chunk_vectors_%s', model_id)) INTO vector_count;
        RETURN NEXT;
    END LOOP;
END $$;

-- Chunks that lack a vector of a model, oldest first, from the one after a chunk. Of all tenants, as identities only: to read
-- a text or to write a vector, the filler names the chunk's tenant like every other transaction.
CREATE FUNCTION chunks_without_vector(of_model integer, after_chunk bigint, chunks_max integer)
    RETURNS TABLE (tenant_id uuid, meeting_key bigint, chunk_id bigint)
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
BEGIN
    RETURN QUERY EXECUTE format(
        'SELECT c.tenant_id, c.meeting_key, c.chunk_id FROM chunks AS c
         WHERE c.chunk_id > $1 AND NOT EXISTS (SELECT FROM %I AS v WHERE v.chunk_id = c.chunk_id)
         ORDER BY c.chunk_id LIMIT $2', format('chunk_vectors_%s', of_model)
    ) USING after_chunk, chunks_max;
END $$;

-- Lets a model serve unless chunks lack its vectors, and returns how many do; NULL when there is no such model.
-- It runs as its owner, the owner of the schema: no service may change a model's state past this condition.
CREATE FUNCTION switch_model(to_model integer) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '10s'
AS $$
DECLARE
    missing bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('sagwan.writers'));
    SELECT v.chunk_count - v.vector_count INTO missing FROM vector_counts() AS v WHERE v.model_id = to_model;
    IF missing = 0 THEN
        UPDATE models SET state = 'retired' WHERE state = 'serving' AND model_id <> to_model;
        UPDATE models SET state = 'serving' WHERE state <> 'serving' AND model_id = to_model;
    END IF;
    RETURN missing;
END $$;

-- Removes a model and its table; false when it serves, NULL when there is no such model. It runs as its owner, the owner of
-- the schema and the table. The table's foreign key makes this wait for whoever reads chunks, and others for it: not for long.
CREATE FUNCTION drop_model(of_model integer) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '2s'
AS $$
DECLARE
    found_state text;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('sagwan.writers'));
    SELECT m.state INTO found_state FROM models AS m WHERE m.model_id = of_model;
    IF found_state <> 'serving' THEN
        -- In the order in which those who count the chunks lock the two tables.
        LOCK TABLE chunks IN ACCESS EXCLUSIVE MODE;
        EXECUTE format('DROP TABLE %I', format('chunk_vectors_%s', of_model));
        DELETE FROM models WHERE model_id = of_model;
    END IF;
    RETURN found_state <> 'serving';
END $$;

REVOKE ALL ON FUNCTION
    vector_counts(), chunks_without_vector(integer, bigint, integer), switch_model(integer), drop_model(integer)
    FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
    vector_counts(), chunks_without_vector(integer, bigint, integer), switch_model(integer), drop_model(integer)
    TO sagwan_service;
-- A function's new owner must be able to create in its schema, at the moment of the change only. switch_model may still count:
-- the owner of the schema is a member of the definer's role.
GRANT CREATE ON SCHEMA public TO sagwan_definer;
ALTER FUNCTION vector_counts() OWNER TO sagwan_definer;
ALTER FUNCTION chunks_without_vector(integer, bigint, integer) OWNER TO sagwan_definer;
REVOKE CREATE ON SCHEMA public FROM sagwan_definer;
