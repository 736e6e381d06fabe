"""Further meetings for a database in use, written by a process of its own through the store of ingest."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from importlib.resources import files
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Self, TypeVar
from uuid import UUID

from sagwan_ingest.adapters.postgres import PostgresMeetingStore
from sagwan_ingest.ports import PreparedMeeting
from sagwan_runtime.deadline import Deadline
from sagwan_runtime.postgres.queries import load_queries
from sagwan_search.adapters.index_sql import CONNECTION_SETTINGS
from sagwan_search.adapters.postgres import PostgresMeetingStore as SearchedMeetings
from sagwan_search.settings import SearchSettings
from sagwan_text.analysis import Analyzer
from sagwan_text.korean import load_tagger
from scale_data.building import QUERIES, opened, service_database
from scale_data.core import read_core
from scale_data.lines import LineTerms
from scale_data.recombining import Recombiner

# Ingest's own.
_TIMEOUT_S = 600.0
_STATEMENTS = {"statement_timeout": str(round(_TIMEOUT_S * 1_000))}
_FOUND_AMONG = 10
_READY = "ready"

Sent = TypeVar("Sent")


@dataclass(frozen=True, slots=True)
class Addition:
    """Meetings to be written.

    Attributes:
        number: Of the first one, over all meetings of the database.
        sizes: How many chunks each has.
    """

    number: int
    sizes: Sequence[int]


@dataclass(frozen=True, slots=True)
class Added:
    """Meetings that were written.

    Attributes:
        chunks: How many chunks they have.
        seconds: How long their transactions took, statistics included; not what making them and looking for them took.
        sought: Chunks that were looked for by their own vectors as soon as their meeting was written: one a meeting.
        found: Those of them that were among the nearest ten.
    """

    chunks: int = 0
    seconds: float = 0.0
    sought: int = 0
    found: int = 0


class Adding:
    """The process that writes, seen from outside."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe

    def begin(self, addition: Addition) -> None:
        """Lets meetings be written, a transaction each."""
        self._pipe.send(addition)

    @property
    def has_ended(self) -> bool:
        """Whether what was begun is written, or never will be."""
        return self._pipe.poll()

    def added(self) -> Added:
        """Waits for what was begun.

        Raises:
            RuntimeError: The process has ended before it was written.
        """
        return _received(self._pipe, Added)


@contextmanager
def adding(core_dsn: str, dsn: str) -> Iterator[Adding]:
    """Starts the process and waits until it is ready to write.

    Args:
        core_dsn: The database whose meetings further ones are made of.
        dsn: The one that they are written into, of one tenant.

    Raises:
        RuntimeError: The process has ended before it was ready.
    """
    context = get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_run, args=(core_dsn, dsn, there), daemon=True)
    process.start()
    # The process's is then the only one, so that its end is the end of the pipe.
    there.close()
    try:
        _received(here, str)
        yield Adding(here)
    finally:
        here.close()
        process.terminate()
        process.join()


def _received(pipe: Connection, kind: type[Sent]) -> Sent:
    try:
        received = pipe.recv()
    except (EOFError, ConnectionResetError) as error:
        raise RuntimeError("the process that writes meetings has ended") from error
    if not isinstance(received, kind):
        raise TypeError(f"the process that writes meetings sent {received!r}")
    return received


def _run(core_dsn: str, dsn: str, pipe: Connection) -> None:
    asyncio.run(_serve(core_dsn, dsn, pipe))


async def _serve(core_dsn: str, dsn: str, pipe: Connection) -> None:
    async with opened(core_dsn) as core:
        model = await core.fetchrow(QUERIES["serving_model"].sql)
        meetings = await read_core(core, QUERIES)
    recombiner = Recombiner(meetings, LineTerms(Analyzer(load_tagger()).terms), model["sha256"])
    async with _Writer.opened(dsn) as writer:
        pipe.send(_READY)
        while True:
            # It has nothing else to do.
            addition: Addition = pipe.recv()
            pipe.send(await writer.add(recombiner, addition))


class _Writer:
    """Writes meetings, and looks for each of them."""

    def __init__(self, kept: PostgresMeetingStore, searched: SearchedMeetings, tenant_id: UUID) -> None:
        self._kept = kept
        self._searched = searched
        self._tenant_id = tenant_id
        self._depth = SearchSettings().leg_depth

    @classmethod
    @asynccontextmanager
    async def opened(cls, dsn: str) -> AsyncIterator[Self]:
        """Connects as ingest does, and as search does."""
        async with opened(dsn) as owner:
            tenant_id = await owner.fetchval(QUERIES["tenants"].sql)
        async with AsyncExitStack() as stack:
            kept = await stack.enter_async_context(service_database(dsn, _STATEMENTS))
            searched = await stack.enter_async_context(service_database(dsn, CONNECTION_SETTINGS))
            yield cls(
                PostgresMeetingStore(kept, load_queries(files("sagwan_ingest.adapters") / "queries.sql")),
                SearchedMeetings(searched, load_queries(files("sagwan_search.adapters") / "queries.sql")),
                tenant_id,
            )

    async def add(self, recombiner: Recombiner, addition: Addition) -> Added:
        """Makes and writes meetings one after the other."""
        seconds, found = 0.0, 0
        for number, size in enumerate(addition.sizes, start=addition.number):
            meeting = recombiner.meeting(number, size)
            begun = time.perf_counter()
            await self._kept.keep(self._tenant_id, [meeting], Deadline.after(_TIMEOUT_S))
            await self._kept.fold_statistics(self._tenant_id, Deadline.after(_TIMEOUT_S))
            seconds += time.perf_counter() - begun
            found += await self._is_found(meeting)
        return Added(sum(addition.sizes), seconds, len(addition.sizes), found)

    async def _is_found(self, meeting: PreparedMeeting) -> bool:
        """Whether a chunk from the middle of a meeting is among the nearest to its vector, as the service searches."""
        sought = meeting.chunks[len(meeting.chunks) // 2]
        async with self._searched.look(self._tenant_id, Deadline.after(_TIMEOUT_S)) as session:
            await session.serving_model()
            chunk_id = await session.chunk_of_utterance(meeting.meeting.meeting_id, sought.chunk.first_utterance)
            nearest = await session.nearest(meeting.vectors[sought.text_sha256], self._depth)
        return chunk_id in [each.chunk_id for each in nearest[:_FOUND_AMONG]]
