import asyncio
import random

import numpy as np
import pytest

from sagwan_embedder.domain.model import Kind
from sagwan_embedder.embedding import Embedding

pytestmark = pytest.mark.integration

SENTENCE = "예산 회의 위원장 the 결정 schedule 다음 주 review 서버 budget 안건 3분기 migration 동의합니다"


@pytest.fixture
async def embedding(card, tokenizer, encoder):
    async with Embedding(card, tokenizer, encoder, batch_tokens_max=1_024) as embedding:
        yield embedding


def texts_of_words(count, words_max):
    chosen = random.Random(11)
    return [" ".join(chosen.choices(SENTENCE.split(), k=chosen.randint(1, words_max))) for _ in range(count)]


async def test_texts_of_all_lengths_come_back_in_order(embedding, vectors_of):
    texts = texts_of_words(12, 60)
    embedded = await embedding.embed(texts, Kind.PASSAGE, deadline=None)
    alone = np.concatenate([vectors_of([text]) for text in texts])
    assert np.sum(embedded.vectors * alone, axis=1).min() >= 0.999
    assert embedded.timings.inference_s > 0


async def test_callers_at_once_get_their_own_vectors(embedding, vectors_of):
    texts = texts_of_words(6, 12)
    kinds = [Kind.QUERY, Kind.PASSAGE] * 3
    calls = [embedding.embed([text], kind, deadline=None) for text, kind in zip(texts, kinds, strict=True)]
    for text, kind, embedded in zip(texts, kinds, await asyncio.gather(*calls), strict=True):
        assert np.sum(embedded.vectors * vectors_of([text], kind)) >= 0.999


async def test_a_long_text_is_cut_at_the_models_limit_and_says_so(embedding, card):
    head = "안건을 심의한다. " * 300
    first, second = "예산은 늘린다." * 9, "server migration" * 9
    embedded = await embedding.embed(["짧다.", head + first, head + second], Kind.PASSAGE, deadline=None)
    assert embedded.truncated == [False, True, True]
    assert embedded.token_counts[1:] == [card.tokens_max, card.tokens_max]
    assert np.array_equal(embedded.vectors[1], embedded.vectors[2])
