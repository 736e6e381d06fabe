"""Files, folders and standard input as items of an import."""

import io
import json
import re
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagwan_client import transcripts
from sagwan_client.transcripts import (
    TranscriptItem,
    UnsendableItem,
    found_files,
    items_of_files,
    items_of_stream,
    meeting_id_of,
)

_MEETING_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~-]{0,127}")


def _meeting_line(meeting_id: str, **fields: object) -> bytes:
    record = {"meeting_id": meeting_id, "turns": [{"speaker": "A", "text": "hello"}], **fields}
    return json.dumps(record).encode() + b"\n"


def test_a_plain_name_is_its_own_id():
    assert meeting_id_of("2026-03-04-city-library-budget") == "2026-03-04-city-library-budget"
    assert meeting_id_of("Weekly sync (final)") == "Weekly-sync-final"


def test_two_korean_names_never_become_one_id():
    ids = {meeting_id_of(stem) for stem in ("주간 회의", "월간 회의", "2026-03-04 주간 회의")}
    assert len(ids) == 3
    assert any(each.startswith("2026-03-04-") for each in ids)


def test_a_name_is_the_same_however_its_letters_are_composed():
    composed = unicodedata.normalize("NFC", "회의록")
    assert meeting_id_of(composed) == meeting_id_of(unicodedata.normalize("NFD", composed))


@given(st.text(min_size=1, max_size=300))
def test_every_name_becomes_an_id_that_the_service_takes(stem):
    assert _MEETING_ID.fullmatch(meeting_id_of(stem))


def test_folders_are_searched_for_transcripts_in_order_of_name(tmp_path):
    for name in (
        "b.vtt",
        "a.txt",
        "sub/c.JSONL",
        "sub/notes.md",
        "sub/scan.pdf",
        "README.md",
        ".hidden/d.txt",
        ".e.txt",
        "questions.jsonl",
    ):
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text("x")
    names = [file.name for file in found_files([tmp_path], exclude=["questions.*"])]
    assert names == ["a.txt", "b.vtt", "c.JSONL", "notes.md"]


def test_a_pattern_names_what_it_matches_and_a_file_of_that_very_name_itself(tmp_path):
    for name in ("a.vtt", "sub/b.vtt", "sub/c.txt", "odd[1].vtt"):
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text("x")

    def names(pattern: str) -> list[str]:
        return [file.name for file in found_files([tmp_path / pattern])]

    assert names("**/*.vtt") == ["a.vtt", "odd[1].vtt", "b.vtt"]
    assert names("su?") == ["c.txt", "b.vtt"][::-1]
    assert names("odd[1].vtt") == ["odd[1].vtt"]
    for missing in ("*.srt", "nothing.vtt"):
        with pytest.raises(FileNotFoundError, match="does not exist"):
            names(missing)


def test_a_file_that_is_named_is_taken_whatever_its_suffix_and_only_once(tmp_path):
    file = tmp_path / "minutes.md"
    file.write_text("x")
    assert found_files([file, file, tmp_path]) == [file]


def test_a_text_file_is_one_item_named_after_its_file(tmp_path):
    file = tmp_path / "2026-03-04-budget.txt"
    file.write_bytes(b"Ann: hello\n")
    (item,) = items_of_files([file])
    assert item.request.content == b"Ann: hello\n"
    assert item.request.meeting_id == "2026-03-04-budget"
    assert item.request.file_name == "2026-03-04-budget.txt"
    assert item.origin.line == 0
    assert item.origin.size_bytes == 11


def test_lines_that_hold_a_meeting_each_are_an_item_each(tmp_path):
    file = tmp_path / "many.jsonl"
    file.write_bytes(b"\xef\xbb\xbf" + _meeting_line("m1") + b"\n" + b"not json\n" + _meeting_line("m2"))
    items = list(items_of_files([file]))
    assert [item.origin.line for item in items] == [1, 3, 4]
    assert [item.request.content for item in items] == [
        _meeting_line("m1"),
        b"not json\n",
        _meeting_line("m2"),
    ]
    assert all(item.request.meeting_id == "" for item in items)
    assert all(item.request.format == "jsonl" for item in items)


def test_one_of_many_meetings_does_not_take_the_title_of_its_file_but_knows_where_it_is_from(tmp_path):
    file = tmp_path / "many.jsonl"
    file.write_bytes(_meeting_line("m1") + _meeting_line("m2", source="recorder"))
    first, second = items_of_files([file])
    assert first.request.file_name == second.request.file_name == ""
    assert first.request.meeting.source == "many.jsonl"
    assert second.request.meeting.source == ""


def test_json_lines_of_another_shape_are_sent_as_they_are(tmp_path):
    file = tmp_path / "turns.jsonl"
    file.write_bytes(b'{"speaker": "A", "text": "hello"}\n{"speaker": "B", "text": "hi"}\n')
    (item,) = items_of_files([file])
    assert item.request.content == file.read_bytes()
    assert item.request.meeting_id == ""
    assert item.request.format == ""


def test_a_second_file_that_would_replace_the_first_is_not_sent(tmp_path):
    files = [tmp_path / folder / "notes.txt" for folder in ("a", "b")]
    for file in files:
        file.parent.mkdir()
        file.write_text("Ann: hello")
    first, second = items_of_files(files)
    assert isinstance(first, TranscriptItem)
    assert isinstance(second, UnsendableItem)
    assert str(files[0]) in second.violation.reason


def test_a_file_that_cannot_be_read_does_not_end_the_import(tmp_path):
    there = tmp_path / "b.txt"
    there.write_text("Ann: hello")
    missing, kept = items_of_files([tmp_path / "a.txt", there])
    assert isinstance(missing, UnsendableItem)
    assert isinstance(kept, TranscriptItem)


def test_an_id_that_is_given_wins_over_the_name_and_keeps_the_file_whole(tmp_path):
    file = tmp_path / "many.jsonl"
    file.write_bytes(_meeting_line("m1"))
    (item,) = items_of_files([file], meeting_id="mine", format_name="jsonl")
    assert item.request.meeting_id == "mine"
    assert item.request.content == _meeting_line("m1")


def test_standard_input_has_no_name_and_lets_the_service_choose_the_id():
    (item,) = items_of_stream(io.BytesIO(b"Ann: hello\nBob: hi\n"))
    assert item.request.content == b"Ann: hello\nBob: hi\n"
    assert item.request.meeting_id == ""
    assert item.origin.source == "-"


def test_standard_input_may_hold_many_meetings():
    items = list(items_of_stream(io.BytesIO(_meeting_line("m1") + _meeting_line("m2"))))
    assert [item.origin.line for item in items] == [1, 2]


def test_what_the_service_would_refuse_for_its_size_is_not_sent(tmp_path, monkeypatch):
    monkeypatch.setattr(transcripts, "CONTENT_BYTES_MAX", 200)
    large = tmp_path / "large.txt"
    large.write_bytes(b"x" * 201)
    lines = tmp_path / "lines.jsonl"
    lines.write_bytes(_meeting_line("m1") + _meeting_line("m2", title="t" * 1_000) + _meeting_line("m3"))
    refused, first, second, third = items_of_files([large, lines])
    assert isinstance(refused, UnsendableItem)
    assert isinstance(second, UnsendableItem)
    assert second.origin.line == 2
    assert [item.request.content for item in (first, third)] == [_meeting_line("m1"), _meeting_line("m3")]


@pytest.mark.parametrize("content", [b"", b"\n", b"{", b"[" * 5_000, b"\xff\xfe{", b'{"turns": 1}\n'])
def test_odd_content_is_left_to_the_service(content):
    (item,) = items_of_stream(io.BytesIO(content))
    assert item.request.content == content


def test_a_file_name_that_is_not_text_is_sent_as_text(tmp_path):
    (item,) = items_of_files([_written(tmp_path / "caf\udce9.txt")])
    assert item.request.file_name == "caf?.txt"


def _written(file: Path) -> Path:
    file.write_text("Ann: hello")
    return file


@pytest.mark.parametrize("suffix", [".txt", ".vtt", ".json", ""])
def test_a_file_that_is_too_large_is_refused_without_being_read(tmp_path, suffix, monkeypatch):
    file = tmp_path / f"large{suffix}"
    with file.open("wb") as stream:
        stream.truncate(200 << 20)
    monkeypatch.setattr(Path, "open", None)

    (item,) = items_of_files([file])

    assert isinstance(item, UnsendableItem)
    assert item.violation.reason == "is larger than 32 MiB; split it into several files"
    assert item.origin.size_bytes == 200 << 20


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".ndjson"])
def test_a_file_that_can_hold_several_meetings_gives_them_no_id(tmp_path, suffix):
    file = tmp_path / f"council{suffix}"
    file.write_text("speaker,text\nAnn,hello\n")

    (item,) = items_of_files([file])

    assert item.request.meeting_id == ""
