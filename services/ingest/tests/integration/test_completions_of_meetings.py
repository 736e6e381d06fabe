"""What is kept of a meeting so that its speakers, tags and title can be completed."""

from dataclasses import replace

import pytest

from sagwan_ingest.domain.completions import Completion, completions
from sagwan_ingest.domain.indexing import completed
from sagwan_ingest.domain.meeting import Meeting, Utterance
from sagwan_runtime.deadline import Deadline

pytestmark = pytest.mark.integration

WEEKLY = completed(
    Meeting(
        meeting_id="weekly",
        title="예산 Weekly",
        tags=("Budget", "Budget"),
        utterances=(
            Utterance("위원장 한기섭", "The budget for next year was cut."),
            Utterance("Ann", "We should hire two engineers."),
            Utterance("Ann", "Before the summer."),
            Utterance("", "Or after it."),
        ),
    )
)
SPOKEN = [
    Completion("speaker", "ann", "ann", "Ann", 2),
    Completion("speaker", "위원장한기섭", "위원장", "위원장 한기섭", 1),
    Completion("speaker", "한기섭", "한기섭", "위원장 한기섭", 1),
]
WHOLE = [
    Completion("title", "예산weekly", "예산", "예산 Weekly", 1),
    Completion("title", "weekly", "weekly", "예산 Weekly", 1),
    Completion("tag", "budget", "budget", "Budget", 1),
    *SPOKEN,
]


def soon() -> Deadline:
    return Deadline.after(30)


@pytest.fixture
def kept(owner):
    """The completions of a tenant, in the order of their ordinals."""

    async def read(tenant_id):
        rows = await owner.fetch(
            "SELECT property, key, word, value, occurrences FROM completions WHERE tenant_id = $1"
            " ORDER BY meeting_key, ordinal",
            tenant_id,
        )
        return [Completion(*row) for row in rows]

    return read


async def test_each_word_of_title_tags_and_speakers_is_kept_once_with_its_frequency(new_tenant, ingest, kept):
    tenant_id = await new_tenant()
    await ingest(tenant_id, WEEKLY)
    assert await kept(tenant_id) == WHOLE


async def test_a_new_version_replaces_them_and_the_same_one_leaves_them(new_tenant, ingest, kept):
    tenant_id = await new_tenant()
    await ingest(tenant_id, WEEKLY, replace(WEEKLY, meeting_id="other", title="", tags=()))
    assert await kept(tenant_id) == [*WHOLE, *SPOKEN]
    await ingest(tenant_id, replace(WEEKLY, title="New", utterances=WEEKLY.utterances[:1]))
    ones = [replace(each, occurrences=1) for each in SPOKEN[1:]]
    assert await kept(tenant_id) == [Completion("title", "new", "new", "New", 1), WHOLE[2], *ones, *SPOKEN]
    await ingest(tenant_id, replace(WEEKLY, title="New", utterances=WEEKLY.utterances[:1]))
    assert len(await kept(tenant_id)) == 2 + len(ones) + len(SPOKEN)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"title": "New"}, [Completion("title", "new", "new", "New", 1), *WHOLE[2:]]),
        (
            {"tags": ("Q3", "Q4")},
            [*WHOLE[:2], Completion("tag", "q3", "q3", "Q3", 1), Completion("tag", "q4", "q4", "Q4", 1), *SPOKEN],
        ),
        ({"title": "", "tags": ()}, SPOKEN),
        ({"source": "else"}, WHOLE),
    ],
)
async def test_a_changed_title_or_tag_is_completed_and_the_old_one_no_more(
    new_tenant, ingest, store, kept, changes, expected, ingestion
):
    tenant_id = await new_tenant()
    await ingest(tenant_id, WEEKLY)
    await ingestion.update(tenant_id, "weekly", changes, "", soon())
    assert await kept(tenant_id) == expected


async def test_they_go_with_their_meeting(new_tenant, ingest, store, kept):
    tenant_id = await new_tenant()
    await ingest(tenant_id, WEEKLY)
    await store.delete(tenant_id, "weekly", "", soon())
    assert await kept(tenant_id) == []


def test_a_meeting_of_thousands_of_speakers_keeps_the_most_frequent():
    turns = {f"speaker {number}": number for number in range(4_000)}
    found = completions("title", [], turns)
    assert len(found) == 5_000
    assert found[1] == Completion("speaker", "speaker3999", "speaker", "speaker 3999", 3_999)
