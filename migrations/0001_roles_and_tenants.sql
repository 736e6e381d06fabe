-- Roles, tenants and keys.
--
-- sagwan_service: what every service runs as. Owns nothing, bound by row-level security, may log in nowhere by itself.
-- sagwan_definer: owns the two functions that must see more than a tenant's policy lets the services see
--                 (authenticate, lexical_matches). May log in nowhere and is granted to nobody but the owner.

CREATE EXTENSION IF NOT EXISTS vector;

DO $$
BEGIN
    IF (SELECT string_to_array(extversion, '.')::int[] < '{0,8,3}' FROM pg_extension WHERE extname = 'vector') THEN
        RAISE EXCEPTION 'pgvector 0.8.3 or later is needed: older versions can corrupt HNSW indexes in VACUUM';
    END IF;
END $$;

-- Roles belong to the whole cluster, so another database of it may have made them already.
DO $$
DECLARE
    role_name text;
BEGIN
    FOREACH role_name IN ARRAY ARRAY['sagwan_service', 'sagwan_definer'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role_name) THEN
            EXECUTE format('CREATE ROLE %I NOLOGIN NOSUPERUSER NOBYPASSRLS', role_name);
        END IF;
        -- Since PostgreSQL 16 the maker of a role may administer it and no more: without this grant, not hand it functions.
        IF NOT pg_has_role(CURRENT_USER, role_name, 'USAGE') THEN
            EXECUTE format('GRANT %I TO CURRENT_USER', role_name);
        END IF;
    END LOOP;
END $$;

REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO sagwan_service, sagwan_definer;

-- The tenant that the transaction has named; NULL when it has named none, which no row's tenant equals.
CREATE FUNCTION current_tenant() RETURNS uuid
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN nullif(current_setting('sagwan.tenant_id', true), '')::uuid;

CREATE TABLE tenants (
    tenant_id  uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
    name       text        NOT NULL UNIQUE,
    created_at timestamptz NOT NULL DEFAULT now()
);

-- Keys are random and long, so an unsalted digest is enough; the key itself is kept nowhere.
CREATE TABLE api_keys (
    key_sha256 bytea       PRIMARY KEY CHECK (octet_length(key_sha256) = 32),
    tenant_id  uuid        NOT NULL REFERENCES tenants ON DELETE CASCADE,
    name       text        NOT NULL,
    scopes     text[]      NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    revoked_at timestamptz
);

ALTER TABLE tenants ENABLE ROW LEVEL SECURITY;
ALTER TABLE tenants FORCE ROW LEVEL SECURITY;
ALTER TABLE api_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE api_keys FORCE ROW LEVEL SECURITY;

-- The services see neither table. The owner manages them, and the definer looks one key up.
CREATE POLICY owner_manages ON tenants TO CURRENT_USER USING (true) WITH CHECK (true);
CREATE POLICY owner_manages ON api_keys TO CURRENT_USER USING (true) WITH CHECK (true);
CREATE POLICY definer_reads ON api_keys FOR SELECT TO sagwan_definer USING (true);
GRANT SELECT ON api_keys TO sagwan_definer;

-- Tenant and scopes of a key that is known and not revoked; no row otherwise.
CREATE FUNCTION authenticate(digest bytea) RETURNS TABLE (tenant_id uuid, scopes text[])
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
    BEGIN ATOMIC
        SELECT k.tenant_id, k.scopes FROM api_keys AS k WHERE k.key_sha256 = digest AND k.revoked_at IS NULL;
    END;

REVOKE ALL ON FUNCTION authenticate(bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION authenticate(bytea) TO sagwan_service;
