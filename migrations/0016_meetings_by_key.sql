-- Filters on tags, participants and series lead to their meetings by an index, and no longer through all meetings of a tenant.

CREATE INDEX meetings_by_key ON meetings USING gin (tag_keys, participant_keys) WITH (fastupdate = off);
CREATE INDEX meetings_by_series ON meetings (tenant_id, series_key);

GRANT SELECT (chunk_count) ON meetings TO sagwan_definer;

-- Meetings that pass what meeting_condition (0014) writes, up to a number. && is not leakproof, and reaches no index under row-level
-- security.
CREATE FUNCTION passing_meetings(condition jsonb, meetings_max integer) RETURNS TABLE (meeting_key bigint, chunk_count integer)
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
BEGIN
    RETURN QUERY EXECUTE format(
        'SELECT m.meeting_key, m.chunk_count FROM meetings AS m WHERE m.tenant_id = %L::uuid AND %s LIMIT $1',
        current_tenant(), coalesce(meeting_condition(condition), 'true')
    ) USING meetings_max;
END $$;

REVOKE ALL ON FUNCTION passing_meetings(jsonb, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION passing_meetings(jsonb, integer) TO sagwan_service;
-- A function's new owner must be able to create in its schema, at the moment of the change only.
GRANT CREATE ON SCHEMA public TO sagwan_definer;
ALTER FUNCTION passing_meetings(jsonb, integer) OWNER TO sagwan_definer;
REVOKE CREATE ON SCHEMA public FROM sagwan_definer;
