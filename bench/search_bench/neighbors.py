"""Exact neighbours, by looking at every vector: what recall is measured against."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Self

import asyncpg
import grpc
import numpy as np
from numpy.typing import NDArray
from pgvector.asyncpg import register_vector

from sagwan.embedder.v1 import embedder_pb2, embedder_pb2_grpc
from search_bench.run import QUERIES, Run

_TEXTS_A_CALL = 16
_TIMEOUT_S = 30.0
_ROWS_AT_ONCE = 5_000

Vector = NDArray[np.float32]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Condition:
    """A filter, as the exact search understands it; None does not restrict."""

    first_day: date | None = None
    last_day: date | None = None
    speaker: str | None = None
    tag: str | None = None
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Vectors:
    """All vectors of a database, in memory: 1.5 GB for a million.

    Attributes:
        chunk_ids: In order: [chunks].
        matrix: Their vectors: [chunks, dimension].
    """

    chunk_ids: NDArray[np.int64]
    matrix: Vector

    @classmethod
    async def read(cls, connection: asyncpg.Connection, table: str) -> Self:
        """Reads a table of vectors."""
        count, dimension = await connection.fetchrow(QUERIES["vector_extent"].on_table("vectors", table).sql)
        chunk_ids = np.empty(count, np.int64)
        matrix = np.empty((count, dimension), np.float32)
        place = 0
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            query = QUERIES["all_vectors"].on_table("vectors", table).sql
            async for row in connection.cursor(query, prefetch=_ROWS_AT_ONCE):
                chunk_ids[place] = row["chunk_id"]
                matrix[place] = row["embedding"].to_numpy()
                place += 1
        return cls(chunk_ids, matrix)

    async def passing(self, connection: asyncpg.Connection, table: str, condition: Condition) -> Mask:
        """Which chunks pass a filter."""
        query = QUERIES["passing"].on_table("vectors", table).sql
        rows = await connection.fetch(
            query, condition.first_day, condition.last_day, condition.speaker, condition.tag, condition.language
        )
        return np.isin(self.chunk_ids, np.fromiter((row["chunk_id"] for row in rows), np.int64, len(rows)))

    def nearest(self, vectors: Sequence[Vector], count: int, among: Mask | None = None) -> list[set[int]]:
        """The chunks nearest to each vector, of all or of some."""
        chunk_ids = self.chunk_ids if among is None else self.chunk_ids[among]
        matrix = self.matrix if among is None else self.matrix[among]
        found = []
        for vector in vectors:
            scores = matrix @ vector
            first = max(0, len(scores) - count)
            found.append({int(each) for each in chunk_ids[np.argsort(scores)[first:]]})
        return found


def question_vectors(run: Run, questions: Sequence[str]) -> list[Vector]:
    """The vectors of questions, from the embedder of the stack."""
    found: list[Vector] = []
    with grpc.insecure_channel(run.stack.address("embedder")) as channel:
        embed = embedder_pb2_grpc.EmbedderServiceStub(channel).Embed
        for first in range(0, len(questions), _TEXTS_A_CALL):
            request = embedder_pb2.EmbedRequest(
                texts=questions[first : first + _TEXTS_A_CALL],
                kind=embedder_pb2.TEXT_KIND_QUERY,
                encoding=embedder_pb2.VECTOR_ENCODING_PACKED,
            )
            answer = embed(request, timeout=_TIMEOUT_S)
            found += [np.frombuffer(each.packed, dtype="<f4") for each in answer.embeddings]
    return found


async def connected(dsn: str) -> tuple[asyncpg.Connection, str]:
    """A connection as the owner, and the table of the serving model's vectors."""
    connection = await asyncpg.connect(dsn)
    await register_vector(connection)
    return connection, f"chunk_vectors_{await connection.fetchval(QUERIES['serving_model'].sql)}"
