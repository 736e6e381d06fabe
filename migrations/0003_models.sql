-- Embedding models, one table of vectors each. Vectors of two models never meet.

CREATE TABLE models (
    model_id     integer     GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name         text        NOT NULL,
    revision     text        NOT NULL,
    quantization text        NOT NULL,
    sha256       text        NOT NULL UNIQUE,
    dimension    integer     NOT NULL CHECK (dimension BETWEEN 1 AND 2000),
    state        text        NOT NULL CHECK (state IN ('filling', 'serving', 'retired')),
    created_at   timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX models_one_serving ON models (state) WHERE state = 'serving';
GRANT SELECT ON models TO sagwan_service;

-- Makes a model and its table known and returns its id; does nothing when it is known. The first model serves, a later
-- one fills until it is switched to. It runs as its owner, the owner of the schema, because it creates a table.
CREATE FUNCTION register_model(
    model_name text, model_revision text, model_quantization text, model_sha256 text, model_dimension integer
) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
    new_id     integer;
    table_name text;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('sagwan.register_model'));
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
    RETURN new_id;
END $$;

REVOKE ALL ON FUNCTION register_model(text, text, text, text, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION register_model(text, text, text, text, integer) TO sagwan_service;
