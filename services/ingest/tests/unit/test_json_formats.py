import json
from datetime import UTC, date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sagwan_ingest.domain.formats import fireflies, json_turns
from sagwan_ingest.domain.formats.registry import Hints, read_transcript
from sagwan_ingest.domain.meeting import Meeting, Utterance
from sagwan_runtime.errors import InvalidRequest

SENTENCES = [
    {"index": 0, "speaker_name": "Ann", "speaker_id": 0, "start_time": 0.5, "end_time": 2.0, "text": "Shall we begin?",
     "raw_text": "shall we begin"},
    {"index": 1, "speaker_name": None, "speaker_id": 1, "start_time": 2.25, "end_time": 3, "raw_text": "네"},
]  # fmt: skip


def read(document, **hints):
    content = document if isinstance(document, str) else json.dumps(document, ensure_ascii=False)
    transcript = read_transcript(content.encode(), Hints(**hints))
    return transcript.format_name, transcript.meetings


def turns(document):
    _, (meeting,) = read(document)
    return [(each.speaker, each.text, each.start_ms, each.end_ms) for each in meeting.utterances]


def reason(text, **hints):
    with pytest.raises(InvalidRequest) as refused:
        read_transcript(text.encode(), Hints(**hints))
    (violation,) = refused.value.violations
    assert violation.field == "content"
    return violation.reason


@pytest.mark.parametrize("wrap", [lambda it: it, lambda it: {"data": {"transcript": it}}])
@pytest.mark.parametrize("indent", [None, 2])
def test_a_transcript_of_fireflies_keeps_its_meeting(wrap, indent):
    document = {
        "id": "x", "title": "주간 회의", "date": 1709600400000, "participants": ["ann@a.example", "bob@a.example"],
        "sentences": SENTENCES,
    }  # fmt: skip

    assert read(json.dumps(wrap(document), indent=indent)) == (
        "fireflies",
        (
            Meeting(
                title="주간 회의",
                started_at=datetime(2024, 3, 5, 1, tzinfo=UTC),
                participants=("ann@a.example", "bob@a.example"),
                utterances=(
                    Utterance("Ann", "Shall we begin?", 500, 2_000),
                    Utterance("Speaker 1", "네", 2_250, 3_000),
                ),
            ),
        ),
    )


@pytest.mark.parametrize(
    ("written", "started_at", "held_on"),
    [
        ("2024-03-05", None, date(2024, 3, 5)),
        ("2024-03-05T01:00:00.000Z", datetime(2024, 3, 5, 1, tzinfo=UTC), None),
        ("2024-03-05T01:00:00", None, date(2024, 3, 5)),
        ("soon", None, None),
        (1e30, None, None),
    ],
)
def test_fireflies_writes_the_day_in_several_ways(written, started_at, held_on):
    _, (meeting,) = read({"date": written, "sentences": SENTENCES})

    assert (meeting.started_at, meeting.held_on) == (started_at, held_on)


@pytest.mark.parametrize(
    "items",
    [
        [{"speaker": "Ann", "text": "Hello all.", "start": 1.5, "end": 3.0}],
        [{"name": "Ann", "content": "Hello all.", "startTime": "00:00:01.5", "endTime": "00:00:03"}],
        [{"speaker": {"name": "Ann", "id": 3}, "utterance": "Hello all.", "start_ms": 1500, "end_ms": 3000}],
        [{"발언자": "Ann", "발언내용": "Hello all.", "시작": "1.5", "종료": "3"}],
        [{"who": "Ann", "sentence": "Hello all.", "begin": 1500, "stop": 3000}],
    ],
)
@pytest.mark.parametrize("name", ["", "turns", "messages", "transcript"])
@pytest.mark.parametrize("indent", [None, 2])
def test_lists_of_turns_are_read_under_the_usual_names(items, name, indent):
    document = {name: items} if name else items
    if name == "turns" and not indent:
        return  # That is a line of JSON lines.

    format_name, (meeting,) = read(json.dumps(document, indent=indent, ensure_ascii=False))

    assert format_name == "json"
    assert meeting.utterances == (Utterance("Ann", "Hello all.", 1_500, 3_000),)


def test_an_object_around_a_list_of_turns_gives_title_day_and_participants():
    document = {
        "title": "Budget", "date": "2024.03.05", "language": "en", "participants": ["Ann", "Bob"],
        "messages": [{"author": "Ann", "body": "Hello."}],
    }  # fmt: skip

    assert read(document)[1] == (
        Meeting(
            title="Budget",
            held_on=date(2024, 3, 5),
            language="en",
            participants=("Ann", "Bob"),
            utterances=(Utterance("Ann", "Hello."),),
        ),
    )


def test_lines_that_hold_a_turn_each_are_one_meeting():
    lines = '{"speaker": "Ann", "text": "Hello.", "start": 1.5}\n{"speaker": "김", "text": "네."}\n'

    format_name, (meeting,) = read(lines, file_name="a.jsonl")

    assert format_name == "jsonl"
    assert meeting.utterances == (Utterance("Ann", "Hello.", 1_500), Utterance("김", "네."))
    assert reason(lines + '{"speaker": "B"', file_name="a.jsonl").startswith("line 3: is not one whole JSON value")


ANSWERS = {
    "assemblyai": {
        "id": "x", "status": "completed", "language_code": "en_us", "audio_duration": 3, "text": "Hello. Hi.",
        "words": [{"text": "Hello.", "start": 500, "end": 900, "speaker": "A"}],
        "utterances": [{"speaker": "A", "text": "Hello.", "start": 500, "end": 900, "confidence": 0.9},
                       {"speaker": "B", "text": "Hi.", "start": 1000, "end": 1500, "confidence": 0.9}],
    },
    "deepgram": {
        "metadata": {"duration": 3.0},
        "results": {"channels": [{"detected_language": "en-us", "alternatives": [{
            "transcript": "hello hi", "words": [
                {"word": "hello", "start": 0.5, "end": 0.9, "speaker": "A", "punctuated_word": "Hello."},
                {"word": "hi", "start": 1.0, "end": 1.5, "speaker": "B", "punctuated_word": "Hi."}]}]}]},
    },
    "deepgram paragraphs": {
        "metadata": {}, "results": {"channels": [{"detected_language": "en-us", "alternatives": [{
            "transcript": "hello hi", "paragraphs": {"paragraphs": [
                {"sentences": [{"text": "Hello.", "start": 0.5, "end": 0.9}], "speaker": "A", "start": 0.5, "end": 0.9},
                {"sentences": [{"text": "Hi.", "start": 1.0, "end": 1.5}], "speaker": "B", "start": 1.0, "end": 1.5},
            ]}}]}]},
    },
    "aws": {
        "jobName": "x", "status": "COMPLETED", "results": {
            "language_code": "en-us", "transcripts": [{"transcript": "Hello. Hi."}], "items": [
                {"type": "pronunciation", "start_time": "0.5", "end_time": "0.9", "speaker_label": "A",
                 "alternatives": [{"content": "Hello"}]},
                {"type": "punctuation", "alternatives": [{"content": "."}]},
                {"type": "pronunciation", "start_time": "1.0", "end_time": "1.5", "speaker_label": "B",
                 "alternatives": [{"content": "Hi"}]},
                {"type": "punctuation", "alternatives": [{"content": "."}]}]},
    },
    "google": {
        "results": [{"languageCode": "en-us", "alternatives": [{"transcript": "Hello. Hi.", "words": [
            {"startTime": "0.500s", "endTime": "0.900s", "word": "Hello.", "speakerTag": "A"},
            {"startTime": "1s", "endTime": "1.500s", "word": "Hi.", "speakerTag": "B"}]}]}],
    },
}  # fmt: skip


@pytest.mark.parametrize("service", sorted(ANSWERS))
def test_answers_of_speech_services_are_read(service):
    format_name, (meeting,) = read(ANSWERS[service])

    assert (format_name, meeting.language) == ("json", "en-us")
    speakers = [each.speaker.removeprefix("Speaker ") for each in meeting.utterances]
    said = [(each.text, each.start_ms, each.end_ms) for each in meeting.utterances]
    assert (speakers, said) == (["A", "B"], [("Hello.", 500, 900), ("Hi.", 1_000, 1_500)])


def test_a_speaker_that_is_a_number_is_called_so():
    assert turns([{"speaker": 0, "text": "Hello."}, {"speaker": 1, "text": "Hi."}]) == [
        ("Speaker 0", "Hello.", None, None),
        ("Speaker 1", "Hi.", None, None),
    ]


@pytest.mark.parametrize(
    "document",
    [
        [{"a": 1}],
        [{"text": "Nobody says this."}],
        [{"id": 1, "title": "An issue", "body": "Broken.", "labels": []}],
        {"meeting": "Sync", "highlights": {"x": [{"timestamp": "00:01:00", "highlight": "Agreed"}]}},
        {"packages": {"a": "1"}},
        [1, 2],
        [[{"speaker": "A", "text": "b"}]],
    ],
)
def test_what_is_no_list_of_turns_beyond_doubt_is_refused_with_what_is_needed(document):
    why = reason(json.dumps(document, indent=1), file_name="a.json")

    assert "is JSON, but no list of turns that is known; write a list of objects" in why


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('[{"speaker": "Ann",\n "text": "Hel', "line 2: is not one whole JSON value"),
        ('[{"speaker": "A", "text": "b"}] and more', "line 1: is not one whole JSON value: Extra data"),
        ('[{"a":' * 50_000, "line 1: nests too deeply"),
        ("[{" + "1," * 4_100_000, "line 1: holds more than 2,000,000 values"),
    ],
)
def test_broken_json_is_refused_with_its_line(text, why):
    assert reason(text, file_name="a.json").startswith(why)


NAMES = st.sampled_from(["Ann", "김철수"])
TEXTS = st.text(st.sampled_from('가나다 abc,."\n{'), min_size=1, max_size=20).map(str.strip).filter(bool)
OFFSETS = st.integers(0, 9_000_000)


@st.composite
def utterances(draw):
    start_ms = draw(OFFSETS)
    return Utterance(draw(NAMES), draw(TEXTS), start_ms, start_ms + draw(OFFSETS))


MEETINGS = st.builds(
    Meeting,
    title=st.sampled_from(["주간 회의", "Budget"]),
    held_on=st.dates(date(1990, 1, 1), date(2090, 1, 1)),
    participants=st.lists(st.sampled_from(["Ann", "김철수", "Bob"]), unique=True).map(tuple),
    utterances=st.lists(utterances(), min_size=1, max_size=10).map(tuple),
)


def written_for_fireflies(meeting):
    """A meeting as Fireflies gives it: title, day, participants, and turns that have times."""
    sentences = [
        {
            "speaker_name": each.speaker,
            "text": each.text,
            "start_time": each.start_ms / 1e3,
            "end_time": each.end_ms / 1e3,
        }
        for each in meeting.utterances
    ]
    return json.dumps(
        {
            "title": meeting.title,
            "date": str(meeting.held_on),
            "participants": meeting.participants,
            "sentences": sentences,
        }
    )


def written_as_a_list(meeting):
    """A meeting as an object with a list of turns: title, day, participants, and turns that have times."""
    items = [
        {"speaker": each.speaker, "text": each.text, "start": each.start_ms / 1e3, "end": each.end_ms / 1e3}
        for each in meeting.utterances
    ]
    around = {"title": meeting.title, "date": str(meeting.held_on), "participants": meeting.participants}
    return json.dumps({**around, "turns": items}, indent=1)


@given(MEETINGS)
@settings(max_examples=200, deadline=None)
def test_a_meeting_that_is_written_for_fireflies_is_read_again(meeting):
    assert fireflies.FORMAT.parse(written_for_fireflies(meeting)).meetings == (meeting,)


@given(MEETINGS)
@settings(max_examples=200, deadline=None)
def test_a_meeting_that_is_written_as_a_list_is_read_again(meeting):
    assert json_turns.FORMAT.parse(written_as_a_list(meeting)).meetings == (meeting,)


KEYS = (
    "results channels alternatives transcript transcripts words items segments sentences utterances text speaker_name"
)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS.split()), inner, max_size=4),
    max_leaves=20,
)


@pytest.mark.parametrize("form", [fireflies.FORMAT, json_turns.FORMAT])
@given(document=JSON_VALUES)
@settings(max_examples=300, deadline=None)
def test_any_json_is_read_or_refused(form, document):
    try:
        meetings, fields = form.parse(json.dumps(document)).meetings, ["content"]
    except InvalidRequest as refused:
        meetings, fields = (), [each.field for each in refused.violations]

    assert fields == ["content"]
    assert all(each.utterances for each in meetings)
