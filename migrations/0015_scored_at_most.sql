-- A question of nothing but the commonest words scores a bounded number of chunks.

DROP FUNCTION lexical_matches(integer[], sparsevec, jsonb, integer);
DROP FUNCTION explain_lexical_matches(integer[], sparsevec, jsonb, integer);

-- As in 0014, and no more than $4 chunks are scored, whichever come first.
CREATE OR REPLACE FUNCTION lexical_statement(condition jsonb) RETURNS text
    LANGUAGE sql STABLE SET search_path = public, pg_temp
    RETURN format(
        'SELECT s.chunk_id, -(s.weights <#> $2) AS score
         FROM (SELECT t.chunk_id, t.weights %s AND t.term_ids && $1 LIMIT $4) AS s
         ORDER BY score DESC, s.chunk_id LIMIT $3',
        terms_passing(condition)
    );

-- Services of the version before call these with four arguments. A scan of the table that ends early may look cheap for a common word;
-- it would read the rows of other tenants, and begin somewhere else each time.
CREATE FUNCTION lexical_matches(
    match_terms integer[], query_weights sparsevec, condition jsonb, matches_max integer, scored_max integer DEFAULT NULL
) RETURNS TABLE (chunk_id bigint, score double precision)
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp SET enable_seqscan = off
AS $$
BEGIN
    RETURN QUERY EXECUTE lexical_statement(condition) USING match_terms, query_weights, matches_max, scored_max;
END $$;

CREATE FUNCTION explain_lexical_matches(
    match_terms integer[], query_weights sparsevec, condition jsonb, matches_max integer, scored_max integer DEFAULT NULL
) RETURNS json
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp SET enable_seqscan = off
AS $$
DECLARE
    plan json;
BEGIN
    EXECUTE 'EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ' || lexical_statement(condition)
    INTO plan USING match_terms, query_weights, matches_max, scored_max;
    RETURN plan;
END $$;

REVOKE ALL ON FUNCTION
    lexical_matches(integer[], sparsevec, jsonb, integer, integer),
    explain_lexical_matches(integer[], sparsevec, jsonb, integer, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
    lexical_matches(integer[], sparsevec, jsonb, integer, integer),
    explain_lexical_matches(integer[], sparsevec, jsonb, integer, integer) TO sagwan_service;
-- A function's new owner must be able to create in its schema, at the moment of the change only.
GRANT CREATE ON SCHEMA public TO sagwan_definer;
ALTER FUNCTION lexical_matches(integer[], sparsevec, jsonb, integer, integer) OWNER TO sagwan_definer;
ALTER FUNCTION explain_lexical_matches(integer[], sparsevec, jsonb, integer, integer) OWNER TO sagwan_definer;
REVOKE CREATE ON SCHEMA public FROM sagwan_definer;
