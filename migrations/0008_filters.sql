-- Filters of any shape: what they compare stands beside chunks and meetings, and one function writes their conditions.

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

-- A text in NFKC, which most are in already: to look takes a third of the time that it takes to make it anew.
CREATE FUNCTION in_nfkc(given text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN given IS NFKC NORMALIZED THEN given ELSE normalize(given, NFKC) END;

-- The part of a filter that one utterance, u, must satisfy by itself; NULL when the filter has no such part. What has one
-- known time is said at that time.
CREATE FUNCTION utterance_condition(condition jsonb) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = public, pg_temp
    RETURN nullif(concat_ws(' AND ',
        CASE WHEN condition ? 'speaker_keys' THEN
            format('u.speaker_key = ANY (%L::text[])', ARRAY(SELECT jsonb_array_elements_text(condition -> 'speaker_keys')))
        END,
        CASE WHEN condition ? 'utterance_kinds' THEN
            format('u.kind = ANY (%L::text[])', ARRAY(SELECT jsonb_array_elements_text(condition -> 'utterance_kinds')))
        END,
        'coalesce(u.end_ms, u.start_ms) >= ' || quote_literal(condition ->> 'start_ms') || '::bigint',
        'coalesce(u.start_ms, u.end_ms) <= ' || quote_literal(condition ->> 'end_ms') || '::bigint'
    ), '');

-- Writes a filter as a condition for a WHERE clause, every value quoted and cast, and only what is restricted in it, so that
-- the planner sees what is asked. The filter's meetings are resolved to keys before. What a row does not know is NULL and
-- passes no comparison; a negated condition is `IS NOT TRUE`, which such a row passes.
--
-- target 'vectors':    on v, a row of vectors, and by its chunk_id on whatever else is known of the chunk.
-- target 'chunks':     on t, a row of chunk_terms, likewise.
-- target 'terms':      on t alone, for the definer, who sees nothing besides. Where t does not know enough this passes more
--                      rows than the filter does, with `negated` fewer: the two are the same text when t knows enough.
-- target 'utterances': on u and its meeting m.
--
-- Sub-selects with one value and not EXISTS: the planner makes joins of the latter, and leaves the index of vectors for them.
CREATE FUNCTION filter_condition(condition jsonb, target text, negated boolean DEFAULT false) RETURNS text
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = public, pg_temp
AS $$
DECLARE
    r     text := CASE target WHEN 'vectors' THEN 'v' WHEN 'chunks' THEN 't' WHEN 'terms' THEN 't' WHEN 'utterances' THEN 'u' END;
    day   text := CASE target WHEN 'utterances' THEN 'm.held_on' ELSE r || '.held_on' END;
    parts text[] := '{}';
    said  text := utterance_condition(condition);
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

DROP FUNCTION lexical_matches(integer[], sparsevec, date, date, bigint[], text[], integer);

-- The lexical leg, as before, with a filter of any shape: see 0002 for why it runs as sagwan_definer. It passes what
-- filter_condition's target 'terms' does; who asks looks at the rest. A matches_max of NULL is no limit.
CREATE FUNCTION lexical_matches(
    match_terms integer[], query_weights sparsevec, condition jsonb, matches_max integer
) RETURNS TABLE (chunk_id bigint, score double precision)
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
BEGIN
    RETURN QUERY EXECUTE format(
        -- Ordered by the very column that is given: the score of each of thousands of chunks is computed once.
        'SELECT t.chunk_id, -(t.weights <#> $2) AS score
         FROM chunk_terms AS t
         WHERE t.tenant_id = (SELECT current_tenant()) AND t.term_ids && $1 AND %s
         ORDER BY score DESC, t.chunk_id
         LIMIT $3', filter_condition(condition, 'terms')
    ) USING match_terms, query_weights, matches_max;
END $$;

-- Chunks that pass a filter, as far as chunk_terms knows, in no order. For filters that ask for terms: `@>` is no more
-- leakproof than `&&`, and only here does it reach the index.
CREATE FUNCTION filter_matches(condition jsonb, matches_max integer) RETURNS SETOF bigint
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
BEGIN
    RETURN QUERY EXECUTE format(
        'SELECT t.chunk_id FROM chunk_terms AS t WHERE t.tenant_id = (SELECT current_tenant()) AND %s LIMIT $1',
        filter_condition(condition, 'terms')
    ) USING matches_max;
END $$;

REVOKE ALL ON FUNCTION lexical_matches(integer[], sparsevec, jsonb, integer), filter_matches(jsonb, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION lexical_matches(integer[], sparsevec, jsonb, integer), filter_matches(jsonb, integer)
    TO sagwan_service;
-- A function's new owner must be able to create in its schema, at the moment of the change only.
GRANT CREATE ON SCHEMA public TO sagwan_definer;
ALTER FUNCTION lexical_matches(integer[], sparsevec, jsonb, integer) OWNER TO sagwan_definer;
ALTER FUNCTION filter_matches(jsonb, integer) OWNER TO sagwan_definer;
REVOKE CREATE ON SCHEMA public FROM sagwan_definer;
