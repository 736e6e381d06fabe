-- A secret of each tenant, with which the services sign page tokens: every replica has it, and a token of one tenant is
-- nothing to another.

-- 244 random bits from the server's own generator. A volatile default gives each tenant that is there one of its own.
ALTER TABLE tenants ADD COLUMN token_key bytea NOT NULL
    DEFAULT uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())
    CHECK (octet_length(token_key) = 32);

-- The definer reads it for a key that is known, and no tenant's name.
CREATE POLICY definer_reads ON tenants FOR SELECT TO sagwan_definer USING (true);
GRANT SELECT (tenant_id, token_key) ON tenants TO sagwan_definer;

-- As before, with the secret. A column more does not trouble services of the version before, which name those they want.
DROP FUNCTION authenticate(bytea);
CREATE FUNCTION authenticate(digest bytea) RETURNS TABLE (tenant_id uuid, scopes text[], token_key bytea)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
    BEGIN ATOMIC
        SELECT k.tenant_id, k.scopes, t.token_key
        FROM api_keys AS k
        JOIN tenants AS t ON t.tenant_id = k.tenant_id
        WHERE k.key_sha256 = digest AND k.revoked_at IS NULL;
    END;

REVOKE ALL ON FUNCTION authenticate(bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION authenticate(bytea) TO sagwan_service;

-- A function's new owner must be able to create in its schema, at the moment of the change only.
GRANT CREATE ON SCHEMA public TO sagwan_definer;
ALTER FUNCTION authenticate(bytea) OWNER TO sagwan_definer;
REVOKE CREATE ON SCHEMA public FROM sagwan_definer;
