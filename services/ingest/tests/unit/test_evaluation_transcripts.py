"""Real transcripts, read from beside the repository where they are."""

import json

import pytest

from sagwan_ingest.domain.chunking import TOKENS_MAX, TOKENS_TARGET, chunk
from sagwan_ingest.domain.formats.registry import Hints, read_transcript
from sagwan_ingest.domain.meeting import Meeting
from sagwan_ingest.domain.validation import validated
from sagwan_runtime.errors import InvalidRequest
from sagwan_text.tokens import estimate_tokens


@pytest.mark.parametrize("folder", ["qmsum/val", "seoul_edu/dev", "ethereum_pm/dev"])
def test_every_meeting_of_the_evaluation_sets_is_read_whole_and_fit_to_keep(present, folder):
    path = present(f"{folder}/meetings.jsonl")
    content = path.read_bytes()

    transcript = read_transcript(content, Hints(file_name=path.name))

    turns = [json.loads(line)["turns"] for line in content.splitlines()]
    assert transcript.format_name == "jsonl"
    assert [len(each.utterances) for each in transcript.meetings] == [len(each) for each in turns]
    assert [validated(each).attributes["n_turns"] for each in transcript.meetings] == [str(len(each)) for each in turns]


def test_a_real_korean_meeting_is_cut_within_the_budget(present):
    with present("seoul_edu/dev/meetings.jsonl").open("rb") as file:
        (meeting,) = read_transcript(file.readline(), Hints()).meetings

    sizes = [estimate_tokens(each.text) for each in chunk(meeting.utterances, count_tokens=estimate_tokens)]

    assert max(sizes) <= TOKENS_MAX
    assert 0.8 * TOKENS_TARGET <= sum(sizes) / len(sizes) <= 1.2 * TOKENS_TARGET


@pytest.mark.parametrize("folder", ["vttjs_conformance", "webvtt_py_fixtures", "vtt_odd", "zoom", "teams_stream"])
def test_real_and_broken_webvtt_is_read_or_refused_with_a_reason(present, folder):
    for path in sorted(present(f"formats/{folder}").rglob("*.vtt")):
        try:
            (meeting,), violations = read_transcript(path.read_bytes(), Hints(file_name=path.name)).meetings, ()
        except InvalidRequest as refused:
            meeting, violations = Meeting(), refused.violations

        assert bool(meeting.utterances) != bool(violations), path
        assert all(each.text.strip() for each in meeting.utterances), path
        assert all(each.field == "content" and each.reason for each in violations), path


def test_real_zoom_recordings_name_every_speaker(present):
    for path in present("formats/zoom").glob("*.vtt"):
        (meeting,) = read_transcript(path.read_bytes(), Hints(file_name=path.name)).meetings

        assert len(meeting.utterances) == path.read_text(encoding="utf-8").count(" --> ")
        assert all(each.speaker for each in meeting.utterances)
