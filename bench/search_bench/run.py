"""What every row of a run shares."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from stack import Stack

from sagwan.search.v1 import search_pb2, search_pb2_grpc
from sagwan_runtime.postgres.queries import load_queries
from search_bench.questions import Questions

QUERIES = load_queries(Path(__file__).parent / "statements.sql")
_TIMEOUT_S = 30.0
_WARM_UP = 100


@dataclass(frozen=True, slots=True)
class Run:
    """One run of the benchmark.

    Attributes:
        chunks: How many there are.
        data: The evaluation data.
        stack: The services.
        dsn: The database, as its owner.
        postgres_pid: The server of the database.
        sizes: Databases of this size and smaller ones, by their number of chunks.
        questions: What is asked.
        searches: How many a row asks, where no claim says otherwise.
        seconds: How long a row under load takes.
        tell: Takes a remark that belongs to the figures.
    """

    chunks: int
    data: Path
    stack: Stack
    dsn: str
    postgres_pid: int
    sizes: Mapping[int, str]
    questions: Questions
    searches: int
    seconds: float
    tell: Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Asked:
    """One search.

    Attributes:
        seconds: From the call to the answer, at the client.
        response: The answer.
    """

    seconds: float
    response: search_pb2.SearchResponse

    @property
    def chunk_ids(self) -> set[int]:
        """The chunks that were found."""
        return {int(hit.name.rpartition("/")[2]) for hit in self.response.hits}


class Degraded(Exception):
    """A leg was left out: what was measured is no such search."""


class Client:
    """Calls search as a service of somebody else would."""

    def __init__(self, channel: grpc.Channel, key: str) -> None:
        self._search: Any = search_pb2_grpc.SearchServiceStub(channel).Search
        self._metadata = (("authorization", f"Bearer {key}"),)

    def ask(self, text: str, **fields: Any) -> Asked:
        """Asks a question and waits for the answer.

        Raises:
            Degraded: A leg was left out.
        """
        # Those who asked knew of no syntax: what they quote is no condition.
        request = search_pb2.SearchRequest(query=text, plain_text=True, **fields)
        begun = time.perf_counter()
        response = self._search(request, metadata=self._metadata, timeout=_TIMEOUT_S)
        seconds = time.perf_counter() - begun
        if response.degraded:
            raise Degraded(response.degraded_reason)
        return Asked(seconds, response)

    def call(self, text: str) -> Any:
        """Asks without waiting: the call."""
        return self._search.future(
            search_pb2.SearchRequest(query=text, plain_text=True), metadata=self._metadata, timeout=_TIMEOUT_S
        )


@contextmanager
def client_of(stack: Stack) -> Iterator[Client]:
    """Opens a channel to the search service of a stack."""
    with grpc.insecure_channel(stack.address("search")) as channel:
        yield Client(channel, stack.api_key)


def warm_up(run: Run) -> None:
    """Brings connections, plans and the pages of the indexes into memory."""
    with client_of(run.stack) as client:
        for text in run.questions.take(_WARM_UP):
            client.ask(text)
