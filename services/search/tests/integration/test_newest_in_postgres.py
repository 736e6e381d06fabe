"""What passes a filter, the newest first, against the twin in memory."""

from datetime import date

import pytest

from sagwan_runtime.deadline import Deadline
from sagwan_search.domain.conditions import text_filter, with_terms
from sagwan_search.domain.filters import Filter
from sagwan_search.domain.syntax import parse_text

pytestmark = pytest.mark.integration

TURNS = [("Ann", "The budget is late."), ("김철수", "예산을 삭감합니다."), ("Bob", "Nothing else.")]


@pytest.mark.parametrize(
    "text",
    ["", "speaker:김철수", "after:2026-01", "-budget", '"예산 삭감"', '-"예산 삭감" speaker:bob', "meeting:gone"],
)
@pytest.mark.parametrize("depth", [2, 100])
async def test_meetings_come_by_day_and_their_chunks_in_order(
    meetings, store, memory_store, sample_meeting, analyze, text, depth
):
    tenant_id = await meetings.tenant(
        *(
            sample_meeting(f"m-{number}", TURNS, held_on=day)
            for number, day in enumerate([date(2025, 12, 31), None, date(2026, 2, 1), date(2026, 2, 1)])
        )
    )
    await meetings.tenant(sample_meeting("foreign", TURNS, held_on=date(2026, 3, 1)))
    parsed = parse_text(text)
    condition = with_terms(text_filter(parsed), parsed, analyze)
    found = []
    for each in (store, memory_store):
        async with each.look(tenant_id, Deadline.after(30)) as session:
            await session.narrow(condition)
            found.append(await session.newest(depth))
    assert found[0] == found[1]
    assert bool(found[0]) == (text != "meeting:gone")
    assert condition != Filter() or not text
