"""What commands print, from real protobuf messages."""

import io

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from sagwan.ingest.v1 import ingest_pb2, meeting_pb2
from sagwan.search.v1 import search_pb2
from sagwan_client.cli.answers import print_answer
from sagwan_client.cli.console import printable
from sagwan_client.cli.meetings import print_meetings
from sagwan_client.cli.render import clock, highlighted, legs_text, print_hit, spoken
from sagwan_client.cli.status import ServiceStatus, StackStatus, print_status
from sagwan_client.cli.tally import Tally, print_tally
from sagwan_client.cli.utterances import print_utterances
from sagwan_client.errors import FieldViolation
from sagwan_client.transcripts import Origin, UnsendableItem


def _printed(work, *arguments, **options) -> str:
    console = Console(file=io.StringIO(), width=100, highlight=False)
    work(console, *arguments, **options)
    return console.file.getvalue()


def _line(text: str, *highlights: tuple[int, int], speaker: str = "", seconds: int | None = None) -> search_pb2.Line:
    return search_pb2.Line(
        utterance="meetings/m1/utterances/0",
        speaker=speaker,
        text=text,
        start_offset=None if seconds is None else Duration(seconds=seconds),
        highlights=[search_pb2.Highlight(start=start, end=end) for start, end in highlights],
    )


def _hit(*lines: search_pb2.Line, best: int = 0) -> search_pb2.Hit:
    return search_pb2.Hit(
        meeting=search_pb2.MeetingSummary(name="meetings/m1", title="Outage review", date="2026-02-11"),
        legs=[
            search_pb2.LegScore(leg=search_pb2.LEG_VECTOR, rank=1),
            search_pb2.LegScore(leg=search_pb2.LEG_LEXICAL, rank=12),
        ],
        lines=lines,
        best_line=best,
    )


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0, "0:00:00"), (59, "0:00:59"), (3_600, "1:00:00"), (86_399, "23:59:59")]
)
def test_an_offset_is_shown_in_hours_minutes_and_seconds(seconds, shown):
    assert clock(Duration(seconds=seconds, nanos=999_000_000)) == shown


def test_the_ranks_of_the_legs_stand_in_one_order():
    assert legs_text(_hit().legs) == "lexical #12, vector #1"
    assert legs_text([]) == "no leg"


@pytest.mark.parametrize(
    ("text", "highlight", "word"),
    [
        ("pressed Pay again", (8, 11), "Pay"),
        ("캐시 적중률이 떨어졌다", (3, 6), "적중률"),
        ("𝒳😀 결제 오류", (3, 5), "결제"),
        ("tab\tand\x1b[31mred", (12, 15), "red"),
    ],
)
def test_highlights_count_code_points_whatever_stands_before_them(text, highlight, word):
    marked = highlighted(_line(text, highlight))
    (span,) = marked.spans
    assert marked.plain[span.start : span.end] == word


@given(st.text())
def test_text_for_the_terminal_has_no_control_character_and_keeps_its_length(text):
    shown = printable(text)
    assert len(shown) == len(text)
    assert not any(ord(character) < 0x20 or 0x7F <= ord(character) < 0xA0 for character in shown)


def test_a_speaker_or_a_time_that_is_not_known_leaves_no_gap():
    assert spoken(_line("x", speaker="Ann", seconds=5)).plain == "Ann  0:00:05"
    assert spoken(_line("x", seconds=5)).plain == "0:00:05"
    assert spoken(_line("x", speaker="Ann")).plain == "Ann"


def test_a_hit_shows_its_best_line_between_its_neighbours():
    hit = _hit(
        _line("zero"), _line("one", speaker="Bob"), _line("two", speaker="Ann", seconds=83), _line("three"), best=2
    )
    assert _printed(print_hit, hit, 1, context_lines=1).splitlines() == [
        " 1. Outage review  2026-02-11  lexical #12, vector #1",
        "    Bob: one",
        "    Ann  0:01:23",
        "    two",
        "    three",
    ]


def test_a_hit_whose_best_line_is_out_of_range_is_still_shown():
    assert _printed(print_hit, _hit(_line("zero"), best=7), 1, context_lines=0).endswith("\n    zero\n")
    assert _printed(print_hit, _hit(), 1, context_lines=1).count("\n") == 1


def test_brackets_in_a_meeting_are_words_and_no_markup():
    hit = _hit(_line("see [bold]this[/bold]", speaker="[red]"))
    shown = _printed(print_answer, search_pb2.SearchResponse(hits=[hit]), client_ms=1, context_lines=0)
    assert "see [bold]this[/bold]" in shown
    assert "[red]" in shown


def test_an_answer_that_lacks_a_leg_says_so():
    answer = search_pb2.SearchResponse(degraded=True, degraded_reason="the embedder is late")
    shown = _printed(print_answer, answer, client_ms=12.4, context_lines=0)
    assert "Nothing found." in shown
    assert "Degraded: the embedder is late" in shown
    assert "0 hits in 12 ms" in shown


def test_an_answer_to_part_of_a_question_says_so():
    answer = search_pb2.SearchResponse(hits=[_hit(_line("x"))], partial=True, partial_reason="12 words were too many")
    assert "Partial: 12 words were too many" in _printed(print_answer, answer, client_ms=1, context_lines=0)


def test_what_is_not_printed_to_a_terminal_has_no_colours():
    answer = search_pb2.SearchResponse(hits=[_hit(_line("pressed Pay", (8, 11)))])
    assert "\x1b" not in _printed(print_answer, answer, client_ms=1, context_lines=0)


def test_a_terminal_gets_its_highlights_in_bold():
    console = Console(file=io.StringIO(), force_terminal=True, color_system="standard", width=80)
    answer = search_pb2.SearchResponse(hits=[_hit(_line("pressed Pay", (8, 11)))])
    print_answer(console, answer, client_ms=1, context_lines=0)
    assert "\x1b[1;33mPay\x1b[0m" in console.file.getvalue()


def test_on_a_terminal_a_folded_line_stays_indented_and_its_neighbours_are_cut_to_one_line():
    console = Console(file=io.StringIO(), force_terminal=True, color_system=None, width=20)
    hit = _hit(_line("가나다라 마바사아 자차카타 파하"), _line("one two three four five six"))
    print_hit(console, hit, 1, context_lines=1)
    shown = [line.rstrip() for line in console.file.getvalue().splitlines()]
    assert shown[-4:] == ["    가나다라", "    마바사아", "    자차카타 파하", "    one two three f…"]


def test_utterances_are_counted_by_meeting_and_listed_under_it():
    answer = search_pb2.ListUtterancesResponse(
        utterances=[_line("hello", speaker="Ann", seconds=1), _line("again", speaker="Ann")],
        total_size=1_200,
        next_page_token="more",
        meeting_counts=[search_pb2.FacetValue(value="meetings/m1", count=1_200)],
    )
    shown = _printed(print_utterances, answer)
    assert "1,200 utterances" in shown
    assert shown.count("meetings/m1") == 2
    assert "Ann  0:00:01  hello" in shown
    assert "the first 2 of 1,200" in shown


def test_meetings_are_listed_and_an_empty_list_says_what_to_do():
    meeting = meeting_pb2.Meeting(name="meetings/m1", title="예산 [안]", date="2026-03-04", chunk_count=7)
    shown = _printed(print_meetings, ingest_pb2.ListMeetingsResponse(meetings=[meeting], total_size=1))
    assert "예산 [안]" in shown
    assert "m1  0 utterances, 7 chunks" in shown
    assert "sagwan ingest" in _printed(print_meetings, ingest_pb2.ListMeetingsResponse())


def test_a_stack_is_well_only_when_all_serve_and_the_key_is_accepted():
    serving = ServiceStatus("search", "127.0.0.1:1", "", "SERVING")
    down = ServiceStatus("embedder", "127.0.0.1:2", "", "UNREACHABLE")
    assert StackStatus((serving,), "m", 3, "").well
    assert not StackStatus((serving, down), "m", 3, "").well
    refused = StackStatus((serving,), "m", None, "the API key is not known")
    assert not refused.well
    assert "the API key is not known" in _printed(print_status, refused)
    assert "make up" in _printed(print_status, StackStatus((down,), "", None, ""))


def _kept(outcome: int, chunks: int, embedded: int) -> ingest_pb2.IngestMeetingResponse:
    return ingest_pb2.IngestMeetingResponse(
        meeting=meeting_pb2.Meeting(chunk_count=chunks), outcome=outcome, embedded_chunk_count=embedded
    )


def test_an_import_is_counted_by_outcome():
    tally = Tally()
    transcript = ingest_pb2.IngestTranscriptResponse(
        meetings=[
            _kept(ingest_pb2.INGEST_OUTCOME_CREATED, 10, 10),
            _kept(ingest_pb2.INGEST_OUTCOME_UPDATED, 5, 2),
            _kept(ingest_pb2.INGEST_OUTCOME_UNCHANGED, 7, 0),
        ],
        mendings=[meeting_pb2.Mending(line=4, description="blank cue dropped")],
    )
    tally.add(Origin("a.vtt", 0, 1), ingest_pb2.ImportMeetingsResponse(transcript=transcript))
    assert tally.meetings == 3
    assert (tally.chunks, tally.embedded_chunks) == (22, 12)
    assert tally.exit_code == 0
    shown = _printed(print_tally, tally, seconds=2.0)
    assert "22 chunks, 12 embedded, 2.0 s, 6 chunks/s" in shown
    assert "a.vtt:4: blank cue dropped" in shown


def _refused(code: grpc.StatusCode, message: str, **violations: str) -> ingest_pb2.ImportMeetingsResponse:
    error = ingest_pb2.ItemError(
        code=code.value[0],
        message=message,
        field_violations=[
            ingest_pb2.FieldViolation(field=field, description=reason) for field, reason in violations.items()
        ],
    )
    return ingest_pb2.ImportMeetingsResponse(error=error)


def test_a_refusal_is_told_with_file_line_field_and_reason():
    tally = Tally()
    refusal = _refused(grpc.StatusCode.INVALID_ARGUMENT, "x", content="line 3: is not JSON", title="is too long")
    tally.add(Origin("many.jsonl", 12, 1), refusal)
    assert tally.exit_code == 1
    shown = _printed(print_tally, tally, seconds=1.0)
    assert "many.jsonl:14: content: is not JSON" in shown
    assert "many.jsonl:12: title: is too long" in shown
    (told,) = tally.as_json(seconds=1.0)["refusals"]
    assert told["code"] == "INVALID_ARGUMENT"
    assert told["faults"][0] == {"source": "many.jsonl", "line": 14, "field": "content", "reason": "is not JSON"}


def test_what_may_succeed_later_is_said_to():
    tally = Tally()
    tally.add(Origin("a.txt", 0, 1), _refused(grpc.StatusCode.UNAVAILABLE, "the embedder is down"))
    shown = _printed(print_tally, tally, seconds=1.0)
    assert "a.txt: the embedder is down" in shown
    assert "may succeed later" in shown


def test_what_was_not_sent_counts_as_refused():
    tally = Tally()
    tally.add_unsendable(UnsendableItem(Origin("a.txt", 0, 1), FieldViolation("content", "is too large")))
    assert tally.exit_code == 1
    shown = _printed(print_tally, tally, seconds=0.0)
    assert "a.txt: content: is too large" in shown
    assert "may succeed later" not in shown


def test_a_long_list_of_refusals_is_cut_and_says_so():
    tally = Tally()
    for number in range(30):
        tally.add(Origin(f"{number}.txt", 0, 1), _refused(grpc.StatusCode.INVALID_ARGUMENT, "no"))
    assert "and 10 more" in _printed(print_tally, tally, seconds=1.0)
