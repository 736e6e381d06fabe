"""Meetings in PostgreSQL: what is read, and the changes to a meeting's own fields. `writing` keeps whole meetings."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import date
from typing import Any
from uuid import UUID

from sagwan_ingest.adapters.writing import MeetingWriter, folded_names
from sagwan_ingest.domain.indexing import WEIGHTS_VERSION
from sagwan_ingest.domain.meeting import Meeting
from sagwan_ingest.ports import (
    AnsweredMeanwhile,
    Done,
    KeptMeeting,
    Known,
    PreparedMeeting,
    Reply,
    RequestKey,
    Weigh,
    Written,
)
from sagwan_runtime.deadline import Deadline
from sagwan_runtime.errors import AlreadyExists, Conflict, DependencyUnavailable, NotFound
from sagwan_runtime.postgres.database import Database, Session
from sagwan_runtime.postgres.queries import Query

_FOLDED_AT_ONCE = 64
_REPLIES_FORGOTTEN_AT_ONCE = 100
_STORED_FIELDS = frozenset(each.name for each in fields(Meeting)) - {"utterances"}


class PostgresMeetingStore:
    """Where meetings are kept."""

    def __init__(self, database: Database, queries: Mapping[str, Query]) -> None:
        self._database = database
        self._queries = queries

    async def known(self, tenant_id: UUID, meeting_id: str, deadline: Deadline) -> Known:
        """What is there of a meeting."""
        async with self._database.tenant(tenant_id, deadline, read_only=True) as session:
            model_id, serving_sha256 = await self._serving(session)
            known = await session.fetch_row(self._queries["known_content"], meeting_id)
            rows = await session.fetch(self._on_vectors("known_texts", model_id), meeting_id) if known else []
        texts = {row["text_sha256"] for row in rows}
        if known is None:
            return Known(None, texts, serving_sha256, 0)
        return Known(known["content_sha256"], texts, serving_sha256, known["weights_version"])

    async def reply(self, tenant_id: UUID, key: RequestKey, deadline: Deadline) -> bytes | None:
        """The first answer to a request of the last day; None when there is none.

        Raises:
            AlreadyExists: The id was used for another request.
            NotFound: What the request made was deleted since.
        """
        async with self._database.tenant(tenant_id, deadline, read_only=True) as session:
            row = await session.fetch_row(self._queries["reply"], key.request_id)
        if row is None:
            return None
        if row["fingerprint"] != key.fingerprint:
            raise AlreadyExists(f"request_id {key.request_id} was used for another request")
        answer: bytes | None = row["answer"]
        if answer is None:
            raise NotFound(f"what request {key.request_id} made")
        return answer

    async def keep(
        self,
        tenant_id: UUID,
        meetings: Sequence[PreparedMeeting],
        deadline: Deadline,
        reply: Reply[Written] | None = None,
    ) -> Written:
        """Writes meetings in one transaction: all of them or none.

        Raises:
            Conflict: A stored vector that was counted on has gone meanwhile; prepare again.
            AnsweredMeanwhile: The request has an answer already.
        """
        async with self._database.tenant(tenant_id, deadline) as session:
            writer, serving_sha256 = await self._writer(session)
            written = [each.meeting.meeting_id for each in meetings]
            unchanged = set(reply.meeting_ids) - set(written) if reply else set()
            await writer.take_turn([*written, *unchanged])
            if unchanged:
                there = await session.fetch(self._queries["meetings_there"], list(unchanged))
                if len(there) < len(unchanged):
                    raise Conflict("a meeting that was unchanged has gone meanwhile")
            results: Written = []
            for each in meetings:
                if each.model_sha256 != serving_sha256:
                    raise Conflict("the serving model was switched meanwhile")
                outcome = await writer.write(each)
                (row,) = await session.fetch(self._queries["get_meeting"], each.meeting.meeting_id)
                results.append((outcome, _kept(row)))
            await self._remember(session, reply, results)
        return results

    async def get(self, tenant_id: UUID, meeting_id: str, deadline: Deadline) -> KeptMeeting:
        """A meeting.

        Raises:
            NotFound: It is not there.
        """
        async with self._database.tenant(tenant_id, deadline, read_only=True) as session:
            row = await session.fetch_row(self._queries["get_meeting"], meeting_id)
        if row is None:
            raise NotFound(f"meetings/{meeting_id}")
        return _kept(row)

    async def page(
        self,
        tenant_id: UUID,
        *,
        after: tuple[date | None, str] | None,
        meetings_max: int,
        deadline: Deadline,
    ) -> tuple[list[KeptMeeting], int]:
        """Meetings newest first, from the one after a day and id, and how many there are in all."""
        async with self._database.tenant(tenant_id, deadline, read_only=True) as session:
            rows = await session.fetch(self._queries["page_of_meetings"], *(after or (None, None)), meetings_max)
            total = await session.fetch_value(self._queries["count_meetings"])
        return [_kept(row) for row in rows], total

    async def update(
        self,
        tenant_id: UUID,
        meeting_id: str,
        changes: Mapping[str, Any],
        weigh: Weigh,
        etag: str,
        deadline: Deadline,
        reply: Reply[KeptMeeting] | None = None,
    ) -> KeptMeeting:
        """Replaces fields of a meeting by name; its chunks are weighed anew when the title is another.

        Raises:
            NotFound: It is not there.
            Conflict: The etag is not the current one.
            AnsweredMeanwhile: The request has an answer already.
        """
        async with self._database.tenant(tenant_id, deadline) as session:
            writer, _ = await self._writer(session)
            row = await self._locked(session, meeting_id, etag)
            new = {**row, "attributes": json.loads(row["attributes"]), **changes}
            (updated,) = await session.fetch(
                self._queries["update_meeting"],
                meeting_id,
                new["title"],
                new["started_at"],
                new["held_on"],
                new["language"],
                new["series"],
                list(new["participants"]),
                list(new["tags"]),
                new["source"],
                json.dumps(dict(new["attributes"]), ensure_ascii=False),
                *folded_names(new["series"], new["participants"], new["tags"]),
            )
            if new["held_on"] != row["held_on"]:
                await writer.move_to_day(row["meeting_key"], new["held_on"])
            if new["title"] != row["title"]:
                await writer.weigh_under(row["meeting_key"], new["title"], weigh)
            if new["title"] != row["title"] or list(new["tags"]) != row["tags"]:
                rows = await session.fetch(self._queries["count_turns"], row["meeting_key"])
                turns = {each["speaker"]: each["turn_count"] for each in rows}
                await writer.write_completions(row["meeting_key"], new["title"], new["tags"], turns)
            kept = _kept(updated)
            await self._remember(session, reply, kept)
        return kept

    async def weigh(self, tenant_id: UUID, meeting_id: str, weigh: Weigh, deadline: Deadline) -> None:
        """Weighs a meeting's chunks anew, and changes nothing else; one that has gone meanwhile is left at that."""
        async with self._database.tenant(tenant_id, deadline) as session:
            writer, _ = await self._writer(session)
            await writer.take_turn([meeting_id])
            row = await session.fetch_row(self._queries["mark_weighed"], meeting_id, WEIGHTS_VERSION)
            if row is not None:
                await writer.weigh_under(row["meeting_key"], row["title"], weigh)

    async def delete(
        self,
        tenant_id: UUID,
        meeting_id: str,
        etag: str,
        deadline: Deadline,
        reply: Reply[None] | None = None,
    ) -> None:
        """Removes every trace of a meeting.

        Raises:
            NotFound: It is not there.
            Conflict: The etag is not the current one.
            AnsweredMeanwhile: The request has an answer already.
        """
        async with self._database.tenant(tenant_id, deadline) as session:
            writer, _ = await self._writer(session)
            await writer.take_turn([meeting_id])
            row = await self._locked(session, meeting_id, etag)
            await writer.remove_chunks_of(row["meeting_key"])
            await session.execute(self._queries["delete_meeting"], meeting_id)
            await session.execute(self._queries["empty_replies"], meeting_id)
            await self._remember(session, reply, None)

    async def remember(self, tenant_id: UUID, reply: Reply[None], deadline: Deadline) -> None:
        """Remembers the answer to a request that changed nothing.

        Raises:
            AnsweredMeanwhile: The request has an answer already.
        """
        async with self._database.tenant(tenant_id, deadline) as session:
            await self._remember(session, reply, None)

    async def fold_statistics(self, tenant_id: UUID, deadline: Deadline) -> None:
        """Adds up what writers have changed in the statistics, unless somebody else is at it."""
        async with self._database.tenant(tenant_id, deadline) as session:
            if not await session.fetch_value(self._queries["take_turn_to_fold"]):
                return
            change_count = _FOLDED_AT_ONCE
            while change_count == _FOLDED_AT_ONCE:
                (folded,) = await session.fetch(self._queries["fold_statistics"], _FOLDED_AT_ONCE)
                change_count = folded["change_count"]
                if folded["unused_terms"]:
                    await session.execute(self._queries["drop_unused_terms"], folded["unused_terms"])

    async def _remember(self, session: Session, reply: Reply[Done] | None, done: Done) -> None:
        if reply is None:
            return
        inserted = await session.fetch(
            self._queries["insert_reply"],
            reply.key.request_id,
            reply.key.fingerprint,
            list(reply.meeting_ids),
            reply.answer(done),
        )
        if not inserted:
            raise AnsweredMeanwhile
        await session.execute(self._queries["forget_old_replies"], _REPLIES_FORGOTTEN_AT_ONCE)

    async def _serving(self, session: Session) -> tuple[int, str]:
        row = await session.fetch_row(self._queries["serving_model"])
        if row is None:
            raise DependencyUnavailable("no embedding model is known yet; is the embedder up?")
        return row["model_id"], row["sha256"]

    async def _writer(self, session: Session) -> tuple[MeetingWriter, str]:
        """A writer into the serving model's table, and the model's digest.

        From here to its end the transaction keeps the models as they are. It must hold no row yet: whoever changes the
        models waits for it, and others then wait behind.
        """
        await session.execute(self._queries["keep_models"])
        model_id, serving_sha256 = await self._serving(session)
        tables = [f"chunk_vectors_{row['model_id']}" for row in await session.fetch(self._queries["model_ids"])]
        return MeetingWriter(session, self._queries, f"chunk_vectors_{model_id}", tables), serving_sha256

    async def _locked(self, session: Session, meeting_id: str, etag: str) -> Mapping[str, Any]:
        row: Mapping[str, Any] | None = await session.fetch_row(self._queries["get_meeting_for_update"], meeting_id)
        if row is None:
            raise NotFound(f"meetings/{meeting_id}")
        if etag and etag != _etag(row):
            raise Conflict(f"meetings/{meeting_id} has changed; its etag is {_etag(row)} now")
        return row

    def _on_vectors(self, name: str, model_id: int) -> Query:
        return self._queries[name].on_table("vectors", f"chunk_vectors_{model_id}")


def _etag(row: Mapping[str, Any]) -> str:
    return f"{row['revision']}-{row['content_sha256'].hex()[:12]}"


def _kept(row: Mapping[str, Any]) -> KeptMeeting:
    own = {name: value for name, value in row.items() if name in _STORED_FIELDS}
    own["attributes"] = json.loads(own["attributes"])
    own["participants"] = tuple(own["participants"])
    own["tags"] = tuple(own["tags"])
    return KeptMeeting(
        meeting=Meeting(**own),
        duration_ms=row["duration_ms"],
        etag=_etag(row),
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        utterance_count=row["utterance_count"],
        chunk_count=row["chunk_count"],
    )
