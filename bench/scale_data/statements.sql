-- The statements that build a database of any size, as the owner of the schema: COPY is refused under row-level security.

-- name: databases
-- Databases of the server.
SELECT datname FROM pg_database;

-- name: tenants
-- Whose meetings a database holds.
SELECT tenant_id FROM tenants ORDER BY name;

-- name: serving_model
-- The model that wrote the vectors.
SELECT model_id, sha256 FROM models WHERE state = 'serving';

-- name: extent
-- The last meeting and the last chunk, and how many there are of both.
SELECT
    (SELECT coalesce(max(meeting_key), 0) FROM meetings) AS meeting_key,
    (SELECT count(*) FROM meetings) AS meetings,
    (SELECT coalesce(max(chunk_id), 0) FROM chunks) AS chunk_id,
    (SELECT count(*) FROM chunks) AS chunks;

-- name: core_chunks
-- Chunks with their vectors, by meeting and in order.
SELECT
    m.meeting_key, m.language, c.chunk_id, c.first_utterance, c.first_character, c.last_utterance, c.last_character,
    v.embedding
FROM chunks AS c
JOIN meetings AS m ON m.meeting_key = c.meeting_key
JOIN :"vectors" AS v ON v.chunk_id = c.chunk_id
ORDER BY m.meeting_key, c.ordinal;

-- name: core_utterances
-- What was said, by meeting and in order.
SELECT meeting_key, speaker, text FROM utterances ORDER BY meeting_key, ordinal;

-- name: secondary_indexes
-- Indexes of the meetings' tables that hold no constraint: they are built when the rows are there.
SELECT n.relname AS name, pg_get_indexdef(i.indexrelid) AS definition
FROM pg_index AS i
JOIN pg_class AS n ON n.oid = i.indexrelid
JOIN pg_class AS t ON t.oid = i.indrelid
WHERE (t.relname IN ('meetings', 'utterances', 'chunks', 'chunk_terms', 'completions') OR t.relname LIKE 'chunk\_vectors\_%')
  AND NOT EXISTS (SELECT FROM pg_constraint AS c WHERE c.conindid = i.indexrelid)
ORDER BY t.relname, n.relname;

-- name: index_of_vectors
-- What the index of the serving model's vectors is built for.
SELECT m.model_id, m.dimension, (SELECT count(*) FROM chunks) AS row_count FROM models AS m WHERE m.state = 'serving';

-- name: record_index
-- Tells searches that there is a graph: model, quantization, m, ef_construction, rows.
UPDATE vector_indexes
SET kind = 'hnsw', quantization = $2, m = $3, ef_construction = $4, built_rows = $5, built_at = now()
WHERE model_id = $1;

-- name: move_sequences
-- Lets ingest go on after the rows that were copied.
SELECT
    setval(pg_get_serial_sequence('meetings', 'meeting_key'), (SELECT max(meeting_key) FROM meetings)),
    setval(pg_get_serial_sequence('chunks', 'chunk_id'), (SELECT max(chunk_id) FROM chunks));
