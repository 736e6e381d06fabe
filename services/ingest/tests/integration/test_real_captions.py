"""Caption files that people published, read from beside the repository; figures counted with grep and by eye."""

from collections import Counter

import pytest

from sagwan_ingest.domain.formats.registry import Hints, read_transcript
from sagwan_runtime.errors import InvalidRequest

pytestmark = pytest.mark.integration

ENDED = "cue ended before it began; it now ends where it begins"
EMPTY = "cue has no text and was left out"
BACKWARDS = "cue begins before the one above it; it was kept in the order of the file"
OVERLAPPING = "cue begins before an earlier one ends; both were kept with their times"
OUTSIDE = "text outside of a cue was left out"


@pytest.fixture
def read(present):
    def transcript(path):
        file = present(f"formats/{path}")
        return read_transcript(file.read_bytes(), Hints(file_name=file.name))

    return transcript


@pytest.mark.parametrize(
    ("path", "utterances", "speakers", "mended"),
    [
        ("zoom/acdc_2026-02-05_174.transcript.vtt", 348, 15, {}),
        ("zoom/acdc_2026-02-05_174.transcript_corrected.vtt", 348, 15, {}),
        ("zoom/acdc_2026-02-19_175.transcript.vtt", 139, 7, {}),
        ("zoom/acdc_2026-03-19_176.transcript.vtt", 706, 17, {}),
        ("teams_stream/ms_stream_autocaption.vtt", 13, 0, {}),
        ("otter/204-take-the-psf-survey-and-will-carlton-drop-by.vtt", 584, 0, {}),
        ("vtt_odd/252-jupyter-is-now-a-desktop-app.vtt", 1_182, 0, {BACKWARDS: 1}),
        ("vtt_odd/427-rise-of-the-python-lord.vtt", 577, 0, {}),
        ("vtt_odd/451-databases-are-a-fad-names.vtt", 404, 3, {OVERLAPPING: 4}),
        ("vtt_odd/469-commands-out-of-the-terminal.vtt", 702, 0, {ENDED: 1, BACKWARDS: 1}),
        ("vtt_odd/471-the-orm-pattern-of-2026-timeline.vtt", 816, 0, {ENDED: 1, EMPTY: 1}),
        ("vtt_odd/473-a-clean-room-rewrite-transcript-youtube.vtt", 1_539, 0, {EMPTY: 22}),
        ("vtt_odd/tp_312-scaling.vtt", 1_812, 0, {BACKWARDS: 3, OVERLAPPING: 2}),
        ("vtt_odd/tp_496-scaf-deploys.vtt", 1_059, 0, {}),
        ("whisper/punctuations_yes__punctuations.mp3.vtt", 1, 0, {OUTSIDE: 1}),
        ("whisper/punctuations_yes__punctuations.mp3.srt", 1, 0, {}),
        ("whisper/split_subtitles__smartphone.mp3_20.srt", 203, 0, {}),
        ("srt_odd/bom-utf-8.srt", 7, 0, {}),
        ("srt_odd/bom-utf-16-be.srt", 7, 0, {"is not in UTF-8; it was read as UTF-16-BE": 1}),
        ("srt_odd/bom-utf-16-le.srt", 7, 0, {"is not in UTF-8; it was read as UTF-16-LE": 1}),
        ("srt_odd/bom-utf-32-le.srt", 7, 0, {"is not in UTF-8; it was read as UTF-32-LE": 1}),
        ("srt_odd/no-indexes.srt", 7, 0, {}),
        ("srt_odd/empty.srt", 5, 0, {EMPTY: 2}),
        ("srt_odd/capability_tester.srt", 37, 0, {OVERLAPPING: 15}),
        ("srt_odd/invalid.srt", 1, 0, {}),
        ("webvtt_py_fixtures/sample.vtt", 16, 0, {}),
        ("webvtt_py_fixtures/invalid.vtt", 7, 0, {}),
        ("webvtt_py_fixtures/youtube_dl.vtt", 3, 0, None),
        ("webvtt_py_fixtures/missing_timeframe.vtt", 6, 0, {OUTSIDE: 1}),
        ("webvtt_py_fixtures/missing_timeframe.srt", 5, 0, None),
    ],
)
def test_cues_are_read_and_what_is_wrong_is_mended(read, path, utterances, speakers, mended):
    transcript = read(path)

    (meeting,) = transcript.meetings
    assert len(meeting.utterances) == utterances
    assert len({each.speaker for each in meeting.utterances if each.speaker}) == speakers
    if mended is not None:
        assert Counter(each.what for each in transcript.mended) == mended


def test_every_encoding_of_one_file_reads_alike(read):
    encodings = ["bom-utf-8", "bom-utf-16-be", "bom-utf-16-le", "bom-utf-32-le", "no-indexes"]

    files = [read(f"srt_odd/{each}.srt").meetings[0].utterances for each in encodings]

    assert files[0][0].text == "About 2 months ago I found myself on the comment section of YouTube"
    assert (files[0][0].start_ms, files[0][0].end_ms) == (6_500, 9_000)
    assert all(each == files[0] for each in files)


def test_the_lines_of_what_was_mended_are_those_of_the_times(read):
    assert [(each.line, each.what) for each in read("vtt_odd/469-commands-out-of-the-terminal.vtt").mended] == [
        (1017, ENDED),
        (1020, BACKWARDS),
    ]


def test_no_real_recording_rolls_so_that_no_word_of_one_is_lost(read):
    for path in ("otter/204-take-the-psf-survey-and-will-carlton-drop-by.vtt", "vtt_odd/tp_312-scaling.vtt"):
        assert not any("repeat" in each.what for each in read(path).mended)


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("webvtt_py_fixtures/empty.vtt", "is empty"),
        ("webvtt_py_fixtures/no_captions.vtt", "line 1: holds no cue with text in it"),
        ("webvtt_py_fixtures/invalid_format1.srt", "line 1: holds no times such as 00:00:01,000 --> 00:00:02,000"),
    ],
)
def test_a_file_that_says_nothing_is_refused_with_the_reason(read, path, reason):
    with pytest.raises(InvalidRequest) as refused:
        read(path)

    assert [each.reason for each in refused.value.violations] == [reason]
