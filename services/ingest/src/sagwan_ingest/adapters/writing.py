"""Writes a meeting with everything that is derived from it, inside one transaction."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

from sagwan_ingest.domain.chunking import Chunk
from sagwan_ingest.domain.completions import completions
from sagwan_ingest.domain.indexing import (
    WEIGHTS_VERSION,
    IndexedChunk,
    chunk_changes,
    duration_ms,
    term_count_changes,
)
from sagwan_ingest.ports import Outcome, PreparedMeeting, Vector, Weigh
from sagwan_runtime.errors import Conflict
from sagwan_runtime.postgres.database import Session
from sagwan_runtime.postgres.queries import Query
from sagwan_runtime.postgres.sparse import sparse_vector
from sagwan_text.speakers import speaker_key
from sagwan_text.terms import TERM_IDS_MAX
from sagwan_text.tiers import index_keys

# A second of analysis; nothing that waits for the connection or the deadline waits longer.
_CHUNKS_WEIGHED_AT_ONCE: Final = 500
_OF_UTTERANCES: Final = ("speakers", "kinds", "start_ms", "end_ms")


class MeetingWriter:
    """One transaction's writes."""

    def __init__(
        self, session: Session, queries: Mapping[str, Query], vectors_table: str, vectors_tables: Sequence[str]
    ) -> None:
        """Takes its transaction.

        Args:
            session: The transaction.
            queries: The statements.
            vectors_table: The serving model's, where new vectors go.
            vectors_tables: Every model's: what lies beside a vector for filters is kept right in all of them.
        """
        self._session = session
        self._queries = {name: query.on_table("vectors", vectors_table) for name, query in queries.items()}
        self._on_every_table = {
            name: [queries[name].on_table("vectors", table) for table in vectors_tables]
            for name in ("move_chunk_vectors", "change_chunk_vector_speakers")
        }

    async def take_turn(self, meeting_ids: Sequence[str]) -> None:
        """Waits until no other transaction writes one of these meetings. Called once, before any other method."""
        await self._session.fetch(self._queries["lock_meetings"], list(meeting_ids))

    async def write(self, prepared: PreparedMeeting) -> Outcome:
        """Brings the stored meeting to a prepared one.

        Raises:
            Conflict: A stored vector that was counted on has gone meanwhile.
        """
        meeting = prepared.meeting
        stored = await self._session.fetch_row(self._queries["stored_meeting"], meeting.meeting_id)
        if stored and stored["content_sha256"] == prepared.content_sha256:
            return Outcome.UNCHANGED
        statement = "replace_meeting" if stored else "insert_meeting"
        meeting_key: int = await self._session.fetch_value(
            self._queries[statement],
            meeting.meeting_id,
            meeting.title,
            meeting.started_at,
            meeting.held_on,
            duration_ms(meeting),
            meeting.language,
            meeting.series,
            list(meeting.participants),
            list(meeting.tags),
            meeting.source,
            json.dumps(dict(meeting.attributes), ensure_ascii=False),
            prepared.content_sha256,
            len(meeting.utterances),
            len(prepared.chunks),
            *folded_names(meeting.series, meeting.participants, meeting.tags),
            WEIGHTS_VERSION,
        )
        await self._write_utterances(meeting_key, prepared)
        kept = await self._write_chunks(meeting_key, prepared)
        if stored and (stored["title"], stored["weights_version"]) != (meeting.title, WEIGHTS_VERSION):
            await self._weigh([(chunk_id, each.weights) for chunk_id, each in kept])
        turns = Counter(each.speaker for each in meeting.utterances)
        await self.write_completions(meeting_key, meeting.title, meeting.tags, turns)
        return Outcome.UPDATED if stored else Outcome.CREATED

    async def move_to_day(self, meeting_key: int, held_on: date | None) -> None:
        """Puts a meeting's day beside its terms and vectors."""
        await self._session.execute(self._queries["move_chunk_terms"], meeting_key, held_on)
        for query in self._on_every_table["move_chunk_vectors"]:
            await self._session.execute(query, meeting_key, held_on)

    async def write_completions(
        self, meeting_key: int, title: str, tags: Sequence[str], turns: Mapping[str, int]
    ) -> None:
        """Replaces what of a meeting is completed: title, tags, and speakers with how many turns each has."""
        rows = completions(title, tags, turns)
        await self._session.execute(self._queries["delete_completions"], meeting_key)
        await self._session.execute(
            self._queries["insert_completions"],
            meeting_key,
            list(range(len(rows))),
            [each.property for each in rows],
            [each.key for each in rows],
            [each.word for each in rows],
            [each.value for each in rows],
            [each.occurrences for each in rows],
        )

    async def weigh_under(self, meeting_key: int, title: str, weigh: Weigh) -> None:
        """Gives the chunks of a meeting the weights that they have under a title."""
        after = 0
        while rows := await self._session.fetch(
            self._queries["weighed_texts"], meeting_key, after, _CHUNKS_WEIGHED_AT_ONCE
        ):
            weights = await weigh(title, [row["text"] for row in rows])
            await self._weigh([(row["chunk_id"], each) for row, each in zip(rows, weights, strict=True)])
            after = rows[-1]["chunk_id"]

    async def remove_chunks_of(self, meeting_key: int) -> None:
        """Removes all chunks of a meeting and their share in the statistics."""
        rows = await self._session.fetch(self._queries["stored_chunks"], meeting_key)
        removed = [row["chunk_id"] for row in rows]
        counts = await self._term_counts(removed)
        await self._session.execute(self._queries["delete_chunks"], removed)
        await self._change_statistics([], counts, -len(removed))

    async def _write_utterances(self, meeting_key: int, prepared: PreparedMeeting) -> None:
        utterances = prepared.meeting.utterances
        keys = {name: speaker_key(name) for name in {each.speaker for each in utterances}}
        await self._session.execute(self._queries["delete_utterances"], meeting_key)
        await self._session.execute(
            self._queries["insert_utterances"],
            meeting_key,
            list(range(len(utterances))),
            [each.speaker for each in utterances],
            [keys[each.speaker] for each in utterances],
            [each.start_ms for each in utterances],
            [each.end_ms for each in utterances],
            [each.kind.value for each in utterances],
            [each.text for each in utterances],
            list(prepared.term_offsets),
        )

    async def _write_chunks(self, meeting_key: int, prepared: PreparedMeeting) -> Sequence[tuple[int, IndexedChunk]]:
        """Brings the chunks to the prepared ones; those that are kept, by id, with the weights that they had."""
        rows = await self._session.fetch(self._queries["stored_chunks"], meeting_key)
        changes = chunk_changes([(row["chunk_id"], row["text_sha256"]) for row in rows], prepared.chunks)
        vectors = await self._vectors_of(meeting_key, changes.added, prepared.vectors)
        counts = await self._term_counts(changes.removed)
        await self._session.execute(self._queries["delete_chunks"], list(changes.removed))
        await self._refuse_vectorless([chunk_id for chunk_id, _ in changes.kept])
        await self._session.execute(
            self._queries["move_chunks"],
            [chunk_id for chunk_id, _ in changes.kept],
            *_places([chunk for _, chunk in changes.kept]),
        )
        await self._change_utterances(changes.kept, {row["chunk_id"]: row for row in rows})
        await self.move_to_day(meeting_key, prepared.meeting.held_on)
        await self._add_chunks(meeting_key, prepared.meeting.held_on, changes.added, vectors)
        added = [each.weights for each in changes.added]
        await self._change_statistics(added, counts, len(changes.added) - len(changes.removed))
        return changes.kept

    async def _weigh(self, weighed: Sequence[tuple[int, Mapping[int, float]]]) -> None:
        """Gives chunks other weights, and puts the statistics right."""
        if not weighed:
            return
        counts = await self._term_counts([chunk_id for chunk_id, _ in weighed])
        await self._session.execute_many(
            self._queries["change_chunk_weights"],
            [(chunk_id, index_keys(weights), sparse_vector(weights, TERM_IDS_MAX)) for chunk_id, weights in weighed],
        )
        await self._change_statistics([weights for _, weights in weighed], counts, 0)

    async def _vectors_of(
        self, meeting_key: int, added: Sequence[IndexedChunk], computed: Mapping[bytes, Vector]
    ) -> Mapping[bytes, Vector]:
        """Vectors by text digest; a text that occurs more often than before shares that of its stored twin."""
        twins = list({each.text_sha256 for each in added} - computed.keys())
        if not twins:
            return computed
        rows = await self._session.fetch(self._queries["stored_vectors"], meeting_key, twins)
        if len(rows) < len(twins):
            raise Conflict("a chunk that was stored before has gone meanwhile")
        return {**computed, **{row["text_sha256"]: row["embedding"].to_numpy() for row in rows}}

    async def _change_utterances(
        self, kept: Sequence[tuple[int, IndexedChunk]], stored: Mapping[int, Mapping[str, Any]]
    ) -> None:
        """Puts right who speaks in kept chunks, in what way and when: only part of it is part of the text."""
        changed = [
            (chunk_id, *_of_utterances(each.chunk))
            for chunk_id, each in kept
            if _of_utterances(each.chunk) != tuple(stored[chunk_id][name] for name in _OF_UTTERANCES)
        ]
        await self._session.execute_many(self._queries["change_chunk_terms_utterances"], changed)
        speakers = [(chunk_id, names) for chunk_id, names, *_ in changed if names != stored[chunk_id]["speakers"]]
        for query in self._on_every_table["change_chunk_vector_speakers"]:
            await self._session.execute_many(query, speakers)

    async def _add_chunks(
        self,
        meeting_key: int,
        held_on: date | None,
        added: Sequence[IndexedChunk],
        vectors: Mapping[bytes, Vector],
    ) -> None:
        rows = await self._session.fetch(self._queries["new_chunk_ids"], len(added))
        identified = list(zip([int(row["chunk_id"]) for row in rows], added, strict=True))
        await self._session.execute(
            self._queries["insert_chunks"],
            meeting_key,
            [chunk_id for chunk_id, _ in identified],
            *_places(added),
            [each.text_sha256 for each in added],
            [each.chunk.text for each in added],
        )
        await self._session.execute_many(
            self._queries["insert_chunk_terms"],
            [
                (
                    chunk_id,
                    meeting_key,
                    held_on,
                    *_of_utterances(each.chunk),
                    index_keys(each.weights),
                    sparse_vector(each.weights, TERM_IDS_MAX),
                )
                for chunk_id, each in identified
            ],
        )
        await self._session.execute_many(
            self._queries["insert_chunk_vector"],
            [
                (chunk_id, meeting_key, held_on, list(each.chunk.speakers), vectors[each.text_sha256])
                for chunk_id, each in identified
            ],
        )

    async def _refuse_vectorless(self, chunk_ids: Sequence[int]) -> None:
        rows = await self._session.fetch(self._queries["vectorless_chunks"], list(chunk_ids))
        if rows:
            raise Conflict("stored chunks have no vector of the serving model")

    async def _term_counts(self, chunk_ids: Sequence[int]) -> dict[int, int]:
        rows = await self._session.fetch(self._queries["count_terms"], list(chunk_ids))
        return {row["term_id"]: row["chunk_count"] for row in rows}

    async def _change_statistics(
        self, added: Sequence[Mapping[int, float]], removed: Mapping[int, int], chunk_change: int
    ) -> None:
        changes = term_count_changes(added, removed)
        if not changes and not chunk_change:
            return
        await self._session.execute(
            self._queries["change_statistics"],
            chunk_change,
            [term for term, _ in changes],
            [change for _, change in changes],
        )


def folded_names(series: str, participants: Sequence[str], tags: Sequence[str]) -> tuple[str, list[str], list[str]]:
    """Series, participants and tags of a meeting as filters compare them."""
    return speaker_key(series), [speaker_key(name) for name in participants], [speaker_key(tag) for tag in tags]


def _of_utterances(chunk: Chunk) -> tuple[list[str], list[str], int | None, int | None]:
    """What stands beside a chunk's terms and comes from its utterances, in the order of `_OF_UTTERANCES`."""
    return list(chunk.speakers), list(chunk.kinds), chunk.start_ms, chunk.end_ms


def _places(chunks: Sequence[IndexedChunk]) -> tuple[list[int], ...]:
    """Ordinal, first utterance and character, last utterance and character, a list each."""
    places = [each.chunk for each in chunks]
    return (
        [each.ordinal for each in places],
        [each.first_utterance for each in places],
        [each.first_character for each in places],
        [each.last_utterance for each in places],
        [each.last_character for each in places],
    )
