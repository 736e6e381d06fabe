"""Real files in odd encodings, tables and JSON, read from beside the repository where they are."""

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from sagwan_ingest.domain.formats.encoding import decode
from sagwan_ingest.domain.formats.registry import Hints, read_transcript
from sagwan_ingest.domain.validation import validated
from sagwan_runtime.errors import InvalidRequest

pytestmark = pytest.mark.integration


@pytest.fixture
def formats(present) -> Path:
    return present("formats")


def read(path):
    return read_transcript(path.read_bytes(), Hints(file_name=path.name))


def refusal(path):
    with pytest.raises(InvalidRequest) as refused:
        read(path)
    (violation,) = refused.value.violations
    return violation.reason


@pytest.mark.parametrize(
    ("name", "encoding", "fragment"),
    [
        ("encoding_CP949_ricanet.com.xml", "CP949", "<title>리카넷</title>"),
        ("encoding_EUC-KR__ude_euc1.txt", "EUC-KR", "20세기 이후 역사적 예수에 대한 연구는"),
        ("encoding_EUC-KR__ude_euc2.txt", "EUC-KR", "남조선(南朝鮮)에 대응하여 북조선"),
        ("encoding_Johab_iyagi-readme.txt", "Johab", "이야기 멀티 for Windows"),
        ("law_10.txt", "EUC-KR", "1. 신속처리안건 지정동의의 건"),
        ("law_11.txt", "EUC-KR", "2. 신속처리안건 지정동의의 건"),
        ("skyblue.txt", "EUC-KR", "위원장님, 저도 발언권 주십시오!"),
    ],
)
def test_korean_encodings_are_found(formats, name, encoding, fragment):
    decoded = decode((formats / "korean" / name).read_bytes())

    assert fragment in decoded.text
    assert [each.what for each in decoded.mended] == [f"is not in UTF-8; it was read as {encoding}"]


def test_the_same_captions_in_four_encodings_are_the_same_text(formats):
    files = sorted((formats / "srt_odd").glob("bom-*.srt"))

    assert [file.name for file in files] == [
        "bom-utf-16-be.srt", "bom-utf-16-le.srt", "bom-utf-32-le.srt", "bom-utf-8.srt",
    ]  # fmt: skip
    assert len({decode(file.read_bytes()).text for file in files}) == 1


def test_a_table_of_the_council_of_seoul_gives_its_eight_meetings(formats):
    (path,) = (formats / "korean").glob("*.csv")

    transcript = read(path)

    assert transcript.format_name == "csv"
    # Counted with Python's csv by the days of its rows.
    assert {each.held_on: len(each.utterances) for each in transcript.meetings} == {
        date(2020, 11, 3): 340,
        date(2020, 11, 5): 919,
        date(2020, 11, 6): 909,
        date(2020, 11, 9): 1_004,
        date(2020, 11, 10): 706,
        date(2020, 11, 11): 1_030,
        date(2020, 11, 12): 418,
        date(2020, 11, 13): 1_209,
    }
    assert len({turn.speaker for each in transcript.meetings for turn in each.utterances}) == 49
    assert all("교육위원회" in each.title and each.attributes["대수"] == "10" for each in transcript.meetings)
    assert transcript.meetings[0].utterances[1].text.startswith("선서! 본인은 서울특별시의회가")


@pytest.mark.parametrize(
    ("name", "said", "language", "reports"),
    [
        ("corner_cases__arabic.mp3.words.json", 8, "ar", ["no speech"]),
        ("corner_cases__issue24_empty.wav.words.json", 1, "en", ["stuck", "kept once"]),
        ("corner_cases__nocond_music.mp4.words.json", 38, "en", ["no speech"]),
        ("corner_cases__stucked_lm_apollo11.mp3.words.json", 6, "en", ["stuck"]),
        ("medium_auto__empty.mp3.words.json", 1, "en", []),
        ("medium_auto__smartphone.mp3.words.json", 38, "fr", []),
        ("medium_fr__empty.mp3.words.json", 1, "fr", []),
    ],
)
def test_what_whisper_wrote_is_read_and_what_it_invented_is_reported(formats, name, said, language, reports):
    path = formats / "whisper" / name
    segments = json.loads(path.read_bytes())["segments"]

    transcript = read(path)

    (meeting,) = transcript.meetings
    assert (transcript.format_name, len(meeting.utterances), meeting.language) == ("whisper", said, language)
    assert meeting.utterances[0].start_ms == round(segments[0]["start"] * 1_000)
    assert meeting.utterances[-1].end_ms == round(segments[-1]["end"] * 1_000)
    assert len(transcript.mended) == len(reports)
    assert all(report in each.what for each, report in zip(transcript.mended, reports, strict=True))
    assert {each.text for each in meeting.utterances} == {each["text"].strip() for each in segments}


def test_the_table_of_whisper_is_read_in_milliseconds(formats):
    (meeting,) = read(formats / "whisper" / "punctuations_yes__punctuations.mp3.tsv").meetings

    assert [(each.start_ms, each.end_ms, each.text) for each in meeting.utterances] == [
        (380, 2_760, "Dis-moi, est-ce que l'avion vole ?")
    ]


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("korean/2019.07.03 회의록.pdf", "is a PDF, not text; open it and save it as DOCX or as text"),
        (
            "korean/국회회의록_20대_355회_1차_사법개혁특별위원회.hwp",
            "is an HWP document, not text; open it and save it",
        ),
        ("whisper/punctuations_yes__punctuations.mp3.csv", "line 1: no row names the columns"),
        ("zoom/acdc_2026-02-05_174.transcript_changelog.tsv", "line 1: no row names the columns"),
        ("zoom/acdc_2026-02-05_174.tldr.json", "line 1: is JSON, but no list of turns that is known"),
    ],
)
def test_what_is_no_transcript_is_refused_with_what_to_do(formats, path, why):
    assert refusal(formats / path).startswith(why)


def test_whatever_is_read_of_tables_and_json_is_fit_to_keep(formats):
    files = [file for suffix in ("json", "csv", "tsv") for file in sorted(formats.rglob(f"*.{suffix}"))]
    kept = 0
    for file in files:
        try:
            meetings = read(file).meetings
        except InvalidRequest as refused:
            assert all(each.reason for each in refused.violations), file  # noqa: PT017  # most are refused, some read
            continue
        kept += sum(1 for number, each in enumerate(meetings) if validated(replace(each, meeting_id=f"m{number}")))

    assert kept >= 8 + 7 + 1
