import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from refusals import reason_of

from sagwan_ingest.domain.formats.registry import Hints, read_transcript
from sagwan_ingest.domain.formats.whisper import FORMAT
from sagwan_ingest.domain.meeting import Meeting, Utterance
from sagwan_runtime.errors import InvalidRequest


def parsed(document):
    return FORMAT.parse(json.dumps(document, ensure_ascii=False))


def mended(document):
    return [each.what for each in parsed(document).mended]


def segment(text, start, end, **more):
    return {"id": 0, "seek": 0, "start": start, "end": end, "text": text, "tokens": [1, 2], **more}


def test_segments_become_utterances_and_the_language_is_kept():
    document = {
        "text": " 시작합시다. Yes.",
        "segments": [segment(" 시작합시다.", 0.0, 1.5), segment(" Yes.", 1.52, 2)],
        "language": "ko",
    }

    assert parsed(document).meetings == (
        Meeting(
            language="ko", utterances=(Utterance("", "시작합시다.", 0, 1_500), Utterance("", "Yes.", 1_520, 2_000))
        ),
    )
    assert mended(document) == []


def test_speakers_of_segments_are_kept_and_a_segment_without_one_has_none():
    document = {"segments": [segment(" Hi.", 0, 1, speaker="SPEAKER_00"), segment(" Hm.", 1, 2)]}

    assert [each.speaker for each in parsed(document).meetings[0].utterances] == ["SPEAKER_00", ""]


def test_a_segment_is_cut_where_the_speaker_of_the_words_changes():
    words = [
        {"word": "Shall", "start": 0.1, "end": 0.3, "speaker": "S0"},
        {"word": "we?", "start": 0.3, "end": 0.5, "speaker": "S0"},
        {"word": "5", "score": 0.1},
        {"word": "Yes,", "start": 0.9, "end": 1.0, "speaker": "S1"},
        {"word": "do.", "start": 1.0, "end": 1.2, "speaker": "S1"},
    ]

    (meeting,) = parsed({"segments": [segment(" Shall  we? 5 Yes, do.", 0, 1.3, speaker="S0", words=words)]}).meetings

    assert meeting.utterances == (Utterance("S0", "Shall  we? 5", 100, 500), Utterance("S1", "Yes, do.", 900, 1_200))


def test_words_that_are_not_in_the_text_are_joined():
    words = [{"word": "one", "speaker": "A"}, {"word": "two", "speaker": "A"}, {"word": "three", "speaker": "B"}]

    (meeting,) = parsed({"segments": [segment("1 2 3", 0, 1, words=words)]}).meetings

    assert [(each.speaker, each.text) for each in meeting.utterances] == [("A", "one two"), ("B", "three")]


def test_what_is_said_again_and_again_is_kept_once_and_reported():
    repeated = [segment(" I'm sorry.", n, n + 0.9) for n in range(29)]

    parsed_ = parsed({"segments": [segment(" Hi.", 0, 1), *repeated, segment(" Bye.", 30, 31)]})

    assert parsed_.meetings[0].utterances == (
        Utterance("", "Hi.", 0, 1_000),
        Utterance("", "I'm sorry.", 0, 28_900),
        Utterance("", "Bye.", 30_000, 31_000),
    )
    assert [each.what for each in parsed_.mended] == ["segments[1] to segments[29] say the same; it was kept once"]


def test_what_people_repeat_is_kept():
    document = {"segments": [segment("네.", n, n + 1) for n in range(3)]}

    assert len(parsed(document).meetings[0].utterances) == 3
    assert mended(document) == []


def test_what_whisper_doubts_is_kept_and_reported():
    document = {
        "segments": [
            segment("Thanks for watching!", 0, 1, no_speech_prob=0.9),
            segment("Subscribe.", 1, 2, no_speech_prob=0.8),
            segment("Hello.", 2, 3, no_speech_prob=0.1, compression_ratio=1.2),
            segment("got them, got them, got them", 3, 4, compression_ratio=29.5),
        ]
    }

    assert len(parsed(document).meetings[0].utterances) == 4
    assert mended(document) == [
        "segments[0] to [1] may be no speech, by no_speech_prob",
        "segments[3] may be said by a recogniser that is stuck, by compression_ratio",
    ]


def test_empty_segments_and_times_that_go_backwards_are_mended():
    document = {"segments": [segment(" ", 0, 1), segment("a", 3, 2), segment("b", float("nan"), 5)]}

    assert parsed(document).meetings[0].utterances == (Utterance("", "a", 3_000), Utterance("", "b", None, 5_000))
    assert mended(document) == [
        "segments[0] has no text and was left out",
        "segments[1] ended before it began; its end was left out",
    ]


@pytest.mark.parametrize(
    "document",
    [
        {"text": " Hi.", "chunks": [{"timestamp": [0.5, 2.0], "text": " Hi."}]},
        {"result": {"language": "en"}, "transcription": [
            {"timestamps": {"from": "00:00:00,500", "to": "00:00:02,000"}, "offsets": {"from": 500, "to": 2000},
             "text": " Hi."}]},
        {"task": "transcribe", "language": "english", "duration": 2.0, "segments": [segment(" Hi.", 0.5, 2.0)]},
    ],
)  # fmt: skip
def test_kin_of_whisper_are_read(document):
    transcript = read_transcript(json.dumps(document).encode(), Hints())

    assert transcript.format_name == "whisper"
    assert transcript.meetings[0].utterances == (Utterance("", "Hi.", 500, 2_000),)


def test_a_text_without_segments_is_one_utterance():
    document = {"text": "Good morning. Let us begin."}

    assert parsed(document).meetings == (Meeting(utterances=(Utterance("", "Good morning. Let us begin."),)),)
    assert mended(document) == ["has no segments; the whole text is one utterance without times"]


def test_segments_that_begin_far_behind_the_text_are_found():
    document = {"text": "word " * 10_000, "segments": [segment("word", 0, 1)]}

    assert read_transcript(json.dumps(document).encode(), Hints(file_name="a.json")).format_name == "whisper"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"segments": [{"start": 0, "text": "a"}', "line 1: is not one whole JSON value"),
        ('{"segments": [\n{"start": 0,\n "text": "a', "line 3: is not one whole JSON value"),
        ('{"segments": ' + "[" * 100_000, "line 1: nests too deeply"),
        ('{"segments": [{"start": ' + "9" * 5_000 + ', "text": "a"}]}', "line 1: holds a number with too many digits"),
        ('{"segments": [' + "[]," * 1_100_000 + "[]]}", "line 1: holds more than 2,000,000 values"),
        ('{"segments": [{"start": 0, "text": " "}]}', "line 1: holds no segment with text"),
        ('{"segments": []}', "line 1: is not what Whisper writes"),
        ('{"segments": [1, 2]}', "line 1: is not what Whisper writes"),
        ("[]", "line 1: is not what Whisper writes"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_line(text, why):
    assert reason_of(FORMAT.parse, text).startswith(why)


def test_numbers_that_are_no_time_and_keys_that_come_twice_are_reported():
    text = '{"segments": [{"start": 1e999, "end": 1e18, "text": "a", "text": "b"}], "language": "Klingon"}'

    parsed_ = FORMAT.parse(text)

    assert parsed_.meetings == (Meeting(utterances=(Utterance("", "b"),)),)
    assert [each.what for each in parsed_.mended] == [
        "an object has the same key twice; the last counts",
        "segments[0] has a time that cannot be read; it was left out",
        "segments[0] has a time that cannot be read; it was left out",
        "language 'Klingon' is no code such as ko; it was left out",
    ]


TEXTS = st.text(st.sampled_from('가나다 abc,."\n{'), min_size=1, max_size=20).map(str.strip).filter(bool)
OFFSETS = st.integers(0, 9_000_000)


@st.composite
def utterances(draw):
    start_ms = draw(OFFSETS)
    return Utterance(
        draw(st.sampled_from(["SPEAKER_00", "김철수", ""])), draw(TEXTS), start_ms, start_ms + draw(OFFSETS)
    )


def _without_long_runs(said):
    return len({each.text for each in said}) == len(said)


MEETINGS = st.builds(
    Meeting,
    language=st.sampled_from(["", "ko", "en"]),
    utterances=st.lists(utterances(), min_size=1, max_size=10).filter(_without_long_runs).map(tuple),
)


def written(meeting):
    """A meeting as WhisperX writes it, which carries the language, and turns that have times and do not repeat."""
    segments = [
        {"start": each.start_ms / 1_000, "end": each.end_ms / 1_000, "text": f" {each.text}", "speaker": each.speaker}
        for each in meeting.utterances
    ]
    return json.dumps({"segments": segments, "language": meeting.language}, ensure_ascii=False)


@given(MEETINGS)
@settings(max_examples=200, deadline=None)
def test_a_meeting_that_is_written_is_read_again(meeting):
    assert FORMAT.parse(written(meeting)).meetings == (meeting,)


KEYS = "segments text start end words speaker chunks timestamp transcription timestamps word"
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(KEYS.split()),
            inner,
            max_size=4,
        )
    ),
    max_leaves=15,
)


@given(st.fixed_dictionaries({"segments": JSON_VALUES, "text": JSON_VALUES}) | JSON_VALUES)
@settings(max_examples=300, deadline=None)
def test_any_json_is_read_or_refused(document):
    try:
        meetings, fields = FORMAT.parse(json.dumps(document)).meetings, ["content"]
    except InvalidRequest as refused:
        meetings, fields = (), [each.field for each in refused.violations]

    assert fields == ["content"]
    assert all(each.utterances for each in meetings)
