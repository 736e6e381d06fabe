"""PostgreSQL as the services use it.

`queries` loads named SQL, `database` runs it inside a tenant's transaction as a role that owns nothing, `migrations`
brings a schema up to date as its owner, `keys` looks up API keys, `tenants` makes them, `sparse` writes sparse vectors.
"""
