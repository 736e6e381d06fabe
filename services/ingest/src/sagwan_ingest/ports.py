"""What the use case needs from the outside."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Generic, Protocol, Self, TypeVar
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from sagwan_ingest.domain.indexing import IndexedChunk
from sagwan_ingest.domain.meeting import Meeting
from sagwan_runtime.deadline import Deadline

Vector = NDArray[np.float32]
Weigh = Callable[[str, Sequence[str]], Awaitable[Sequence[Mapping[int, float]]]]
"""BM25 weights of chunks, by term id, from their meeting's title and their texts."""
Done = TypeVar("Done")


@dataclass(frozen=True, slots=True)
class Model:
    """An embedding model, as the embedder describes it.

    Attributes:
        name: Its public name.
        revision: Where its weights came from.
        quantization: How they are stored.
        sha256: What tells it from every other.
        dimension: Length of its vectors.
    """

    name: str
    revision: str
    quantization: str
    sha256: str
    dimension: int


class PassageEmbedder(Protocol):
    """Turns chunks into vectors."""

    async def embed(self, texts: Sequence[str], model_sha256: str, deadline: Deadline) -> Sequence[Vector]:
        """One vector of a model a text, in order; float32, of unit length.

        Raises:
            DependencyUnavailable: No embedder that runs the model can be reached, or it refuses.
            DeadlineExceeded: It did not answer in time.
        """
        ...

    async def count_tokens(self, texts: Sequence[str], model_sha256: str, deadline: Deadline) -> Sequence[int]:
        """Tokens of each text as a model sees it, markers and prompt included.

        Args:
            texts: At most 1,024.
            model_sha256: The model whose tokenizer counts.
            deadline: When nobody waits any more.

        Raises:
            DependencyUnavailable: No embedder that runs the model can be reached, or it refuses.
            DeadlineExceeded: It did not answer in time.
        """
        ...

    async def models(self) -> Sequence[Model]:
        """The models that are loaded, an embedder each.

        Raises:
            DependencyUnavailable: No embedder can be reached.
        """
        ...


class Outcome(StrEnum):
    """What an ingest did."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class KeptMeeting:
    """A meeting as it is kept, without its utterances.

    Attributes:
        meeting: Its own fields.
        duration_ms: When its last utterance ends, if times are known.
        etag: Changes whenever it does.
        created_at: When it was first ingested.
        updated_at: When it last changed.
        utterance_count: Its utterances.
        chunk_count: Its chunks.
    """

    meeting: Meeting
    duration_ms: int | None
    etag: str
    created_at: datetime
    updated_at: datetime
    utterance_count: int
    chunk_count: int


@dataclass(frozen=True, slots=True)
class Known:
    """What the store holds of a meeting before an ingest.

    Attributes:
        content_sha256: Digest of the content it was made from; None when there is no such meeting.
        text_sha256s: Digests of chunk texts that have a vector of the serving model.
        serving_sha256: The serving model.
        weights_version: How the weights of its chunks were made; 0 when there is no such meeting.
    """

    content_sha256: bytes | None
    text_sha256s: Collection[bytes]
    serving_sha256: str
    weights_version: int


@dataclass(frozen=True, slots=True)
class PreparedMeeting:
    """A meeting ready to be written.

    Attributes:
        meeting: Complete and valid.
        content_sha256: Digest of its content.
        chunks: Its chunks with their terms.
        vectors: By text digest, for every chunk whose text is not stored.
        model_sha256: The model that wrote the vectors.
        term_offsets: Where the terms of each utterance stand, packed; None for one that is too long for that.
    """

    meeting: Meeting
    content_sha256: bytes
    chunks: Sequence[IndexedChunk]
    vectors: Mapping[bytes, Vector]
    model_sha256: str
    term_offsets: Sequence[bytes | None]


@dataclass(frozen=True, slots=True)
class RequestKey:
    """What tells a request from every other of its tenant.

    Attributes:
        request_id: Chosen by the caller.
        fingerprint: SHA-256 (32 bytes) of what it asks for.
    """

    request_id: UUID
    fingerprint: bytes


@dataclass(frozen=True, slots=True)
class Reply(Generic[Done]):
    """What is to be remembered of a request, in the transaction that does what it asks for.

    Attributes:
        key: The request.
        meeting_ids: Meetings that the answer tells of; deleting one takes the answer with it.
        answer: The answer, from what was done.
    """

    key: RequestKey
    meeting_ids: Sequence[str]
    answer: Callable[[Done], bytes]


class AnsweredMeanwhile(Exception):
    """The same request was answered between the look for its answer and the write; nothing was written now."""


Written = list[tuple[Outcome, KeptMeeting]]


class MeetingStore(Protocol):
    """Where meetings are kept.

    Methods that change something take a `reply` to remember with the change; they raise AnsweredMeanwhile when the
    request has an answer already.
    """

    async def reply(self, tenant_id: UUID, key: RequestKey, deadline: Deadline) -> bytes | None:
        """The first answer to a request of the last day; None when there is none.

        Raises:
            AlreadyExists: The id was used for another request.
            NotFound: What the request made was deleted since.
        """
        ...

    async def known(self, tenant_id: UUID, meeting_id: str, deadline: Deadline) -> Known:
        """What is there of a meeting."""
        ...

    async def keep(
        self,
        tenant_id: UUID,
        meetings: Sequence[PreparedMeeting],
        deadline: Deadline,
        reply: Reply[Written] | None = None,
    ) -> Written:
        """Writes meetings in one transaction: all of them or none.

        Raises:
            Conflict: A stored vector that was counted on has gone meanwhile; prepare again.
        """
        ...

    async def get(self, tenant_id: UUID, meeting_id: str, deadline: Deadline) -> KeptMeeting:
        """A meeting.

        Raises:
            NotFound: It is not there.
        """
        ...

    async def page(
        self,
        tenant_id: UUID,
        *,
        after: tuple[date | None, str] | None,
        meetings_max: int,
        deadline: Deadline,
    ) -> tuple[list[KeptMeeting], int]:
        """Meetings newest first, from the one after a day and id, and how many there are in all."""
        ...

    async def update(
        self,
        tenant_id: UUID,
        meeting_id: str,
        changes: Mapping[str, Any],
        weigh: Weigh,
        etag: str,
        deadline: Deadline,
        reply: Reply[KeptMeeting] | None = None,
    ) -> KeptMeeting:
        """Replaces fields of a meeting by name; its chunks are weighed anew when the title is another.

        Raises:
            NotFound: It is not there.
            Conflict: The etag is not the current one.
        """
        ...

    async def weigh(self, tenant_id: UUID, meeting_id: str, weigh: Weigh, deadline: Deadline) -> None:
        """Weighs a meeting's chunks anew, and changes nothing else; one that has gone meanwhile is left at that."""
        ...

    async def delete(
        self,
        tenant_id: UUID,
        meeting_id: str,
        etag: str,
        deadline: Deadline,
        reply: Reply[None] | None = None,
    ) -> None:
        """Removes every trace of a meeting.

        Raises:
            NotFound: It is not there.
            Conflict: The etag is not the current one.
        """
        ...

    async def remember(self, tenant_id: UUID, reply: Reply[None], deadline: Deadline) -> None:
        """Remembers the answer to a request that changed nothing."""
        ...

    async def fold_statistics(self, tenant_id: UUID, deadline: Deadline) -> None:
        """Adds up what writers have changed in the statistics, unless somebody else is at it."""
        ...


class ModelState(StrEnum):
    """What a model is for."""

    FILLING = "filling"
    SERVING = "serving"
    RETIRED = "retired"


@dataclass(frozen=True, slots=True)
class KnownModel:
    """A model that was added.

    Attributes:
        model: What it is.
        model_id: Names its table.
        state: What it is for.
        created_at: When it was added.
        vector_count: Chunks, of all tenants, that have a vector of it.
        chunk_count: Chunks, of all tenants.
    """

    model: Model
    model_id: int
    state: ModelState
    created_at: datetime
    vector_count: int
    chunk_count: int


@dataclass(frozen=True, slots=True)
class VectorlessChunk:
    """A chunk that lacks a vector of a model.

    Attributes:
        tenant_id: Whose it is.
        meeting_key: Its meeting.
        chunk_id: Itself; a later chunk has a larger one.
    """

    tenant_id: UUID
    meeting_key: int
    chunk_id: int


class ModelStore(Protocol):
    """Where models and their vectors are kept."""

    async def models(self, deadline: Deadline) -> Sequence[KnownModel]:
        """Every model, oldest first."""
        ...

    async def serving_sha256(self, deadline: Deadline) -> str | None:
        """The model that serves; None before the first."""
        ...

    async def register(self, model: Model, deadline: Deadline) -> None:
        """Makes a model known, with an empty table; the first one serves. One that is known is left as it is."""
        ...

    async def vectorless(
        self, model_id: int, *, after_chunk: int, chunks_max: int, deadline: Deadline
    ) -> Sequence[VectorlessChunk]:
        """Chunks of all tenants that lack a vector of a model, oldest first, from the one after a chunk."""
        ...

    async def texts(self, chunks: Sequence[VectorlessChunk], deadline: Deadline) -> Mapping[int, str]:
        """What those of the chunks say that are still there, by chunk id."""
        ...

    async def add_vectors(
        self, model_id: int, vectors: Sequence[tuple[VectorlessChunk, Vector]], deadline: Deadline
    ) -> int:
        """Gives chunks their vectors, those that are still there and lack one; how many did."""
        ...

    def alone(self, deadline: Deadline) -> AbstractAsyncContextManager[Self]:
        """This store while nobody writes, all of whose work is one transaction; commits on leaving.

        Raises:
            DependencyUnavailable: Writers did not end in time.
        """
        ...

    async def switch(self, model_id: int, deadline: Deadline) -> int | None:
        """Lets a model serve unless chunks lack its vectors; how many do, None when there is no such model."""
        ...

    async def drop(self, model_id: int, deadline: Deadline) -> bool | None:
        """Removes a model unless it serves; whether it does not, None when there is no such model."""
        ...
