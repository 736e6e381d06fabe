"""Sets kept and asked through the services, each in a tenant of its own: none counts in another's statistics."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import grpc
from stack import Stack

from sagwan.search.v1 import search_pb2, search_pb2_grpc
from sagwan_eval.clients import Metadata
from sagwan_ingest.domain.chunking import Chunk
from sagwan_runtime.postgres.tenants import ensure_tenant, issue_key

MODES = {
    "bm25": search_pb2.SEARCH_MODE_LEXICAL,
    "vector": search_pb2.SEARCH_MODE_VECTOR,
    "hybrid": search_pb2.SEARCH_MODE_HYBRID,
}
_HITS = 100
_CALLERS = 4
_TIMEOUT_S = 60.0
_NAME_TENANT = "SELECT set_config('sagwan.tenant_id', $1, false)"
_CHUNKS = """
SELECT m.meeting_id, c.chunk_id, c.ordinal, c.first_utterance, c.first_character, c.last_utterance, c.last_character
FROM chunks AS c JOIN meetings AS m ON m.meeting_key = c.meeting_key
WHERE c.tenant_id = $1
ORDER BY m.meeting_id, c.ordinal
"""


@dataclass(frozen=True, slots=True)
class Tenant:
    """Where a set is kept."""

    tenant_id: UUID
    key: Metadata


@dataclass(frozen=True, slots=True)
class Found:
    """A hit.

    Attributes:
        meeting_id: Its meeting.
        chunk_id: Its chunk.
        score: That of the leg, or the fused one.
    """

    meeting_id: str
    chunk_id: int
    score: float


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer.

    Attributes:
        hits: Best first.
        match_share: How much of the question the best chunk says in words.
    """

    hits: Sequence[Found]
    match_share: float


def tenant_of(stack: Stack, name: str) -> Tenant:
    """A tenant of that name, with a new key."""

    async def made() -> Tenant:
        connection = await asyncpg.connect(stack.database_url)
        try:
            tenant_id = await ensure_tenant(connection, name)
            key = await issue_key(connection, tenant_id, "evaluation")
        finally:
            await connection.close()
        return Tenant(tenant_id, (("authorization", f"Bearer {key}"),))

    return asyncio.run(made())


def keep(stack: Stack, tenant: Tenant, file: Path) -> None:
    """Ingests a file; what is there already is not embedded again.

    Raises:
        RuntimeError: Something was refused.
    """
    key = tenant.key[0][1].removeprefix("Bearer ")
    done = stack.run("ingest", "--json", str(file), check=False, SAGWAN_API_KEY=key)
    if done.returncode:
        raise RuntimeError(f"{file}: {done.stderr or done.stdout}")


def ask(
    stack: Stack, tenant: Tenant, questions: Iterable[tuple[str, Sequence[str]]], mode: str, **fields: Any
) -> list[Answered]:
    """Asks each question, several at once, among all meetings or those that are named with it.

    Args:
        stack: Where.
        tenant: Whose meetings.
        questions: Text, and ids of the meetings to search; none for all.
        mode: A key of `MODES`.
        fields: Further fields of the request.
    """
    with grpc.insecure_channel(stack.address("search")) as channel, ThreadPoolExecutor(_CALLERS) as callers:
        search = search_pb2_grpc.SearchServiceStub(channel).Search

        def answered(question: tuple[str, Sequence[str]]) -> Answered:
            text, meeting_ids = question
            within = search_pb2.Filter(meetings=[f"meetings/{each}" for each in meeting_ids])
            request = search_pb2.SearchRequest(
                query=text, mode=MODES[mode], filter=within, page_size=_HITS, explain=True, plain_text=True, **fields
            )
            answer = search(request, metadata=tenant.key, timeout=_TIMEOUT_S)
            if answer.degraded:
                raise RuntimeError(answer.degraded_reason)
            hits = [_found(each, fused=mode == "hybrid") for each in answer.hits]
            return Answered(hits, answer.explanation.match_share)

        return list(callers.map(answered, questions))


def chunks_of(stack: Stack, tenant: Tenant) -> dict[str, dict[int, Chunk]]:
    """Where every chunk that is kept begins and ends, by meeting and chunk id, in order; without their texts."""

    async def read() -> list[Mapping[str, Any]]:
        connection = await asyncpg.connect(stack.database_url)
        try:
            await connection.execute(_NAME_TENANT, str(tenant.tenant_id))
            return list(await connection.fetch(_CHUNKS, tenant.tenant_id))
        finally:
            await connection.close()

    chunks: dict[str, dict[int, Chunk]] = {}
    for row in asyncio.run(read()):
        meeting_id, chunk_id, *span = row.values()
        chunks.setdefault(meeting_id, {})[chunk_id] = Chunk(*span, text="", speakers=())
    return chunks


def _found(hit: search_pb2.Hit, *, fused: bool) -> Found:
    _, meeting_id, _, chunk_id = hit.name.split("/")
    return Found(meeting_id, int(chunk_id), hit.score if fused else hit.legs[0].score)
