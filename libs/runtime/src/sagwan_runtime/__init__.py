"""What every Sagwan service is built on.

A process is built from these rooms, in this order:

- `settings`: values from the environment, each with its unit;
- `telemetry`: structured logs and a tracer, both carrying the trace id;
- `metrics`: every metric's name, labels and buckets; `process` sets these up for a whole process;
- `errors`: what can go wrong, as types of the domain; `status` maps them to gRPC codes, once;
- `calls`: the scopes that every RPC runs in, in a written order; `auth` is the one that names the tenant;
- `postgres`: pool, tenant transactions, named queries, migrations;
- `readiness`: health that is earned; `serving`: bind, serve, drain.

`channels` is the other side: how one service calls the next.
"""
