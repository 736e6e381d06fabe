"""What the upkeep of indexes needs from the outside."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from sagwan_runtime.deadline import Deadline
from sagwan_search.domain.index_upkeep import IndexState
from sagwan_search.domain.indexes import IndexPlan, SearchSettings
from sagwan_search.ports import Vector


@dataclass(frozen=True, slots=True)
class IndexedTable:
    """A table of vectors with its index.

    Attributes:
        model_id: Whose vectors.
        label: The model, for people.
        name: The table.
        serves: Whether its model serves; else it is being filled.
        state: Its figures.
        built_at: When the index was built, if that was recorded.
        recall_at: When it was last measured, if it was.
        size_bytes: Of the index on disk.
        scan_count: Times that it was scanned.
        tuple_count: Entries that those scans gave.
    """

    model_id: int
    label: str
    name: str
    serves: bool
    state: IndexState
    built_at: datetime | None
    recall_at: datetime | None
    size_bytes: int
    scan_count: int
    tuple_count: int


@dataclass(frozen=True, slots=True)
class Sampled:
    """A question that the tuner asks.

    Attributes:
        tenant_id: Who would ask.
        vector: What is asked.
        chunk_id: The chunk whose vector it is, which is no answer to it; None when somebody asked it.
    """

    tenant_id: UUID
    vector: Vector
    chunk_id: int | None = None


@dataclass(frozen=True, slots=True)
class Timed:
    """What a search of an index gave.

    Attributes:
        chunk_ids: The chunks, best first.
        scores: Their scores.
        seconds: What the statement took.
    """

    chunk_ids: Sequence[int]
    scores: Sequence[float]
    seconds: float


class IndexStore(Protocol):
    """What is recorded of indexes, and how they answer."""

    async def tables(self, deadline: Deadline) -> list[IndexedTable]:
        """The tables in use, the serving one first; empty before the first ingest."""
        ...

    async def leftovers(self, table: IndexedTable, deadline: Deadline) -> list[str]:
        """Indexes of a table that a build left behind."""
        ...

    async def record_settings(
        self, table: IndexedTable, settings: SearchSettings, *, target: float, recall: float, deadline: Deadline
    ) -> None:
        """Lets an index be searched so from now on."""
        ...

    async def record_recall(self, table: IndexedTable, recall: float, deadline: Deadline) -> None:
        """Keeps what an index was found to find."""
        ...

    async def sampled(self, table: IndexedTable, count_max: int, deadline: Deadline) -> list[Sampled]:
        """Vectors of chunks drawn at random, of all tenants."""
        ...

    async def searched(
        self,
        table: IndexedTable,
        question: Sampled,
        plan: IndexPlan,
        settings: SearchSettings,
        depth: int,
        deadline: Deadline,
    ) -> Timed:
        """The vector leg as a search runs it, by an index and settings; EXACT compares every row."""
        ...


@dataclass(frozen=True, slots=True)
class BuildProgress:
    """Where a build is.

    Attributes:
        phase: What PostgreSQL is doing.
        share: How much is done, 0 to 1.
    """

    phase: str
    share: float


class IndexWork(Protocol):
    """The work of the one builder."""

    async def memory_bytes(self, table: IndexedTable) -> int | None:
        """Memory that the database server has available; None when it does not tell."""
        ...

    async def sweep(self, table: IndexedTable) -> list[str]:
        """Removes what builds left behind, and returns what that was."""
        ...

    async def build(self, table: IndexedTable, plan: IndexPlan, memory_bytes: int) -> None:
        """Builds an index beside the one in use, while the table is read and written.

        Raises:
            DependencyUnavailable: It did not end well. What is left of it is removed.
        """
        ...

    async def promote(self, table: IndexedTable, plan: IndexPlan, settings: SearchSettings) -> None:
        """Puts what was built in place of the index in use, by name, and removes that."""
        ...

    async def discard(self, table: IndexedTable) -> None:
        """Removes what was built."""
        ...

    async def progress(self) -> BuildProgress | None:
        """Where the build is; None when none runs."""
        ...


class IndexBuilder(Protocol):
    """Who may build indexes."""

    def alone(self) -> AbstractAsyncContextManager[IndexWork]:
        """The work, while nobody else builds.

        Raises:
            Conflict: Somebody else builds.
            DependencyUnavailable: The database cannot be reached, or does not let this service build.
        """
        ...

    async def buffered_share(self, table: IndexedTable) -> float | None:
        """Share of an index in shared buffers; None when the database does not tell."""
        ...
