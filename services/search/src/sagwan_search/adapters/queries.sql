-- The statements of the search service. They run as sagwan_service, inside a transaction that has named its tenant, so
-- row-level security adds the tenant to each. `:passes` stands for what filter_condition (migrations/0014) writes.

-- name: resolve_meetings
-- Keys of the meetings that pass each of several filters, up to a number, and the chunks that they have, by the filter's place from
-- 0 on; no row for a filter that none passes.
SELECT f.place - 1 AS place, array_agg(m.meeting_key) AS meeting_keys, sum(m.chunk_count) AS chunk_count
FROM jsonb_array_elements($1::jsonb) WITH ORDINALITY AS f (condition, place)
CROSS JOIN LATERAL passing_meetings(f.condition, $2::integer) AS m
GROUP BY f.place;

-- name: filter_conditions
-- A filter, its meetings resolved for terms and for vectors, as conditions on vectors and on chunks, and whether the lexical leg
-- holds it to the letter.
SELECT
    filter_condition($2::jsonb, 'vectors') AS vectors,
    filter_condition(f, 'chunks') AS chunks,
    filter_condition(f, 'terms') = filter_condition(f, 'terms', true) AS held_by_terms
FROM CAST($1 AS jsonb) AS f;

-- name: utterance_filter
-- A filter, its meetings resolved, as a condition on utterances.
SELECT filter_condition($1::jsonb, 'utterances');

-- name: filter_estimate
-- About how many chunks pass a filter, as far as is known beside their terms.
SELECT filter_estimate($1::jsonb);

-- name: filter_matches
-- Chunks that pass a filter, as far as is known beside their terms, up to a number.
SELECT coalesce(array_agg(chunk_id), '{}') FROM filter_matches($1::jsonb, $2::integer) AS chunk_id;

-- name: passing_chunks
-- Those of the given chunks that pass a filter.
SELECT coalesce(array_agg(t.chunk_id), '{}') FROM chunk_terms AS t WHERE t.chunk_id = ANY ($1::bigint[]) AND :passes;

-- name: term_statistics
-- Chunks of the corpus, and chunks under each of the keys, terms or tiers of them; one row with a NULL key when none occurs.
SELECT c.chunk_count AS corpus_count, s.term_id, s.chunk_count
FROM corpus_statistics AS c
LEFT JOIN term_statistics AS s ON s.tenant_id = c.tenant_id AND s.term_id = ANY ($1::integer[]);

-- name: lexical_leg
-- Chunks by BM25: keys, query weights, filter, depth, chunks that are scored at most, or NULL.
SELECT chunk_id, score FROM lexical_matches($1::integer[], $2::sparsevec, $3::jsonb, $4::integer, $5::integer);

-- name: lexical_leg_explained
-- How the lexical leg does it: as lexical_leg.
SELECT explain_lexical_matches($1::integer[], $2::sparsevec, $3::jsonb, $4::integer, $5::integer);

-- name: lexical_leg_checked
-- Chunks by BM25 that pass a filter of which lexical_matches holds only part, best first: keys, query weights, filter,
-- depth, chunks that are scored at most, or NULL. They come by score, and no more are looked at than it takes to have so many;
-- the order outside puts into words what is so already.
SELECT p.chunk_id, p.score
FROM (
    SELECT l.chunk_id, l.score
    FROM lexical_matches($1::integer[], $2::sparsevec, $3::jsonb, NULL, $5::integer) AS l
    WHERE (SELECT :passes FROM chunk_terms AS t WHERE t.chunk_id = l.chunk_id)
    LIMIT $4
) AS p
ORDER BY p.score DESC, p.chunk_id;

-- name: serving_model
-- The model whose vectors are complete, with its index and about how many rows there are of all tenants. Until the transaction ends, indexes are searched as that row says.
SELECT
    m.model_id, m.name, m.revision, m.quantization AS model_quantization, m.sha256, m.dimension,
    i.kind, i.quantization, i.m, i.ef_construction, i.lists, i.ef_search, i.probes, i.iterative_scan, i.rescored,
    coalesce((SELECT greatest(c.reltuples, 0) FROM pg_class AS c WHERE c.oid = to_regclass('chunk_vectors_' || m.model_id)), 0)::bigint
        AS row_count,
    :applied AS applied
FROM models AS m
JOIN vector_indexes AS i ON i.model_id = m.model_id
WHERE m.state = 'serving';

-- name: vector_leg
-- Chunks nearest to a vector: found in the order that the index gives, then ordered by their scores. The parameters are the
-- vector, the depth, and the candidates that are scored for each one of it.
SELECT found.chunk_id, :score AS score
FROM (
    SELECT v.chunk_id, v.embedding
    FROM :"vectors" AS v
    WHERE :passes
    ORDER BY :ordering
    LIMIT $2::bigint * $3::integer
) AS found
ORDER BY score DESC, chunk_id
LIMIT $2;

-- name: vector_leg_among
-- The chunks nearest to a vector among given ones, exactly: each of them is looked at.
SELECT found.chunk_id, :score AS score
FROM (
    SELECT v.chunk_id, v.embedding
    FROM :"vectors" AS v WHERE v.chunk_id = ANY ($2::bigint[]) OFFSET 0
) AS found
ORDER BY score DESC, chunk_id
LIMIT $3;

-- name: newest
-- Chunks that pass a filter, those of the newest meetings first, then as they were said: chunks to look at, how many.
SELECT t.chunk_id
FROM chunk_terms AS t
JOIN chunks AS c ON c.chunk_id = t.chunk_id
WHERE ($1::bigint[] IS NULL OR t.chunk_id = ANY ($1)) AND :passes
ORDER BY t.held_on DESC NULLS LAST, t.meeting_key DESC, c.ordinal
LIMIT $2;

-- name: stored_vector
-- The vector of a meeting's chunk.
SELECT v.embedding
FROM meetings AS m
JOIN chunks AS c ON c.meeting_key = m.meeting_key
JOIN :"vectors" AS v ON v.chunk_id = c.chunk_id
WHERE m.meeting_id = $1 AND c.chunk_id = $2;

-- name: chunk_of_utterance
-- The chunk that holds most of an utterance: a long one lies in several.
SELECT c.chunk_id
FROM meetings AS m
JOIN utterances AS u ON u.meeting_key = m.meeting_key
JOIN chunks AS c ON c.meeting_key = m.meeting_key AND u.ordinal BETWEEN c.first_utterance AND c.last_utterance
WHERE m.meeting_id = $1 AND u.ordinal = $2
ORDER BY
    CASE c.last_utterance WHEN u.ordinal THEN c.last_character ELSE length(u.text) END
    - CASE c.first_utterance WHEN u.ordinal THEN c.first_character ELSE 0 END DESC,
    c.ordinal
LIMIT 1;

-- name: page_chunks
-- The page's chunks with every utterance that they touch, in order. OFFSET 0 keeps the sub-select by itself: joined freely, the
-- planner reads a meeting's utterances from first to last for each of its chunks.
SELECT
    c.chunk_id, c.first_utterance, c.first_character, c.last_utterance, c.last_character,
    m.meeting_id, m.title, m.held_on,
    u.ordinal, u.speaker, u.start_ms, u.end_ms, u.text, u.kind, u.term_offsets
FROM chunks AS c
JOIN meetings AS m ON m.meeting_key = c.meeting_key
CROSS JOIN LATERAL (
    SELECT s.ordinal, s.speaker, s.start_ms, s.end_ms, s.text, s.kind, s.term_offsets FROM utterances AS s
    WHERE s.meeting_key = c.meeting_key AND s.ordinal BETWEEN c.first_utterance AND c.last_utterance
    OFFSET 0
) AS u
WHERE c.chunk_id = ANY ($1::bigint[])
ORDER BY c.chunk_id, u.ordinal;

-- name: chunk_places
-- Which meeting each candidate is from, and its place in it.
SELECT chunk_id, meeting_key, ordinal FROM chunks WHERE chunk_id = ANY ($1::bigint[]);

-- name: ranked_meetings
-- Meetings by how many of a ranking's chunks they have.
SELECT m.meeting_id, m.held_on, m.tags, count(*) AS ranked_count
FROM chunks AS c
JOIN meetings AS m ON m.meeting_key = c.meeting_key
WHERE c.chunk_id = ANY ($1::bigint[])
GROUP BY m.meeting_key;

-- name: ranked_speakers
-- Speakers by how many of a ranking's chunks they speak in, most first, each as most often written there: chunks, speakers.
SELECT mode() WITHIN GROUP (ORDER BY u.speaker COLLATE "C") AS speaker, count(DISTINCT c.chunk_id) AS ranked_count
FROM chunks AS c
CROSS JOIN LATERAL (
    SELECT s.speaker, s.speaker_key FROM utterances AS s
    WHERE s.meeting_key = c.meeting_key AND s.ordinal BETWEEN c.first_utterance AND c.last_utterance
    OFFSET 0
) AS u
WHERE c.chunk_id = ANY ($1::bigint[]) AND u.speaker_key <> ''
GROUP BY u.speaker_key
ORDER BY ranked_count DESC, speaker
LIMIT $2;

-- name: page_surroundings
-- What lies around the page's chunks: where the chunk so many places before each begins, or the meeting's first one, where the
-- chunk so many places after it ends, or the last one, and the utterances between them that are not wholly inside the chunk.
SELECT
    c.chunk_id, f.first_utterance, f.first_character, l.last_utterance, l.last_character,
    u.ordinal, u.speaker, u.start_ms, u.end_ms, u.text, u.kind, u.term_offsets
FROM chunks AS c
CROSS JOIN LATERAL (
    SELECT n.first_utterance, n.first_character FROM chunks AS n
    WHERE n.meeting_key = c.meeting_key AND n.ordinal BETWEEN c.ordinal - $2::integer AND c.ordinal
    ORDER BY n.ordinal LIMIT 1
) AS f
CROSS JOIN LATERAL (
    SELECT n.last_utterance, n.last_character FROM chunks AS n
    WHERE n.meeting_key = c.meeting_key AND n.ordinal BETWEEN c.ordinal AND c.ordinal + $2::integer
    ORDER BY n.ordinal DESC LIMIT 1
) AS l
JOIN utterances AS u
    ON u.meeting_key = c.meeting_key AND u.ordinal BETWEEN f.first_utterance AND l.last_utterance
    AND (u.ordinal <= c.first_utterance OR u.ordinal >= c.last_utterance)
WHERE c.chunk_id = ANY ($1::bigint[])
ORDER BY c.chunk_id, u.ordinal;

-- name: utterances_page
-- Utterances that pass a filter, by meeting and ordinal, from the one after a position.
SELECT m.meeting_id, m.title, m.held_on, u.ordinal, u.speaker, u.start_ms, u.end_ms, u.text, u.kind
FROM utterances AS u
JOIN meetings AS m ON m.meeting_key = u.meeting_key
WHERE :passes AND ($1::text IS NULL OR (m.meeting_id, u.ordinal) > ($1, $2::integer))
ORDER BY m.meeting_id, u.ordinal
LIMIT $3;

-- name: utterance_counts
-- Utterances that pass a filter, counted by meeting, most first.
SELECT m.meeting_id, count(*) AS utterance_count
FROM utterances AS u
JOIN meetings AS m ON m.meeting_key = u.meeting_key
WHERE :passes
GROUP BY m.meeting_id
ORDER BY utterance_count DESC, m.meeting_id;

-- name: completions
-- Values with a word in one of two ranges of keys, the most frequent first: both ranges, words of each, values. UNION lets a
-- value that two of its words lead to count once a meeting.
SELECT property, value, sum(occurrences)::bigint AS total
FROM (
    (
        SELECT meeting_key, property, value, occurrences FROM completions
        WHERE key >= $1 AND key < $2 ORDER BY key LIMIT $5
    )
    UNION
    (
        SELECT meeting_key, property, value, occurrences FROM completions
        WHERE key >= $3 AND key < $4 ORDER BY key LIMIT $5
    )
) AS found
GROUP BY property, value
ORDER BY total DESC, value COLLATE "C", property
LIMIT $6;

-- name: names_of
-- Values that keys lead to.
SELECT property, value, sum(occurrences)::bigint AS total FROM completions WHERE key = ANY ($1::text[])
GROUP BY property, value LIMIT $2;

-- name: names_near
-- Values with a word that has one of these heads or one of these tails, the most frequent first: heads, tails, words that are
-- looked at for each, values.
SELECT property, value, sum(occurrences)::bigint AS total
FROM (
    (SELECT meeting_key, ordinal, property, value, occurrences FROM completions WHERE head = ANY ($1::text[]) LIMIT $3)
    UNION
    (SELECT meeting_key, ordinal, property, value, occurrences FROM completions WHERE tail = ANY ($2::text[]) LIMIT $3)
) AS near
GROUP BY property, value
ORDER BY total DESC, value COLLATE "C", property
LIMIT $4;
