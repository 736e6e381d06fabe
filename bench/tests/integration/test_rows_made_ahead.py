"""Rows that another process makes while others are copied."""

from uuid import uuid4

import numpy as np
import pytest
from scale_data.copying import MeetingRows
from scale_data.lines import CoreChunk, CoreMeeting, LineTerms, lines_of
from scale_data.making import Batch, Source, made_ahead
from scale_data.recombining import Recombiner

from sagwan_text.analysis import Analyzer
from sagwan_text.korean import load_tagger

pytestmark = pytest.mark.integration

_SAID = [("Ann", "The case should be spongy. It must not break."), ("위원장", "의석을 정돈해 주시기 바랍니다.")]
_BATCHES = [Batch(3, (2, 1), 10, 100), Batch(5, (2,), 12, 103), Batch(6, (1, 2), 13, 105)]


def source(core) -> Source:
    return Source(core, "sha-of-model", MeetingRows(uuid4(), "chunk_vectors_1"))


@pytest.fixture
def core() -> list[CoreMeeting]:
    chunks = [
        CoreChunk(tuple(lines_of((speaker, f"{text} {place}") for speaker, text in _SAID)), vector)
        for place, vector in enumerate(np.eye(8, dtype=np.float32))
    ]
    return [CoreMeeting("en", tuple(chunks)), CoreMeeting("en", tuple(reversed(chunks)))]


def test_they_are_those_of_the_batches_in_order(core):
    made_of = source(core)
    recombiner = Recombiner(core, LineTerms(Analyzer(load_tagger()).terms), made_of.model_sha256)
    with made_ahead(made_of, _BATCHES) as made:
        found = [repr(tables) for tables in made]
    assert found == [
        repr(
            made_of.rows.of(
                [recombiner.meeting(batch.number + place, size) for place, size in enumerate(batch.sizes)],
                meeting_key=batch.meeting_key,
                chunk_id=batch.chunk_id,
            )
        )
        for batch in _BATCHES
    ]


def test_a_process_that_ends_too_early_is_not_waited_for():
    with made_ahead(source([]), _BATCHES) as made, pytest.raises(RuntimeError, match="has ended"):
        next(made)


def test_what_is_not_asked_for_any_more_is_not_waited_for(core):
    with made_ahead(source(core), _BATCHES * 1_000) as made:
        assert len(next(made)) == 7
