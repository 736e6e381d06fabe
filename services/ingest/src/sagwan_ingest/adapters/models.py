"""Embedding models in PostgreSQL, and the vectors that a model still lacks."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from itertools import groupby
from typing import Protocol
from uuid import UUID

from pgvector import Vector as DatabaseVector

from sagwan_ingest.ports import KnownModel, Model, ModelState, Vector, VectorlessChunk
from sagwan_runtime.deadline import Deadline
from sagwan_runtime.postgres.database import Database, Session
from sagwan_runtime.postgres.queries import Query


class _Sessions(Protocol):
    """Where statements run: each in a transaction of its own, or all in one."""

    def tenant(
        self, tenant_id: UUID, deadline: Deadline, *, read_only: bool = False
    ) -> AbstractAsyncContextManager[Session]: ...

    def untenanted(self, deadline: Deadline) -> AbstractAsyncContextManager[Session]: ...


class _OneTransaction:
    """A transaction that is under way, named anew to each tenant whose rows are next."""

    def __init__(self, session: Session) -> None:
        self._session = session

    @asynccontextmanager
    async def tenant(
        self,
        tenant_id: UUID,
        deadline: Deadline,  # noqa: ARG002  # the transaction has its own
        *,
        read_only: bool = False,  # noqa: ARG002  # it writes in between
    ) -> AsyncIterator[Session]:
        await self._session.name_tenant(tenant_id)
        yield self._session

    @asynccontextmanager
    async def untenanted(self, deadline: Deadline) -> AsyncIterator[Session]:  # noqa: ARG002  # as above
        yield self._session


class PostgresModelStore:
    """Where models and their vectors are kept."""

    def __init__(self, database: Database, queries: Mapping[str, Query]) -> None:
        self._database = database
        self._sessions: _Sessions = database
        self._queries = queries

    async def models(self, deadline: Deadline) -> list[KnownModel]:
        """Every model, oldest first."""
        async with self._sessions.untenanted(deadline) as session:
            rows = await session.fetch(self._queries["known_models"])
        return [
            KnownModel(
                model=Model(row["name"], row["revision"], row["quantization"], row["sha256"], row["dimension"]),
                model_id=row["model_id"],
                state=ModelState(row["state"]),
                created_at=row["created_at"],
                vector_count=row["vector_count"],
                chunk_count=row["chunk_count"],
            )
            for row in rows
        ]

    async def serving_sha256(self, deadline: Deadline) -> str | None:
        """The model that serves; None before the first."""
        async with self._sessions.untenanted(deadline) as session:
            sha256: str | None = await session.fetch_value(self._queries["serving_sha256"])
        return sha256

    async def register(self, model: Model, deadline: Deadline) -> None:
        """Makes a model known, with an empty table; the first one serves. One that is known is left as it is."""
        async with self._sessions.untenanted(deadline) as session:
            await session.execute(
                self._queries["register_model"],
                model.name,
                model.revision,
                model.quantization,
                model.sha256,
                model.dimension,
            )

    async def vectorless(
        self, model_id: int, *, after_chunk: int, chunks_max: int, deadline: Deadline
    ) -> list[VectorlessChunk]:
        """Chunks of all tenants that lack a vector of a model, oldest first, from the one after a chunk."""
        async with self._sessions.untenanted(deadline) as session:
            rows = await session.fetch(self._queries["chunks_without_vector"], model_id, after_chunk, chunks_max)
        return [VectorlessChunk(row["tenant_id"], row["meeting_key"], row["chunk_id"]) for row in rows]

    async def texts(self, chunks: Sequence[VectorlessChunk], deadline: Deadline) -> dict[int, str]:
        """What those of the chunks say that are still there, by chunk id."""
        texts: dict[int, str] = {}
        for tenant_id, group in groupby(sorted(chunks, key=_tenant), _tenant):
            async with self._sessions.tenant(tenant_id, deadline, read_only=True) as session:
                rows = await session.fetch(self._queries["chunk_texts"], [each.chunk_id for each in group])
            texts.update((row["chunk_id"], row["text"]) for row in rows)
        return texts

    async def add_vectors(
        self, model_id: int, vectors: Sequence[tuple[VectorlessChunk, Vector]], deadline: Deadline
    ) -> int:
        """Gives chunks their vectors, those that are still there and lack one; how many did.

        Commits meeting by meeting.
        """
        query = self._queries["add_vectors"].on_table("vectors", f"chunk_vectors_{model_id}")
        added = 0
        for (tenant_id, meeting_key), group in groupby(sorted(vectors, key=_place), lambda each: _place(each)[:2]):
            rows = list(group)
            async with self._sessions.tenant(tenant_id, deadline) as session:
                await session.execute(self._queries["lock_meeting"], meeting_key)
                chunk_ids = [chunk.chunk_id for chunk, _ in rows]
                added += len(await session.fetch(query, chunk_ids, [DatabaseVector(vector) for _, vector in rows]))
        return added

    @asynccontextmanager
    async def alone(self, deadline: Deadline) -> AsyncIterator["PostgresModelStore"]:
        """This store while nobody writes, all of whose work is one transaction; commits on leaving.

        Raises:
            DependencyUnavailable: Writers did not end in time.
        """
        async with self._database.transaction(deadline) as session:
            await session.execute(self._queries["bound_a_pause"])
            await session.execute(self._queries["pause_writers"])
            store = PostgresModelStore(self._database, self._queries)
            store._sessions = _OneTransaction(session)
            yield store

    async def switch(self, model_id: int, deadline: Deadline) -> int | None:
        """Lets a model serve unless chunks lack its vectors; how many do, None when there is no such model."""
        async with self._sessions.untenanted(deadline) as session:
            missing: int | None = await session.fetch_value(self._queries["switch_model"], model_id)
        return missing

    async def drop(self, model_id: int, deadline: Deadline) -> bool | None:
        """Removes a model unless it serves; whether it does not, None when there is no such model."""
        async with self._sessions.untenanted(deadline) as session:
            dropped: bool | None = await session.fetch_value(self._queries["drop_model"], model_id)
        return dropped


def _tenant(chunk: VectorlessChunk) -> UUID:
    return chunk.tenant_id


def _place(each: tuple[VectorlessChunk, Vector]) -> tuple[UUID, int, int]:
    chunk, _ = each
    return chunk.tenant_id, chunk.meeting_key, chunk.chunk_id
