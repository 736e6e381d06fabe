"""The queue with a model of two lines in it: what is served, in which order, and what is refused or dropped."""

import asyncio
import threading
import time

import numpy as np
import pytest

from sagwan_embedder.domain.model import Kind, ModelCard
from sagwan_embedder.embedding import Embedding
from sagwan_embedder.ports import Encoded
from sagwan_runtime.errors import DeadlineExceeded, Overloaded

TOKENS_MAX = 16
PASSAGE, QUERY = Kind.PASSAGE, Kind.QUERY
CARD = ModelCard(
    name="letters",
    revision="1",
    quantization="none",
    sha256="",
    dimension=2,
    tokens_max=TOKENS_MAX,
    pooling="none",
    prompts={Kind.QUERY: "", Kind.PASSAGE: ""},
    files={},
)


class Letters:
    """One token a character: its code point."""

    def encode(self, texts, tokens_max):
        encoded = [[ord(letter) for letter in text] for text in texts]
        return [Encoded(np.array(ids[:tokens_max], np.int32), len(ids) > tokens_max) for ids in encoded]


class FirstLetter:
    """A text's vector is its first code point and its length; `gate` holds every batch back until it is open."""

    def __init__(self):
        self.batches = []
        self.gate = threading.Event()
        self.entered = threading.Event()
        self.error = None

    def run(self, batch):
        self.entered.set()
        assert self.gate.wait(10)
        self.batches.append("".join(map(chr, batch.input_ids[:, 0])))
        if self.error:
            raise self.error
        lengths = batch.attention_mask.sum(axis=1)
        return np.stack([batch.input_ids[:, 0], lengths], axis=1).astype(np.float32)


@pytest.fixture
def model():
    model = FirstLetter()
    model.gate.set()
    return model


def embedding_with(model, *, batch_tokens_max=4, queue_tokens_max=1_000):
    return Embedding(CARD, Letters(), model, batch_tokens_max=batch_tokens_max, queue_tokens_max=queue_tokens_max)


async def occupied(embedding, model):
    """Starts a call and waits until the model is busy with it."""
    model.gate.clear()
    model.entered.clear()
    call = asyncio.create_task(embedding.embed(["x"], PASSAGE, deadline=None))
    await asyncio.to_thread(model.entered.wait, 10)
    return call


async def queued(embedding, texts, kind, *, deadline=None):
    """Starts a call and gives it the time to reach the queue."""
    call = asyncio.create_task(embedding.embed(texts, kind, deadline=deadline))
    await asyncio.sleep(0)
    return call


async def test_vectors_come_back_in_the_order_of_the_texts(model):
    async with embedding_with(model) as embedding:
        embedded = await embedding.embed(["ccc", "a", "dddd", "bb"], PASSAGE, deadline=None)
    assert embedded.vectors.tolist() == [[99, 3], [97, 1], [100, 4], [98, 2]]
    assert embedded.vectors.dtype == np.float32
    assert embedded.token_counts == [3, 1, 4, 2]
    assert embedded.tokens == 10


async def test_only_the_text_that_lost_its_tail_is_called_truncated(model):
    async with embedding_with(model) as embedding:
        embedded = await embedding.embed(["a" * TOKENS_MAX, "b" * (TOKENS_MAX + 1)], PASSAGE, deadline=None)
    assert embedded.truncated == [False, True]
    assert embedded.token_counts == [TOKENS_MAX, TOKENS_MAX]


async def test_no_text_gives_no_vector(model):
    async with embedding_with(model) as embedding:
        embedded = await embedding.embed([], PASSAGE, deadline=None)
    assert embedded.vectors.shape == (0, CARD.dimension)


async def test_the_budget_bounds_each_batch(model):
    async with embedding_with(model, batch_tokens_max=4) as embedding:
        await embedding.embed(["a", "b", "c", "d", "eeee", "fffff"], PASSAGE, deadline=None)
    assert model.batches == ["abcd", "e", "f"]


async def test_a_query_overtakes_the_batches_of_passages_that_wait(model):
    async with embedding_with(model, batch_tokens_max=2) as embedding:
        first = await occupied(embedding, model)
        passages = await queued(embedding, ["a", "b", "c", "d"], PASSAGE)
        query = await queued(embedding, ["q"], QUERY)
        model.gate.set()
        await asyncio.gather(first, passages, query)
    assert model.batches == ["x", "q", "ab", "cd"]


async def test_calls_of_one_kind_are_served_in_the_order_of_arrival(model):
    async with embedding_with(model) as embedding:
        first = await occupied(embedding, model)
        calls = [await queued(embedding, [letter], QUERY) for letter in "abc"]
        model.gate.set()
        await asyncio.gather(first, *calls)
    assert model.batches == ["x", "a", "b", "c"]


async def test_the_event_loop_runs_while_the_model_does(model):
    async with embedding_with(model) as embedding:
        call = await occupied(embedding, model)
        turns = 0
        for _ in range(100):
            await asyncio.sleep(0)
            turns += 1
        assert not call.done()
        model.gate.set()
        await call
    assert turns == 100


async def test_work_of_a_caller_who_has_gone_is_never_run(model):
    async with embedding_with(model) as embedding:
        first = await occupied(embedding, model)
        gone = await queued(embedding, ["g"], PASSAGE)
        stays = await queued(embedding, ["s"], PASSAGE)
        gone.cancel()
        await asyncio.gather(gone, return_exceptions=True)
        model.gate.set()
        await asyncio.gather(first, stays)
    assert model.batches == ["x", "s"]


async def test_an_answer_that_comes_after_its_caller_has_gone_troubles_nobody(model):
    complaints = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: complaints.append(context))
    async with embedding_with(model) as embedding:
        gone = await occupied(embedding, model)
        gone.cancel()
        await asyncio.gather(gone, return_exceptions=True)
        model.gate.set()
        await embedding.embed(["z"], PASSAGE, deadline=None)
    assert model.batches == ["x", "z"]
    assert complaints == []


async def test_the_rest_of_a_call_is_dropped_when_its_caller_goes_halfway(model):
    async with embedding_with(model, batch_tokens_max=1) as embedding:
        model.gate.clear()
        call = await queued(embedding, ["a", "b", "c"], PASSAGE)
        await asyncio.to_thread(model.entered.wait, 10)
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
        assert embedding.tokens_waiting == 0
        model.gate.set()
        await embedding.embed(["z"], PASSAGE, deadline=None)
    assert model.batches == ["a", "z"]


async def test_work_whose_deadline_passes_in_the_queue_is_never_run(model):
    async with embedding_with(model) as embedding:
        first = await occupied(embedding, model)
        late = await queued(embedding, ["l"], QUERY, deadline=time.monotonic() + 0.02)
        with pytest.raises(DeadlineExceeded):
            await late
        assert not first.done()
        model.gate.set()
        await first
        await embedding.embed(["z"], QUERY, deadline=time.monotonic() + 10)
    assert model.batches == ["x", "z"]


async def test_a_deadline_that_has_passed_is_refused_at_once(model):
    async with embedding_with(model) as embedding:
        with pytest.raises(DeadlineExceeded):
            await embedding.embed(["a"], QUERY, deadline=time.monotonic() - 1)
    assert model.batches == []


async def test_past_the_waiting_limit_calls_are_refused_with_a_time_to_retry(model):
    async with embedding_with(model, queue_tokens_max=20) as embedding:
        first = await occupied(embedding, model)
        waiting = await queued(embedding, ["a" * 10], PASSAGE)
        with pytest.raises(Overloaded) as refusal:
            await embedding.embed(["b" * 10], PASSAGE, deadline=None)
        assert refusal.value.retry_after_ms > 0
        model.gate.set()
        await asyncio.gather(first, waiting)
        assert embedding.tokens_waiting == 0
        await embedding.embed(["c" * 10], PASSAGE, deadline=None)
    assert model.batches == ["x", "a", "c"]


async def test_a_call_that_finds_nothing_waiting_is_taken_however_large(model):
    async with embedding_with(model, queue_tokens_max=1) as embedding:
        embedded = await embedding.embed(["a" * 9, "b" * 9], PASSAGE, deadline=None)
    assert len(embedded.vectors) == 2


async def test_a_cancelled_call_gives_its_place_in_the_queue_back(model):
    async with embedding_with(model, queue_tokens_max=20) as embedding:
        first = await occupied(embedding, model)
        gone = await queued(embedding, ["a" * 10], PASSAGE)
        gone.cancel()
        await asyncio.gather(gone, return_exceptions=True)
        taken = await queued(embedding, ["b" * 10], PASSAGE)
        model.gate.set()
        await asyncio.gather(first, taken)
    assert model.batches == ["x", "b"]


async def test_an_error_of_the_model_reaches_its_caller_and_nobody_else(model):
    async with embedding_with(model) as embedding:
        model.error = RuntimeError("the model broke")
        with pytest.raises(RuntimeError, match="the model broke"):
            await embedding.embed(["a"], QUERY, deadline=None)
        model.error = None
        embedded = await embedding.embed(["b"], QUERY, deadline=None)
    assert embedded.vectors.tolist() == [[98, 1]]


async def test_closing_turns_waiting_calls_away_and_lets_the_running_batch_end(model):
    async with embedding_with(model) as embedding:
        running = await occupied(embedding, model)
        waiting = await queued(embedding, ["w"], PASSAGE)
        asyncio.get_running_loop().call_later(0.05, model.gate.set)
    assert (await running).vectors.tolist() == [[120, 1]]
    with pytest.raises(Overloaded):
        await waiting
    with pytest.raises(Overloaded):
        await embedding.embed(["late"], PASSAGE, deadline=None)
    assert model.batches == ["x"]


async def test_the_stages_of_a_call_add_up_to_its_time(model):
    async with embedding_with(model) as embedding:
        first = await occupied(embedding, model)
        started = time.monotonic()
        call = await queued(embedding, ["a", "bb"], QUERY)
        await asyncio.sleep(0.05)
        model.gate.set()
        timings = (await call).timings
        total = time.monotonic() - started
        await first
    assert timings.queue_s >= 0.04
    assert timings.tokenize_s + timings.queue_s + timings.inference_s <= total
