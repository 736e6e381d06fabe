"""Further meetings, made of real lines and real vectors: the same core and number give the same meeting."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from hashlib import sha256
from random import Random

import numpy as np

from sagwan_ingest.domain.chunking import TOKENS_TARGET, Chunk
from sagwan_ingest.domain.indexing import IndexedChunk
from sagwan_ingest.domain.meeting import Meeting, Utterance, UtteranceKind, content_sha256
from sagwan_ingest.ports import PreparedMeeting
from sagwan_text.bm25 import Bm25
from sagwan_text.speakers import speaker_key
from scale_data.labels import SHARE_SPEAKERS, SHARES, labels_of
from scale_data.lines import CoreChunk, CoreMeeting, Line, LineTerms, Vector

CHUNKS_A_MEETING = 40
_SEED = 20_260_101
# Real meetings that one is made of, so that it is about something and its speakers would fit in a room.
_SOURCE_MEETINGS = 3
# The length of what is added to the mean of two vectors: what is around them then has as many dimensions as around real
# ones, and is as wide (docs/performance.md). With twice as much, no index finds what lies near.
_NOISE = 0.15
_KINDS = (UtteranceKind.SPEECH, UtteranceKind.DECISION, UtteranceKind.ACTION)
_KIND_WEIGHTS = (96, 2, 2)
_TOKENS_A_SECOND = 3
_NAMES_CACHED_MAX = 10_000


class Recombiner:
    """Makes meetings out of a core's lines and vectors."""

    def __init__(self, core: Sequence[CoreMeeting], terms: LineTerms, model_sha256: str) -> None:
        """Takes what meetings are made of.

        Args:
            core: Real meetings, several of each language.
            terms: Terms of their lines.
            model_sha256: The model that wrote their vectors.
        """
        languages = sorted({each.language for each in core})
        self._core = [[each for each in core if each.language == language] for language in languages]
        self._terms = terms
        self._model_sha256 = model_sha256
        self._bm25 = Bm25()
        self._placing = _Placing()

    def meeting(self, number: int, chunk_count: int) -> PreparedMeeting:
        """A meeting, ready to be written.

        Args:
            number: Counts from 0 over all meetings of a database, the core's included.
            chunk_count: How many chunks it has.
        """
        random = Random(f"{_SEED}/{number}")  # the same each time is what is wanted
        noise = np.random.default_rng([_SEED, number])
        core = self._core[number % len(self._core)]
        meetings = random.sample(core, min(_SOURCE_MEETINGS, len(core)))
        pool = [each for meeting in meetings for each in meeting.chunks]
        utterances: list[Utterance] = []
        chunks: list[IndexedChunk] = []
        vectors: dict[bytes, Vector] = {}
        labels = labels_of(number)
        of_title = self._terms.of(labels.title)
        offsets: list[bytes | None] = []
        for ordinal in range(chunk_count):
            sources = random.sample(pool, random.choice((2, 3)))
            said = list(_said(_chosen_lines(sources, random), random, after=utterances))
            offsets += [self._terms.offsets_of(each.text) for each in said]
            placed = self._placing.chunk(said, ordinal, first_utterance=len(utterances))
            chunks.append(self._indexed(of_title, placed))
            vectors[chunks[-1].text_sha256] = _between(sources[0].vector, sources[1].vector, noise)
            utterances += said
        meeting = Meeting(
            meeting_id=f"scale-{number:07}",
            title=labels.title,
            held_on=labels.held_on,
            language=meetings[0].language,
            participants=tuple(dict.fromkeys(each.speaker for each in utterances if each.speaker)),
            tags=labels.tags,
            series=labels.series,
            source="scale-data",
            utterances=tuple(utterances),
        )
        return PreparedMeeting(meeting, content_sha256(meeting), chunks, vectors, self._model_sha256, offsets)

    def _indexed(self, of_title: Sequence[int], placed: Chunk) -> IndexedChunk:
        weights = self._bm25.document_weights([*of_title, *self._terms.of(placed.text)])
        return IndexedChunk(placed, sha256(placed.text.encode()).digest(), weights)


def meeting_sizes(chunks: int) -> list[int]:
    """How many chunks each meeting has when there are so many in all."""
    whole, rest = divmod(chunks, CHUNKS_A_MEETING)
    return [CHUNKS_A_MEETING] * whole + ([rest] if rest else [])


def _chosen_lines(sources: Sequence[CoreChunk], random: Random) -> Iterator[Line]:
    """Lines of each source in their order, as many as give each its share of a chunk of the usual size."""
    share = TOKENS_TARGET / len(sources)
    for source in sources:
        chosen: list[int] = []
        tokens = 0
        for place in random.sample(range(len(source.lines)), len(source.lines)):
            if tokens >= share:
                break
            chosen.append(place)
            tokens += source.lines[place].tokens
        yield from (source.lines[place] for place in sorted(chosen))


def _said(lines: Iterator[Line], random: Random, *, after: Sequence[Utterance]) -> Iterator[Utterance]:
    """The utterances of a chunk, a line each; those who speak in a share of all chunks take lines of it over."""
    chosen = list(lines)
    speakers = {
        random.randrange(len(chosen)): speaker
        for speaker, share in zip(SHARE_SPEAKERS, SHARES, strict=True)
        if random.random() < share
    }
    start_ms = after[-1].end_ms or 0 if after else 0
    for place, line in enumerate(chosen):
        end_ms = start_ms + line.tokens * 1_000 // _TOKENS_A_SECOND
        (kind,) = random.choices(_KINDS, _KIND_WEIGHTS)
        yield Utterance(speakers.get(place, line.speaker), line.text, start_ms, end_ms, kind)
        start_ms = end_ms


class _Placing:
    """Makes the chunk of some utterances as ingest does for which they are neither too few nor too many.

    Its cutting has nothing to decide here and takes most of the time. A test holds this to it.
    """

    def __init__(self) -> None:
        self._names = lru_cache(_NAMES_CACHED_MAX)(lambda name: (speaker_key(name), f"{' '.join(name.split())}: "))

    def chunk(self, said: Sequence[Utterance], ordinal: int, *, first_utterance: int) -> Chunk:
        """The chunk at its place in the meeting.

        Args:
            said: At least one utterance, none blank or with white space around it, each ending where the next begins.
            ordinal: Of the chunk.
            first_utterance: Index of the first of them.
        """
        lines: list[str] = []
        keys: dict[str, None] = {}
        speaking: str | None = None
        for each in said:
            key, label = self._names(each.speaker)
            lines.append(f"{label}{each.text}" if key and key != speaking else each.text)
            keys[key] = None
            speaking = key
        return Chunk(
            ordinal=ordinal,
            first_utterance=first_utterance,
            first_character=0,
            last_utterance=first_utterance + len(said) - 1,
            last_character=len(said[-1].text),
            text="\n".join(lines),
            speakers=tuple(key for key in keys if key),
            kinds=tuple(sorted({each.kind.value for each in said})),
            start_ms=said[0].start_ms,
            end_ms=said[-1].end_ms,
        )


def _between(one: Vector, other: Vector, noise: np.random.Generator) -> Vector:
    """The mean of two vectors with Gaussian noise, of unit length."""
    direction = noise.normal(scale=_NOISE / np.sqrt(one.size), size=one.size)
    mixed = (one + other) / 2 + direction
    return (mixed / np.linalg.norm(mixed)).astype(np.float32)
