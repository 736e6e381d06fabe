"""The way of a call through the embedder with a model of two lines in it: what is served, refused, dropped or kept."""

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from sagwan_embedder.domain.model import Kind, ModelCard
from sagwan_embedder.domain.waiting import WaitingLine
from sagwan_embedder.domain.windows import Overlong
from sagwan_embedder.embedding import Embedding, Request
from sagwan_embedder.lanes import Lane
from sagwan_runtime.errors import DeadlineExceeded, InvalidRequest, Overloaded
from sagwan_runtime.metrics import EmbedderMetrics

TOKENS_MAX = 16
PASSAGE, QUERY = Kind.PASSAGE, Kind.QUERY
TRUNCATE, REFUSE, WINDOW = Overlong.TRUNCATE, Overlong.REFUSE, Overlong.WINDOW
START, END, COLON = 1, 2, ord(":")
CARD = ModelCard(
    name="letters",
    revision="1",
    quantization="none",
    sha256="",
    dimension=2,
    tokens_max=TOKENS_MAX,
    pooling="mean",
    prompts={Kind.QUERY: ":", Kind.PASSAGE: ""},
    files={},
)


class Letters:
    """One token a character, its code point, between two markers."""

    prefix = np.array([START], np.int32)
    suffix = np.array([END], np.int32)

    def tokens(self, texts):
        return [np.array([ord(letter) for letter in text], np.int32) for text in texts]


class LastLetter:
    """A text's vector is its last code point and its length; `gate` holds passages back until it is open."""

    def __init__(self):
        self.batches = []
        self.alone = []
        self.gate = threading.Event()
        self.gate.set()
        self.entered = threading.Event()
        self.error = None

    def run(self, batch, *, alone=True):
        lengths = batch.attention_mask.sum(axis=1)
        last = batch.input_ids[np.arange(len(lengths)), lengths - 2]
        is_query = batch.input_ids[0, 1] == COLON
        if not is_query:
            self.entered.set()
            assert self.gate.wait(10)
        self.batches.append("".join(map(chr, last)))
        self.alone.append(alone)
        if self.error:
            raise self.error
        return np.stack([last, lengths], axis=1).astype(np.float32)


@pytest.fixture
def model():
    return LastLetter()


class Embedder:
    """An embedding of one's own, and shorthand to call it."""

    def __init__(self, embedding, lanes, metrics):
        self.embedding = embedding
        self.lanes = lanes
        self.metrics = metrics

    async def embed(self, texts, kind=PASSAGE, *, overlong=TRUNCATE, caller="a", within_s=60.0):
        request = Request(texts, kind, overlong, caller, time.monotonic() + within_s)
        return await self.embedding.embed(request)

    async def queued(self, texts, kind=PASSAGE, **options):
        """Starts a call and gives it the time to reach the queue."""
        call = asyncio.create_task(self.embed(texts, kind, **options))
        await asyncio.sleep(0)
        return call

    async def occupied(self, model):
        """Starts a call and waits until the model is busy with it."""
        model.gate.clear()
        model.entered.clear()
        call = asyncio.create_task(self.embed(["x"]))
        await asyncio.to_thread(model.entered.wait, 10)
        return call

    @property
    def tokens_waiting(self):
        return self.lanes[PASSAGE].tokens_waiting

    def counted(self, name, **labels):
        return self.metrics.registry.get_sample_value(f"sagwan_embedder_{name}_total", labels)


@asynccontextmanager
async def embedder_with(model, *, batch_tokens_max=12, runs_at_once=1, queue_tokens_max=1_000, seconds_a_token=1e-6):
    registry = CollectorRegistry()
    metrics = EmbedderMetrics(registry)
    metrics.registry = registry
    with ThreadPoolExecutor(1) as queries, ThreadPoolExecutor(2) as passages, ThreadPoolExecutor(1) as cutter:
        lanes = {
            kind: Lane(
                kind,
                model,
                WaitingLine(batch_tokens_max=batch_tokens_max, window_tokens=1_000),
                executor,
                metrics,
                runs_at_once=runs_at_once,
                queue_tokens_max=queue_tokens_max,
                seconds_a_token=seconds_a_token,
            )
            for kind, executor in ((QUERY, queries), (PASSAGE, passages))
        }
        async with lanes[QUERY], lanes[PASSAGE]:
            embedding = Embedding(CARD, Letters(), lanes, cutter, metrics, query_cache_entries=2)
            yield Embedder(embedding, lanes, metrics)


def values_of(embedded):
    return [vector.values.tolist() for vector in embedded.vectors]


async def test_vectors_come_back_in_the_order_of_the_texts(model):
    async with embedder_with(model) as embedder:
        embedded = await embedder.embed(["ccc", "a", "dddd", "bb"])
    assert values_of(embedded) == [[99, 5], [97, 3], [100, 6], [98, 4]]
    assert all(vector.values.dtype == np.float32 for vector in embedded.vectors)
    assert [vector.token_count for vector in embedded.vectors] == [5, 3, 6, 4]


async def test_the_prompt_of_its_kind_goes_before_each_text(model):
    async with embedder_with(model) as embedder:
        (passage,) = (await embedder.embed(["ab"], PASSAGE)).vectors
        (query,) = (await embedder.embed(["ab"], QUERY)).vectors
    assert (passage.token_count, query.token_count) == (4, 5)


@given(st.lists(st.text("abcdef", min_size=1, max_size=30), min_size=1, max_size=30))
async def test_any_mix_of_texts_comes_back_in_order_and_equal_ones_are_computed_once(texts):
    model = LastLetter()
    async with embedder_with(model) as embedder:
        embedded = await embedder.embed(texts)
    kept = [text[: TOKENS_MAX - 2] for text in texts]
    assert values_of(embedded) == [[ord(text[-1]), len(text) + 2] for text in kept]
    assert sum(map(len, model.batches)) == len(set(texts))


async def test_the_budget_bounds_each_batch(model):
    async with embedder_with(model) as embedder:
        await embedder.embed(["a", "b", "c", "d", "eeee", "f" * 13])
    assert model.batches == ["abcd", "e", "f"]


async def test_texts_of_several_callers_share_a_batch(model):
    async with embedder_with(model) as embedder:
        first = await embedder.occupied(model)
        calls = [await embedder.queued([letter], caller=letter) for letter in "abcd"]
        model.gate.set()
        await asyncio.gather(first, *calls)
    assert model.batches == ["x", "abcd"]


async def test_several_batches_run_at_once_where_that_many_wait(model):
    async with embedder_with(model, runs_at_once=2) as embedder:
        model.gate.clear()
        call = await embedder.queued(["a", "bbbbbbbbb"])
        while embedder.tokens_waiting:  # noqa: ASYNC110  # nothing tells when a batch has been taken
            await asyncio.sleep(0.001)
        model.gate.set()
        await call
        await embedder.embed(["c"])
    assert sorted(model.batches[:2]) == ["a", "b"]
    assert model.alone == [False, False, True]


async def test_a_query_is_answered_while_passages_run(model):
    async with embedder_with(model) as embedder:
        first = await embedder.occupied(model)
        passages = await embedder.queued(["a", "b", "c", "d", "e"])
        embedded = await embedder.embed(["q"], QUERY)
        assert values_of(embedded) == [[ord("q"), 4]]
        assert not first.done()
        model.gate.set()
        await asyncio.gather(first, passages)


async def test_the_event_loop_runs_while_the_model_does(model):
    async with embedder_with(model) as embedder:
        call = await embedder.occupied(model)
        turns = 0
        for _ in range(100):
            await asyncio.sleep(0)
            turns += 1
        assert not call.done()
        model.gate.set()
        await call
    assert turns == 100


async def test_texts_that_take_long_to_cut_come_back_like_any_other(model):
    async with embedder_with(model) as embedder:
        embedded = await embedder.embed(["a" * 99_999 + "b", "c"])
    assert values_of(embedded) == [[ord("a"), TOKENS_MAX], [ord("c"), 3]]


async def test_only_the_text_that_lost_its_tail_is_called_truncated(model):
    async with embedder_with(model) as embedder:
        embedded = await embedder.embed(["a" * (TOKENS_MAX - 2), "b" * (TOKENS_MAX - 1)])
    assert [vector.truncated for vector in embedded.vectors] == [False, True]
    assert [vector.token_count for vector in embedded.vectors] == [TOKENS_MAX, TOKENS_MAX]


async def test_overlong_texts_are_refused_by_index_where_the_caller_asks_for_it(model):
    async with embedder_with(model) as embedder:
        with pytest.raises(InvalidRequest) as refusal:
            await embedder.embed(["a", "b" * 15, "c", "b" * 15], overlong=REFUSE)
        assert [violation.field for violation in refusal.value.violations] == ["texts[1]", "texts[3]"]
        assert len((await embedder.embed(["b" * 14], overlong=REFUSE)).vectors) == 1
    assert model.batches == ["b"]


async def test_overlong_texts_are_windowed_and_pooled_where_the_caller_asks_for_it(model):
    async with embedder_with(model) as embedder:
        (vector,) = (await embedder.embed(["a" * 14 + "b" * 14], overlong=WINDOW)).vectors
    assert sorted("".join(model.batches)) == ["a", "b"]
    assert np.isclose(np.linalg.norm(vector.values), 1)
    assert np.isclose(vector.values[0] / vector.values[1], (97 + 98) / 2 / 16)
    assert (vector.token_count, vector.truncated) == (32, False)


async def test_a_recent_query_is_not_computed_again(model):
    async with embedder_with(model) as embedder:
        first = await embedder.embed(["q"], QUERY)
        again = await embedder.embed(["q"], QUERY)
        assert values_of(again) == values_of(first)
        assert again.timings.inference_s == 0
        await embedder.embed(["q"], PASSAGE)
        await embedder.embed(["r", "s"], QUERY)
        await embedder.embed(["q"], QUERY)
        assert embedder.counted("query_cache", outcome="hit") == 1
        assert embedder.counted("query_cache", outcome="miss") == 4
    assert model.batches == ["q", "q", "rs", "q"]


async def test_a_long_query_is_not_kept(model):
    async with embedder_with(model) as embedder:
        for _ in range(2):
            await embedder.embed(["q" * 2_000], QUERY)
    assert model.batches == ["q", "q"]


async def test_work_of_a_caller_who_has_gone_is_never_run_and_counted(model):
    async with embedder_with(model) as embedder:
        first = await embedder.occupied(model)
        gone = await embedder.queued(["g", "h"])
        stays = await embedder.queued(["s"])
        gone.cancel()
        await asyncio.gather(gone, return_exceptions=True)
        model.gate.set()
        await asyncio.gather(first, stays)
        assert embedder.counted("dropped", kind="passage", reason="cancelled") == 2
    assert model.batches == ["x", "s"]


async def test_an_answer_that_comes_after_its_caller_has_gone_troubles_nobody(model):
    complaints = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: complaints.append(context))
    async with embedder_with(model) as embedder:
        gone = await embedder.occupied(model)
        gone.cancel()
        await asyncio.gather(gone, return_exceptions=True)
        model.gate.set()
        await embedder.embed(["z"])
    assert model.batches == ["x", "z"]
    assert complaints == []


async def test_the_rest_of_a_call_is_dropped_when_its_caller_goes_halfway(model):
    async with embedder_with(model, batch_tokens_max=1) as embedder:
        model.gate.clear()
        call = await embedder.queued(["a", "b", "c"])
        await asyncio.to_thread(model.entered.wait, 10)
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
        assert embedder.tokens_waiting == 0
        model.gate.set()
        await embedder.embed(["z"])
    assert model.batches == ["a", "z"]


async def test_work_whose_deadline_passes_in_the_queue_is_never_run_and_counted(model):
    async with embedder_with(model) as embedder:
        first = await embedder.occupied(model)
        late = await embedder.queued(["l"], within_s=0.02)
        with pytest.raises(DeadlineExceeded):
            await late
        assert not first.done()
        model.gate.set()
        await first
        await embedder.embed(["z"])
        assert embedder.counted("dropped", kind="passage", reason="expired") == 1
    assert model.batches == ["x", "z"]


async def test_a_deadline_that_has_passed_is_refused_at_once(model):
    async with embedder_with(model) as embedder:
        with pytest.raises(DeadlineExceeded):
            await embedder.embed(["a"], within_s=-1)
    assert model.batches == []


async def test_past_the_waiting_limit_calls_are_refused_with_the_state_of_the_queue(model):
    async with embedder_with(model, queue_tokens_max=40) as embedder:
        first = await embedder.occupied(model)
        waiting = await embedder.queued(["abcdefghij"])
        with pytest.raises(Overloaded) as refusal:
            await embedder.embed(["k" * 60, "l" * 60])
        assert refusal.value.retry_after_ms > 0
        assert refusal.value.state.items() >= {("queue", "passage"), ("tokens_waiting", "12"), ("tokens_max", "40")}
        assert embedder.counted("refused", kind="passage", reason="full") == 1
        model.gate.set()
        await asyncio.gather(first, waiting)
        assert embedder.tokens_waiting == 0
        await embedder.embed(["m" * 60, "n" * 60])
    assert model.batches == ["x", "j", "m", "n"]


async def test_one_caller_leaves_room_for_another(model):
    async with embedder_with(model, queue_tokens_max=40) as embedder:
        first = await embedder.occupied(model)
        waiting = await embedder.queued(["a" * 14])
        with pytest.raises(Overloaded):
            await embedder.embed(["b" * 40])
        other = await embedder.queued(["b" * 40], caller="b")
        model.gate.set()
        await asyncio.gather(first, waiting, other)


async def test_a_call_that_would_be_answered_too_late_is_refused_at_once(model):
    async with embedder_with(model, seconds_a_token=0.5) as embedder:
        first = await embedder.occupied(model)
        waiting = await embedder.queued(["a" * 14])
        with pytest.raises(Overloaded):
            await embedder.embed(["b" * 40], within_s=5)
        assert embedder.counted("refused", kind="passage", reason="late") == 1
        patient = await embedder.queued(["b" * 40], within_s=60)
        model.gate.set()
        await asyncio.gather(first, waiting, patient)


async def test_a_call_that_finds_nothing_waiting_is_taken_however_large(model):
    async with embedder_with(model, queue_tokens_max=1) as embedder:
        embedded = await embedder.embed(["a" * 9, "b" * 9])
    assert len(embedded.vectors) == 2


async def test_a_cancelled_call_gives_its_place_in_the_queue_back(model):
    async with embedder_with(model, queue_tokens_max=40) as embedder:
        first = await embedder.occupied(model)
        gone = await embedder.queued(["a" * 14])
        gone.cancel()
        await asyncio.gather(gone, return_exceptions=True)
        taken = await embedder.queued(["b" * 60, "c" * 60])
        model.gate.set()
        await asyncio.gather(first, taken)
    assert model.batches == ["x", "b", "c"]


async def test_an_error_of_the_model_reaches_its_callers_and_nobody_else(model):
    async with embedder_with(model) as embedder:
        model.error = RuntimeError("the model broke")
        with pytest.raises(RuntimeError, match="the model broke"):
            await embedder.embed(["a"])
        model.error = None
        assert values_of(await embedder.embed(["b"])) == [[98, 3]]


async def test_closing_turns_waiting_calls_away_and_lets_the_running_batch_end(model):
    async with embedder_with(model) as embedder:
        running = await embedder.occupied(model)
        waiting = await embedder.queued(["w"])
        asyncio.get_running_loop().call_later(0.05, model.gate.set)
    assert values_of(await running) == [[120, 3]]
    with pytest.raises(Overloaded):
        await waiting
    with pytest.raises(Overloaded):
        await embedder.embed(["late"])
    assert model.batches == ["x"]


async def test_the_stages_of_a_call_add_up_to_its_time(model):
    async with embedder_with(model) as embedder:
        first = await embedder.occupied(model)
        started = time.monotonic()
        call = await embedder.queued(["a", "bb"])
        await asyncio.sleep(0.05)
        model.gate.set()
        timings = (await call).timings
        total = time.monotonic() - started
        await first
    assert timings.queue_s >= 0.04
    assert timings.tokenize_s + timings.queue_s + timings.inference_s <= total


async def test_tokens_are_counted_uncut_with_prompt_and_markers(model):
    async with embedder_with(model) as embedder:
        deadline_s = time.monotonic() + 60
        counts = [
            await embedder.embedding.count_tokens(["a", "b" * 100], kind, caller="a", deadline_s=deadline_s)
            for kind in (PASSAGE, QUERY)
        ]
    assert counts == [[3, 102], [4, 103]]
    assert model.batches == []


async def test_counting_tokens_is_refused_by_the_same_rule(model):
    async with embedder_with(model, queue_tokens_max=40) as embedder:
        first = await embedder.occupied(model)
        waiting = await embedder.queued(["a" * 14])
        with pytest.raises(Overloaded):
            await embedder.embedding.count_tokens(["b" * 400], PASSAGE, caller="a", deadline_s=time.monotonic() + 60)
        model.gate.set()
        await asyncio.gather(first, waiting)
