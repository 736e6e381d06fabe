"""The use case over a store in memory: what is embedded, what is refused, what is tried again."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID, uuid4

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from sagwan_ingest.domain.formats.registry import Hints, read_transcript
from sagwan_ingest.domain.indexing import WEIGHTS_VERSION
from sagwan_ingest.domain.meeting import Meeting, Utterance
from sagwan_ingest.ingestion import Ingestion, IngestLimits
from sagwan_ingest.ports import KeptMeeting, Known, Model, Outcome, PreparedMeeting, Reply, Vector, Written
from sagwan_runtime.deadline import Deadline
from sagwan_runtime.errors import Conflict, DeadlineExceeded, DependencyUnavailable, InvalidRequest, NotFound
from sagwan_runtime.metrics import IngestMetrics
from sagwan_text.analysis import Analyzer
from sagwan_text.korean import load_tagger
from sagwan_text.tokens import estimate_tokens

TENANT = uuid4()
NOW = datetime(2024, 3, 5, tzinfo=UTC)
MODEL = Model("hashes", "1", "none", "sha-of-model", 2)
SENTENCES = [
    "The budget for next year was cut by a tenth, which nobody in the room expected.",
    "We should hire two engineers before the summer, or the release will slip again.",
    "예산을 줄였습니다. 회의록을 공개하고 다음 주에 다시 논의하기로 했습니다.",
    "The office moves to the third floor, and everyone will get a new desk there.",
    "Nobody has read the minutes of the last meeting, so let us read them together now.",
]


def meeting(meeting_id: str, *sentences: str) -> Meeting:
    speakers = ("Ann", "Bob")
    turns = tuple(Utterance(speakers[place % 2], text) for place, text in enumerate(sentences))
    return Meeting(meeting_id=meeting_id, utterances=turns)


class MemoryMeetingStore:
    """Keeps what the use case needs back; answers `conflicts` times that somebody else was faster."""

    def __init__(self) -> None:
        self.conflicts = 0
        self.writes: list[list[PreparedMeeting]] = []
        self._kept: dict[tuple[UUID, str], tuple[PreparedMeeting, KeptMeeting]] = {}

    async def known(self, tenant_id: UUID, meeting_id: str, deadline: Deadline) -> Known:
        deadline.remaining_s()
        if (tenant_id, meeting_id) not in self._kept:
            return Known(None, (), MODEL.sha256, 0)
        prepared, _ = self._kept[tenant_id, meeting_id]
        texts = {each.text_sha256 for each in prepared.chunks}
        return Known(prepared.content_sha256, texts, MODEL.sha256, WEIGHTS_VERSION)

    async def keep(
        self,
        tenant_id: UUID,
        meetings: Sequence[PreparedMeeting],
        deadline: Deadline,
        reply: Reply[Written] | None = None,
    ) -> Written:
        if self.conflicts:
            self.conflicts -= 1
            raise Conflict("somebody else was faster")
        self.writes.append(list(meetings))
        results = []
        for each in meetings:
            key = (tenant_id, each.meeting.meeting_id)
            outcome = Outcome.UPDATED if key in self._kept else Outcome.CREATED
            kept = KeptMeeting(each.meeting, None, "1", NOW, NOW, len(each.meeting.utterances), len(each.chunks))
            self._kept[key] = (each, kept)
            results.append((outcome, kept))
        return results

    async def get(self, tenant_id: UUID, meeting_id: str, deadline: Deadline) -> KeptMeeting:
        if (tenant_id, meeting_id) not in self._kept:
            raise NotFound(f"meetings/{meeting_id}")
        return self._kept[tenant_id, meeting_id][1]

    async def fold_statistics(self, tenant_id: UUID, deadline: Deadline) -> None:
        pass


class LengthEmbedder:
    """Writes the length of a text into its vector, and remembers the batches."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.model_sha256 = MODEL.sha256

    async def embed(self, texts: Sequence[str], model_sha256: str, deadline: Deadline) -> list[Vector]:
        deadline.remaining_s()
        if model_sha256 != self.model_sha256:
            raise DependencyUnavailable("the embedder runs another model")
        self.batches.append(list(texts))
        return [np.array([len(text), 1], np.float32) for text in texts]

    async def count_tokens(self, texts: Sequence[str], model_sha256: str, deadline: Deadline) -> Sequence[int]:
        return [estimate_tokens(text) + 4 for text in texts]

    async def models(self) -> list[Model]:
        return [MODEL]


@pytest.fixture
def store() -> MemoryMeetingStore:
    return MemoryMeetingStore()


@pytest.fixture
def embedder() -> LengthEmbedder:
    return LengthEmbedder()


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def ingest(store, embedder, registry) -> Iterator[Callable]:
    """Ingests meetings of a sentence a chunk, two texts a call to the embedder."""
    with ThreadPoolExecutor(1) as worker:
        analyze = Analyzer(load_tagger()).terms
        ingestion = Ingestion(
            store, embedder, analyze, worker, IngestMetrics(registry), IngestLimits(16, 60, 2, writers_max=8)
        )

        async def call(*meetings: Meeting, deadline: Deadline | None = None):
            return await ingestion.ingest(TENANT, meetings, deadline or Deadline.after(30))

        yield call


async def test_every_chunk_of_a_new_meeting_is_embedded_once_and_kept(ingest, store, embedder):
    (ingested,) = await ingest(meeting("weekly", *SENTENCES))
    assert (ingested.outcome, ingested.embedded_chunk_count) == (Outcome.CREATED, 5)
    assert ingested.kept.chunk_count == 5
    ((prepared,),) = store.writes
    asked = [text for batch in embedder.batches for text in batch]
    assert sorted(asked) == sorted(each.chunk.text for each in prepared.chunks)
    assert {int(vector[0]) for vector in prepared.vectors.values()} == {len(text) for text in asked}
    for each in prepared.chunks:
        assert prepared.vectors[each.text_sha256][0] == len(each.chunk.text)


async def test_batches_are_bounded_and_hold_texts_of_like_length(ingest, embedder):
    await ingest(meeting("weekly", *SENTENCES))
    assert [len(batch) for batch in embedder.batches] == [2, 2, 1]
    lengths = [len(text) for batch in embedder.batches for text in batch]
    assert lengths == sorted(lengths)


async def test_the_same_content_again_neither_embeds_nor_writes(ingest, store, embedder):
    await ingest(meeting("weekly", *SENTENCES))
    embedder.batches.clear()
    (again,) = await ingest(meeting("weekly", *SENTENCES))
    assert (again.outcome, again.embedded_chunk_count, again.kept.chunk_count) == (Outcome.UNCHANGED, 0, 5)
    assert (embedder.batches, len(store.writes)) == ([], 1)


async def test_an_edit_embeds_only_what_is_new(ingest, embedder):
    await ingest(meeting("weekly", *SENTENCES))
    embedder.batches.clear()
    edited = [*SENTENCES[:4], "Somebody has read the minutes of the last meeting after all, it turns out now."]
    (updated,) = await ingest(meeting("weekly", *edited))
    assert (updated.outcome, updated.embedded_chunk_count) == (Outcome.UPDATED, 1)
    assert embedder.batches == [[f"Ann: {edited[4]}"]]


async def test_results_come_in_the_order_of_the_meetings_whatever_became_of_each(ingest):
    await ingest(meeting("b", *SENTENCES))
    results = await ingest(meeting("a", *SENTENCES), meeting("b", *SENTENCES), meeting("c", *SENTENCES))
    assert [(each.kept.meeting.meeting_id, each.outcome) for each in results] == [
        ("a", Outcome.CREATED),
        ("b", Outcome.UNCHANGED),
        ("c", Outcome.CREATED),
    ]


async def test_meetings_of_one_call_are_written_together(ingest, store):
    await ingest(meeting("a", *SENTENCES), meeting("b", *SENTENCES))
    assert [[each.meeting.meeting_id for each in write] for write in store.writes] == [["a", "b"]]


class TestRefusals:
    async def test_two_meetings_of_one_id_in_one_call_are_refused(self, ingest, store, embedder):
        with pytest.raises(InvalidRequest, match="2 meetings with the id weekly") as caught:
            await ingest(meeting("weekly", *SENTENCES), meeting("weekly", SENTENCES[0]))
        assert [each.field for each in caught.value.violations] == ["content"]
        assert (store.writes, embedder.batches) == ([], [])

    async def test_two_meetings_without_an_id_and_with_the_same_content_are_refused(self, ingest, store):
        line = '{"turns": [{"speaker": "Ann", "text": "Hello there."}]}\n'
        transcript = read_transcript((line * 2).encode(), Hints())
        with pytest.raises(InvalidRequest, match="2 meetings"):
            await ingest(*transcript.meetings)
        assert store.writes == []

    async def test_a_meeting_that_breaks_a_limit_is_refused_before_anything_is_done(self, ingest, store, embedder):
        bad = replace(meeting("weekly", *SENTENCES), title="x" * 513)
        with pytest.raises(InvalidRequest) as caught:
            await ingest(meeting("good", *SENTENCES), bad)
        assert [each.field for each in caught.value.violations] == ["meeting.title"]
        assert (store.writes, embedder.batches) == ([], [])

    async def test_vectors_of_another_model_than_the_one_that_serves_are_not_written(self, ingest, store, embedder):
        embedder.model_sha256 = "another"
        with pytest.raises(DependencyUnavailable, match="another model"):
            await ingest(meeting("weekly", *SENTENCES))
        assert store.writes == []

    async def test_nothing_is_written_after_the_deadline(self, ingest, store):
        with pytest.raises(DeadlineExceeded):
            await ingest(meeting("weekly", *SENTENCES), deadline=Deadline.after(-1))
        assert store.writes == []


class TestConflicts:
    async def test_an_ingest_that_lost_a_race_is_prepared_again(self, ingest, store):
        store.conflicts = 2
        (ingested,) = await ingest(meeting("weekly", *SENTENCES))
        assert (ingested.outcome, len(store.writes)) == (Outcome.CREATED, 1)

    async def test_one_that_loses_every_race_is_told_so(self, ingest, store):
        store.conflicts = 3
        with pytest.raises(Conflict):
            await ingest(meeting("weekly", *SENTENCES))
        assert (store.conflicts, store.writes) == (0, [])


async def test_outcomes_chunks_and_stages_are_counted(ingest, registry):
    await ingest(meeting("weekly", *SENTENCES))
    await ingest(meeting("weekly", *SENTENCES))
    await ingest(meeting("weekly", *SENTENCES[:4]))

    def value(name: str, **labels: str) -> float | None:
        return registry.get_sample_value(name, labels)

    for outcome in Outcome:
        assert value("sagwan_ingest_meetings_total", outcome=outcome.value) == 1
    assert value("sagwan_ingest_chunks_total", vector="computed") == 5
    assert value("sagwan_ingest_chunks_total", vector="kept") == 4
    for stage in ("chunk", "terms", "embed", "write"):
        assert value("sagwan_ingest_stage_seconds_count", stage=stage) == 2
