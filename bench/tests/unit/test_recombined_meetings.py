from dataclasses import replace

import numpy as np
import pytest
from scale_data.labels import DAYS, SHARE_SPEAKERS, SHARE_TAGS, SHARES, days_of_share, labels_of
from scale_data.lines import CoreChunk, CoreMeeting, LineTerms, lines_of
from scale_data.recombining import CHUNKS_A_MEETING, Recombiner

from sagwan_ingest.domain.chunking import chunk
from sagwan_ingest.domain.indexing import indexed, term_offsets
from sagwan_ingest.domain.validation import validated
from sagwan_text.analysis import Analyzer
from sagwan_text.bm25 import Bm25
from sagwan_text.korean import load_tagger

_SAID = {
    "en": (
        (
            "Project Manager",
            "Let's look at the remote control again. The case should be spongy; it should not break.",
        ),
        ("Prof. Kim", "It's COVID-19 that changed the budget: 3.5 million. Nobody asked for more; we won't."),
        ("", "He said - and I quote - no."),
    ),
    "ko": (
        ("위원장 김생환", "의석을 정돈해 주시기 바랍니다. 예산을 삭감하는 것에 대하여 이의 없으십니까?"),
        ("이정훈 위원", "공진초 이적지에 특수학교를 설립하기로 했는데 왜 바뀌었습니까? API 연동은 됐어요"),
        ("", "東京에서 열린 회의록을 보면 그렇지 않다."),
    ),
}


@pytest.fixture(scope="module")
def analyze():
    return Analyzer(load_tagger()).terms


@pytest.fixture(scope="module")
def core():
    random = np.random.default_rng(1)
    meetings = []
    for language, said in _SAID.items():
        for copy in range(4):
            vectors = random.normal(size=(6, 8)).astype(np.float32)
            chunks = [
                CoreChunk(
                    tuple(lines_of((speaker, f"{text} {language} {copy} {place}") for speaker, text in said)),
                    vector / np.linalg.norm(vector),
                )
                for place, vector in enumerate(vectors)
            ]
            meetings.append(CoreMeeting(language, tuple(chunks)))
    return meetings


@pytest.fixture
def recombiner(core, analyze):
    return Recombiner(core, LineTerms(analyze), "sha-of-model")


def test_tags_stand_on_the_shares_of_meetings_that_they_are_named_for():
    labels = [labels_of(number) for number in range(4_000)]
    found = [sum(tag in each.tags for each in labels) / len(labels) for tag in SHARE_TAGS]
    assert found == list(SHARES)


@pytest.mark.parametrize("share", SHARES)
def test_a_span_of_days_holds_its_share_of_the_meetings(share):
    first, last = days_of_share(share)
    days = [labels_of(number).held_on for number in range(DAYS)]
    assert sum(first <= day <= last for day in days) == max(1, round(DAYS * share))


def test_there_are_twelve_tags_and_three_hundred_series():
    labels = [labels_of(number) for number in range(2_000)]
    assert len({tag for each in labels for tag in each.tags}) == 12
    assert len({each.series for each in labels}) == 300


def test_lines_hold_every_word_that_was_said():
    for said in _SAID.values():
        lines = list(lines_of(said))
        assert " ".join(line.text for line in lines).split() == " ".join(text for _, text in said).split()
        assert {line.speaker for line in lines} == {speaker for speaker, _ in said}


def test_the_same_number_gives_the_same_meeting_and_another_one_another(core, analyze):
    one, again = (Recombiner(core, LineTerms(analyze), "sha-of-model") for _ in range(2))
    again.meeting(3, 2)
    first, second = one.meeting(7, 4), again.meeting(7, 4)
    assert first.meeting == second.meeting
    assert list(first.chunks) == list(second.chunks)
    assert list(first.term_offsets) == list(second.term_offsets)
    assert all(np.array_equal(vector, second.vectors[digest]) for digest, vector in first.vectors.items())
    assert one.meeting(9, 4).meeting.utterances != first.meeting.utterances


def test_a_recombined_meeting_is_one_that_ingest_takes(recombiner):
    for number in range(4):
        meeting = recombiner.meeting(number, CHUNKS_A_MEETING).meeting
        assert validated(meeting) == meeting


def test_meetings_are_in_one_language_each(recombiner):
    english, korean = (recombiner.meeting(number, 3).meeting for number in (0, 1))
    assert (english.language, korean.language) == ("en", "ko")
    assert not any("회의록" in each.text for each in english.utterances)
    assert not any("remote" in each.text for each in korean.utterances)


def test_chunks_have_the_terms_and_weights_that_ingest_would_give_them(recombiner, analyze):
    for number in range(6):
        prepared = recombiner.meeting(number, 10)
        chunks = prepared.chunks
        assert list(chunks) == indexed(prepared.meeting.title, [each.chunk for each in chunks], analyze, Bm25())


def test_chunks_are_those_that_ingest_makes_of_their_utterances(recombiner):
    for number in range(20):
        meeting = recombiner.meeting(number, 10)
        for each in meeting.chunks:
            place = each.chunk
            said = meeting.meeting.utterances[place.first_utterance : place.last_utterance + 1]
            # Whatever they weigh they are one chunk: sizes were seen to when the lines were chosen.
            (whole,) = chunk(said, count_tokens=lambda _: 1)
            at_its_place = {
                "ordinal": place.ordinal,
                "first_utterance": place.first_utterance,
                "last_utterance": place.first_utterance + whole.last_utterance,
            }
            assert place == replace(whole, **at_its_place)


def test_utterances_have_the_offsets_that_ingest_would_give_them(recombiner, analyze):
    for number in range(4):
        prepared = recombiner.meeting(number, 10)
        assert list(prepared.term_offsets) == term_offsets(prepared.meeting.utterances, analyze)
        assert any(prepared.term_offsets)


def test_chunks_follow_one_another_and_hold_the_utterances_that_they_name(recombiner):
    meeting = recombiner.meeting(1, 10)
    next_utterance = 0
    for ordinal, each in enumerate(meeting.chunks):
        place = each.chunk
        assert (place.ordinal, place.first_utterance, place.first_character) == (ordinal, next_utterance, 0)
        texts = [each.text for each in meeting.meeting.utterances[place.first_utterance : place.last_utterance + 1]]
        assert place.last_character == len(texts[-1])
        assert all(text in place.text for text in texts)
        next_utterance = place.last_utterance + 1
    assert next_utterance == len(meeting.meeting.utterances)


def test_vectors_are_of_unit_length_and_near_real_ones(recombiner, core):
    real = np.array([chunk.vector for meeting in core for chunk in meeting.chunks])
    for vector in recombiner.meeting(2, 20).vectors.values():
        assert vector.dtype == np.float32
        assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)
        assert (real @ vector).max() > 0.5


def test_speakers_of_a_share_speak_in_that_share_of_the_chunks(recombiner):
    chunks = [each for number in range(50) for each in recombiner.meeting(number, CHUNKS_A_MEETING).chunks]
    most = SHARE_SPEAKERS[0].casefold()
    assert sum(most in each.chunk.speakers for each in chunks) / len(chunks) == pytest.approx(SHARES[0], abs=0.05)
