"""A question of the three most common words: what costs the lexical leg the most and says the least."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from itertools import cycle, islice, permutations

import asyncpg

from sagwan.search.v1 import search_pb2
from sagwan_bench.results import Figure, at_most
from sagwan_text.analysis import Analyzer
from sagwan_text.korean import load_tagger
from sagwan_text.terms import term_id
from search_bench.latencies import latency_figures
from search_bench.run import QUERIES, Run, client_of

_WORDS = 3
_TEXTS_SAMPLED = 2_000


def common_figures(run: Run) -> Iterator[Figure]:
    """Latency of hybrid and of lexical searches for the three words that most chunks hold, in every order."""
    words, shares = asyncio.run(_most_common(run.dsn))
    run.tell(f"the most common words: {', '.join(words)}")
    for word, share in zip(words, shares, strict=True):
        yield Figure(f"common_share_{word}", share, "of chunks")
    texts = list(islice(cycle(" ".join(order) for order in permutations(words)), run.searches))
    with client_of(run.stack) as client:
        hybrid = [client.ask(text).seconds for text in texts]
        lexical = [client.ask(text, mode=search_pb2.SEARCH_MODE_LEXICAL).seconds for text in texts]
    yield from latency_figures("common", hybrid, p99=at_most(150))
    yield from latency_figures("common_lexical", lexical)


async def _most_common(dsn: str) -> tuple[list[str], list[float]]:
    """The words that most chunks hold, as they are most often written, and the share of chunks that hold each."""
    connection = await asyncpg.connect(dsn)
    try:
        texts = [row["text"] for row in await connection.fetch(QUERIES["some_texts"].sql, _TEXTS_SAMPLED)]
        analyze = Analyzer(load_tagger()).terms
        written: dict[int, Counter[str]] = {}
        for text in texts:
            for term in analyze(text):
                written.setdefault(term_id(term.text), Counter())[text[term.start : term.end]] += 1
        rows = await connection.fetch(QUERIES["most_common_terms"].sql, list(written), _WORDS)
    finally:
        await connection.close()
    words = [written[row["term_id"]].most_common(1)[0][0] for row in rows]
    return words, [row["chunk_count"] / row["corpus_count"] for row in rows]
