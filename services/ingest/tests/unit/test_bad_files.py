"""Files that nobody should send: a refusal, or a transcript, within bounded memory; never another error."""

import json
import random
import tracemalloc

import pytest

from sagwan_ingest.domain.formats.registry import Hints, read_transcript
from sagwan_runtime.errors import InvalidRequest

KOREAN = "위원장: 다음 안건을 상정하겠습니다.\n김철수: 네, 예산안부터 살펴보겠습니다.\n"
SIZE = 1 << 19
# A text of so many bytes takes up to four times as much as characters, some of it twice while lines end alike; the
# lists of lines, values and utterances come on top.
MEMORY_PER_BYTE_MAX = 40

WHISPER = json.dumps({"segments": [{"start": n, "end": n + 1, "text": f"turn {n}"} for n in range(50)]})
TABLE = "speaker,text,start\n" + "".join(f'Ann,"turn, {n}",{n}\n' for n in range(50))
SOUND = {
    "whisper.json": WHISPER.encode(),
    "turns.json": json.dumps([{"speaker": "Ann", "text": "Hi", "start": n} for n in range(50)]).encode(),
    "table.csv": TABLE.encode(),
    "table-utf-16.csv": TABLE.encode("utf-16"),
    "korean.txt": (KOREAN * 20).encode("cp949"),
    "korean-utf-16.txt": (KOREAN * 20).encode("utf-16-le"),
    "mixed.txt": (KOREAN * 10).encode() + KOREAN.encode("cp949"),
}
LARGE = {
    "one line.txt": b"a" * SIZE,
    "one line.json": b'{"text": "' + b"a" * SIZE,
    "one cell.csv": b"speaker,text\nAnn," + b"a" * SIZE,
    "one quote.csv": b'speaker,text\nAnn,"' + b"a\n" * (SIZE // 2),
    "short rows.csv": b"speaker,text\n" + b",\n" * (SIZE // 2),
    "short cells.csv": b"speaker,text\n" + b"," * SIZE,
    "brackets.json": b"[" * SIZE,
    "empty lists.json": b"[" + b"[]," * (SIZE // 3) + b"[]]",
    "empty objects.json": b"[" + b"{}," * (SIZE // 3) + b"{}]",
    "digits.json": b'{"segments": [{"start": ' + b"9" * SIZE,
    "segments.json": b'{"segments": [' + b'{"start":0,"text":""},' * (SIZE // 22) + b"{}]}",
    "turns.jsonl": b'{"speaker":"A","text":"b"}\n' * (SIZE // 27),
    "objects.jsonl": b'{"a":1}\n' * (SIZE // 8),
    "high bytes.txt": b"\xff" * SIZE,
    "mixed lines.txt": KOREAN.encode() + b"\xb0\xa1\n\xff\n" * (SIZE // 5),
    "random.txt": random.Random(4).randbytes(SIZE),
    "random.csv": random.Random(5).randbytes(SIZE).replace(b"\0", b" "),
    "spaces.csv": b" " * SIZE + b"\n",
}  # fmt: skip


def outcome(content, file_name):
    """What became of a file: how many meetings, or the fields that a refusal gives reasons for."""
    try:
        return len(read_transcript(content, Hints(file_name=file_name)).meetings)
    except InvalidRequest as refused:
        return [each.field for each in refused.violations if each.reason]


@pytest.mark.parametrize("name", sorted(SOUND))
def test_a_sound_file_is_read(name):
    assert outcome(SOUND[name], name) == 1


@pytest.mark.parametrize("name", sorted(SOUND))
def test_a_file_that_is_cut_anywhere_is_read_or_refused(name):
    content = SOUND[name]

    outcomes = [outcome(content[:size], name) for size in range(0, len(content), 41)]

    assert all(each in (1, ["content"]) for each in outcomes)


@pytest.mark.parametrize("name", sorted(SOUND))
def test_a_file_with_bytes_turned_over_is_read_or_refused(name):
    chance = random.Random(name)
    for _ in range(100):
        content = bytearray(SOUND[name])
        for _ in range(chance.randint(1, 8)):
            content[chance.randrange(len(content))] = chance.randrange(256)

        assert outcome(bytes(content), name) in (1, ["content"])


@pytest.mark.parametrize("name", sorted(LARGE))
def test_a_large_bad_file_is_read_or_refused_within_bounded_memory(name):
    tracemalloc.start()
    try:
        result = outcome(LARGE[name], name)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert result in (1, ["content"])
    assert peak_bytes < SIZE * MEMORY_PER_BYTE_MAX
