"""Who is served next, with whom, and what is dropped."""

import itertools
from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sagwan_embedder.domain.waiting import Call, Row, WaitingLine

NEVER = float("inf")
BATCH_TOKENS_MAX = 64
callers_and_lengths = st.lists(
    st.tuples(st.sampled_from("abc"), st.integers(min_value=1, max_value=100)), min_size=1, max_size=60
)


def line_of(*, batch_tokens_max=BATCH_TOKENS_MAX, window_tokens=256):
    return WaitingLine(batch_tokens_max=batch_tokens_max, window_tokens=window_tokens)


def rows_of(caller, lengths, *, deadline_s=NEVER):
    call = Call(caller, deadline_s)
    return [Row(call, index, np.zeros(length, np.int32)) for index, length in enumerate(lengths)]


def added(line, callers_and_lengths):
    rows = [rows_of(caller, [length])[0] for caller, length in callers_and_lengths]
    line.add(rows)
    return rows


def batches_of(line):
    while batch := line.take(0.0).rows:
        yield batch


def lengths_of(batch):
    return [len(row.ids) for row in batch]


@given(callers_and_lengths)
def test_every_row_is_served_exactly_once(waiting):
    line = line_of()
    rows = added(line, waiting)
    served = [row for batch in batches_of(line) for row in batch]
    assert sorted(map(id, served)) == sorted(map(id, rows))
    assert line.tokens == 0


@given(callers_and_lengths)
def test_a_batch_keeps_the_budget_unless_it_is_one_long_row(waiting):
    line = line_of()
    added(line, waiting)
    for batch in batches_of(line):
        assert len(batch) == 1 or max(lengths_of(batch)) * len(batch) <= BATCH_TOKENS_MAX


@given(callers_and_lengths)
def test_the_count_of_waiting_tokens_is_that_of_the_rows_left(waiting):
    line = line_of()
    left = sum(length for _, length in waiting)
    added(line, waiting)
    assert line.tokens == left == sum(map(line.tokens_of, "abc"))
    for batch in batches_of(line):
        left -= sum(lengths_of(batch))
        assert line.tokens == left


@given(callers_and_lengths)
def test_no_caller_gets_far_ahead_of_another_while_both_wait(waiting):
    """Service of two who both wait differs by no more than a window, a row of each, and a batch."""
    window_tokens, row_max = 128, 100
    line = line_of(window_tokens=window_tokens)
    added(line, waiting)
    served = Counter()
    for batch in batches_of(line):
        for row in batch:
            served[row.call.caller] += len(row.ids)
        for caller, other in itertools.permutations(filter(line.tokens_of, "abc"), 2):
            assert served[caller] - served[other] <= window_tokens + 2 * row_max + BATCH_TOKENS_MAX


def test_a_caller_with_a_few_rows_does_not_wait_for_one_with_thousands():
    line = line_of(window_tokens=BATCH_TOKENS_MAX)
    line.add(rows_of("bulk", [16] * 1_000))
    line.take(0.0)
    line.add(rows_of("small", [16, 16]))
    served = [row.call.caller for _ in range(2) for row in line.take(0.0).rows]
    assert served.count("small") == 2


def test_a_caller_who_was_away_gets_no_credit_for_it():
    line = line_of(batch_tokens_max=10, window_tokens=10)
    line.add(rows_of("busy", [10] * 20))
    for _ in range(10):
        line.take(0.0)
    line.add(rows_of("late", [10] * 10))
    served = [line.take(0.0).rows[0].call.caller for _ in range(10)]
    assert served.count("late") == 5


def test_the_first_in_turn_is_in_the_next_batch_whatever_its_length():
    line = line_of()
    line.add(rows_of("a", [60, 8, 8, 8, 8, 8, 8, 8, 8]))
    assert lengths_of(line.take(0.0).rows) == [60]
    assert lengths_of(line.take(0.0).rows) == [8] * 8


def test_rows_of_one_length_share_a_batch_whoever_sent_them():
    line = line_of()
    for caller in "abcd":
        line.add(rows_of(caller, [16, 64]))
    assert lengths_of(line.take(0.0).rows) == [16] * 4


def test_rows_beyond_the_window_are_not_looked_at():
    line = line_of(window_tokens=64)
    line.add(rows_of("a", [16, 48, 16]))
    assert lengths_of(line.take(0.0).rows) == [16]


def test_rows_whose_deadline_has_passed_are_dropped_and_counted():
    line = line_of()
    late, alive = rows_of("a", [8, 8], deadline_s=1.0), rows_of("a", [8], deadline_s=3.0)
    line.add(late + alive)
    taken = line.take(2.0)
    assert taken.expired == late
    assert taken.rows == alive
    assert line.tokens == 0


def test_expired_rows_do_not_use_up_the_window():
    line = line_of(window_tokens=64)
    line.add(rows_of("a", [64] * 10, deadline_s=1.0) + rows_of("b", [8]))
    assert len(line.take(2.0).rows) == 1


def test_rows_of_a_removed_call_leave_the_line_and_the_others_stay():
    line = line_of()
    gone, stays = rows_of("a", [8, 16]), rows_of("a", [24])
    line.add(gone + stays)
    assert line.remove(gone[0].call) == 2
    assert line.tokens == 24
    assert line.take(0.0).rows == stays


def test_an_empty_line_gives_nothing():
    taken = line_of().take(0.0)
    assert (taken.rows, taken.expired) == ([], [])


def test_what_is_served_before_a_newcomer_is_an_equal_share_of_what_the_others_have_waiting():
    line = line_of()
    line.add(rows_of("a", [10] * 20))
    assert line.tokens_before("a", 50) == 200
    assert line.tokens_before("b", 50) == 50
    assert line.tokens_before("b", 1_000) == 200
