"""Ingests, edits and removals, each compared with what a first ingest into an empty database would write."""

from dataclasses import replace
from datetime import UTC, date, datetime
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sagwan_ingest.domain.indexing import completed
from sagwan_ingest.domain.meeting import Meeting, Utterance, UtteranceKind
from sagwan_ingest.ports import Outcome
from sagwan_runtime.deadline import Deadline
from sagwan_runtime.errors import DependencyUnavailable, NotFound

pytestmark = pytest.mark.integration

SENTENCES = [
    "The budget for next year was cut by a tenth, which nobody in the room expected.",
    "We should hire two engineers before the summer, or the release will slip again.",
    "예산을 줄였습니다. 회의록을 공개하고 다음 주에 다시 논의하기로 했습니다.",
    "The office moves to the third floor, and everyone will get a new desk there.",
    "Nobody has read the minutes of the last meeting, so let us read them together now.",
    "네.",
]
# Names that are too long to be written into a chunk's text.
LONG_NAMES = ["Speaker of a very long name " * 8 + letter for letter in "AB"]
# So few that texts come back, are doubled and change hands; two give one text though they name different speakers.
TURNS = [
    *(("Ann", sentence) for sentence in SENTENCES),
    (" ANN ", SENTENCES[0]),
    ("", SENTENCES[0]),
    ("", f"Ann: {SENTENCES[0]}"),
    (LONG_NAMES[0], SENTENCES[0]),
    (LONG_NAMES[1], SENTENCES[0]),
]
WEEKLY = completed(
    Meeting(
        meeting_id="weekly",
        title="Weekly",
        started_at=datetime(2024, 3, 5, 9, 30, tzinfo=UTC),
        participants=("Ann", "김철수"),
        tags=("budget",),
        series="weekly",
        source="weekly.vtt",
        attributes={"room": "3", "층": "둘"},
        utterances=(
            Utterance("Ann", SENTENCES[0], 0, 4_000),
            Utterance("Bob", SENTENCES[1], 4_000, None, UtteranceKind.ACTION),
            Utterance("", " "),
            Utterance("김철수", SENTENCES[2], 9_000, 12_000, UtteranceKind.DECISION),
            Utterance("Ann", SENTENCES[3]),
        ),
    )
)


def soon() -> Deadline:
    return Deadline.after(30)


def with_turns(meeting: Meeting, *turns: tuple[str, str]) -> Meeting:
    return replace(meeting, utterances=tuple(Utterance(speaker, text) for speaker, text in turns))


class TestOneMeeting:
    async def test_a_new_meeting_is_kept_whole(self, new_tenant, ingest, inspector, embedder):
        tenant_id = await new_tenant()
        (ingested,) = await ingest(tenant_id, WEEKLY)
        assert ingested.outcome is Outcome.CREATED
        assert ingested.kept.meeting == replace(WEEKLY, utterances=())
        assert (ingested.kept.duration_ms, ingested.kept.utterance_count) == (12_000, 5)
        assert ingested.kept.chunk_count == ingested.embedded_chunk_count == len(embedder.texts) == 4
        await inspector.assert_holds(tenant_id, WEEKLY)

    async def test_an_utterance_that_is_too_long_for_offsets_is_kept_without(
        self, new_tenant, ingest, inspector, owner
    ):
        tenant_id = await new_tenant()
        long = with_turns(WEEKLY, ("Ann", SENTENCES[0]), ("Bob", f"{SENTENCES[1]} " * 1_000))
        await ingest(tenant_id, long)
        rows = await owner.fetch("SELECT term_offsets IS NULL AS is_left_out FROM utterances ORDER BY ordinal")
        assert [row["is_left_out"] for row in rows] == [False, True]
        await inspector.assert_holds(tenant_id, long)

    async def test_the_same_content_again_changes_no_row(self, new_tenant, ingest, inspector, embedder):
        tenant_id = await new_tenant()
        (first,) = await ingest(tenant_id, WEEKLY)
        before = await inspector.row_versions()
        embedder.texts.clear()
        (again,) = await ingest(tenant_id, WEEKLY)
        assert (again.outcome, again.kept, again.embedded_chunk_count) == (Outcome.UNCHANGED, first.kept, 0)
        assert await inspector.row_versions() == before
        assert embedder.texts == []

    async def test_an_edit_embeds_only_chunks_whose_text_changed(self, new_tenant, ingest, inspector, embedder):
        tenant_id = await new_tenant()
        (first,) = await ingest(tenant_id, WEEKLY)
        embedder.texts.clear()
        edited = replace(
            WEEKLY, title="Weekly, edited", utterances=(*WEEKLY.utterances[:4], Utterance("Ann", SENTENCES[4]))
        )
        (updated,) = await ingest(tenant_id, edited)
        assert (updated.outcome, updated.embedded_chunk_count) == (Outcome.UPDATED, 1)
        assert embedder.texts == [f"Ann: {SENTENCES[4]}"]
        assert updated.kept.etag != first.kept.etag
        assert updated.kept.created_at == first.kept.created_at < updated.kept.updated_at
        await inspector.assert_holds(tenant_id, edited)

    async def test_new_fields_alone_embed_nothing(self, new_tenant, ingest, inspector, embedder):
        tenant_id = await new_tenant()
        await ingest(tenant_id, WEEKLY)
        embedder.texts.clear()
        moved = replace(WEEKLY, title="Other", held_on=date(2024, 4, 1), attributes={})
        (updated,) = await ingest(tenant_id, moved)
        assert (updated.outcome, updated.embedded_chunk_count, embedder.texts) == (Outcome.UPDATED, 0, [])
        await inspector.assert_holds(tenant_id, moved)

    async def test_a_text_that_comes_to_be_said_twice_gets_a_second_chunk(
        self, new_tenant, ingest, inspector, embedder
    ):
        tenant_id = await new_tenant()
        once = with_turns(WEEKLY, ("Ann", SENTENCES[0]), ("Bob", SENTENCES[1]))
        twice = with_turns(WEEKLY, ("Ann", SENTENCES[0]), ("Bob", SENTENCES[1]), ("Ann", SENTENCES[0]))
        await ingest(tenant_id, once)
        embedder.texts.clear()
        (updated,) = await ingest(tenant_id, twice)
        assert (updated.kept.chunk_count, embedder.texts) == (3, [])
        await inspector.assert_holds(tenant_id, twice)

    async def test_who_spoke_is_kept_true_where_the_text_does_not_say_it(self, new_tenant, ingest, inspector):
        tenant_id = await new_tenant()
        await ingest(tenant_id, with_turns(WEEKLY, (LONG_NAMES[0], SENTENCES[0])))
        corrected = with_turns(WEEKLY, (LONG_NAMES[1], SENTENCES[0]))
        await ingest(tenant_id, corrected)
        await inspector.assert_holds(tenant_id, corrected)

    async def test_when_and_in_what_way_it_was_said_is_kept_true_where_the_text_stays(
        self, new_tenant, ingest, inspector, embedder
    ):
        tenant_id = await new_tenant()
        await ingest(tenant_id, WEEKLY)
        first, *others = WEEKLY.utterances
        decided = replace(first, kind=UtteranceKind.DECISION, start_ms=None, end_ms=90_000)
        embedder.texts.clear()
        for corrected in ((decided, *others), (replace(first, start_ms=1), *others)):
            await ingest(tenant_id, replace(WEEKLY, utterances=corrected))
            await inspector.assert_holds(tenant_id, replace(WEEKLY, utterances=corrected))
        assert embedder.texts == []

    async def test_meetings_of_two_tenants_do_not_touch(self, new_tenant, ingest, inspector):
        first, second = await new_tenant(), await new_tenant()
        other = with_turns(WEEKLY, ("Bob", SENTENCES[1]))
        assert (await ingest(first, WEEKLY))[0].outcome is Outcome.CREATED
        assert (await ingest(second, other))[0].outcome is Outcome.CREATED
        await inspector.assert_holds(first, WEEKLY)
        await inspector.assert_holds(second, other)

    async def test_without_a_known_model_nothing_is_kept(self, new_tenant, ingest, inspector, owner):
        tenant_id = await new_tenant()
        await owner.execute("UPDATE models SET state = 'retired'")
        with pytest.raises(DependencyUnavailable, match="model"):
            await ingest(tenant_id, WEEKLY)
        assert await inspector.row_counts(tenant_id) == {"tenants": 1}


class TestDeletion:
    async def test_no_row_of_a_deleted_meeting_is_left(self, new_tenant, ingest, inspector, store):
        tenant_id, other = await new_tenant(), await new_tenant()
        await ingest(tenant_id, WEEKLY)
        await ingest(other, WEEKLY)
        await store.delete(tenant_id, "weekly", "", soon())
        await store.fold_statistics(tenant_id, soon())
        # The tenant's count of chunks stays, at zero.
        assert await inspector.row_counts(tenant_id) == {"tenants": 1, "corpus_stats": 1}
        await inspector.assert_holds(tenant_id)
        await inspector.assert_holds(other, WEEKLY)

    async def test_a_deleted_meeting_is_new_again(self, new_tenant, ingest, inspector, store):
        tenant_id = await new_tenant()
        await ingest(tenant_id, WEEKLY)
        await store.delete(tenant_id, "weekly", "", soon())
        assert (await ingest(tenant_id, WEEKLY))[0].outcome is Outcome.CREATED
        await inspector.assert_holds(tenant_id, WEEKLY)

    async def test_a_meeting_that_is_not_there_cannot_be_deleted(self, new_tenant, store):
        with pytest.raises(NotFound, match="meetings/weekly"):
            await store.delete(await new_tenant(), "weekly", "", soon())


class TestAllOrNothing:
    SECOND = with_turns(replace(WEEKLY, meeting_id="second"), ("Bob", SENTENCES[4]))

    async def test_an_embedder_that_fails_at_the_second_meeting_leaves_nothing_of_the_first(
        self, new_tenant, ingest, inspector, embedder
    ):
        tenant_id = await new_tenant()
        embedder.failing_text, embedder.failure = "Nobody has read", DependencyUnavailable("down")
        with pytest.raises(DependencyUnavailable):
            await ingest(tenant_id, WEEKLY, self.SECOND)
        assert await inspector.row_counts(tenant_id) == {"tenants": 1}
        embedder.failure = None
        results = await ingest(tenant_id, WEEKLY, self.SECOND)
        assert [each.outcome for each in results] == [Outcome.CREATED] * 2
        await inspector.assert_holds(tenant_id, WEEKLY, self.SECOND)

    async def test_a_write_that_fails_at_the_second_meeting_is_rolled_back(self, new_tenant, ingest, inspector, owner):
        tenant_id = await new_tenant()
        await ingest(tenant_id, WEEKLY)
        before = await inspector.row_versions()
        await owner.execute("ALTER TABLE meetings ADD CONSTRAINT refused CHECK (meeting_id <> 'second')")
        edited = with_turns(WEEKLY, ("Ann", SENTENCES[4]))
        with pytest.raises(Exception, match="refused"):
            await ingest(tenant_id, edited, self.SECOND)
        assert await inspector.row_versions() == before


CONTENTS = st.lists(st.sampled_from(TURNS), min_size=1, max_size=6)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("ingest"), st.sampled_from(["a", "b"]), CONTENTS),
        st.tuples(st.just("ingest"), st.sampled_from(["a", "b"]), CONTENTS),
        st.tuples(st.just("again"), st.sampled_from(["a", "b"]), st.none()),
        st.tuples(st.just("move"), st.sampled_from(["a", "b"]), st.sampled_from([None, date(2024, 1, 31)])),
        st.tuples(st.just("rename"), st.sampled_from(["a", "b"]), st.sampled_from(["", "Budget", "예산 심사"])),
        st.tuples(st.just("delete"), st.sampled_from(["a", "b"]), st.none()),
    ),
    min_size=2,
    max_size=8,
)


class Replay:
    """Applies steps to the database, and to a plain record of what should then be in it."""

    def __init__(self, tenant_id: UUID, ingest, ingestion, inspector, embedder) -> None:
        self._tenant_id = tenant_id
        self._ingest = ingest
        self._ingestion = ingestion
        self._inspector = inspector
        self._embedder = embedder
        self._sent: dict[str, Meeting] = {}
        self.kept: dict[str, Meeting] = {}

    async def ingest(self, meeting_id: str, turns) -> None:
        meeting = completed(with_turns(Meeting(meeting_id=meeting_id), *turns))
        old = self._texts(self.kept.get(meeting_id))
        self._embedder.texts.clear()
        (ingested,) = await self._ingest(self._tenant_id, meeting)
        if self._sent.get(meeting_id) == meeting:
            assert ingested.outcome is Outcome.UNCHANGED
        else:
            assert ingested.outcome is (Outcome.UPDATED if meeting_id in self.kept else Outcome.CREATED)
            self._sent[meeting_id] = self.kept[meeting_id] = meeting
        assert sorted(self._embedder.texts) == sorted(self._texts(meeting) - old)
        assert ingested.embedded_chunk_count == len(self._embedder.texts)

    async def again(self, meeting_id: str, _: None) -> None:
        if meeting_id in self._sent:
            await self.ingest(meeting_id, [(each.speaker, each.text) for each in self._sent[meeting_id].utterances])

    async def move(self, meeting_id: str, held_on: date | None) -> None:
        if meeting_id in self.kept:
            await self._change(meeting_id, held_on=held_on)

    async def rename(self, meeting_id: str, title: str) -> None:
        if meeting_id in self.kept:
            await self._change(meeting_id, title=title)

    async def delete(self, meeting_id: str, _: None) -> None:
        if self.kept.pop(meeting_id, None):
            del self._sent[meeting_id]
            await self._ingestion.delete(self._tenant_id, meeting_id, "", soon())

    async def _change(self, meeting_id: str, **fields) -> None:
        await self._ingestion.update(self._tenant_id, meeting_id, fields, "", soon())
        self.kept[meeting_id] = replace(self.kept[meeting_id], **fields)

    def _texts(self, meeting: Meeting | None) -> set[str]:
        return {each.chunk.text for each in self._inspector.chunks_of(meeting)} if meeting else set()


@given(steps=STEPS)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_after_any_history_the_tables_hold_what_a_first_ingest_would_write(
    new_tenant, ingest, ingestion, inspector, embedder, steps
):
    tenant_id = await new_tenant()
    replay = Replay(tenant_id, ingest, ingestion, inspector, embedder)
    for step, meeting_id, argument in steps:
        await getattr(replay, step)(meeting_id, argument)
    await inspector.assert_holds(tenant_id, *replay.kept.values())
