"""Exact neighbours, asked of the database as its owner: what recall is measured against."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
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

Vector = NDArray[np.float32]


class Neighbors:
    """One connection to the database, and the embedder of the stack."""

    def __init__(self, run: Run, runner: asyncio.Runner, connection: asyncpg.Connection, vectors_table: str) -> None:
        self._run = run
        self._runner = runner
        self._connection = connection
        self._vectors_table = vectors_table

    @classmethod
    @contextmanager
    def opened(cls, run: Run) -> Iterator[Self]:
        """Connects, and disconnects on leaving."""
        with asyncio.Runner() as runner:
            connection, table = runner.run(connected(run.dsn))
            try:
                yield cls(run, runner, connection, table)
            finally:
                runner.run(connection.close())

    def vectors_of(self, questions: Sequence[str]) -> list[Vector]:
        """The vectors of questions, from the embedder that the search service asks."""
        return question_vectors(self._run, questions)

    def passing(self, first_day: date | None, last_day: date | None, speaker: str | None, tag: str | None) -> int:
        """How many chunks pass a filter; None does not restrict."""
        query = QUERIES["passing"].on_table("vectors", self._vectors_table)
        return int(self._runner.run(self._connection.fetchval(query.sql, first_day, last_day, speaker, tag)))

    def exact(
        self,
        vectors: Sequence[Vector],
        count: int,
        first_day: date | None = None,
        last_day: date | None = None,
        speaker: str | None = None,
        tag: str | None = None,
    ) -> list[list[int]]:
        """The chunks nearest to each vector among those that pass a filter."""
        query = QUERIES["nearest_passing"].on_table("vectors", self._vectors_table).sql
        found = []
        for vector in vectors:
            rows = self._runner.run(self._connection.fetch(query, vector, first_day, last_day, speaker, tag, count))
            found.append([row["chunk_id"] for row in rows])
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
