-- The statements of the ingest service. They run as sagwan_service, inside a transaction that has named its tenant:
-- row-level security adds the tenant to what they read, current_tenant() to what they write.

-- name: serving_model
-- The model whose vectors are complete.
SELECT model_id, sha256 FROM models WHERE state = 'serving';

-- name: keep_models
-- Lets no model come, go or begin to serve until the transaction ends.
SELECT pg_advisory_xact_lock_shared(hashtext('sagwan.writers'));

-- name: model_ids
-- Every model that has a table of vectors.
SELECT model_id FROM models ORDER BY model_id;

-- name: known_content
-- Digest of the content that a meeting was made from, and how its chunks were weighed.
SELECT content_sha256, weights_version FROM meetings WHERE meeting_id = $1;

-- name: known_texts
-- Digests of a meeting's chunk texts that have a vector of the serving model.
SELECT DISTINCT c.text_sha256
FROM meetings AS m
JOIN chunks AS c ON c.meeting_key = m.meeting_key
JOIN :"vectors" AS v ON v.chunk_id = c.chunk_id
WHERE m.meeting_id = $1;

-- name: lock_meetings
-- Makes writers of a meeting take turns, whether or not it exists, in one order, so that they cannot deadlock.
WITH keys AS MATERIALIZED (
    SELECT DISTINCT hashtextextended(current_tenant()::text || '/' || meeting_id, 0) AS key
    FROM unnest($1::text[]) AS m (meeting_id)
    ORDER BY key
)
SELECT pg_advisory_xact_lock(key) FROM keys;

-- name: stored_meeting
-- The meeting that an ingest replaces.
SELECT meeting_key, content_sha256, title, weights_version FROM meetings WHERE meeting_id = $1;

-- name: meetings_there
-- Those of the given meetings that exist.
SELECT meeting_id FROM meetings WHERE meeting_id = ANY ($1::text[]);

-- name: insert_meeting
-- A new meeting.
INSERT INTO meetings (
    tenant_id, meeting_id, title, started_at, held_on, duration_ms, language, series, participants, tags, source,
    attributes, content_sha256, utterance_count, chunk_count, series_key, participant_keys, tag_keys, weights_version
)
VALUES (current_tenant(), $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11::jsonb, $12, $13, $14, $15, $16, $17, $18)
RETURNING meeting_key;

-- name: replace_meeting
-- A meeting's fields after an edit.
UPDATE meetings
SET title = $2, started_at = $3, held_on = $4, duration_ms = $5, language = $6, series = $7, participants = $8, tags = $9,
    source = $10, attributes = $11::jsonb, content_sha256 = $12, utterance_count = $13, chunk_count = $14,
    series_key = $15, participant_keys = $16, tag_keys = $17, weights_version = $18,
    revision = revision + 1, updated_at = now()
WHERE meeting_id = $1
RETURNING meeting_key;

-- name: delete_utterances
-- The turns that a new version replaces.
DELETE FROM utterances WHERE meeting_key = $1;

-- name: insert_utterances
-- All turns of a meeting.
INSERT INTO utterances (
    tenant_id, meeting_key, ordinal, speaker, speaker_key, start_ms, end_ms, kind, text, term_offsets
)
SELECT current_tenant(), $1, u.ordinal, u.speaker, u.speaker_key, u.start_ms, u.end_ms, u.kind, u.text, u.term_offsets
FROM unnest($2::integer[], $3::text[], $4::text[], $5::bigint[], $6::bigint[], $7::text[], $8::text[], $9::bytea[])
    AS u (ordinal, speaker, speaker_key, start_ms, end_ms, kind, text, term_offsets);

-- name: delete_completions
-- What was completed of a meeting before.
DELETE FROM completions WHERE meeting_key = $1;

-- name: insert_completions
-- A row for each word of a meeting's title, tags and speakers.
INSERT INTO completions (tenant_id, meeting_key, ordinal, property, key, word, value, occurrences)
SELECT current_tenant(), $1, c.ordinal, c.property, c.key, c.word, c.value, c.occurrences
FROM unnest($2::integer[], $3::text[], $4::text[], $5::text[], $6::text[], $7::integer[])
    AS c (ordinal, property, key, word, value, occurrences);

-- name: count_turns
-- Speakers of a stored meeting, with how many turns each has.
SELECT speaker, count(*) AS turn_count FROM utterances WHERE meeting_key = $1 GROUP BY speaker;

-- name: stored_chunks
-- A meeting's chunks in order, with the digests of their texts and what stands beside their terms.
SELECT c.chunk_id, c.text_sha256, t.speakers, t.kinds, t.start_ms, t.end_ms
FROM chunks AS c
JOIN chunk_terms AS t ON t.chunk_id = c.chunk_id
WHERE c.meeting_key = $1
ORDER BY c.ordinal;

-- name: stored_vectors
-- Vectors of texts that a meeting's chunks hold already.
SELECT DISTINCT ON (c.text_sha256) c.text_sha256, v.embedding
FROM chunks AS c
JOIN :"vectors" AS v ON v.chunk_id = c.chunk_id
WHERE c.meeting_key = $1 AND c.text_sha256 = ANY ($2::bytea[]);

-- name: vectorless_chunks
-- Those of the given chunks that have no vector of the serving model.
SELECT c.chunk_id
FROM unnest($1::bigint[]) AS c (chunk_id)
WHERE NOT EXISTS (SELECT FROM :"vectors" AS v WHERE v.chunk_id = c.chunk_id);

-- name: count_terms
-- Terms of chunks that are about to go, with how many of these chunks hold each.
SELECT t.term_id, count(*) AS chunk_count
FROM chunk_terms AS c, unnest(c.term_ids) AS t (term_id)
WHERE c.chunk_id = ANY ($1::bigint[])
GROUP BY t.term_id;

-- name: delete_chunks
-- Chunks with their terms and vectors.
DELETE FROM chunks WHERE chunk_id = ANY ($1::bigint[]);

-- name: move_chunks
-- New places of chunks whose text stayed.
UPDATE chunks AS c
SET ordinal = n.ordinal, first_utterance = n.first_utterance, first_character = n.first_character,
    last_utterance = n.last_utterance, last_character = n.last_character
FROM unnest($1::bigint[], $2::integer[], $3::integer[], $4::integer[], $5::integer[], $6::integer[])
    AS n (chunk_id, ordinal, first_utterance, first_character, last_utterance, last_character)
WHERE c.chunk_id = n.chunk_id;

-- name: new_chunk_ids
-- Ids for chunks that are about to be written.
SELECT nextval(pg_get_serial_sequence('chunks', 'chunk_id')) AS chunk_id FROM generate_series(1, $1::integer);

-- name: insert_chunks
-- New chunks.
INSERT INTO chunks (
    tenant_id, chunk_id, meeting_key, ordinal, first_utterance, first_character, last_utterance, last_character,
    text_sha256, text
)
SELECT current_tenant(), n.chunk_id, $1, n.ordinal, n.first_utterance, n.first_character, n.last_utterance,
    n.last_character, n.text_sha256, n.text
FROM unnest(
    $2::bigint[], $3::integer[], $4::integer[], $5::integer[], $6::integer[], $7::integer[], $8::bytea[], $9::text[]
) AS n (
    chunk_id, ordinal, first_utterance, first_character, last_utterance, last_character, text_sha256, text
);

-- name: insert_chunk_terms
-- What the lexical leg knows of a chunk.
INSERT INTO chunk_terms (
    tenant_id, chunk_id, meeting_key, held_on, speakers, kinds, start_ms, end_ms, term_ids, weights
)
VALUES (current_tenant(), $1, $2, $3, $4, $5, $6, $7, $8, $9);

-- name: insert_chunk_vector
-- What the vector leg knows of a chunk.
INSERT INTO :"vectors" (tenant_id, chunk_id, meeting_key, held_on, speakers, embedding)
VALUES (current_tenant(), $1, $2, $3, $4, $5);

-- name: change_chunk_terms_utterances
-- Who speaks in a chunk, in what way and when, beside its terms, after an edit that left its text as it was.
UPDATE chunk_terms SET speakers = $2, kinds = $3, start_ms = $4, end_ms = $5 WHERE chunk_id = $1;

-- name: mark_weighed
-- Says how a meeting's chunks are weighed; no row when they are already.
UPDATE meetings SET weights_version = $2 WHERE meeting_id = $1 AND weights_version <> $2 RETURNING meeting_key, title;

-- name: change_chunk_weights
-- The terms of chunks whose text stayed, weighed anew.
UPDATE chunk_terms SET term_ids = $2, weights = $3 WHERE chunk_id = $1;

-- name: weighed_texts
-- What some of a meeting's chunks say, in order, from the one after a chunk.
SELECT chunk_id, text FROM chunks WHERE meeting_key = $1 AND chunk_id > $2 ORDER BY chunk_id LIMIT $3;

-- name: change_chunk_vector_speakers
-- Who speaks in a chunk, beside its vector, after an edit that left its text as it was.
UPDATE :"vectors" SET speakers = $2 WHERE chunk_id = $1;

-- name: move_chunk_terms
-- The day beside the terms, after a meeting's day has changed.
UPDATE chunk_terms SET held_on = $2 WHERE meeting_key = $1 AND held_on IS DISTINCT FROM $2;

-- name: move_chunk_vectors
-- The day beside the vectors, after a meeting's day has changed.
UPDATE :"vectors" SET held_on = $2 WHERE meeting_key = $1 AND held_on IS DISTINCT FROM $2;

-- name: change_statistics
-- By how much the number of chunks, and of those that hold each term, changes with this transaction.
INSERT INTO statistics_changes (tenant_id, chunk_change, term_ids, term_changes)
VALUES (current_tenant(), $1, $2, $3);

-- name: take_turn_to_fold
-- Whether this transaction is the tenant's only one that folds.
SELECT pg_try_advisory_xact_lock(hashtextextended('sagwan.fold/' || current_tenant()::text, 0));

-- name: fold_statistics
-- Adds up to so many changes to the statistics; how many there were, and terms that no chunk holds any more.
WITH taken AS (
    DELETE FROM statistics_changes
    WHERE change_id IN (SELECT change_id FROM statistics_changes ORDER BY change_id LIMIT $1)
    RETURNING chunk_change, term_ids, term_changes
), terms AS (
    INSERT INTO term_stats AS s (tenant_id, term_id, chunk_count)
    SELECT current_tenant(), t.term_id, sum(t.term_change)
    FROM taken, unnest(taken.term_ids, taken.term_changes) AS t (term_id, term_change)
    GROUP BY t.term_id
    HAVING sum(t.term_change) <> 0
    ON CONFLICT (tenant_id, term_id) DO UPDATE SET chunk_count = s.chunk_count + excluded.chunk_count
    RETURNING s.term_id, s.chunk_count
), corpus AS (
    INSERT INTO corpus_stats AS s (tenant_id, chunk_count)
    SELECT current_tenant(), sum(chunk_change) FROM taken HAVING count(*) > 0
    ON CONFLICT (tenant_id) DO UPDATE SET chunk_count = s.chunk_count + excluded.chunk_count
)
SELECT
    (SELECT count(*) FROM taken) AS change_count,
    ARRAY(SELECT term_id FROM terms WHERE chunk_count = 0) AS unused_terms;

-- name: drop_unused_terms
-- Terms that no chunk holds any more.
DELETE FROM term_stats WHERE term_id = ANY ($1::integer[]) AND chunk_count = 0;

-- name: reply
-- The first answer to a request of the last day; NULL where its meeting was deleted since.
SELECT fingerprint, answer FROM replies WHERE request_id = $1 AND created_at > now() - interval '1 day';

-- name: insert_reply
-- The answer to a request; no row when the request has one of the last day.
INSERT INTO replies AS r (tenant_id, request_id, fingerprint, meeting_ids, answer)
VALUES (current_tenant(), $1, $2, $3, $4)
ON CONFLICT (tenant_id, request_id) DO UPDATE
SET fingerprint = excluded.fingerprint, meeting_ids = excluded.meeting_ids, answer = excluded.answer, created_at = now()
WHERE r.created_at <= now() - interval '1 day'
RETURNING request_id;

-- name: forget_old_replies
-- Answers that are no longer given, a few at a time; those that another transaction is at are left to it.
DELETE FROM replies
WHERE request_id IN (
    SELECT request_id FROM replies
    WHERE created_at <= now() - interval '1 day'
    ORDER BY created_at
    LIMIT $1
    FOR UPDATE SKIP LOCKED
);

-- name: empty_replies
-- Takes the answers away that tell of a meeting that is being deleted.
UPDATE replies SET answer = NULL, meeting_ids = '{}' WHERE meeting_ids @> ARRAY[$1::text];

-- name: get_meeting
-- A meeting as it is kept.
SELECT * FROM meetings WHERE meeting_id = $1;

-- name: get_meeting_for_update
-- A meeting that is about to be changed.
SELECT * FROM meetings WHERE meeting_id = $1 FOR UPDATE;

-- name: page_of_meetings
-- Meetings newest first, from the one after a day and id; those without a day last.
SELECT * FROM meetings
WHERE $2::text IS NULL
   OR coalesce(held_on, '-infinity') < coalesce($1::date, '-infinity')
   OR (coalesce(held_on, '-infinity') = coalesce($1::date, '-infinity') AND meeting_id > $2)
ORDER BY coalesce(held_on, '-infinity') DESC, meeting_id
LIMIT $3;

-- name: count_meetings
-- Meetings of the tenant.
SELECT count(*) FROM meetings;

-- name: update_meeting
-- A meeting's own fields; its content digest stays that of what was ingested.
UPDATE meetings
SET title = $2, started_at = $3, held_on = $4, language = $5, series = $6, participants = $7, tags = $8, source = $9,
    attributes = $10::jsonb, series_key = $11, participant_keys = $12, tag_keys = $13, revision = revision + 1,
    updated_at = now()
WHERE meeting_id = $1
RETURNING *;

-- name: delete_meeting
-- A meeting with its utterances; its chunks are deleted before it, with their statistics.
DELETE FROM meetings WHERE meeting_id = $1;
