-- Filters that keep few chunks lead to them by an index, and those that keep many say so before anything is looked at.

-- As in 0013: writers lock a meeting first, and then what lies beside its chunks.
LOCK TABLE meetings IN EXCLUSIVE MODE;

-- From speakers, kinds and days to chunks. As in chunk_terms_by_term, what is written is in its place at once: nobody who reads
-- has to sort through a list of what was added lately. Days in the order in which the newest come first.
CREATE INDEX chunk_terms_by_speaker ON chunk_terms USING gin (speakers, kinds) WITH (fastupdate = off);
CREATE INDEX chunk_terms_by_day ON chunk_terms (tenant_id, held_on DESC NULLS LAST, meeting_key DESC);

-- Of meetings the definer sees what filters compare.
CREATE POLICY definer_reads ON meetings FOR SELECT TO sagwan_definer USING (true);
GRANT SELECT (tenant_id, meeting_key, meeting_id, series_key, participant_keys, tag_keys, language) ON meetings TO sagwan_definer;

-- The part of a filter that a meeting, m, must satisfy by itself; NULL when the filter has no such part. Filters on few meetings
-- come with keys in its place.
CREATE FUNCTION meeting_condition(condition jsonb) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = public, pg_temp
    RETURN nullif(concat_ws(' AND ',
        CASE WHEN condition ? 'meeting_ids' THEN
            format('m.meeting_id = ANY (%L::text[])', ARRAY(SELECT jsonb_array_elements_text(condition -> 'meeting_ids')))
        END,
        CASE WHEN condition ? 'series_keys' THEN
            format('m.series_key = ANY (%L::text[])', ARRAY(SELECT jsonb_array_elements_text(condition -> 'series_keys')))
        END,
        CASE WHEN condition ? 'participant_keys' THEN
            format('m.participant_keys && %L::text[]', ARRAY(SELECT jsonb_array_elements_text(condition -> 'participant_keys')))
        END,
        CASE WHEN condition ? 'tag_keys' THEN
            format('m.tag_keys && %L::text[]', ARRAY(SELECT jsonb_array_elements_text(condition -> 'tag_keys')))
        END,
        CASE WHEN condition ? 'languages' THEN
            format(
                'EXISTS (SELECT FROM unnest(%L::text[]) AS l (tag)
                 WHERE starts_with(lower(m.language COLLATE "C") || ''-'', l.tag || ''-''))',
                ARRAY(SELECT jsonb_array_elements_text(condition -> 'languages'))
            )
        END
    ), '');

-- As in 0008, and conditions on many meetings, whose keys would be a list of thousands, as a look at the row's own meeting. It is
-- taken at the rows that a leg comes by, and leads no leg through thousands of meetings.
CREATE OR REPLACE FUNCTION filter_condition(condition jsonb, target text, negated boolean DEFAULT false) RETURNS text
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = public, pg_temp
AS $$
DECLARE
    r     text := CASE target WHEN 'vectors' THEN 'v' WHEN 'chunks' THEN 't' WHEN 'terms' THEN 't' WHEN 'utterances' THEN 'u' END;
    day   text := CASE target WHEN 'utterances' THEN 'm.held_on' ELSE r || '.held_on' END;
    parts text[] := '{}';
    said  text := utterance_condition(condition);
    held  text := meeting_condition(condition);
    field text;
    given jsonb;
    one   text;
    many  text[];
    part  text;
BEGIN
    IF r IS NULL THEN
        RAISE EXCEPTION 'filters have no target %', target;
    END IF;
    FOR field, given IN SELECT e.key, e.value FROM jsonb_each(condition) AS e LOOP
        one := given #>> '{}';
        IF jsonb_typeof(given) = 'array' THEN
            many := ARRAY(SELECT jsonb_array_elements_text(given));
        END IF;
        CASE field
            WHEN 'start_date' THEN
                part := format('%s >= %L::date', day, one);
            WHEN 'end_date' THEN
                part := format('%s <= %L::date', day, one);
            WHEN 'meeting_keys' THEN
                part := format('%s.meeting_key = ANY (%L::bigint[])', r, many);
            WHEN 'chunk_ids' THEN
                part := format('%s.chunk_id = ANY (%L::bigint[])', r, many);
            WHEN 'term_ids' THEN
                part := format('t.term_ids @> %L::integer[]', many);
                IF target = 'vectors' THEN
                    part := format('(SELECT %s FROM chunk_terms AS t WHERE t.chunk_id = v.chunk_id)', part);
                ELSIF target = 'utterances' THEN
                    RAISE EXCEPTION 'utterances have no terms';
                END IF;
            WHEN 'text_pattern' THEN
                part := CASE target
                    WHEN 'terms' THEN (NOT negated)::text
                    WHEN 'utterances' THEN format('in_nfkc(u.text) ~* %L', one)
                    ELSE format('(SELECT in_nfkc(c.text) ~* %L FROM chunks AS c WHERE c.chunk_id = %s.chunk_id)', one, r)
                END;
            WHEN 'speaker_keys' THEN
                part := CASE target WHEN 'utterances' THEN 'true' ELSE format('%s.speakers && %L::text[]', r, many) END;
            WHEN 'utterance_kinds' THEN
                part := CASE target
                    WHEN 'utterances' THEN 'true'
                    WHEN 'vectors' THEN
                        format('(SELECT t.kinds && %L::text[] FROM chunk_terms AS t WHERE t.chunk_id = v.chunk_id)', many)
                    ELSE format('t.kinds && %L::text[]', many)
                END;
            WHEN 'start_ms' THEN
                part := CASE WHEN target IN ('chunks', 'terms') THEN format('t.end_ms >= %L::bigint', one) ELSE 'true' END;
            WHEN 'end_ms' THEN
                part := CASE WHEN target IN ('chunks', 'terms') THEN format('t.start_ms <= %L::bigint', one) ELSE 'true' END;
            WHEN 'meeting_ids', 'series_keys', 'participant_keys', 'tag_keys', 'languages' THEN
                part := 'true';
            WHEN 'all_of' THEN
                SELECT string_agg(filter_condition(e.value, target, negated), ' AND ')
                INTO part FROM jsonb_array_elements(given) AS e;
            WHEN 'any_of' THEN
                SELECT format('(%s)', string_agg(filter_condition(e.value, target, negated), ' OR '))
                INTO part FROM jsonb_array_elements(given) AS e;
            WHEN 'none_of' THEN
                SELECT string_agg(filter_condition(e.value, target, NOT negated) || ' IS NOT TRUE', ' AND ')
                INTO part FROM jsonb_array_elements(given) AS e;
            ELSE
                RAISE EXCEPTION 'filters have no field %', field;
        END CASE;
        IF part <> 'true' THEN
            parts := array_append(parts, part);
        END IF;
    END LOOP;

    IF held IS NOT NULL THEN
        parts := array_append(parts, CASE target
            WHEN 'utterances' THEN held
            ELSE format('(SELECT %s FROM meetings AS m WHERE m.meeting_key = %s.meeting_key)', held, r)
        END);
    END IF;

    IF said IS NULL THEN
        NULL;
    ELSIF target = 'utterances' THEN
        parts := array_append(parts, said);
    ELSIF condition ?| '{start_ms,end_ms}' OR condition ?& '{speaker_keys,utterance_kinds}' THEN
        -- What stands beside a chunk is true of some of its utterances each, and not of one and the same. OFFSET 0 keeps the
        -- look at these by itself: joined freely, PostgreSQL 18 reads them through the index by speaker, a speaker at a time.
        IF target <> 'terms' THEN
            parts := array_append(parts, format(
                '(SELECT EXISTS (
                     SELECT FROM chunks AS c
                     CROSS JOIN LATERAL (
                         SELECT * FROM utterances AS s
                         WHERE s.meeting_key = c.meeting_key AND s.ordinal BETWEEN c.first_utterance AND c.last_utterance
                         OFFSET 0
                     ) AS u
                     WHERE c.chunk_id = %s.chunk_id AND %s AND u.text ~ ''\S''
                 ))', r, said
            ));
        ELSIF negated THEN
            parts := ARRAY['false'];
        END IF;
    END IF;
    RETURN CASE cardinality(parts) WHEN 0 THEN 'true' ELSE format('(%s)', array_to_string(parts, ' AND ')) END;
END $$;

-- The tenant whose rows a statement of the definer reads is written into it: as a parameter it would be taken for one of usual
-- size, and a large tenant beside many small ones would be read from end to end through the index by day.
CREATE FUNCTION terms_passing(condition jsonb) RETURNS text
    LANGUAGE sql STABLE SET search_path = public, pg_temp
    RETURN format(
        'FROM chunk_terms AS t WHERE t.tenant_id = %L::uuid AND %s', current_tenant(), filter_condition(condition, 'terms')
    );

-- The statement of the lexical leg. Ordered by the very column that is given: the score of each of thousands of chunks is
-- computed once.
CREATE FUNCTION lexical_statement(condition jsonb) RETURNS text
    LANGUAGE sql STABLE SET search_path = public, pg_temp
    RETURN format(
        'SELECT t.chunk_id, -(t.weights <#> $2) AS score %s AND t.term_ids && $1 ORDER BY score DESC, t.chunk_id LIMIT $3',
        terms_passing(condition)
    );

-- As in 0008, 0011 and 0008.
CREATE OR REPLACE FUNCTION lexical_matches(
    match_terms integer[], query_weights sparsevec, condition jsonb, matches_max integer
) RETURNS TABLE (chunk_id bigint, score double precision)
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
BEGIN
    RETURN QUERY EXECUTE lexical_statement(condition) USING match_terms, query_weights, matches_max;
END $$;

CREATE OR REPLACE FUNCTION explain_lexical_matches(
    match_terms integer[], query_weights sparsevec, condition jsonb, matches_max integer
) RETURNS json
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
    plan json;
BEGIN
    EXECUTE 'EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ' || lexical_statement(condition)
    INTO plan USING match_terms, query_weights, matches_max;
    RETURN plan;
END $$;

CREATE OR REPLACE FUNCTION filter_matches(condition jsonb, matches_max integer) RETURNS SETOF bigint
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
BEGIN
    RETURN QUERY EXECUTE format('SELECT t.chunk_id %s LIMIT $1', terms_passing(condition)) USING matches_max;
END $$;

-- About how many chunks pass a filter, as far as chunk_terms knows, by PostgreSQL's statistics and without looking at any: they
-- are read as the definer, because under row-level security PostgreSQL does not tell how arrays are spread. VOLATILE, or EXPLAIN
-- is refused.
CREATE FUNCTION filter_estimate(condition jsonb) RETURNS bigint
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
    plan json;
BEGIN
    EXECUTE 'EXPLAIN (FORMAT JSON) SELECT ' || terms_passing(condition) INTO plan;
    RETURN (plan -> 0 -> 'Plan' ->> 'Plan Rows')::bigint;
END $$;

REVOKE ALL ON FUNCTION filter_estimate(jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION filter_estimate(jsonb) TO sagwan_service;
-- A function's new owner must be able to create in its schema, at the moment of the change only.
GRANT CREATE ON SCHEMA public TO sagwan_definer;
ALTER FUNCTION filter_estimate(jsonb) OWNER TO sagwan_definer;
REVOKE CREATE ON SCHEMA public FROM sagwan_definer;
