"""The use case of changing the embedding model: the new one is filled while the old one serves, then serves itself."""

import time
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from sagwan_ingest.ports import KnownModel, Model, ModelState, ModelStore, PassageEmbedder, VectorlessChunk
from sagwan_runtime.deadline import Deadline
from sagwan_runtime.errors import DependencyUnavailable, InvalidRequest, NotFound, PreconditionFailed
from sagwan_runtime.metrics import IngestMetrics

# Counting reads an index of every chunk, so it is not done after every step.
_RECOUNT_S = 5.0
_RATE_STEPS = 16


@dataclass(frozen=True, slots=True)
class ReembeddingLimits:
    """Bounds of a change of models.

    Attributes:
        embed_texts_max: Chunks of one step.
        step_timeout_s: Longest a step may take.
        gap_max: Chunks that a switch embeds itself; with more, the model must be filled first.
        pause_s: Longest that writers wait for a switch.
    """

    embed_texts_max: int
    step_timeout_s: float
    gap_max: int = 1_000
    pause_s: float = 20.0


@dataclass(frozen=True, slots=True)
class ListedModel:
    """A model that is known, or that an embedder runs.

    Attributes:
        model: What it is.
        known: What the store says of it; None when it was not added.
        reachable: Whether an embedder runs it.
    """

    model: Model
    known: KnownModel | None
    reachable: bool


@dataclass(frozen=True, slots=True)
class FillProgress:
    """How far a model is filled.

    Attributes:
        vector_count: Chunks that have a vector of it.
        chunk_count: Chunks.
        written_count: Vectors that this fill has written.
        rate: Vectors it has written a second, lately.
        done: Whether no chunk lacks one.
    """

    vector_count: int
    chunk_count: int
    written_count: int
    rate: float
    done: bool


class Reembedding:
    """Changes models."""

    def __init__(
        self, store: ModelStore, embedder: PassageEmbedder, metrics: IngestMetrics, limits: ReembeddingLimits
    ) -> None:
        self._store = store
        self._embedder = embedder
        self._metrics = metrics
        self._limits = limits

    async def check_serving(self, deadline: Deadline) -> None:
        """Returns when an embedder runs the model that serves; the first model ever serves at once.

        Raises:
            DependencyUnavailable: None does, or something cannot be reached.
        """
        models = await self._embedder.models()
        serving = await self._store.serving_sha256(deadline)
        if serving is None:
            await self._store.register(models[0], deadline)
            serving = await self._store.serving_sha256(deadline)
        if serving not in {each.sha256 for each in models}:
            raise DependencyUnavailable("another model than the embedder's is serving")

    async def models(self, deadline: Deadline) -> list[ListedModel]:
        """What is known, oldest first, then what embedders run besides."""
        running = {each.sha256: each for each in await self._running()}
        known = await self._store.models(deadline)
        added = {each.model.sha256 for each in known}
        return [
            *(ListedModel(each.model, each, each.model.sha256 in running) for each in known),
            *(ListedModel(each, None, True) for each in running.values() if each.sha256 not in added),
        ]

    async def add(self, sha256: str, deadline: Deadline) -> ListedModel:
        """Makes a model known that an embedder runs.

        Args:
            sha256: Which; empty for the only one that was not added.
            deadline: Until when.

        Raises:
            NotFound: No embedder runs it.
            InvalidRequest: None was named and there is not exactly one to add.
        """
        models = await self.models(deadline)
        if not sha256:
            new = [each.model.sha256 for each in models if each.known is None]
            if len(new) != 1:
                found = ", ".join(new) or "none"
                raise InvalidRequest.field("name", f"must name one of the models that were not added: {found}")
            sha256 = new[0]
        for each in models:
            if each.model.sha256 == sha256:
                await self._store.register(each.model, deadline)
                return await self._listed(sha256, deadline)
        raise NotFound(_name(sha256))

    async def fill(self, sha256: str) -> AsyncIterator[FillProgress]:
        """Embeds what lacks a vector of a model. Every progress but the first stands for a commit.

        Raises:
            NotFound: There is no such model.
            DependencyUnavailable: No embedder that runs it answers, or the database does not.
        """
        tally = _FillTally(await self._known(sha256, self._step_deadline()))
        yield tally.progress()
        async with aclosing(self._steps(self._store, tally.known, self._step_deadline)) as steps:
            async for written in steps:
                self._metrics.chunks.labels("reembedded").inc(written)
                tally.add(written)
                if tally.is_old:
                    tally.recount(await self._known(sha256, self._step_deadline()))
                yield tally.progress()
        tally.recount(await self._known(sha256, self._step_deadline()))
        yield tally.progress(done=True)

    async def switch(self, sha256: str, deadline: Deadline) -> ListedModel:
        """Lets a model serve. The last chunks get their vectors while writers wait, in the transaction that switches.

        Raises:
            NotFound: There is no such model.
            PreconditionFailed: Too many chunks lack a vector of it.
            DependencyUnavailable: No embedder that runs it answers, or writers did not end in time.
        """
        known = await self._known(sha256, deadline)
        if known.state is not ModelState.SERVING:
            if sha256 not in {each.sha256 for each in await self._embedder.models()}:
                raise DependencyUnavailable(f"no embedder runs the model {sha256[:12]}")
            missing = known.chunk_count - known.vector_count
            if missing > self._limits.gap_max:
                raise _unfilled(known, missing)
            # Most of the gap is closed before anyone has to wait.
            await self._close_gap(self._store, known, deadline)
            pause = deadline.no_later_than(self._limits.pause_s)
            async with self._store.alone(pause) as alone:
                await self._close_gap(alone, known, pause)
                left = await alone.switch(known.model_id, pause)
                if left is None:
                    raise NotFound(_name(sha256))
                if left:
                    raise _unfilled(known, left)
        return await self._listed(sha256, deadline)

    async def drop(self, sha256: str, deadline: Deadline) -> None:
        """Removes a model and its vectors.

        Raises:
            NotFound: There is no such model.
            PreconditionFailed: It serves.
        """
        known = await self._known(sha256, deadline)
        dropped = await self._store.drop(known.model_id, deadline)
        if dropped is None:
            raise NotFound(_name(sha256))
        if not dropped:
            raise PreconditionFailed(_name(sha256), "serves: switch to another model first")

    async def _close_gap(self, store: ModelStore, known: KnownModel, deadline: Deadline) -> None:
        async with aclosing(self._steps(store, known, lambda: deadline)) as steps:
            async for written in steps:
                self._metrics.chunks.labels("reembedded").inc(written)

    async def _steps(
        self, store: ModelStore, known: KnownModel, deadline_of_step: Callable[[], Deadline]
    ) -> AsyncGenerator[int, None]:
        """Vectors written, a step each.

        It ends when a look from the first chunk on finds none without a vector: chunks get their ids before they are
        committed, so one may appear behind the place where the walk has come to.
        """
        after = 0
        while True:
            deadline = deadline_of_step()
            chunks = await store.vectorless(
                known.model_id, after_chunk=after, chunks_max=self._limits.embed_texts_max, deadline=deadline
            )
            if chunks:
                yield await self._embedded(store, known, chunks, deadline)
                after = chunks[-1].chunk_id
            elif after:
                after = 0
            else:
                return

    async def _embedded(
        self, store: ModelStore, known: KnownModel, chunks: Sequence[VectorlessChunk], deadline: Deadline
    ) -> int:
        texts = await store.texts(chunks, deadline)
        there = [each for each in chunks if each.chunk_id in texts]
        if not there:
            return 0
        vectors = await self._embedder.embed([texts[each.chunk_id] for each in there], known.model.sha256, deadline)
        return await store.add_vectors(known.model_id, list(zip(there, vectors, strict=True)), deadline)

    async def _running(self) -> Sequence[Model]:
        try:
            return await self._embedder.models()
        except DependencyUnavailable:
            # What is known is worth telling while no embedder answers.
            return []

    async def _known(self, sha256: str, deadline: Deadline) -> KnownModel:
        for each in await self._store.models(deadline):
            if each.model.sha256 == sha256:
                return each
        raise NotFound(_name(sha256))

    async def _listed(self, sha256: str, deadline: Deadline) -> ListedModel:
        for each in await self.models(deadline):
            if each.model.sha256 == sha256:
                return each
        raise NotFound(_name(sha256))

    def _step_deadline(self) -> Deadline:
        return Deadline.after(self._limits.step_timeout_s)


class _FillTally:
    """Counts while a fill goes on: what it wrote is added, and others' work is seen when all is counted again."""

    def __init__(self, known: KnownModel) -> None:
        self.known = known
        self._written = 0
        self._begun: deque[tuple[float, int]] = deque([(time.monotonic(), 0)], maxlen=_RATE_STEPS)
        self.recount(known)

    @property
    def is_old(self) -> bool:
        return time.monotonic() - self._counted_at > _RECOUNT_S

    def recount(self, known: KnownModel) -> None:
        self._counted_at = time.monotonic()
        self._vectors, self._chunks = known.vector_count, known.chunk_count

    def add(self, written: int) -> None:
        self._written += written
        self._vectors = min(self._vectors + written, self._chunks)
        self._begun.append((time.monotonic(), self._written))

    def progress(self, *, done: bool = False) -> FillProgress:
        (begun, before), (now, written) = self._begun[0], self._begun[-1]
        rate = (written - before) / (now - begun) if now > begun else 0.0
        return FillProgress(self._vectors, self._chunks, self._written, rate, done)


def _unfilled(known: KnownModel, missing: int) -> PreconditionFailed:
    reason = f"has no vector of {missing:,} of {known.chunk_count:,} chunks: fill it first"
    return PreconditionFailed(_name(known.model.sha256), reason)


def _name(sha256: str) -> str:
    return f"models/{sha256}"
