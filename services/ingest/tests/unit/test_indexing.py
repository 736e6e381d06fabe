import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagwan_ingest.domain.chunking import Chunk
from sagwan_ingest.domain.indexing import (
    IndexedChunk,
    chunk_changes,
    completed,
    duration_ms,
    indexed,
    term_count_changes,
    term_offsets,
)
from sagwan_ingest.domain.meeting import Meeting, Utterance
from sagwan_text.analysis import Analyzer, Term
from sagwan_text.bm25 import Bm25
from sagwan_text.korean import load_tagger
from sagwan_text.term_offsets import TermOffsets
from sagwan_text.terms import term_id

BARE = Meeting(utterances=(Utterance("Ann", "The budget was cut."),))


def chunk_of(text: str, *terms: int, ordinal: int = 0) -> IndexedChunk:
    chunk = Chunk(ordinal, 0, 0, 0, len(text), text, ())
    return IndexedChunk(chunk, hashlib.sha256(text.encode()).digest(), dict.fromkeys(terms, 1.0))


@pytest.fixture(scope="module")
def analyze() -> Callable[[str], Sequence[Term]]:
    return Analyzer(load_tagger()).terms


class TestCompletion:
    def test_a_meeting_that_lacks_nothing_stays_as_it_is(self):
        meeting = replace(BARE, meeting_id="weekly", language="de", held_on=date(2024, 1, 31))
        assert completed(meeting) == meeting

    def test_the_language_is_found_from_the_text(self):
        assert completed(BARE).language == "en"
        assert completed(replace(BARE, utterances=(Utterance("Ann", "예산을 줄였습니다."),))).language == "ko"

    def test_the_day_is_that_of_the_start_in_utc_where_none_is_given(self):
        started_at = datetime(2024, 3, 5, 23, 59, tzinfo=UTC)
        assert completed(replace(BARE, started_at=started_at)).held_on == date(2024, 3, 5)
        own_day = replace(BARE, started_at=started_at, held_on=date(2024, 3, 6))
        assert completed(own_day).held_on == date(2024, 3, 6)
        assert completed(BARE).held_on is None

    def test_an_id_is_derived_that_is_fit_to_be_one(self):
        assert completed(BARE).meeting_id.removeprefix("m-").isalnum()
        assert len(completed(BARE).meeting_id) == 18

    def test_the_same_content_gets_the_same_id_and_other_content_another(self):
        other = replace(BARE, utterances=(*BARE.utterances, Utterance("Bob", "Yes.")))
        assert completed(BARE).meeting_id == completed(replace(BARE)).meeting_id
        assert completed(BARE).meeting_id != completed(other).meeting_id
        # What is found out is part of the content: a caller who says it himself sends the same meeting.
        assert completed(replace(BARE, language="en")).meeting_id == completed(BARE).meeting_id

    @given(
        st.builds(
            Meeting,
            meeting_id=st.sampled_from(["", "weekly"]),
            title=st.text(max_size=5),
            started_at=st.none() | st.datetimes(timezones=st.just(UTC)),
            held_on=st.none() | st.dates(),
            language=st.sampled_from(["", "ko"]),
            utterances=st.lists(st.builds(Utterance, st.text(max_size=3), st.text(max_size=9)), max_size=3).map(tuple),
        )
    )
    def test_what_is_complete_is_not_completed_further(self, meeting):
        once = completed(meeting)
        assert completed(once) == once
        assert once.meeting_id
        assert once.utterances == meeting.utterances


class TestDuration:
    def test_it_is_the_latest_time_that_any_utterance_carries(self):
        times = [(0, 900), (5_000, None), (None, 4_000), (None, None)]
        meeting = replace(BARE, utterances=tuple(Utterance("", "x", start, end) for start, end in times))
        assert duration_ms(meeting) == 5_000

    def test_without_times_it_is_not_known(self):
        assert duration_ms(BARE) is None


class TestIndexing:
    def test_weights_are_bm25_over_the_terms_of_the_text(self, analyze):
        chunk = Chunk(0, 0, 0, 0, 1, "Ann: budget, budgets 회의록", ("ann",))
        (one,) = indexed("", [chunk], analyze, Bm25())
        terms = ["ann", "budget", "budget", "회의록", "회의", "록"]
        assert one.weights == Bm25().document_weights([term_id(term) for term in terms])
        assert one.text_sha256 == hashlib.sha256("Ann: budget, budgets 회의록".encode()).digest()
        assert one.chunk is chunk

    def test_the_title_counts_in_every_chunk_as_if_it_stood_in_it(self, analyze):
        chunks = [Chunk(ordinal, ordinal, 0, ordinal, 1, text, ()) for ordinal, text in enumerate(["예산", "budget"])]
        first, second = indexed("예산 심사", chunks, analyze, Bm25())
        assert first.weights == Bm25().document_weights([term_id(term) for term in ["예산", "예산", "심사"]])
        assert second.weights == Bm25().document_weights([term_id(term) for term in ["budget", "예산", "심사"]])

    def test_equal_texts_have_equal_digests_wherever_they_stand(self, analyze):
        chunks = [Chunk(ordinal, ordinal, 0, ordinal, 1, "네.", ()) for ordinal in range(2)]
        first, second = indexed("", chunks, analyze, Bm25())
        assert (first.text_sha256, first.weights) == (second.text_sha256, second.weights)


class TestTermOffsets:
    def test_they_are_those_of_what_was_said_without_who_said_it(self, analyze):
        said = [Utterance("Budget Committee", "예산을 줄였다"), Utterance("Ann", "The budget")]
        ids = {term_id(term): term for term in ["예산", "줄이", "budget"]}
        found = [
            [(ids[term], start, end) for term, start, end in TermOffsets(packed).of(ids)]
            for packed in term_offsets(said, analyze)
            if packed is not None
        ]
        assert found == [[("예산", 0, 2), ("줄이", 4, 6)], [("budget", 4, 10)]]

    def test_an_utterance_that_is_too_long_has_none_and_the_others_theirs(self, analyze):
        said = [Utterance("Ann", "x" * 70_000 + " budget"), Utterance("Ann", "네."), Utterance("Ann", "budget")]
        too_long, empty, kept = term_offsets(said, analyze)
        assert (too_long, empty) == (None, b"")
        assert kept


TEXTS = st.lists(st.sampled_from("abcd"), max_size=8)


class TestChunkChanges:
    def test_an_edit_in_the_middle_keeps_what_is_around_it(self):
        stored = [(11, chunk_of("a").text_sha256), (12, chunk_of("b").text_sha256), (13, chunk_of("c").text_sha256)]
        new = [chunk_of("a"), chunk_of("x"), chunk_of("c")]
        changes = chunk_changes(stored, new)
        assert [(row, chunk.chunk.text) for row, chunk in changes.kept] == [(11, "a"), (13, "c")]
        assert [each.chunk.text for each in changes.added] == ["x"]
        assert changes.removed == [12]

    def test_a_text_that_moved_is_kept(self):
        stored = [(11, chunk_of("a").text_sha256), (12, chunk_of("b").text_sha256)]
        changes = chunk_changes(stored, [chunk_of("b"), chunk_of("a")])
        assert [row for row, _ in changes.kept] == [12, 11]
        assert (changes.added, changes.removed) == ([], [])

    def test_a_text_that_occurs_twice_needs_two_rows(self):
        changes = chunk_changes([(11, chunk_of("a").text_sha256)], [chunk_of("a"), chunk_of("a", ordinal=1)])
        assert [row for row, _ in changes.kept] == [11]
        assert [each.chunk.ordinal for each in changes.added] == [1]

    def test_equal_texts_keep_their_order(self):
        stored = [(11, chunk_of("a").text_sha256), (12, chunk_of("a").text_sha256)]
        changes = chunk_changes(stored, [chunk_of("a"), chunk_of("a", ordinal=1)])
        assert [(row, chunk.chunk.ordinal) for row, chunk in changes.kept] == [(11, 0), (12, 1)]

    @given(stored=TEXTS, new=TEXTS)
    def test_as_many_rows_as_can_be_are_kept_and_nothing_is_lost_or_used_twice(self, stored, new):
        rows = [(100 + place, chunk_of(text).text_sha256) for place, text in enumerate(stored)]
        chunks = [chunk_of(text, ordinal=place) for place, text in enumerate(new)]
        changes = chunk_changes(rows, chunks)

        text_of_row = dict(zip([row for row, _ in rows], stored, strict=True))
        kept_rows = [row for row, _ in changes.kept]
        assert sorted([*kept_rows, *changes.removed]) == sorted(text_of_row)
        placed = [*(chunk for _, chunk in changes.kept), *changes.added]
        assert sorted(each.chunk.ordinal for each in placed) == list(range(len(new)))
        assert all(text_of_row[row] == chunk.chunk.text for row, chunk in changes.kept)
        assert Counter(text_of_row[row] for row in kept_rows) == Counter(stored) & Counter(new)


class TestTermCounts:
    def test_a_term_that_comes_and_goes_as_often_does_not_change(self):
        added = [chunk_of("a", 1, 2).weights, chunk_of("b", 2).weights]
        assert term_count_changes(added, {2: 2, 3: 1}) == [(1, 1), (3, -1)]

    @given(
        added=st.lists(st.sets(st.integers(1, 9)), max_size=5),
        removed=st.dictionaries(st.integers(1, 9), st.integers(1, 5)),
    )
    def test_changes_are_the_difference_in_chunks_by_ascending_term_without_zeros(self, added, removed):
        changes = term_count_changes([chunk_of("x", *terms).weights for terms in added], removed)
        terms = [term for term, _ in changes]
        assert terms == sorted(set(terms))
        assert dict(changes) == {
            term: change
            for term in range(1, 10)
            if (change := sum(term in each for each in added) - removed.get(term, 0))
        }
