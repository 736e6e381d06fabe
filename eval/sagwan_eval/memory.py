"""The embedder's memory after start and after a thousand chunks of every length."""

import itertools
import json
from collections.abc import Iterator
from pathlib import Path

from stack import Stack

from sagwan.embedder.v1 import embedder_pb2
from sagwan_bench.results import Figure, below
from sagwan_eval.clients import stubs_of

_CHUNKS = 1_000
_BATCH = 32
_TARGET_MB = 500


def memory_figures(stack: Stack, data: Path) -> Iterator[Figure]:
    """Resident memory (MB of 10^6 bytes): now, then after 1,000 Korean and English chunks, and the highest ever."""
    pid = stack.pid("embedder")
    yield Figure("embedder_rss_start_mb", _megabytes(pid, "VmRSS"), "MB", below(_TARGET_MB))
    texts = list(itertools.islice(_mixed(data), _CHUNKS))
    with stubs_of(stack) as stubs:
        for first in range(0, len(texts), _BATCH):
            request = embedder_pb2.EmbedRequest(
                texts=texts[first : first + _BATCH], kind=embedder_pb2.TEXT_KIND_PASSAGE
            )
            stubs.embedder.Embed(request, timeout=120)
    yield Figure("embedder_rss_1000_chunks_mb", _megabytes(pid, "VmRSS"), "MB", below(_TARGET_MB))
    yield Figure("embedder_rss_peak_mb", _megabytes(pid, "VmHWM"), "MB", below(_TARGET_MB))


def _mixed(data: Path) -> Iterator[str]:
    """Korean passages and English chunks in turn; every tenth is three joined, so that some pass the model's limit."""
    korean = _texts(data / "ko_mrc" / "corpus.jsonl")
    english = _texts(data / "qmsum" / "val" / "corpus.jsonl")
    in_turn = itertools.chain.from_iterable(zip(korean, english, strict=False))
    for number, text in enumerate(in_turn):
        yield text if number % 10 else " ".join([text, *itertools.islice(in_turn, 2)])


def _texts(corpus: Path) -> Iterator[str]:
    with corpus.open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)["text"]


def _megabytes(pid: int, field: str) -> float:
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    (kibibytes,) = (line.split()[1] for line in status.splitlines() if line.startswith(f"{field}:"))
    return int(kibibytes) * 1_024 / 1e6
