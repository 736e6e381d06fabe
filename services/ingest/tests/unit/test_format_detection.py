from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagwan_ingest.domain.formats.registry import BINARY_FORMATS, TEXT_FORMATS, Hints, format_names, read_transcript
from sagwan_runtime.errors import InvalidRequest

JSONL = '{"meeting_id": "m", "turns": [{"speaker": "Ann", "text": "Hello."}]}\n'
WEBVTT = "WEBVTT\n\n00:01.000 --> 00:02.000\n<v Ann>Hello.\n"
TEXT = "Ann: Hello.\nBob: Hi.\n"
PROSE = "Nobody is named here.\n\nIt goes on.\n"


def read(text, **hints):
    return read_transcript(text.encode(), Hints(**hints))


def reason(content, **hints):
    with pytest.raises(InvalidRequest) as refused:
        read_transcript(content, Hints(**hints))
    (violation,) = refused.value.violations
    return violation.field, violation.reason


@pytest.mark.parametrize(("text", "name"), [(JSONL, "jsonl"), (WEBVTT, "webvtt"), (TEXT, "text")])
@pytest.mark.parametrize("file_name", ["", "x.txt", "x.vtt", "x.jsonl", "x.bin", "x"])
def test_the_content_decides_whatever_the_suffix(text, name, file_name):
    assert read(text, file_name=file_name).format_name == name


@pytest.mark.parametrize("file_name", ["", "notes", "notes.txt", "NOTES.TXT"])
def test_text_without_signs_of_turns_is_plain_text_when_the_suffix_agrees_or_there_is_none(file_name):
    assert read(PROSE, file_name=file_name).format_name == "text"


@pytest.mark.parametrize(
    ("text", "file_name"),
    [(PROSE, "x.log"), ("<html><p>Hi</p></html>", "")],
)
def test_a_format_that_is_not_known_is_refused_and_the_known_ones_named(text, file_name):
    field, why = reason(text.encode(), file_name=file_name)

    assert field == "content"
    assert ", ".join(format_names()) in why


def test_a_known_suffix_sends_odd_content_to_its_parser_that_says_what_is_wrong():
    assert reason(b"00:01.000 --> 00:02.000\nHi", file_name="x.vtt") == (
        "content",
        "line 1: does not begin with WEBVTT",
    )


def test_a_format_that_is_named_is_taken():
    assert read(WEBVTT, format_name="text").format_name == "text"
    assert reason(WEBVTT.encode(), format_name="morse") == ("format", f"is not one of {', '.join(format_names())}")


@pytest.mark.parametrize("content", [b"", b"  \n", b"\xef\xbb\xbf"])
def test_empty_content_is_refused(content):
    assert reason(content) == ("content", "is empty")


def test_names_and_suffixes_of_formats_are_distinct():
    names = format_names()
    suffixes = [suffix for each in (*TEXT_FORMATS, *BINARY_FORMATS) for suffix in each.suffixes]

    assert len(set(names)) == len(names)
    assert len(set(suffixes)) == len(suffixes)


@pytest.mark.parametrize(
    ("file_name", "held_on", "title"),
    [
        ("2024-03-05_weekly-sync.vtt", date(2024, 3, 5), "weekly sync"),
        ("/home/ann/2024-03-05 Weekly Sync.final.txt", date(2024, 3, 5), "Weekly Sync.final"),
        ("C:\\meetings\\2024-03-05.txt", date(2024, 3, 5), ""),
        ("2024-13-05_x.txt", None, "2024 13 05 x"),
        ("주간_회의.txt", None, "주간 회의"),
        (".txt", None, ".txt"),
        ("", None, ""),
    ],
)
def test_a_file_name_gives_the_day_and_the_title(file_name, held_on, title):
    (meeting,) = read(TEXT, file_name=file_name).meetings

    assert (meeting.held_on, meeting.title, meeting.source) == (held_on, title, file_name)


def test_what_the_content_says_wins_over_the_file_name_and_the_callers_id_over_the_content():
    line = '{"meeting_id": "m", "title": "T", "date": "2020-01-01", "source": "S", "turns": [{"text": "Hi"}]}'

    (meeting,) = read(line, file_name="2024-03-05_x.jsonl", meeting_id="mine").meetings

    assert (meeting.meeting_id, meeting.title, meeting.held_on, meeting.source) == (
        "mine", "T", date(2020, 1, 1), "S",
    )  # fmt: skip


def test_several_meetings_share_the_source_but_no_title_and_no_id():
    two = JSONL + JSONL.replace('"m"', '"n"')

    meetings = read(two, file_name="2024-03-05_x.jsonl").meetings

    assert [(each.meeting_id, each.title, each.held_on) for each in meetings] == [("m", "", None), ("n", "", None)]
    assert {each.source for each in meetings} == {"2024-03-05_x.jsonl"}
    assert reason(two.encode(), meeting_id="mine")[0] == "meeting_id"


@given(st.binary(max_size=60), st.sampled_from(["", "x.vtt", "x.txt", "x.jsonl", "x.docx"]))
def test_any_bytes_are_read_or_refused(content, file_name):
    try:
        meetings, violations = read_transcript(content, Hints(file_name=file_name)).meetings, ()
    except InvalidRequest as refused:
        meetings, violations = (), refused.violations

    assert bool(meetings) != bool(violations)
    assert all(each.field == "content" and each.reason for each in violations)


def test_more_meetings_than_a_transaction_should_hold_are_refused():
    line = '{"meeting_id": "m%d", "turns": [{"speaker": "A", "text": "hi"}]}\n'
    several = "".join(line % number for number in range(1_001))
    assert reason(several.encode()) == ("content", "holds 1,001 meetings; at most 1,000 are kept at once: split it")
