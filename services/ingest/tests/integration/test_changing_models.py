"""A new embedding model fills its table while the old one serves: two embedders over gRPC, one real database."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, suppress
from dataclasses import replace
from datetime import date
from importlib.resources import files

import asyncpg
import grpc
import pytest
from embedders import HashingEmbedder, serving
from prometheus_client import CollectorRegistry

from sagwan.ingest.v1 import models_pb2, models_pb2_grpc
from sagwan_ingest.adapters.embedder import GrpcPassageEmbedder
from sagwan_ingest.adapters.postgres import PostgresMeetingStore
from sagwan_ingest.domain.meeting import Meeting, Utterance
from sagwan_ingest.ingestion import Ingestion, IngestLimits
from sagwan_ingest.model_servicer import ModelServicer
from sagwan_ingest.ports import ModelState
from sagwan_ingest.reembedding import Reembedding, ReembeddingLimits
from sagwan_runtime.auth import authenticated
from sagwan_runtime.calls import ScopedCalls, translated
from sagwan_runtime.deadline import Deadline
from sagwan_runtime.errors import (
    Conflict,
    DeadlineExceeded,
    DependencyUnavailable,
    InvalidRequest,
    NotFound,
    PreconditionFailed,
)
from sagwan_runtime.metrics import IngestMetrics, RpcMetrics
from sagwan_runtime.postgres.keys import PostgresKeyStore
from sagwan_runtime.postgres.queries import load_queries
from sagwan_runtime.postgres.tenants import issue_key
from sagwan_text.analysis import Analyzer
from sagwan_text.korean import load_tagger

pytestmark = pytest.mark.integration

OLD, NEW = "sha-of-old", "sha-of-new"
LIMITS = ReembeddingLimits(embed_texts_max=4, step_timeout_s=30, gap_max=6, pause_s=5)
# Chunks of all tenants that lack a vector of the model that serves, and rows beside whose vectors stands another day or
# speaker than beside their terms. Each is one statement, so it sees one moment.
LACKING = """
    SELECT v.chunk_count - v.vector_count FROM vector_counts() AS v JOIN models AS m USING (model_id)
    WHERE m.state = 'serving'
"""
ASTRAY = """
    SELECT count(*) FROM {table} AS v JOIN chunk_terms AS t USING (chunk_id)
    WHERE (v.tenant_id, v.meeting_key, v.speakers) <> (t.tenant_id, t.meeting_key, t.speakers)
       OR v.held_on IS DISTINCT FROM t.held_on
"""


def soon(seconds: float = 30) -> Deadline:
    return Deadline.after(seconds)


def meeting(meeting_id: str, *, turns: int = 5, first: int = 0, held_on: date | None = None) -> Meeting:
    utterances = tuple(
        Utterance(f"S{turn % 2}", f"In {meeting_id} point {turn} was raised, and it took a while to settle it.")
        for turn in range(first, first + turns)
    )
    return Meeting(meeting_id=meeting_id, held_on=held_on, utterances=utterances)


@pytest.fixture
def old() -> HashingEmbedder:
    return HashingEmbedder(OLD, 8)


@pytest.fixture
def new() -> HashingEmbedder:
    return HashingEmbedder(NEW, 5)


@pytest.fixture
async def embedder(old, new) -> AsyncIterator[GrpcPassageEmbedder]:
    async with serving(old, new) as embedders:
        yield GrpcPassageEmbedder(embedders, unavailable_timeout_s=1)


@pytest.fixture
def metrics() -> IngestMetrics:
    return IngestMetrics(CollectorRegistry())


@pytest.fixture
async def models(model_store, embedder, metrics) -> Reembedding:
    """The use case; the old model serves."""
    models = Reembedding(model_store, embedder, metrics, LIMITS)
    await models.check_serving(soon())
    return models


@pytest.fixture
def ingestion(models, store, embedder, worker, metrics) -> Ingestion:
    limits = IngestLimits(chunk_tokens_target=16, chunk_tokens_max=60, embed_texts_max=4, writers_max=4)
    return Ingestion(store, embedder, Analyzer(load_tagger()).terms, worker, metrics, limits)


@pytest.fixture
async def store(database) -> PostgresMeetingStore:
    return PostgresMeetingStore(database, load_queries(files("sagwan_ingest.adapters") / "queries.sql"))


@pytest.fixture
async def two_tenants(new_tenant, ingest):
    """Ten meetings of two tenants, taking turns."""
    tenants = [await new_tenant(), await new_tenant()]
    for number in range(5):
        for tenant_id in tenants:
            await ingest(tenant_id, meeting(f"m-{number}", held_on=date(2026, 1, 1 + number)))
    return tenants


async def state_of(models: Reembedding, sha256: str):
    (found,) = [each for each in await models.models(soon()) if each.model.sha256 == sha256]
    return found.known and (found.known.state, found.known.chunk_count - found.known.vector_count)


async def filled(models: Reembedding, sha256: str = NEW):
    return [each async for each in models.fill(sha256)]


async def assert_complete(owner: asyncpg.Connection, table: str, embedder: HashingEmbedder) -> None:
    """Each chunk has the vector that a model makes of its text, beside the day and the speakers of its terms."""
    rows = await owner.fetch(f"SELECT c.text, v.embedding FROM chunks AS c LEFT JOIN {table} AS v USING (chunk_id)")
    assert rows
    for row in rows:
        assert row["embedding"].to_list() == embedder.vector(row["text"]).tolist()
    assert await owner.fetchval(ASTRAY.format(table=table)) == 0


class TestAdding:
    async def test_the_first_model_serves_and_a_later_one_is_only_available(self, models):
        assert await state_of(models, OLD) == (ModelState.SERVING, 0)
        assert await state_of(models, NEW) is None
        await models.check_serving(soon())
        assert await state_of(models, NEW) is None

    async def test_the_one_that_was_not_added_need_not_be_named_and_adding_it_again_changes_nothing(
        self, models, owner
    ):
        added = await models.add("", soon())
        assert (added.model.sha256, added.known.state, added.reachable) == (NEW, ModelState.FILLING, True)
        assert await models.add(NEW, soon()) == added
        assert await owner.fetchval("SELECT count(*) FROM models") == 2
        with pytest.raises(InvalidRequest, match="none"):
            await models.add("", soon())

    async def test_a_model_that_no_embedder_runs_is_not_found(self, models):
        with pytest.raises(NotFound):
            await models.add("another", soon())

    async def test_ready_is_who_has_an_embedder_of_the_serving_model(self, models, model_store, metrics, new):
        async with serving(new) as embedders:
            only_new = Reembedding(
                model_store, GrpcPassageEmbedder(embedders, unavailable_timeout_s=0), metrics, LIMITS
            )
            with pytest.raises(DependencyUnavailable, match="another model"):
                await only_new.check_serving(soon())


class TestFilling:
    async def test_chunks_of_all_tenants_get_their_vectors_and_the_old_model_serves_on(
        self, models, two_tenants, owner, old, new
    ):
        await models.add(NEW, soon())
        progress = await filled(models)
        await assert_complete(owner, "chunk_vectors_2", new)
        await assert_complete(owner, "chunk_vectors_1", old)
        assert await state_of(models, OLD) == (ModelState.SERVING, 0)
        assert await state_of(models, NEW) == (ModelState.FILLING, 0)
        first, last = progress[0], progress[-1]
        assert (first.vector_count, first.written_count, first.done) == (0, 0, False)
        assert (last.vector_count, last.written_count, last.done) == (last.chunk_count, last.chunk_count, True)
        assert [each.written_count for each in progress] == sorted(each.written_count for each in progress)
        assert last.rate > 0

    async def test_the_oldest_are_filled_first(self, models, two_tenants, owner):
        await models.add(NEW, soon())
        async with aclosing(models.fill(NEW)) as fill:
            async for each in fill:
                if each.written_count >= 8:
                    break
        rows = await owner.fetch("SELECT chunk_id FROM chunk_vectors_2 ORDER BY 1")
        oldest = await owner.fetch("SELECT chunk_id FROM chunks ORDER BY 1 LIMIT 8")
        assert rows == oldest

    @pytest.mark.parametrize("cut", ["caller", "embedder", "database", "task"])
    async def test_a_fill_that_was_cut_off_goes_on_where_it_was(self, models, two_tenants, owner, new, cut):
        await models.add(NEW, soon())
        chunks = await owner.fetchval("SELECT count(*) FROM chunks")
        if cut == "caller":
            async with aclosing(models.fill(NEW)) as fill:
                async for each in fill:
                    if each.written_count >= 12:
                        break
        elif cut == "embedder":
            new.calls_left = 3
            with pytest.raises(DependencyUnavailable):
                await filled(models)
            new.calls_left = None
        else:
            reached = asyncio.Event()

            async def fill() -> None:
                async for each in models.fill(NEW):
                    if each.written_count >= 12:
                        reached.set()

            task = asyncio.create_task(fill())
            await asyncio.wait_for(reached.wait(), 20)
            if cut == "task":
                task.cancel()
            else:
                await owner.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'tests'"
                )
            with suppress(DependencyUnavailable, asyncio.CancelledError):
                await task
        await filled(models)
        await assert_complete(owner, "chunk_vectors_2", new)
        # At most the batch that was under way was embedded twice.
        assert len(new.texts) <= chunks + LIMITS.embed_texts_max

    async def test_several_fills_at_once_do_no_harm(self, models, two_tenants, owner, new):
        await models.add(NEW, soon())
        await asyncio.gather(*(filled(models) for _ in range(3)))
        await assert_complete(owner, "chunk_vectors_2", new)

    async def test_ingests_go_on_meanwhile_and_a_fill_ends_with_nothing_missing(
        self, models, two_tenants, ingest, owner, old, new
    ):
        await models.add(NEW, soon())

        async def write(tenant_id, name) -> None:
            for number in range(6):
                await ingest(tenant_id, meeting(f"{name}-{number}"))
                await ingest(tenant_id, meeting(f"{name}-{number}", first=2, turns=6))

        fill = asyncio.create_task(filled(models))
        await asyncio.gather(*(write(each, f"live-{n}") for n, each in enumerate(two_tenants)))
        await fill
        await filled(models)
        await assert_complete(owner, "chunk_vectors_1", old)
        await assert_complete(owner, "chunk_vectors_2", new)

    async def test_what_was_edited_or_deleted_while_it_was_embedded_is_right(
        self, models, new_tenant, ingest, store, owner, new, ingestion
    ):
        tenant_id = await new_tenant()
        for name in ("moved", "respoken", "gone"):
            await ingest(tenant_id, meeting(name, turns=1))
        await models.add(NEW, soon())
        new.open.clear()
        fill = asyncio.create_task(filled(models))
        await new.asked.wait()
        await ingestion.update(tenant_id, "moved", {"held_on": date(2026, 5, 6)}, "", soon())
        respoken = meeting("respoken", turns=1)
        await ingest(tenant_id, replace(respoken, utterances=(replace(respoken.utterances[0], speaker="Zoe"),)))
        await store.delete(tenant_id, "gone", "", soon())
        new.open.set()
        await fill
        await assert_complete(owner, "chunk_vectors_2", new)
        assert await owner.fetchval("SELECT count(*) FROM chunk_vectors_2 WHERE held_on = '2026-05-06'") == 1

    async def test_edits_reach_the_vectors_of_every_model(
        self, models, new_tenant, ingest, store, owner, old, new, ingestion
    ):
        tenant_id = await new_tenant()
        await ingest(tenant_id, meeting("weekly"))
        await models.add(NEW, soon())
        await filled(models)
        for retired in (False, True):
            if retired:
                await models.switch(NEW, soon())
            await ingestion.update(tenant_id, "weekly", {"held_on": date(2026, 5, 6 + retired)}, "", soon())
            changed = meeting("weekly")
            turns = [replace(each, speaker=f"{each.speaker} {retired}") for each in changed.utterances]
            await ingest(tenant_id, replace(changed, utterances=tuple(turns)))
            await filled(models, OLD)
            await filled(models, NEW)
            await assert_complete(owner, "chunk_vectors_1", old)
            await assert_complete(owner, "chunk_vectors_2", new)

    async def test_an_unknown_model_is_not_found(self, models):
        with pytest.raises(NotFound):
            await filled(models)


class TestSwitching:
    async def test_a_model_that_is_not_filled_is_refused_with_the_count(self, models, two_tenants):
        await models.add(NEW, soon())
        _, missing = await state_of(models, NEW)
        with pytest.raises(PreconditionFailed, match=f"no vector of {missing} of {missing} chunks"):
            await models.switch(NEW, soon())
        assert await state_of(models, OLD) == (ModelState.SERVING, 0)

    async def test_the_last_gap_is_closed_and_new_meetings_get_the_new_vectors(
        self, models, two_tenants, ingest, owner, old, new
    ):
        await models.add(NEW, soon())
        await filled(models)
        await ingest(two_tenants[0], meeting("late", turns=3))
        switched = await models.switch(NEW, soon())
        assert (switched.known.state, await state_of(models, OLD)) == (ModelState.SERVING, (ModelState.RETIRED, 0))
        await assert_complete(owner, "chunk_vectors_2", new)
        old_texts = len(old.texts)
        await ingest(two_tenants[1], meeting("later"))
        await assert_complete(owner, "chunk_vectors_2", new)
        assert len(old.texts) == old_texts
        assert await models.switch(NEW, soon()) == await models.switch(NEW, soon())

    async def test_switching_back_needs_what_was_written_since(self, models, two_tenants, ingest, owner, old):
        await models.add(NEW, soon())
        await filled(models)
        await models.switch(NEW, soon())
        for number in range(3):
            await ingest(two_tenants[0], meeting(f"since-{number}"))
        with pytest.raises(PreconditionFailed):
            await models.switch(OLD, soon())
        await filled(models, OLD)
        await models.switch(OLD, soon())
        await assert_complete(owner, "chunk_vectors_1", old)
        assert await state_of(models, NEW) == (ModelState.RETIRED, 0)

    async def test_no_chunk_ever_lacks_a_vector_of_the_model_that_serves(
        self, models, two_tenants, ingest, store, owner, database_url, old, new, ingestion
    ):
        await models.add(NEW, soon())
        await filled(models)
        over, looks = asyncio.Event(), 0

        async def write(tenant_id, name) -> None:
            number = 0
            while not over.is_set():
                try:
                    await ingest(tenant_id, meeting(name, first=number, held_on=date(2026, 2, 1 + number % 20)))
                except Conflict:
                    # Three switches passed between its looks and its writes: ABORTED, which a caller tries again.
                    continue
                await ingestion.update(tenant_id, name, {"held_on": date(2026, 3, 1 + number % 20)}, "", soon())
                if number % 5 == 4:
                    await store.delete(tenant_id, name, "", soon())
                number += 1

        async def look() -> None:
            nonlocal looks
            watcher = await asyncpg.connect(database_url)
            while not over.is_set():
                assert await watcher.fetchval(LACKING) == 0
                looks += 1
                await asyncio.sleep(0)
            await watcher.close()

        async def switch() -> int:
            done = 0
            for turn in range(6):
                target = (NEW, OLD)[turn % 2]
                await filled(models, target)
                try:
                    await models.switch(target, soon())
                    done += 1
                except PreconditionFailed:
                    # The writers were faster between the fill and the switch.
                    await asyncio.sleep(0.05)
            over.set()
            return done

        writers = [write(each, f"busy-{n}-{m}") for n, each in enumerate(two_tenants) for m in range(2)]
        switches, *_ = await asyncio.gather(switch(), look(), *writers)
        assert (switches >= 2, looks > 20) == (True, True)
        await filled(models, OLD)
        await filled(models, NEW)
        await assert_complete(owner, "chunk_vectors_1", old)
        await assert_complete(owner, "chunk_vectors_2", new)

    async def test_a_switch_whose_embedder_hangs_lets_the_writers_go_on_and_changes_nothing(
        self, models, model_store, embedder, metrics, two_tenants, ingest, new
    ):
        await models.add(NEW, soon())
        await filled(models)
        impatient = Reembedding(model_store, embedder, metrics, replace(LIMITS, pause_s=0.5))
        gap, paused = impatient._close_gap, asyncio.Event()

        async def slow_gap(store, known, deadline) -> None:
            await gap(store, known, deadline)
            if store is model_store:
                # Between the look without a pause and the pause.
                await ingest(two_tenants[0], meeting("late", turns=2))
                new.open.clear()
                paused.set()

        impatient._close_gap = slow_gap
        switch = asyncio.create_task(impatient.switch(NEW, soon()))
        await asyncio.wait_for(paused.wait(), 20)
        write = asyncio.create_task(ingest(two_tenants[1], meeting("waiting", turns=2)))
        with pytest.raises(DeadlineExceeded):
            await switch
        await write
        assert (await state_of(models, OLD))[0] is ModelState.SERVING
        new.open.set()
        await models.switch(NEW, soon())


class TestDropping:
    async def test_the_serving_model_is_refused(self, models):
        with pytest.raises(PreconditionFailed, match="serves"):
            await models.drop(OLD, soon())

    async def test_a_retired_model_goes_with_its_table_and_can_be_added_anew(
        self, models, two_tenants, ingest, owner, old, new
    ):
        await models.add(NEW, soon())
        await filled(models)
        await models.switch(NEW, soon())
        await models.drop(OLD, soon())
        assert await owner.fetchval("SELECT to_regclass('chunk_vectors_1')") is None
        await ingest(two_tenants[0], meeting("m-0", first=3, held_on=date(2026, 6, 1)))
        with pytest.raises(NotFound):
            await models.drop(OLD, soon())
        await models.add(OLD, soon())
        await filled(models, OLD)
        await models.switch(OLD, soon())
        await assert_complete(owner, "chunk_vectors_3", old)

    async def test_a_model_that_is_dropped_while_it_is_filled_ends_the_fill(self, models, two_tenants, new):
        await models.add(NEW, soon())
        new.open.clear()
        fill = asyncio.create_task(filled(models))
        await new.asked.wait()
        await models.drop(NEW, soon())
        new.open.set()
        with pytest.raises((NotFound, DependencyUnavailable)):
            await fill
        with pytest.raises(NotFound):
            await filled(models)

    async def test_a_drop_waits_for_writers_and_not_for_ever(self, models, two_tenants, owner):
        await models.add(NEW, soon())
        async with owner.transaction():
            await owner.execute("LOCK TABLE chunks IN ACCESS SHARE MODE")
            with pytest.raises(DependencyUnavailable):
                await models.drop(NEW, soon())
        await models.drop(NEW, soon())


class TestOverTheWire:
    @pytest.fixture
    async def stub(self, models, database) -> AsyncIterator[models_pb2_grpc.ModelServiceStub]:
        scopes = (translated(), authenticated(PostgresKeyStore(database)))
        server = grpc.aio.server(interceptors=[ScopedCalls(scopes, RpcMetrics(CollectorRegistry()))])
        models_pb2_grpc.add_ModelServiceServicer_to_server(ModelServicer(models, call_timeout_s=30), server)
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield models_pb2_grpc.ModelServiceStub(channel)
        await server.stop(0)

    @pytest.fixture
    async def key_with(self, owner, new_tenant):
        async def issue(*scopes: str):
            return (("authorization", f"Bearer {await issue_key(owner, await new_tenant(), 'test', scopes)}"),)

        return issue

    async def test_every_call_takes_the_scope_admin(self, stub, key_with):
        name = f"models/{NEW}"
        for key in (await key_with(), await key_with("read", "administrator")):
            for call in (
                stub.ListModels(models_pb2.ListModelsRequest(), metadata=key),
                stub.AddModel(models_pb2.AddModelRequest(name=name), metadata=key),
                stub.FillModel(models_pb2.FillModelRequest(name=name), metadata=key).read(),
                stub.SwitchModel(models_pb2.SwitchModelRequest(name=name), metadata=key),
                stub.DropModel(models_pb2.DropModelRequest(name=name), metadata=key),
            ):
                with pytest.raises(grpc.aio.AioRpcError) as refused:
                    await call
                assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED

    async def test_a_model_is_changed_from_beginning_to_end(self, stub, key_with, two_tenants):
        key, name = await key_with("admin"), f"models/{NEW}"
        added = await stub.AddModel(models_pb2.AddModelRequest(), metadata=key)
        assert (added.name, added.label, added.dimension) == (name, f"hashes@{NEW}/none", 5)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stub.SwitchModel(models_pb2.SwitchModelRequest(name=name), metadata=key)
        assert refused.value.code() is grpc.StatusCode.FAILED_PRECONDITION
        progress = [each async for each in stub.FillModel(models_pb2.FillModelRequest(name=name), metadata=key)]
        assert (progress[-1].done, progress[-1].vector_count) == (True, added.chunk_count)
        await stub.SwitchModel(models_pb2.SwitchModelRequest(name=name), metadata=key)
        old_name = f"models/{OLD}"
        await stub.DropModel(models_pb2.DropModelRequest(name=old_name), metadata=key)
        await stub.DropModel(models_pb2.DropModelRequest(name=old_name, allow_missing=True), metadata=key)
        with pytest.raises(grpc.aio.AioRpcError) as gone:
            await stub.DropModel(models_pb2.DropModelRequest(name=old_name), metadata=key)
        assert gone.value.code() is grpc.StatusCode.NOT_FOUND
        listed = (await stub.ListModels(models_pb2.ListModelsRequest(), metadata=key)).models
        assert [(each.name, models_pb2.ModelState.Name(each.state), each.reachable) for each in listed] == [
            (name, "MODEL_STATE_SERVING", True),
            (old_name, "MODEL_STATE_AVAILABLE", True),
        ]

    @pytest.mark.parametrize("name", ["", "models/", "meetings/m", NEW])
    async def test_a_name_that_is_none_is_named(self, stub, key_with, name):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stub.SwitchModel(models_pb2.SwitchModelRequest(name=name), metadata=await key_with("admin"))
        assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
