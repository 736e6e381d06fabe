"""The language of search: text -> terms with offsets -> term ids -> BM25 weights.

Ingest and search call the same functions, so that a question meets a chunk on the same terms.
Everything here is pure apart from `korean.load_tagger`, which reads the dictionary from disk once.

    analysis.py   Analyzer: any text -> list[Term], the front door
    folding.py    compatibility forms and decomposed Hangul made plain, with a map back
    shapes.py     one ASCII letter for each character: the alphabet that words are cut by
    words.py      scripts that put spaces between words, numbers, identifiers
    english.py    stop words and stems
    korean.py     morphemes, through mecab-ko
    speakers.py   names of speakers, as filters compare them
    completion.py what speakers, tags and titles are completed by
    terms.py      Term, and term_id: a term's dimension in a sparse vector
    term_offsets.py where the terms of a text stand, packed to be kept with it
    bm25.py       document weights and inverse document frequency
    tiers.py      index keys: a term, and the tiers of it that its weight reaches
    tokens.py     about how many tokens a text has

Import from the modules; the package itself exports nothing.
"""
