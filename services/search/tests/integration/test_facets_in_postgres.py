"""Facets against the twin in memory."""

from datetime import date

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sagwan_runtime.deadline import Deadline

pytestmark = pytest.mark.integration

TURNS = st.lists(
    st.tuples(st.sampled_from(["Ann", "ANN ", "김철수", "Bob", ""]), st.just("예산")), min_size=1, max_size=6
)
DAYS = st.sampled_from([None, date(2026, 1, 31), date(2026, 2, 1)])
TAGS = st.lists(st.sampled_from(["Finance", "finance", "Q1"]), max_size=3)
CORPORA = st.lists(st.tuples(TURNS, DAYS, TAGS, st.integers(1, 3)), min_size=1, max_size=4)


@given(drawn=CORPORA, data=st.data())
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_meetings_and_speakers_of_chunks_are_counted_as_by_looking_at_every_one(
    meetings, store, memory_store, sample_meeting, drawn, data
):
    corpus = [
        sample_meeting(f"m-{index}", turns, held_on=day, tags=tags, turns_per_chunk=size)
        for index, (turns, day, tags, size) in enumerate(drawn)
    ]
    tenant_id = await meetings.tenant(*corpus)
    ids = [chunk.chunk_id for meeting in corpus for chunk in meeting.chunks]
    # The last is another tenant's, or nobody's.
    wanted = [*data.draw(st.lists(st.sampled_from(ids), unique=True)), ids[0] - 1]
    found, expected = [], []
    for each, counted in ((store, found), (memory_store, expected)):
        async with each.look(tenant_id, Deadline.after(30)) as session:
            counted.append(sorted(await session.ranked_meetings(wanted), key=lambda meeting: meeting.meeting_id))
            counted.append(await session.ranked_speakers(wanted))
    assert found == expected
