"""The ingest use case: chunk, index, embed what is new, write in one transaction."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import structlog

from sagwan_ingest.counting import WordCounts
from sagwan_ingest.domain.chunking import chunk
from sagwan_ingest.domain.indexing import WEIGHTS_VERSION, IndexedChunk, chunk_weights, completed, indexed, term_offsets
from sagwan_ingest.domain.meeting import Meeting, content_sha256
from sagwan_ingest.domain.tokens import counter, words_to_count
from sagwan_ingest.domain.validation import validated
from sagwan_ingest.ports import (
    KeptMeeting,
    MeetingStore,
    Outcome,
    PassageEmbedder,
    PreparedMeeting,
    Reply,
    RequestKey,
    Vector,
    Written,
)
from sagwan_runtime.deadline import Deadline
from sagwan_runtime.errors import (
    Conflict,
    DeadlineExceeded,
    DependencyUnavailable,
    NotFound,
    Violation,
    refuse_if_any,
)
from sagwan_runtime.metrics import IngestMetrics
from sagwan_runtime.spans import current_exemplar
from sagwan_text.analysis import Term
from sagwan_text.bm25 import Bm25

_log = structlog.get_logger(__name__)
_ATTEMPTS_MAX = 3
# Some 300 bytes each; the few thousand most used are nearly all that a meeting says.
_WORDS_REMEMBERED_MAX = 4_096


@dataclass(frozen=True, slots=True)
class IngestLimits:
    """Bounds of one ingest.

    Attributes:
        chunk_tokens_target: Size that chunks grow to.
        chunk_tokens_max: Size that no chunk passes.
        embed_texts_max: Texts of one call to the embedder.
        writers_max: Transactions that write at once, each holding a connection.
    """

    chunk_tokens_target: int
    chunk_tokens_max: int
    embed_texts_max: int
    writers_max: int


@dataclass(frozen=True, slots=True)
class Ingested:
    """What became of a meeting.

    Attributes:
        outcome: What was done.
        kept: The meeting as it is now.
        embedded_chunk_count: Chunks whose vectors had to be computed.
    """

    outcome: Outcome
    kept: KeptMeeting
    embedded_chunk_count: int


@dataclass(frozen=True, slots=True)
class Once:
    """A request that is answered once, however often it comes.

    Attributes:
        key: The request.
        answer: Its answer, as it is remembered.
    """

    key: RequestKey
    answer: Callable[[Sequence[Ingested]], bytes]


class Ingestion:
    """Keeps meetings."""

    def __init__(
        self,
        store: MeetingStore,
        embedder: PassageEmbedder,
        analyze: Callable[[str], Sequence[Term]],
        worker: Executor,
        metrics: IngestMetrics,
        limits: IngestLimits,
    ) -> None:
        """Takes its parts.

        Args:
            store: Where meetings go.
            embedder: Who makes vectors.
            analyze: Text to terms; called from `worker` only.
            worker: One thread for what would hold up the event loop: cutting and analysing long meetings.
            metrics: Counts and times.
            limits: Bounds.
        """
        self._store = store
        self._embedder = embedder
        self._analyze = analyze
        self._worker = worker
        self._metrics = metrics
        self._limits = limits
        self._word_counts = WordCounts(embedder, words_max=_WORDS_REMEMBERED_MAX)
        self._writers = asyncio.Semaphore(limits.writers_max)

    async def ingest(
        self, tenant_id: UUID, meetings: Sequence[Meeting], deadline: Deadline, once: Once | None = None
    ) -> list[Ingested]:
        """Keeps meetings, all of them or none; the same content again changes nothing.

        Args:
            tenant_id: Whose they are.
            meetings: At least one; those without an id get one from their content.
            deadline: When nobody waits any more.
            once: Remembers the answer in the transaction that makes it true.

        Returns:
            One a meeting, in order, after the commit.

        Raises:
            InvalidRequest: A meeting breaks a limit.
            DependencyUnavailable: The embedder or the database is down, or they hold different models.
            DeadlineExceeded: Time ran out; nothing was kept.
            AnsweredMeanwhile: The request has an answer already; nothing was kept now.
        """
        begun = time.perf_counter()
        self._metrics.in_progress.inc(len(meetings))
        try:
            ingested = await self._kept(tenant_id, meetings, deadline, once)
        finally:
            self._metrics.in_progress.dec(len(meetings))
        lag_s = time.perf_counter() - begun
        for each in ingested:
            self._metrics.meetings.labels(each.outcome.value).inc()
            self._metrics.lag_seconds.observe(lag_s, current_exemplar())
        await self._fold(tenant_id, deadline)
        return ingested

    async def _kept(
        self, tenant_id: UUID, meetings: Sequence[Meeting], deadline: Deadline, once: Once | None
    ) -> list[Ingested]:
        loop = asyncio.get_running_loop()
        complete = await loop.run_in_executor(self._worker, lambda: [validated(completed(each)) for each in meetings])
        _refuse_twins(complete)
        for _ in range(_ATTEMPTS_MAX - 1):
            # Another ingest of the same meeting may come between our look and our write.
            with suppress(Conflict):
                return await self._attempt(tenant_id, complete, deadline, once)
        return await self._attempt(tenant_id, complete, deadline, once)

    async def delete(
        self, tenant_id: UUID, meeting_id: str, etag: str, deadline: Deadline, reply: Reply[None] | None = None
    ) -> None:
        """Removes every trace of a meeting.

        Raises:
            NotFound: It is not there.
            Conflict: The etag is not the current one.
            AnsweredMeanwhile: The request has an answer already.
        """
        async with self._writers:
            await self._store.delete(tenant_id, meeting_id, etag, deadline, reply)
        await self._fold(tenant_id, deadline)

    async def update(
        self,
        tenant_id: UUID,
        meeting_id: str,
        changes: Mapping[str, Any],
        etag: str,
        deadline: Deadline,
        reply: Reply[KeptMeeting] | None = None,
    ) -> KeptMeeting:
        """Replaces fields of a meeting by name.

        Raises:
            NotFound: It is not there.
            Conflict: The etag is not the current one.
            AnsweredMeanwhile: The request has an answer already.
        """
        async with self._writers:
            updated = await self._store.update(tenant_id, meeting_id, changes, self._weights, etag, deadline, reply)
        if "title" in changes:
            await self._fold(tenant_id, deadline)
        return updated

    async def _weights(self, title: str, texts: Sequence[str]) -> list[dict[int, float]]:
        """BM25 weights of chunks under a title, found by the worker."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._worker, chunk_weights, title, texts, self._analyze, Bm25())

    async def _fold(self, tenant_id: UUID, deadline: Deadline) -> None:
        with self._timed("statistics"):
            try:
                await self._store.fold_statistics(tenant_id, deadline)
            except (DeadlineExceeded, DependencyUnavailable):
                # What was written is kept and counted either way; the next call folds it.
                _log.warning("statistics not folded", exc_info=True)

    async def _attempt(
        self, tenant_id: UUID, meetings: Sequence[Meeting], deadline: Deadline, once: Once | None
    ) -> list[Ingested]:
        results: dict[str, Ingested] = {}
        prepared: list[PreparedMeeting] = []
        for meeting in meetings:
            ready = await self._prepared(tenant_id, meeting, deadline)
            if ready is None:
                try:
                    kept = await self._store.get(tenant_id, meeting.meeting_id, deadline)
                except NotFound:
                    raise Conflict(f"meetings/{meeting.meeting_id} was deleted meanwhile") from None
                results[meeting.meeting_id] = Ingested(Outcome.UNCHANGED, kept, 0)
            else:
                prepared.append(ready)

        def ingested(written: Written) -> list[Ingested]:
            for ready, (outcome, kept) in zip(prepared, written, strict=True):
                results[ready.meeting.meeting_id] = Ingested(outcome, kept, len(ready.vectors))
            return [results[each.meeting_id] for each in meetings]

        if not prepared and once is None:
            return ingested([])
        reply: Reply[Written] | None = None
        if once is not None:
            ids = [each.meeting_id for each in meetings]
            reply = Reply(once.key, ids, lambda written: once.answer(ingested(written)))
        with self._timed("wait"):
            await self._writers.acquire()
        try:
            with self._timed("write"):
                written = await self._store.keep(tenant_id, prepared, deadline, reply)
        finally:
            self._writers.release()
        for ready in prepared:
            self._metrics.chunks.labels("computed").inc(len(ready.vectors))
            self._metrics.chunks.labels("kept").inc(len(ready.chunks) - len(ready.vectors))
        return ingested(written)

    async def _prepared(self, tenant_id: UUID, meeting: Meeting, deadline: Deadline) -> PreparedMeeting | None:
        """What has to be written; None when the same content is there."""
        loop = asyncio.get_running_loop()
        digest = await loop.run_in_executor(self._worker, content_sha256, meeting)
        known = await self._store.known(tenant_id, meeting.meeting_id, deadline)
        if known.content_sha256 == digest:
            if known.weights_version != WEIGHTS_VERSION:
                async with self._writers:
                    await self._store.weigh(tenant_id, meeting.meeting_id, self._weights, deadline)
            return None
        with self._timed("count"):
            words = await loop.run_in_executor(self._worker, _words_of, meeting)
            count_tokens = counter(await self._word_counts.of(words, known.serving_sha256, deadline))
        chunks, offsets = await loop.run_in_executor(self._worker, self._analyzed, meeting, count_tokens)
        missing = {each.text_sha256: each.chunk.text for each in chunks if each.text_sha256 not in known.text_sha256s}
        with self._timed("embed"):
            vectors = await self._embedded(missing, known.serving_sha256, deadline)
        return PreparedMeeting(meeting, digest, chunks, vectors, known.serving_sha256, offsets)

    def _analyzed(
        self, meeting: Meeting, count_tokens: Callable[[str], int]
    ) -> tuple[list[IndexedChunk], list[bytes | None]]:
        """The chunks of a meeting, and where the terms of its utterances stand."""
        with self._timed("chunk"):
            chunks = chunk(
                meeting.utterances,
                tokens_target=self._limits.chunk_tokens_target,
                tokens_max=self._limits.chunk_tokens_max,
                count_tokens=count_tokens,
            )
        with self._timed("terms"):
            return (
                indexed(meeting.title, chunks, self._analyze, Bm25()),
                term_offsets(meeting.utterances, self._analyze),
            )

    async def _embedded(self, texts: dict[bytes, str], serving_sha256: str, deadline: Deadline) -> dict[bytes, Vector]:
        """Vectors by text digest, asked for in batches so that no message and no queue grows with the meeting."""
        # Texts of like length share a batch, which then needs little padding.
        digests = sorted(texts, key=lambda digest: len(texts[digest]))
        vectors: dict[bytes, Vector] = {}
        for first in range(0, len(digests), self._limits.embed_texts_max):
            batch = digests[first : first + self._limits.embed_texts_max]
            found = await self._embedder.embed([texts[digest] for digest in batch], serving_sha256, deadline)
            vectors.update(zip(batch, found, strict=True))
        return vectors

    @contextmanager
    def _timed(self, stage: str) -> Iterator[None]:
        begun = time.perf_counter()
        try:
            yield
        finally:
            self._metrics.stage_seconds.labels(stage).observe(time.perf_counter() - begun, current_exemplar())


def _words_of(meeting: Meeting) -> set[str]:
    return words_to_count(text for each in meeting.utterances for text in (each.text, f"{each.speaker}:"))


def _refuse_twins(meetings: Sequence[Meeting]) -> None:
    counts = Counter(each.meeting_id for each in meetings)
    refuse_if_any(
        Violation("content", f"holds {count} meetings with the id {meeting_id}")
        for meeting_id, count in counts.items()
        if count > 1
    )
