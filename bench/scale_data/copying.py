"""Meetings into the tables by COPY: the rows that ingest would write, without a statement a row."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg

from sagwan_ingest.adapters.writing import folded_names
from sagwan_ingest.domain.completions import completions
from sagwan_ingest.domain.indexing import WEIGHTS_VERSION, duration_ms, term_count_changes
from sagwan_ingest.ports import PreparedMeeting
from sagwan_runtime.postgres.sparse import sparse_vector
from sagwan_text.speakers import speaker_key
from sagwan_text.terms import TERM_IDS_MAX
from sagwan_text.tiers import index_keys

_MEETINGS = (
    "tenant_id meeting_key meeting_id title started_at held_on duration_ms language series participants tags source "
    "attributes content_sha256 utterance_count chunk_count series_key participant_keys tag_keys weights_version"
)
_UTTERANCES = "tenant_id meeting_key ordinal speaker speaker_key start_ms end_ms kind text term_offsets"
_CHUNKS = (
    "tenant_id chunk_id meeting_key ordinal first_utterance first_character last_utterance last_character "
    "text_sha256 text"
)
_CHUNK_TERMS = "tenant_id chunk_id meeting_key held_on speakers kinds start_ms end_ms term_ids weights"
_CHUNK_VECTORS = "tenant_id chunk_id meeting_key held_on speakers embedding"
_COMPLETIONS = "tenant_id meeting_key ordinal property key word value occurrences"
_STATISTICS_CHANGES = "tenant_id chunk_change term_ids term_changes"

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class TableRows:
    """Rows of one table.

    Attributes:
        table: Its name.
        columns: The names of their columns, with spaces between.
        rows: The rows.
    """

    table: str
    columns: str
    rows: Sequence[Row]


async def copy_rows(connection: asyncpg.Connection, tables: Sequence[TableRows]) -> None:
    """Writes rows in one transaction, a table after the other."""
    async with connection.transaction():
        for each in tables:
            await connection.copy_records_to_table(each.table, columns=each.columns.split(), records=each.rows)


class MeetingRows:
    """The rows of meetings of one tenant whose keys and chunk ids are known beforehand."""

    def __init__(self, tenant_id: UUID, vectors_table: str) -> None:
        self._tenant_id = tenant_id
        self._vectors_table = vectors_table
        self._speaker_keys: dict[str, str] = {}

    def of(self, meetings: Sequence[PreparedMeeting], *, meeting_key: int, chunk_id: int) -> list[TableRows]:
        """The rows of meetings and of all that is derived from them.

        Args:
            meetings: One after the other.
            meeting_key: That of the first.
            chunk_id: That of the first chunk of the first.
        """
        meeting_rows: list[Row] = []
        utterances: list[Row] = []
        chunks: list[Row] = []
        terms: list[Row] = []
        vectors: list[Row] = []
        completed: list[Row] = []
        for key, each in enumerate(meetings, start=meeting_key):
            meeting_rows.append(self._meeting(key, each))
            utterances += self._utterances(key, each)
            completed += self._completions(key, each)
            beside = (key, each.meeting.held_on)
            for indexed in each.chunks:
                place, speakers = indexed.chunk, list(indexed.chunk.speakers)
                chunks.append(
                    (
                        *(self._tenant_id, chunk_id, key, place.ordinal, place.first_utterance, place.first_character),
                        *(place.last_utterance, place.last_character, indexed.text_sha256, place.text),
                    )
                )
                terms.append(
                    (
                        *(self._tenant_id, chunk_id, *beside, speakers, place.kinds, place.start_ms, place.end_ms),
                        *(index_keys(indexed.weights), sparse_vector(indexed.weights, TERM_IDS_MAX)),
                    )
                )
                vectors.append((self._tenant_id, chunk_id, *beside, speakers, each.vectors[indexed.text_sha256]))
                chunk_id += 1
        changes = term_count_changes((indexed.weights for each in meetings for indexed in each.chunks), {})
        statistics = [(self._tenant_id, len(chunks), [term for term, _ in changes], [count for _, count in changes])]
        return [
            TableRows("meetings", _MEETINGS, meeting_rows),
            TableRows("utterances", _UTTERANCES, utterances),
            TableRows("chunks", _CHUNKS, chunks),
            TableRows("chunk_terms", _CHUNK_TERMS, terms),
            TableRows(self._vectors_table, _CHUNK_VECTORS, vectors),
            TableRows("completions", _COMPLETIONS, completed),
            TableRows("statistics_changes", _STATISTICS_CHANGES, statistics),
        ]

    def _meeting(self, key: int, prepared: PreparedMeeting) -> Row:
        meeting = prepared.meeting
        return (
            *(self._tenant_id, key, meeting.meeting_id, meeting.title, meeting.started_at, meeting.held_on),
            *(duration_ms(meeting), meeting.language, meeting.series, meeting.participants, meeting.tags),
            *(meeting.source, "{}", prepared.content_sha256, len(meeting.utterances), len(prepared.chunks)),
            *folded_names(meeting.series, meeting.participants, meeting.tags),
            WEIGHTS_VERSION,
        )

    def _utterances(self, key: int, prepared: PreparedMeeting) -> Iterator[Row]:
        said = zip(prepared.meeting.utterances, prepared.term_offsets, strict=True)
        for ordinal, (each, offsets) in enumerate(said):
            speaker = self._speaker_keys.get(each.speaker)
            if speaker is None:
                speaker = self._speaker_keys[each.speaker] = speaker_key(each.speaker)
            yield (
                *(self._tenant_id, key, ordinal, each.speaker, speaker),
                *(each.start_ms, each.end_ms, each.kind.value, each.text, offsets),
            )

    def _completions(self, key: int, prepared: PreparedMeeting) -> Iterator[Row]:
        meeting = prepared.meeting
        turns = Counter(each.speaker for each in meeting.utterances)
        for ordinal, each in enumerate(completions(meeting.title, meeting.tags, turns)):
            yield (self._tenant_id, key, ordinal, each.property, each.key, each.word, each.value, each.occurrences)
