-- Embedding models and their vectors. As in queries.sql, statements run as sagwan_service; what must see all tenants is a
-- function of migrations/0005_models.sql.
--
-- The filler takes a meeting's lock before it touches the meeting's chunks, as every writer does, and holds one meeting at a
-- time: a chunk's day, speakers and existence cannot change between being read and its vector being written.

-- name: known_models
-- Every model, oldest first, with how far it is filled.
SELECT m.*, v.vector_count, v.chunk_count
FROM models AS m
JOIN vector_counts() AS v ON v.model_id = m.model_id
ORDER BY m.model_id;

-- name: serving_sha256
-- The model that serves.
SELECT sha256 FROM models WHERE state = 'serving';

-- name: register_model
-- Makes a model and its table known; the first one serves.
SELECT register_model($1, $2, $3, $4, $5);

-- name: chunks_without_vector
-- Chunks of all tenants that lack a vector of a model, oldest first, from the one after a chunk.
SELECT tenant_id, meeting_key, chunk_id FROM chunks_without_vector($1, $2, $3);

-- name: chunk_texts
-- What a tenant's chunks say.
SELECT chunk_id, text FROM chunks WHERE chunk_id = ANY ($1::bigint[]);

-- name: lock_meeting
-- Lets nobody else write a meeting or its chunks until the transaction ends.
SELECT meeting_key FROM meetings WHERE meeting_key = $1 FOR NO KEY UPDATE;

-- name: add_vectors
-- Vectors of chunks that are still there and lack one.
INSERT INTO :"vectors" (tenant_id, chunk_id, meeting_key, held_on, speakers, embedding)
SELECT t.tenant_id, t.chunk_id, t.meeting_key, t.held_on, t.speakers, n.embedding
FROM unnest($1::bigint[], $2::vector[]) AS n (chunk_id, embedding)
JOIN chunk_terms AS t ON t.chunk_id = n.chunk_id
ON CONFLICT (chunk_id) DO NOTHING
RETURNING chunk_id;

-- name: bound_a_pause
-- How long the transaction may wait for writers to end, and do nothing while they wait.
SELECT set_config('lock_timeout', '10s', true), set_config('idle_in_transaction_session_timeout', '30s', true);

-- name: pause_writers
-- Waits for the writers that have begun, and lets none begin until the transaction ends.
SELECT pg_advisory_xact_lock(hashtext('sagwan.writers'));

-- name: switch_model
-- Lets a model serve unless chunks lack its vectors; how many do.
SELECT switch_model($1);

-- name: drop_model
-- Removes a model unless it serves; whether it does not.
SELECT drop_model($1);
