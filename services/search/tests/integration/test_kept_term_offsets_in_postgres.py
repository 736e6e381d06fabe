"""Lines are marked by the offsets that are kept with them, and by analysis where none are."""

from collections.abc import AsyncIterator, Callable, Sequence
from uuid import UUID

import pytest
from embedders import HashingEmbedder, serving
from prometheus_client import CollectorRegistry

from sagwan_runtime.deadline import Deadline
from sagwan_runtime.metrics import SearchMetrics
from sagwan_search.adapters.embedder import GrpcQueryEmbedder
from sagwan_search.context import ContextGathering
from sagwan_search.domain.lines import Line, Span
from sagwan_search.domain.query import Query
from sagwan_search.searching import Searching, SearchLimits
from sagwan_text.analysis import Term

pytestmark = pytest.mark.integration

LIMITS = SearchLimits(leg_depth=100, match_candidates_max=10_000, embed_timeout_s=5, terms_max=8)
LIBRARY = [
    ("위원장", "😀 도서관 예산을 심사하겠습니다. 𝒳"),
    ("Ann", "The library budgets were cut, and no budget is left for the branch in the east. 도서관은 닫습니다."),
    ("Bob", "Nobody told the staff."),
    ("위원장", "다음 안건으로 넘어가겠습니다. 예산안입니다."),
]
# The second chunk begins inside of Ann's line.
SPANS = [Span(0, 0, 1, 30), Span(1, 30, 2, 22), Span(3, 0, 3, 24)]
QUESTION = Query("library budget 도서관 예산", neighbor_count=1)


@pytest.fixture
def analyzed() -> list[str]:
    """What was analysed for searches, in order."""
    return []


@pytest.fixture
async def searching(store, memory_store, analyze, analyzed) -> AsyncIterator[Searching]:
    def remembered(text: str) -> Sequence[Term]:
        analyzed.append(text)
        return analyze(text)

    embedder = HashingEmbedder(memory_store.model.sha256, 8)
    async with serving(embedder) as embedders:
        asked = GrpcQueryEmbedder(embedders)
        asked.expect(embedder.model.sha256)
        yield Searching(store, asked, remembered, SearchMetrics(CollectorRegistry()), LIMITS)


@pytest.fixture
def shown(searching, store, analyze) -> Callable:
    """Every line of an answer, of what is around its hits, and of the passages, with what is marked in it."""

    async def ask(tenant_id: UUID) -> list[tuple[str, tuple[tuple[int, int], ...], frozenset[str]]]:
        answer = await searching.search(tenant_id, QUESTION, Deadline.after(30))
        context = await ContextGathering(searching, store, analyze).gather(
            tenant_id, QUESTION, 2_000, Deadline.after(30)
        )
        lines: list[Line] = [line for hit in answer.hits for line in (*hit.lines_before, *hit.lines, *hit.lines_after)]
        lines += [line for passage in context.passages for line in passage.lines]
        return [(line.utterance.text, line.highlights, line.terms) for line in lines]

    return ask


async def test_showing_a_hit_analyses_no_line(meetings, sample_meeting, shown, analyzed):
    tenant_id = await meetings.tenant(sample_meeting("library", LIBRARY, spans=SPANS))
    lines = await shown(tenant_id)
    words = {text[start:end] for text, highlights, _ in lines for start, end in highlights}
    assert words == {"library", "budgets", "budget", "도서관", "예산"}
    assert len(lines) > len(LIBRARY)
    assert not {text for _, text in LIBRARY} & set(analyzed)
    assert not {text for text, _, _ in lines} & set(analyzed)


@pytest.mark.parametrize("left", ["", "WHERE ordinal <> 1"])
async def test_lines_whose_offsets_are_not_kept_are_marked_like_the_others(
    meetings, sample_meeting, owner, shown, analyzed, left
):
    tenant_id = await meetings.tenant(sample_meeting("library", LIBRARY, spans=SPANS))
    before = await shown(tenant_id)
    analyzed.clear()
    await owner.execute(f"UPDATE utterances SET term_offsets = NULL {left}")
    assert await shown(tenant_id) == before
    assert set(analyzed) & {text for text, _, _ in before}
