"""Imports in which a process is killed: what was acked is whole, nothing is half done, the same import again mends it.

Three kills by default, one of each process; SAGWAN_KILLS sets how many (`make test-kills` runs sixty).
"""

import asyncio
import json
import os
import random
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
import pytest
from stack import ROOT, Stack, running

from sagwan.ingest.v1 import ingest_pb2
from sagwan_client.client import SagwanClient
from sagwan_client.errors import SagwanCallError

pytestmark = pytest.mark.faults

KILLS = int(os.environ.get("SAGWAN_KILLS", "3"))
VICTIMS = ("ingest", "embedder", "postgres")
MEETINGS = 12
SEED = 20_241_103
END_TIMEOUT_S = 60.0

HALF_DONE = """
    SELECT m.meeting_id FROM meetings AS m
    WHERE m.utterance_count <> (SELECT count(*) FROM utterances AS u WHERE u.meeting_key = m.meeting_key)
       OR m.chunk_count <> (SELECT count(*) FROM chunks AS c WHERE c.meeting_key = m.meeting_key)
       OR m.chunk_count <> (SELECT count(*) FROM chunk_terms AS t WHERE t.meeting_key = m.meeting_key)
       OR m.chunk_count <> (SELECT count(*) FROM chunk_vectors_1 AS v WHERE v.meeting_key = m.meeting_key)
"""
MISCOUNTED = """
    SELECT * FROM {statistics} AS s
    FULL JOIN (
        SELECT tenant_id, term_id, count(*) AS chunk_count
        FROM chunk_terms, unnest(term_ids) AS term_id GROUP BY tenant_id, term_id
    ) AS c USING (tenant_id, term_id)
    WHERE s.chunk_count IS DISTINCT FROM c.chunk_count
"""
COUNTED = """
    SELECT (SELECT coalesce(sum(chunk_count), 0) FROM corpus_statistics) = (SELECT count(*) FROM chunks)
"""
KEPT = """
    SELECT m.meeting_id, array_agg(u.text ORDER BY u.ordinal) AS texts
    FROM meetings AS m JOIN utterances AS u USING (meeting_key) GROUP BY m.meeting_key
"""


def lines_of_the_samples() -> list[str]:
    texts = []
    for file in sorted((ROOT / "samples" / "meetings").glob("*.txt")):
        lines = file.read_text(encoding="utf-8").splitlines()
        texts += [line.partition(": ")[2] for line in lines if ": " in line]
    return [text for text in texts if len(text) > 30]


def meetings_of(round_: int) -> dict[str, list[str]]:
    """What each meeting says in a round: some of it is as it was before, some is new."""
    dice = random.Random(SEED + round_)
    lines = lines_of_the_samples()
    return {
        f"m-{number}": [*lines[number * 3 : number * 3 + 8], *dice.sample(lines, 6), f"Round {round_} of {number}."]
        for number in range(MEETINGS)
    }


def transcripts(meetings: Mapping[str, list[str]]) -> Iterator[ingest_pb2.IngestTranscriptRequest]:
    for meeting_id, texts in meetings.items():
        turns = [{"speaker": "Ada" if place % 2 else "김철수", "text": text} for place, text in enumerate(texts)]
        content = json.dumps({"meeting_id": meeting_id, "turns": turns}).encode()
        yield ingest_pb2.IngestTranscriptRequest(content=content, format="jsonl")


async def imported(stack: Stack, meetings: Mapping[str, list[str]], acked: set[str]) -> None:
    """Imports until the end, or until the call fails; `acked` is there in either case."""
    async with SagwanClient(
        ingest_target=stack.address("ingest"),
        search_target=stack.address("search"),
        embedder_target=stack.address("embedder"),
        api_key=stack.api_key,
    ) as client:
        async for answer in client.import_transcripts(transcripts(meetings)):
            for each in answer.transcript.meetings:
                acked.add(each.meeting.name.removeprefix("meetings/"))


@dataclass(slots=True)
class Breakable:
    """A stack that comes back, with its data, whatever of it was killed."""

    home: Path
    model_dir: Path
    stack: Stack | None = None
    _exits: ExitStack = field(default_factory=ExitStack)

    def up(self) -> Stack:
        """The stack, serving."""
        if self.stack is not None and self.stack.process.poll() is not None:
            self.down()
        if self.stack is None:
            self.stack = self._exits.enter_context(running(self.home, model_dir=self.model_dir))
        self.stack.wait_until_serving()
        return self.stack

    def down(self) -> None:
        self._exits.close()
        self.stack = None

    def kill(self, victim: str) -> None:
        stack = self.stack
        assert stack is not None
        if victim != "postgres":
            os.kill(stack.pid(victim), signal.SIGKILL)
            return
        data = self.home / "var" / "postgres"
        os.kill(int((data / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)
        # The supervisor ends with its database, and whoever runs it starts it again.
        stack.process.wait(END_TIMEOUT_S)


async def check_whole(stack: Stack, *, expected: Mapping[str, list[list[str]]]) -> None:
    """Every meeting is one of its expected versions, whole and once, and the statistics are a recount's."""
    connection = await asyncpg.connect(stack.database_url)
    try:
        assert await connection.fetch(HALF_DONE) == []
        assert await connection.fetch(MISCOUNTED.format(statistics="term_statistics")) == []
        assert await connection.fetchval(COUNTED)
        kept = {row["meeting_id"]: row["texts"] for row in await connection.fetch(KEPT)}
    finally:
        await connection.close()
    for meeting_id, versions in expected.items():
        assert kept.pop(meeting_id, []) in versions, meeting_id
    assert kept == {}


@pytest.fixture
def breakable(new_folder: Callable[[], Path], model_dir: Path) -> Iterator[Breakable]:
    breakable = Breakable(new_folder(), model_dir)
    yield breakable
    breakable.down()


@pytest.mark.timeout(120 + 90 * KILLS)
async def test_what_was_acked_is_whole_and_the_same_import_again_mends_the_rest(breakable: Breakable):
    dice = random.Random(SEED)
    await imported(breakable.up(), meetings_of(0), set())
    before = meetings_of(1)
    begun = time.monotonic()
    await imported(breakable.up(), before, set())
    usual_s = time.monotonic() - begun

    for round_ in range(2, KILLS + 2):
        now, acked, victim = meetings_of(round_), set[str](), VICTIMS[round_ % len(VICTIMS)]
        stack = breakable.up()
        importing = asyncio.create_task(imported(stack, now, acked))
        await asyncio.sleep(dice.uniform(0, usual_s))
        at_kill = len(acked)
        await asyncio.to_thread(breakable.kill, victim)
        try:
            await importing
        except SagwanCallError:
            assert acked < now.keys(), victim
        stack = await asyncio.to_thread(breakable.up)
        allowed = {each: [now[each]] if each in acked else [before[each], now[each]] for each in now}
        await check_whole(stack, expected=allowed)

        again: set[str] = set()
        await imported(stack, now, again)
        assert again == now.keys()
        await check_whole(stack, expected={each: [texts] for each, texts in now.items()})
        before = now
        how = f"{victim} killed when {at_kill} of {len(now)} meetings were acked, {len(acked)} in the end"
        print(f"{round_ - 1} of {KILLS}: {how}", flush=True)  # noqa: T201  # a run of sixty takes a while

    connection = await asyncpg.connect(breakable.up().database_url)
    assert await connection.fetch(MISCOUNTED.format(statistics="term_stats")) == []
    await connection.close()
