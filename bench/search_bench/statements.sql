-- What the measurements ask the database themselves, as its owner.

-- name: some_texts
-- Texts of so many chunks, from all over the table.
SELECT text FROM chunks WHERE hashint8(chunk_id) % greatest(1, (SELECT count(*) FROM chunks) / $1::bigint) = 0 LIMIT $1;

-- name: most_common_terms
-- Of the given terms those that most chunks hold.
SELECT t.term_id, t.chunk_count, c.chunk_count AS corpus_count
FROM term_stats AS t
JOIN corpus_stats AS c ON c.tenant_id = t.tenant_id
WHERE t.term_id = ANY ($1::integer[])
ORDER BY t.chunk_count DESC, t.term_id
LIMIT $2;

-- name: vector_extent
-- How many vectors there are, and how long they are.
SELECT count(*), max(vector_dims(embedding)) FROM :"vectors";

-- name: all_vectors
-- Every vector.
SELECT chunk_id, embedding FROM :"vectors" ORDER BY chunk_id;

-- name: passing
-- The chunks that pass a filter by days, speaker, tag and language; NULL does not restrict.
SELECT v.chunk_id FROM :"vectors" AS v
WHERE ($1::date IS NULL OR v.held_on >= $1)
  AND ($2::date IS NULL OR v.held_on <= $2)
  AND ($3::text IS NULL OR v.speakers @> ARRAY[$3])
  AND ($4::text IS NULL OR v.meeting_key IN (SELECT meeting_key FROM meetings WHERE tags @> ARRAY[$4]))
  AND ($5::text IS NULL OR v.meeting_key IN (SELECT meeting_key FROM meetings WHERE language = $5));

-- name: nearest
-- The chunks nearest to a vector, by the index that gives the ordering.
SELECT v.chunk_id FROM :"vectors" AS v ORDER BY :ordering LIMIT $2;

-- name: index_of_serving_model
-- The index of the model that serves.
SELECT i.* FROM vector_indexes AS i JOIN models AS m ON m.model_id = i.model_id WHERE m.state = 'serving';

-- name: serving_model
-- The model that wrote the vectors.
SELECT model_id, sha256, dimension FROM models WHERE state = 'serving';

-- name: tenant
-- Whose meetings the database holds.
SELECT tenant_id FROM tenants ORDER BY name;

-- name: chunk_extent
-- How many meetings and chunks there are, and the last chunk.
SELECT
    (SELECT count(*) FROM meetings) AS meetings,
    (SELECT count(*) FROM chunks) AS chunks,
    (SELECT max(chunk_id) FROM chunks) AS chunk_id,
    pg_database_size(current_database()) AS size_bytes;

-- name: drop_index
-- Removes an index.
DROP INDEX :"index";

-- name: forget_indexes
-- Tells the services that there are none, as before they built any.
UPDATE vector_indexes
SET kind = 'exact', quantization = 'none', m = 0, ef_construction = 0, lists = 0, built_rows = NULL, built_at = NULL;
