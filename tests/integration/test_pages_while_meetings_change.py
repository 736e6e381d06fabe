"""Walking many pages gives what one deep page gives, while others ingest, edit and delete meetings."""

import asyncio
import itertools
import random
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest
from in_process import ingesting, searching

from sagwan.ingest.v1 import ingest_pb2, meeting_pb2
from sagwan.search.v1 import search_pb2
from sagwan_runtime.auth import authenticated
from sagwan_runtime.calls import Call
from sagwan_runtime.postgres.keys import PostgresKeyStore

pytestmark = pytest.mark.integration

WORDS = [
    "예산", "회의록", "공개", "결산", "안건", "학교", "급식", "도로", "공사", "위원회", "민원", "조례", "검토", "승인",
    "budget", "engineer", "release", "latency", "customer", "contract", "deadline", "review", "incident", "garden",
]  # fmt: skip
SPEAKERS = ["김철수", "이영희", "Ann", "Bob", ""]
QUESTION_COUNT = 200
PAGE_COUNT = 20
PAGE_SIZES = (5, 5, 5, 10)
DEEP = 100
# Of so many questions one is asked again at the end.
SAMPLED = 5
# Once so much has been written since, however soon its pages were walked.
WRITES_BEFORE_SAMPLE = 5
CONTEXT: Any = SimpleNamespace(time_remaining=lambda: 30.0)


def meeting(chance: random.Random, meeting_id: str, turn_count: int) -> ingest_pb2.IngestMeetingRequest:
    return ingest_pb2.IngestMeetingRequest(
        meeting_id=meeting_id,
        utterances=[
            meeting_pb2.Utterance(speaker=chance.choice(SPEAKERS), text=" ".join(chance.choices(WORDS, k=9)))
            for _ in range(turn_count)
        ],
    )


class Writers:
    """Ingests, edits and deletes meetings whose names begin with `passing`, one after the other, until told to stop.

    Attributes:
        still: Held by who wants nothing written for a moment.
        written: How many ingests, edits and deletions there were.
    """

    def __init__(self, ingest, key, chance: random.Random) -> None:
        self.still = asyncio.Lock()
        self.written = 0
        self._wrote = asyncio.Condition()
        self._ingest = ingest
        self._key = key
        self._chance = chance
        self._numbers = itertools.count()
        self._there: list[str] = []

    async def write_on(self) -> None:
        while True:
            async with self.still:
                await self._write()
            async with self._wrote:
                self.written += 1
                self._wrote.notify_all()
            # Locks are fair to those who stand in line; one who comes later must find it free.
            await asyncio.sleep(0.002)

    async def have_written(self, count: int) -> None:
        async with self._wrote:
            await self._wrote.wait_for(lambda: self.written >= count)

    async def _write(self) -> None:
        if len(self._there) > 20:
            name = self._there.pop(self._chance.randrange(len(self._there)))
            request = ingest_pb2.DeleteMeetingRequest(name=f"meetings/{name}")
            await self._ingest.DeleteMeeting(request, metadata=self._key)
        elif self._there and self._chance.random() < 0.5:
            name = self._chance.choice(self._there)
            await self._ingest.IngestMeeting(meeting(self._chance, name, 4), metadata=self._key)
        else:
            self._there.append(f"passing-{next(self._numbers)}")
            await self._ingest.IngestMeeting(meeting(self._chance, self._there[-1], 4), metadata=self._key)


@pytest.fixture
async def services(database_url, embedders, key) -> AsyncIterator[tuple]:
    """Search and ingest over sixty meetings that nobody touches."""
    chance = random.Random(5)
    async with ingesting(database_url, embedders) as ingest, searching(database_url, embedders) as search:
        await asyncio.gather(
            *(ingest.IngestMeeting(meeting(chance, f"lasting-{n}", 10), metadata=key) for n in range(60))
        )
        yield search, ingest


def lasting(hits) -> list[search_pb2.Hit]:
    return [hit for hit in hits if hit.meeting.name.startswith("meetings/lasting-")]


def names(hits) -> list[str]:
    return [hit.name for hit in hits]


async def test_twenty_pages_equal_one_deep_page_whatever_is_written_meanwhile(services, key):
    search, ingest = services
    as_caller = authenticated(PostgresKeyStore(search.database))
    chance = random.Random(7)
    writers = Writers(ingest, key, random.Random(11))
    writing = asyncio.create_task(writers.write_on())
    moved = 0

    async def ask(query: str, page_size: int, token: str = "") -> search_pb2.SearchResponse:
        request = search_pb2.SearchRequest(query=query, page_size=page_size, page_token=token, explain=True)
        return await search.servicer.Search(request, CONTEXT)

    async def walk(query: str, page_size: int, first: search_pb2.SearchResponse, page_count: int) -> list:
        pages = [first]
        while pages[-1].next_page_token and len(pages) < page_count:
            pages.append(await ask(query, page_size, pages[-1].next_page_token))
        return [hit for page in pages for hit in page.hits]

    async def compare(number: int) -> None:
        nonlocal moved
        query, page_size = " ".join(chance.sample(WORDS, k=3)), PAGE_SIZES[number % len(PAGE_SIZES)]
        async with writers.still:
            first, whole = await ask(query, page_size), await ask(query, DEEP)
            written = writers.written
        assert len(whole.hits) == DEEP
        walked = await walk(query, page_size, first, PAGE_COUNT)
        expected = await walk(query, DEEP, whole, PAGE_COUNT * page_size // DEEP)
        # What nobody touches is there to the last digit. Of the rest, what is not deleted is there in its place.
        assert lasting(walked) == lasting(expected)
        assert names(walked)[: len(first.hits)] == names(whole.hits)[: len(first.hits)]
        assert len(set(names(walked))) == len(walked)
        assert [hit.score for hit in walked] == sorted((hit.score for hit in walked), reverse=True)
        if number % SAMPLED == 0:
            await writers.have_written(written + WRITES_BEFORE_SAMPLE)
            moved += names((await ask(query, DEEP)).hits) != names(whole.hits)

    numbers = iter(range(QUESTION_COUNT))

    async def ask_on() -> None:
        for number in numbers:
            await compare(number)

    try:
        # Four thousand calls: the servicer is called without the network.
        async with as_caller(Call("", "Search", dict(key), CONTEXT)):
            await asyncio.gather(*(ask_on() for _ in range(4)))
    finally:
        writing.cancel()
    # Searching anew for each page would not have given the same.
    assert moved > QUESTION_COUNT / SAMPLED / 2
