-- Where the terms of an utterance stand, so that a question's terms are marked in it without another analysis. 7 bytes a term, in
-- the order of the text (sagwan_text.term_offsets). NULL is not kept: the utterance was stored before, or is too long for such
-- records. It is analysed whenever it is shown.
ALTER TABLE utterances ADD COLUMN term_offsets bytea;

-- Term ids are hashes, which hardly compress: what is too long for its row is put aside as it is.
ALTER TABLE utterances ALTER COLUMN term_offsets SET STORAGE EXTERNAL;
