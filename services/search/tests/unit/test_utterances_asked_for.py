"""Which lines of a chunk that passes a filter the filter asks for."""

import pytest

from sagwan_search.domain.filters import Filter
from sagwan_search.domain.lines import Span, Utterance, cut_to_span

DECIDED = Utterance(3, " ANN ", 60_000, 90_000, "the budget", "decision")
OF_ANN, OF_BOB = Filter(speaker_keys=("ann",)), Filter(speaker_keys=("bob",))


@pytest.mark.parametrize(
    ("condition", "asked_for"),
    [
        (Filter(), True),
        (OF_ANN, True),
        (OF_BOB, False),
        (Filter(utterance_kinds=("action", "decision")), True),
        (Filter(utterance_kinds=("action",)), False),
        (Filter(speaker_keys=("ann",), utterance_kinds=("action",)), False),
        (Filter(start_ms=90_000), True),
        (Filter(start_ms=90_001), False),
        (Filter(end_ms=60_000), True),
        (Filter(end_ms=59_999), False),
        (Filter(all_of=(OF_ANN, OF_BOB)), False),
        (Filter(any_of=(OF_ANN, OF_BOB)), True),
        (Filter(any_of=(OF_BOB, Filter(utterance_kinds=("speech",)))), False),
        # What is asked of the whole chunk says nothing about its lines.
        (Filter(tag_keys=("x",), term_ids=(1,)), True),
        (Filter(phrase="The budget"), True),
        (Filter(phrase="report"), False),
        (Filter(any_of=(OF_BOB, Filter(tag_keys=("x",)))), True),
        (Filter(none_of=(OF_ANN,)), True),
    ],
)
def test_it_is_asked_for_when_nothing_about_utterances_speaks_against_it(condition, asked_for):
    assert condition.asks_for(DECIDED) is asked_for


@pytest.mark.parametrize("condition", [Filter(start_ms=0), Filter(end_ms=10**9)])
def test_offsets_do_not_ask_for_what_has_no_time(condition):
    assert not condition.asks_for(Utterance(0, "Ann", None, None, "x"))
    assert condition.asks_for(Utterance(0, "Ann", None, 0, "x"))


def test_a_line_that_is_cut_stays_what_it_was():
    (line,) = cut_to_span([DECIDED], Span(3, 4, 3, 10))
    assert (line.text, line.kind) == ("budget", "decision")
    assert Filter(utterance_kinds=("decision",)).asks_for(line)
