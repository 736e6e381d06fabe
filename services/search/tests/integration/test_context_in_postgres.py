"""Passages gathered from a real database, with an embedder over gRPC."""

from collections.abc import AsyncIterator
from datetime import date
from uuid import UUID, uuid4

import pytest
from embedders import HashingEmbedder, serving
from prometheus_client import CollectorRegistry

from sagwan_runtime.deadline import Deadline
from sagwan_runtime.errors import DeadlineExceeded
from sagwan_runtime.metrics import SearchMetrics
from sagwan_search.adapters.embedder import GrpcQueryEmbedder
from sagwan_search.context import ContextGathering, GatheredContext
from sagwan_search.domain.filters import Filter
from sagwan_search.domain.fusion import Fusion, Method
from sagwan_search.domain.lines import Span
from sagwan_search.domain.passages import line_tokens
from sagwan_search.domain.query import Query
from sagwan_search.searching import Searching, SearchLimits

pytestmark = pytest.mark.integration

LIMITS = SearchLimits(leg_depth=100, match_candidates_max=10_000, embed_timeout_s=5, terms_max=8)
LIBRARY = [
    ("위원장", "도서관 예산을 심사하겠습니다."),
    ("Ann", "The library budget was cut by a third, and the branch in the east will close on Mondays from now on."),
    ("Bob", "Nobody told the staff."),
    ("위원장", "다음 안건으로 넘어가겠습니다."),
]
# The second chunk begins inside of Ann's line.
SPANS = [Span(0, 0, 1, 38), Span(1, 39, 2, 22), Span(3, 0, 3, 17)]


@pytest.fixture
def embedder(memory_store) -> HashingEmbedder:
    return HashingEmbedder(memory_store.model.sha256, 8)


@pytest.fixture
async def searching(store, embedder, analyze) -> AsyncIterator[Searching]:
    async with serving(embedder) as embedders:
        asked = GrpcQueryEmbedder(embedders)
        asked.expect(embedder.model.sha256)
        yield Searching(store, asked, analyze, SearchMetrics(CollectorRegistry()), LIMITS)


@pytest.fixture
def gathering(searching, store, analyze) -> ContextGathering:
    return ContextGathering(searching, store, analyze)


@pytest.fixture
async def tenant_id(meetings, sample_meeting) -> UUID:
    """One meeting about the library, and many lines about a zoo in another."""
    zoo = [("Keeper", f"Line {number}: the zebra of pen {number} is well.") for number in range(90)]
    return await meetings.tenant(
        sample_meeting("library", LIBRARY, spans=SPANS, held_on=date(2026, 1, 12)), sample_meeting("zoo", zoo)
    )


async def gather(gathering, tenant_id, text="library budget", token_budget=2_000, **fields) -> GatheredContext:
    return await gathering.gather(tenant_id, Query(text, **fields), token_budget, Deadline.after(30))


def shown(context: GatheredContext) -> list[tuple[str, list[tuple[int, str]]]]:
    return [
        (each.passage.meeting.meeting_id, [(line.utterance.ordinal, line.utterance.text) for line in each.lines])
        for each in context.passages
    ]


async def test_chunks_that_follow_one_another_come_as_one_passage_with_its_citation(gathering, tenant_id):
    context = await gather(gathering, tenant_id, filter=Filter(meeting_ids=("library",)))
    assert shown(context) == [("library", [(ordinal, text) for ordinal, (_, text) in enumerate(LIBRARY)])]
    (passage,) = context.passages
    assert passage.passage.citation == "Title of library (2026-01-12): 위원장, Ann, Bob, 0:00:00–0:00:03"
    line = passage.lines[1]
    assert [line.utterance.text[start:end] for start, end in line.highlights] == ["library", "budget"]
    assert context.token_count == sum(line_tokens(line.utterance) for line in passage.lines)
    assert context.degraded_reason == ""


@pytest.mark.parametrize(
    ("token_budget", "least"), [(1, 0), (3, 0), (12, 8), (30, 12), (60, 30), (400, 370), (1_000, 970)]
)
async def test_the_budget_is_never_passed_and_nearly_spent(gathering, tenant_id, token_budget, least):
    context = await gather(gathering, tenant_id, token_budget=token_budget)
    # The longest line has 31 tokens, so that much may be left.
    assert least <= context.token_count <= token_budget
    lines = [(meeting_id, line) for meeting_id, lines in shown(context) for line in lines]
    assert len(lines) == len(set(lines))


@pytest.mark.parametrize("count", [1, 2, 5, 40])
async def test_the_best_chunks_of_a_search_are_taken_first(gathering, searching, tenant_id, count):
    query = Query("zebra", hits_max=count, filter=Filter(meeting_ids=("zoo",)))
    answer = await searching.search(tenant_id, query, Deadline.after(30))
    best = [line.utterance for hit in answer.hits for line in hit.lines]
    context = await gathering.gather(tenant_id, query, sum(map(line_tokens, best)), Deadline.after(30))
    assert len(best) == count
    assert [line.utterance for each in context.passages for line in each.lines] == sorted(
        best, key=lambda line: line.ordinal
    )


async def test_meetings_come_by_their_best_chunk(gathering, searching, tenant_id):
    orders = set()
    # The vectors are made of hashes and mean nothing: here the words decide.
    words = Fusion(Method.ADAPTIVE_SCORE, lexical=10.0)
    for question in ("zebra", "library budget"):
        answer = await searching.search(tenant_id, Query(question, hits_max=100, fusion=words), Deadline.after(30))
        order = list(dict.fromkeys(hit.meeting.meeting_id for hit in answer.hits))
        context = await gather(gathering, tenant_id, question, 100_000, fusion=words)
        assert list(dict.fromkeys(meeting_id for meeting_id, _ in shown(context))) == order
        orders.add(tuple(order))
    assert len(orders) == 2


async def test_with_budget_enough_every_candidate_is_shown_once(gathering, tenant_id):
    context = await gather(gathering, tenant_id, "zebra", 100_000)
    by_meeting = dict(shown(context))
    assert len(context.passages) == 2
    assert [ordinal for ordinal, _ in by_meeting["zoo"]] == list(range(90))
    assert [text for _, text in by_meeting["library"]] == [text for _, text in LIBRARY]


async def test_a_long_chunk_is_cut_to_its_best_lines(gathering, tenant_id):
    condition = Filter(meeting_ids=("library",))
    context = await gather(gathering, tenant_id, "staff", 12, filter=condition)
    assert len(shown(context)) == 1
    (text,) = [text for _, lines in shown(context) for _, text in lines]
    assert text in {turn for _, turn in LIBRARY}


async def test_without_the_embedder_the_passages_are_lexical_and_say_so(gathering, tenant_id, embedder):
    embedder.calls_left = 0
    context = await gather(gathering, tenant_id, "staff told")
    assert context.degraded_reason
    assert [meeting_id for meeting_id, _ in shown(context)] == ["library"]


async def test_another_tenant_is_given_nothing(gathering, tenant_id):
    context = await gather(gathering, uuid4())
    assert (list(context.passages), context.token_count) == ([], 0)


async def test_a_deadline_that_has_passed_ends_it(gathering, tenant_id):
    with pytest.raises(DeadlineExceeded):
        await gathering.gather(tenant_id, Query("budget"), 100, Deadline.after(-1))
