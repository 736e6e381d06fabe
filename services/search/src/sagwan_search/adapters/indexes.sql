-- The statements about indexes of vectors. Those of the first part run as sagwan_service; those of the second with the rights
-- of the tables' owner, by a connection of their own that is open while an index is built or removed.

-- name: index_tables
-- Each table of vectors that is in use, the serving one first, with its index. Rows are what the planner takes them for: as dense as
-- when they were last counted, on as many pages as there are now.
SELECT
    m.model_id, m.dimension, m.state, m.name || '@' || m.revision || '/' || m.quantization AS label, i.*,
    CASE
        WHEN t.reltuples > 0 AND t.relpages > 0
        THEN round(t.reltuples / t.relpages * pg_relation_size(t.oid) / current_setting('block_size')::integer)
        ELSE coalesce(s.n_live_tup, 0)
    END::bigint AS row_count,
    coalesce(pg_relation_size(x.indexrelid), 0) AS size_bytes,
    coalesce(x.idx_scan, 0) AS scan_count,
    coalesce(x.idx_tup_read, 0) AS tuple_count,
    coalesce(d.indisvalid, false) AS is_there
FROM models AS m
JOIN vector_indexes AS i ON i.model_id = m.model_id
JOIN pg_class AS t ON t.oid = to_regclass('chunk_vectors_' || m.model_id)
LEFT JOIN pg_stat_user_tables AS s ON s.relid = t.oid
LEFT JOIN pg_stat_user_indexes AS x ON x.indexrelid = to_regclass('chunk_vectors_' || m.model_id || '_' || i.kind)
LEFT JOIN pg_index AS d ON d.indexrelid = x.indexrelid
WHERE m.state IN ('serving', 'filling')
ORDER BY m.state = 'serving' DESC, m.model_id;

-- name: record_settings
-- How an index is searched from now on: model, list size, probes, iterative scan, rescored, target, recall, rows.
UPDATE vector_indexes
SET ef_search = $2, probes = $3, iterative_scan = $4, rescored = $5, recall_target = $6, recall = $7, recall_rows = $8,
    recall_at = now(), tuned_rows = $8
WHERE model_id = $1;

-- name: record_recall
-- What an index was found to find: model, recall, rows.
UPDATE vector_indexes SET recall = $2, recall_rows = $3, recall_at = now() WHERE model_id = $1;

-- name: apply_settings
-- Sets how indexes are searched until the transaction ends: list size, probes, iterative scan.
SELECT :applied FROM (SELECT $1::integer AS ef_search, $2::integer AS probes, $3::text AS iterative_scan) AS i;

-- name: sampled_chunks
-- Chunks drawn at random, of all tenants.
SELECT tenant_id, chunk_id FROM sampled_chunks($1);

-- name: sampled_vector
-- The vector of a drawn chunk; no row when it is gone.
SELECT v.embedding FROM :"vectors" AS v WHERE v.chunk_id = $1;

-- name: leftover_indexes
-- Indexes that builds left behind, of a table and beside its index in use, known by the names that builds give.
SELECT n.relname AS index_name
FROM pg_index AS i
JOIN pg_class AS n ON n.oid = i.indexrelid
WHERE i.indrelid = $1::text::regclass AND (n.relname <> $2 OR NOT i.indisvalid)
  AND n.relname IN ($1 || '_next', $1 || '_old', $1 || '_hnsw', $1 || '_ivfflat')
ORDER BY n.relname;

-- name: buffered_share
-- Share of an index that is in PostgreSQL's shared buffers; needs the extension pg_buffercache and the right to read it.
SELECT count(*) * current_setting('block_size')::bigint / greatest(pg_relation_size($1::text::regclass), 1)::float8
FROM pg_buffercache
WHERE relfilenode = pg_relation_filenode($1::text::regclass)
  AND reldatabase = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND relforknumber = 0;

-- name: builder_lock
-- Takes the lock that lets one builder work at a time, until its connection ends; false when another has it.
SELECT pg_try_advisory_lock(hashtext('sagwan.index_builder'));

-- name: builder_rights
-- Whether the connection may build indexes of a table, and whether it may read the server's files.
SELECT
    pg_has_role(current_user, c.relowner, 'USAGE') AND has_schema_privilege(current_user, c.relnamespace, 'CREATE')
        AS may_build,
    pg_has_role(current_user, 'pg_read_server_files', 'USAGE') AS may_read_files
FROM pg_class AS c
WHERE c.oid = $1::text::regclass;

-- name: server_memory
-- What Linux says of the server's memory; NULL on other systems.
SELECT pg_read_file('/proc/meminfo', 0, 8192, true);

-- name: has_buffercache
-- Whether the extension that looks into shared buffers is there and may be used.
SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'pg_buffercache') AND pg_has_role(current_user, 'pg_monitor', 'USAGE');

-- name: build_settings
-- What a build may take, until its connection ends: memory as PostgreSQL writes it, and parallel workers, or NULL.
SELECT
    set_config('maintenance_work_mem', $1, false),
    set_config(
        'max_parallel_maintenance_workers', coalesce($2::text, current_setting('max_parallel_maintenance_workers')), false
    );

-- name: build_progress
-- How far the build of another connection is.
SELECT phase, blocks_done, blocks_total, tuples_done, tuples_total FROM pg_stat_progress_create_index WHERE pid = $1;

-- name: index_is_valid
-- Whether a build has ended well.
SELECT coalesce((SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass($1)), false);

-- name: drop_index
-- Removes an index while its table is read and written.
DROP INDEX CONCURRENTLY IF EXISTS :"index";

-- name: rename_index
-- Gives an index another name; its readers go on.
ALTER INDEX IF EXISTS :"index" RENAME TO :"name";

-- name: record_build
-- What index there is from now on: model, kind, quantization, m, ef_construction, lists, rows, list size, probes, iterative
-- scan, rescored. What was measured of the old one says nothing of it.
UPDATE vector_indexes
SET kind = $2, quantization = $3, m = $4, ef_construction = $5, lists = $6, built_rows = $7, built_at = now(),
    ef_search = $8, probes = $9, iterative_scan = $10, rescored = $11,
    recall = NULL, recall_rows = NULL, recall_at = NULL, tuned_rows = NULL
WHERE model_id = $1;

-- name: swap_timeout
-- Whoever waits for the swap does not wait long.
SET LOCAL lock_timeout = '2s';
