"""How long a caller waits on a server that does nothing else: a query, and a chunk of 256 tokens."""

import itertools
import time
from collections.abc import Iterator, Sequence

from embedder_bench.calls import QUERY, Answer, Embed, all_answered, batched, call, embed_of, serialized
from embedder_bench.raw import RawSession, RawTokenizer, loaded
from embedder_bench.run import Run
from embedder_bench.service import running
from embedder_bench.texts import Cutter, ten_word_queries
from sagwan_bench.results import Figure, at_most, below
from sagwan_bench.samples import nearest_rank
from sagwan_embedder.domain.batching import padded
from sagwan_embedder.domain.model import Kind

_SEED = 4
_QUERIES = 360
_WARM_UP = 30
_CHUNKS = 240
_CHUNK_TOKENS = 256
_BATCH = 32
_BATCHES = 16
_ABOVE_RAW_MS = at_most(1.5)
_CHUNK_MS = below(100)


def query_figures(run: Run) -> Iterator[Figure]:
    """One query of ten words: over gRPC, and by the raw session with its tokens at hand, one of each in turn.

    In turn, because a lone query finds cores that have just slept and caches that hold something else: in a tight loop
    the raw session is two milliseconds faster than for anybody who waits between two queries. No query is asked twice,
    so that none is answered from memory.
    """
    model = loaded(run.model)
    tokenizer = RawTokenizer(model)
    raw = RawSession(model.encoder, tokenizer)
    queries = ten_word_queries(run.texts, _SEED)
    service_s: list[float] = []
    raw_s: list[float] = []
    tokens: list[int] = []
    with running(run) as service, embed_of(service.address) as embed:
        _service_times(embed, list(itertools.islice(queries, _WARM_UP)))
        _raw_times(raw, tokenizer, list(itertools.islice(queries, _WARM_UP)), Kind.QUERY)
        for query in itertools.islice(queries, run.count(_QUERIES)):
            service_s += _service_times(embed, [query])
            raw_s += _raw_times(raw, tokenizer, [query], Kind.QUERY)
            tokens += map(len, tokenizer.ids([query], Kind.QUERY))
    service_p50, raw_p50 = _ms(0.5, service_s), _ms(0.5, raw_s)
    yield Figure("query_p50_ms", service_p50, "ms")
    yield Figure("query_p99_ms", _ms(0.99, service_s), "ms")
    yield Figure("query_raw_p50_ms", raw_p50, "ms")
    yield Figure("query_above_raw_p50_ms", service_p50 - raw_p50, "ms", _ABOVE_RAW_MS)
    yield Figure("query_tokens_p50", nearest_rank(0.5, tokens), "tokens")
    yield Figure("query_count", len(service_s), "queries")


def chunk_figures(run: Run) -> Iterator[Figure]:
    """A chunk of 256 tokens, prompt and markers included: alone, in turn with the raw session, and its share of 32."""
    model = loaded(run.model)
    tokenizer = RawTokenizer(model)
    raw = RawSession(model.encoder, tokenizer)
    overhead = len(tokenizer.ids([""], Kind.PASSAGE)[0])
    chunks = Cutter(run.texts, tokenizer.counts).texts_of(_CHUNK_TOKENS - overhead, _SEED)
    with running(run) as service, embed_of(service.address) as embed:
        _answers(embed, [serialized([text]) for text in itertools.islice(chunks, _WARM_UP)])
        alone: list[Answer] = []
        raw_s: list[float] = []
        for text in itertools.islice(chunks, run.count(_CHUNKS)):
            alone += _answers(embed, [serialized([text])])
            raw_s += _raw_times(raw, tokenizer, [text], Kind.PASSAGE)
        texts = itertools.islice(chunks, run.count(_BATCHES * _BATCH))
        together = _answers(embed, list(batched(texts, _BATCH)))
    alone_s = [answer.done_s - answer.sent_s for answer in alone]
    share_s = [(answer.done_s - answer.sent_s) / len(answer.token_counts) for answer in together]
    yield Figure("chunk_alone_p50_ms", _ms(0.5, alone_s), "ms")
    yield Figure("chunk_alone_p99_ms", _ms(0.99, alone_s), "ms", _CHUNK_MS)
    yield Figure("chunk_raw_p50_ms", _ms(0.5, raw_s), "ms")
    yield Figure("chunk_raw_p99_ms", _ms(0.99, raw_s), "ms")
    yield Figure("chunk_in_batch_p50_ms", _ms(0.5, share_s), "ms")
    yield Figure("chunk_in_batch_p99_ms", _ms(0.99, share_s), "ms", _CHUNK_MS)
    counts = [count for answer in alone for count in answer.token_counts]
    yield Figure("chunk_tokens_p50", nearest_rank(0.5, counts), "tokens")


def _service_times(embed: Embed, queries: Sequence[str]) -> list[float]:
    return [
        answer.done_s - answer.sent_s for answer in _answers(embed, [serialized([each], QUERY) for each in queries])
    ]


def _raw_times(raw: RawSession, tokenizer: RawTokenizer, texts: Sequence[str], kind: Kind) -> list[float]:
    times = []
    for batch in [padded([ids]) for ids in tokenizer.ids(texts, kind)]:
        started_s = time.perf_counter()
        raw.run(batch)
        times.append(time.perf_counter() - started_s)
    return times


def _answers(embed: Embed, requests: Sequence[bytes]) -> Sequence[Answer]:
    """One call after the other."""
    return all_answered([call(embed, number, request) for number, request in enumerate(requests)])


def _ms(quantile: float, seconds: Sequence[float]) -> float:
    found = nearest_rank(quantile, seconds)
    assert found is not None
    return found * 1_000
