"""Real meetings: written as a file for ingest, kept by the services, and read back with their vectors."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from itertools import chain, groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import asyncpg
from stack import running

from sagwan_runtime.postgres.queries import Query
from scale_data.labels import labels_of
from scale_data.lines import CoreChunk, CoreMeeting, lines_of

SETS = ("qmsum/train", "seoul_edu/dev", "ko_mrc")
"""What the core is made of: English meetings, Korean meetings, and Korean passages for more than a council's words."""

# Some 4,000 chunks, which take five minutes to embed. Of each Korean meeting it is the beginning.
_ENGLISH_STEP = 4
_KOREAN_CHARACTERS_MAX = 16_000
PASSAGES_MAX, _PASSAGES_A_MEETING = 1_000, 40


def write_meetings(data: Path, output: Path) -> None:
    """Writes the core's meetings as ingest reads them."""
    sets = (_english(data / SETS[0]), _korean(data / SETS[1]), _passages(data / SETS[2]))
    with output.open("w", encoding="utf-8") as lines:
        for number, (meeting_id, turns) in enumerate(chain(*sets)):
            labels = labels_of(number)
            meeting = {
                "meeting_id": meeting_id,
                "title": labels.title,
                "date": labels.held_on.isoformat(),
                "series": labels.series,
                "tags": labels.tags,
                "participants": list(dict.fromkeys(name for each in turns if (name := each.get("speaker")))),
                "turns": turns,
            }
            lines.write(json.dumps(meeting, ensure_ascii=False) + "\n")


def keep_meetings(meetings: Path, home: Path, model: Path, dsn: str) -> None:
    """Ingests a file through the services, into a database; what is there already is not embedded again.

    Raises:
        RuntimeError: Something was refused.
    """
    with running(home, model_dir=model, SAGWAN_DATABASE_URL=dsn) as stack:
        done = stack.run("ingest", "--json", str(meetings), check=False)
    if done.returncode:
        raise RuntimeError(f"{meetings}: {done.stderr or done.stdout}")


async def read_core(connection: asyncpg.Connection, queries: Mapping[str, Query]) -> list[CoreMeeting]:
    """The chunks of all meetings of a database with what was said in them, and their vectors."""
    model = await connection.fetchrow(queries["serving_model"].sql)
    table = f"chunk_vectors_{model['model_id']}"
    said: dict[int, list[tuple[str, str]]] = defaultdict(list)
    for row in await connection.fetch(queries["core_utterances"].sql):
        said[row["meeting_key"]].append((row["speaker"], row["text"]))
    rows = await connection.fetch(queries["core_chunks"].on_table("vectors", table).sql)
    meetings = []
    for (meeting_key, language), group in groupby(rows, key=itemgetter("meeting_key", "language")):
        chunks = [
            CoreChunk(tuple(lines_of(_pieces(row, said[meeting_key]))), row["embedding"].to_numpy()) for row in group
        ]
        meetings.append(CoreMeeting(language, tuple(each for each in chunks if each.lines)))
    return [each for each in meetings if each.chunks]


def _pieces(chunk: Mapping[str, Any], said: list[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Who says what in a chunk: its first and its last utterance may reach out of it."""
    first, last = chunk["first_utterance"], chunk["last_utterance"]
    for place in range(first, last + 1):
        speaker, text = said[place]
        begin = chunk["first_character"] if place == first else 0
        end = chunk["last_character"] if place == last else len(text)
        yield speaker, text[begin:end]


def _english(folder: Path) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    for each in list(records(folder / "meetings.jsonl"))[::_ENGLISH_STEP]:
        yield each["meeting_id"], each["turns"]


def _korean(folder: Path) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    for each in records(folder / "meetings.jsonl"):
        turns, characters = [], 0
        for turn in each["turns"]:
            characters += len(turn["text"])
            if characters > _KOREAN_CHARACTERS_MAX:
                break
            turns.append(turn)
        yield each["meeting_id"], turns


def _passages(folder: Path) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    passages = list(records(folder / "corpus.jsonl"))[:PASSAGES_MAX]
    for first in range(0, len(passages), _PASSAGES_A_MEETING):
        turns = [
            {"speaker": "", "text": line}
            for each in passages[first : first + _PASSAGES_A_MEETING]
            for line in each["text"].splitlines()
            if line.strip()
        ]
        yield f"passages-{first:04}", turns


def records(file: Path) -> Iterator[dict[str, Any]]:
    """What the lines of a file say, one after the other."""
    with file.open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)
