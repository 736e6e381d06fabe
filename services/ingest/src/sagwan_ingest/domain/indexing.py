"""What is kept of a meeting so that search can find it."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from sagwan_ingest.domain.chunking import Chunk
from sagwan_ingest.domain.meeting import Meeting, Utterance, content_sha256, language_of
from sagwan_text.analysis import Term
from sagwan_text.bm25 import Bm25
from sagwan_text.term_offsets import packed_terms
from sagwan_text.terms import term_id
from sagwan_text.tiers import index_keys

_DERIVED_ID_DIGITS = 16

WEIGHTS_VERSION: Final = 3
"""Raised when the same chunks come to weigh otherwise, or to be found by other keys.

Meetings are then weighed anew when they are sent again. Weighing leaves utterances as they are. Where other weights
come of another analysis, a migration has to set their `term_offsets` to NULL too: such utterances are analysed when
they are shown.
"""


@dataclass(frozen=True, slots=True)
class IndexedChunk:
    """A chunk with what the lexical leg needs.

    Attributes:
        chunk: The chunk.
        text_sha256: Digest of its text: equal texts have equal terms and vectors.
        weights: BM25 weight by term id, of its text with its meeting's title; its keys are the distinct terms.
    """

    chunk: Chunk
    text_sha256: bytes
    weights: Mapping[int, float]


def completed(meeting: Meeting) -> Meeting:
    """A meeting with what it leaves out: language from its text, day from its start, id from its content.

    The day is that of the start's own offset, because that is the day its participants would say.
    """
    meeting = replace(
        meeting,
        language=meeting.language or language_of(meeting.utterances),
        held_on=meeting.held_on or (meeting.started_at.date() if meeting.started_at else None),
    )
    if meeting.meeting_id:
        return meeting
    return replace(meeting, meeting_id=f"m-{content_sha256(meeting).hex()[:_DERIVED_ID_DIGITS]}")


def duration_ms(meeting: Meeting) -> int | None:
    """When its last utterance ends; None when no utterance carries a time."""
    times = [t for each in meeting.utterances for t in (each.start_ms, each.end_ms) if t is not None]
    return max(times, default=None)


def indexed(
    title: str, chunks: Sequence[Chunk], analyze: Callable[[str], Sequence[Term]], bm25: Bm25
) -> list[IndexedChunk]:
    """Chunks of a meeting with their digests and BM25 weights."""
    weights = chunk_weights(title, [each.text for each in chunks], analyze, bm25)
    return [
        IndexedChunk(each, hashlib.sha256(each.text.encode()).digest(), of_chunk)
        for each, of_chunk in zip(chunks, weights, strict=True)
    ]


def chunk_weights(
    title: str, texts: Iterable[str], analyze: Callable[[str], Sequence[Term]], bm25: Bm25
) -> list[dict[int, float]]:
    """BM25 weights of a meeting's chunks, each as if the title stood in it: often it alone says what they are about.

    Args:
        title: Of the meeting; may be empty.
        texts: Of its chunks.
        analyze: Text to terms.
        bm25: The formula.
    """
    of_title = [term_id(term.text) for term in analyze(title)]
    return [bm25.document_weights([*of_title, *(term_id(term.text) for term in analyze(text))]) for text in texts]


def term_offsets(utterances: Sequence[Utterance], analyze: Callable[[str], Sequence[Term]]) -> list[bytes | None]:
    """Where the terms of each utterance stand in its own text, packed; None for one that is too long for that.

    Chunks tell no offsets: they begin lines with the names of speakers, and cut utterances.
    """
    return [packed_terms(analyze(each.text)) for each in utterances]


@dataclass(frozen=True, slots=True)
class ChunkChanges:
    """What turns the stored chunks of a meeting into its new ones.

    Attributes:
        kept: New chunks whose text is stored already, with the id of the row that holds it.
        added: New chunks whose text is not.
        removed: Ids of rows whose text is gone.
    """

    kept: Sequence[tuple[int, IndexedChunk]]
    added: Sequence[IndexedChunk]
    removed: Sequence[int]


def chunk_changes(stored: Sequence[tuple[int, bytes]], chunks: Sequence[IndexedChunk]) -> ChunkChanges:
    """Matches new chunks with stored ones by text, so that an edit computes no vector twice.

    Args:
        stored: Id and text digest of each stored chunk, in order.
        chunks: The new chunks, in order. A text that occurs twice needs two rows.
    """
    free: dict[bytes, list[int]] = {}
    for chunk_id, digest in reversed(stored):
        free.setdefault(digest, []).append(chunk_id)
    kept: list[tuple[int, IndexedChunk]] = []
    added: list[IndexedChunk] = []
    for chunk in chunks:
        rows = free.get(chunk.text_sha256)
        if rows:
            kept.append((rows.pop(), chunk))
        else:
            added.append(chunk)
    removed = sorted(chunk_id for rows in free.values() for chunk_id in rows)
    return ChunkChanges(kept, added, removed)


def term_count_changes(added: Iterable[Mapping[int, float]], removed: Mapping[int, int]) -> list[tuple[int, int]]:
    """By how much each term's chunk count changes.

    Args:
        added: Weights of chunks that are new.
        removed: Chunks that go, counted by index key: term id or tier of a term.

    Returns:
        Key and change, by key, without zeros.
    """
    changes = Counter(key for weights in added for key in index_keys(weights))
    changes.subtract(removed)
    return sorted((key, change) for key, change in changes.items() if change)
