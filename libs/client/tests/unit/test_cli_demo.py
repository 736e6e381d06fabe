"""The questions and the clock of the demo."""

import json

import pytest

from sagwan_client.cli.demo import Clock, read_questions, start_of
from sagwan_client.errors import StackError


def test_questions_are_read_with_their_filters(tmp_path):
    file = tmp_path / "questions.jsonl"
    record = {"text": "why?", "meeting_id": "m1", "filters": {"speaker": "Ann", "after": "2026-01-01"}}
    file.write_text(f"{json.dumps(record)}\n\n{json.dumps({'text': 'who?', 'meeting_id': 'm2'})}\n")
    first, second = read_questions(file)
    assert (first.text, first.meeting) == ("why?", "meetings/m1")
    assert list(first.filter.speakers) == ["Ann"]
    assert (first.filter.start_date, first.filter.end_date) == ("2026-01-01", "")
    assert second.filter.ByteSize() == 0


@pytest.mark.parametrize("content", ["", "[]", "{}", "nonsense", '{"text": "a", "meeting_id": "b", "filters": []}x'])
def test_questions_that_cannot_be_read_are_told(tmp_path, content):
    file = tmp_path / "questions.jsonl"
    file.write_text(content)
    with pytest.raises(StackError, match=r"questions\.jsonl"):
        read_questions(file)


def test_the_clock_of_the_demo_starts_with_the_command_that_runs_it():
    begun = start_of({}).process_s - 100
    clock = start_of({"SAGWAN_DEMO_STARTED": str(begun)})
    assert clock.command_s == begun
    assert clock.process_s > begun
    assert "of them in `sagwan demo`" in clock.elapsed()


@pytest.mark.parametrize("environment", [{}, {"SAGWAN_DEMO_STARTED": "soon"}])
def test_without_such_a_command_it_starts_with_the_process(environment):
    clock = start_of(environment)
    assert clock == Clock(clock.process_s, clock.process_s)
    assert clock.elapsed().endswith(" s")
