import csv
import io
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from refusals import reason_of

from sagwan_ingest.domain.formats.csv_turns import FORMAT
from sagwan_ingest.domain.formats.format import CERTAIN, NEVER
from sagwan_ingest.domain.formats.registry import Hints, read_transcript
from sagwan_ingest.domain.meeting import Meeting, Utterance
from sagwan_runtime.errors import InvalidRequest

COUNCIL = """회의록구분,회의구분,위원회,회수,회의일자,발언자,발언순번,발언내용,기관구분
의회 회의록,정례회,교육위원회,제10회,2024.03.05 화요일,위원장 김영수,1,"의석을 정돈해 주시기 바랍니다.",위원장
의회 회의록,정례회,교육위원회,제10회,2024.03.05 화요일,박지민 위원,2,"질의하겠습니다.
자료가 있습니까?",위원
의회 회의록,정례회,교육위원회,제10회,2024.03.06 수요일,위원장 김영수,1,속개하겠습니다.,위원장
"""


def mended(text):
    return [(each.line, each.what) for each in FORMAT.parse(text).mended]


def test_a_table_of_a_council_gives_its_meetings():
    assert FORMAT.parse(COUNCIL).meetings == (
        Meeting(
            title="정례회 교육위원회 제10회",
            held_on=date(2024, 3, 5),
            attributes={"회의록구분": "의회 회의록"},
            utterances=(
                Utterance("위원장 김영수", "의석을 정돈해 주시기 바랍니다."),
                Utterance("박지민 위원", "질의하겠습니다.\n자료가 있습니까?"),
            ),
        ),
        Meeting(
            title="정례회 교육위원회 제10회",
            held_on=date(2024, 3, 6),
            attributes={"회의록구분": "의회 회의록", "기관구분": "위원장"},
            utterances=(Utterance("위원장 김영수", "속개하겠습니다."),),
        ),
    )
    assert mended(COUNCIL) == [(2, "column '기관구분' differs from turn to turn and was left out")]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found_even_where_texts_are_full_of_another(delimiter):
    rows = ["Speaker", "Text"], ["Ann", '"a, b; c|d"'], ["Bob", '"d, e, f; g"']

    (meeting,) = FORMAT.parse("\n".join(map(delimiter.join, rows))).meetings

    assert [(each.speaker, each.text) for each in meeting.utterances] == [("Ann", "a, b; c|d"), ("Bob", "d, e, f; g")]


def test_a_text_at_the_end_of_a_row_may_hold_the_delimiter_unquoted():
    text = "speaker,text\nAnn,Yes\nBob,No, not at all\nEve,Yes\n"

    (meeting,) = FORMAT.parse(text).meetings

    assert meeting.utterances[1] == Utterance("Bob", "No, not at all")
    assert mended(text) == [(3, "has more cells than there are columns; those beyond were taken as text")]


def test_the_table_of_whisper_is_in_milliseconds():
    (meeting,) = FORMAT.parse("start\tend\ttext\n0\t2760\tIs the plane flying?\n2760\t5000\tIt is.\n").meetings

    assert [(each.start_ms, each.end_ms) for each in meeting.utterances] == [(0, 2_760), (2_760, 5_000)]


@pytest.mark.parametrize(
    ("names", "start", "end", "expected"),
    [
        ("start,end", "1.5", "4.25", (1_500, 4_250)),
        ("start,end", "2", "4", (2_000, 4_000)),
        ("start_ms,end_ms", "2", "4", (2, 4)),
        ("Start Time,End Time", "00:01:02", "1:01:02.5", (62_000, 3_662_500)),
        ("시작시간,종료시간", "01:02", "01:03", (62_000, 63_000)),
    ],
)
def test_times_are_read_as_they_are_written(names, start, end, expected):
    (meeting,) = FORMAT.parse(f"speaker,text,{names}\nAnn,Hello everyone.,{start},{end}\n").meetings

    (utterance,) = meeting.utterances
    assert (utterance.start_ms, utterance.end_ms) == expected


def test_turns_are_put_into_the_order_that_a_column_gives():
    text = "발언순번,발언자,발언내용\n2,박,둘\n1,김,하나\n10,이,셋\n"

    (meeting,) = FORMAT.parse(text).meetings

    assert [each.text for each in meeting.utterances] == ["하나", "둘", "셋"]
    assert mended(text) == [(2, "turns were not in the order of the column '발언순번'; they were put into it")]


def test_what_does_not_fit_is_mended_and_reported():
    text = "speaker,text,start,end\nAnn,Hello,soon,2\nBob,,1,2\nEve,Bye,5,3\nKim,Hi,1,2,extra\nLee,Yes\n\n"

    (meeting,) = FORMAT.parse(text).meetings

    assert meeting.utterances == (
        Utterance("Ann", "Hello", None, 2_000),
        Utterance("Eve", "Bye", 5_000),
        Utterance("Kim", "Hi", 1_000, 2_000),
        Utterance("Lee", "Yes"),
    )
    assert mended(text) == [
        (2, "has a time that cannot be read; it was left out"),
        (3, "has no text and was left out"),
        (4, "ended before it began; its end was left out"),
        (5, "has more cells than there are columns; those beyond were left out"),
        (6, "has fewer cells than there are columns; the others are taken as empty"),
    ]


def test_what_stands_above_the_names_of_the_columns_is_passed_over():
    (meeting,) = FORMAT.parse("sep=;\n회의록;\n발언자;발언내용\n김;네\n").meetings

    assert meeting.utterances == (Utterance("김", "네"),)


def test_a_day_with_the_year_last_is_kept_as_it_is():
    (meeting,) = FORMAT.parse("date,speaker,text\n03/05/2024,Ann,Hi\n").meetings

    assert (meeting.held_on, meeting.attributes) == (None, {"date": "03/05/2024"})


@pytest.mark.parametrize(
    "text",
    ['"Is the plane flying?",0.38,2.76\n', "original\tcorrected\tconfidence\nFossil\tFOCIL\thigh\n", "text\nHello\n"],
)
def test_without_names_that_are_understood_it_is_refused_with_what_is_needed(text):
    assert "the first row must name one for the text (text, content, 발언내용)" in reason_of(FORMAT.parse, text)
    assert FORMAT.sniff(text) == NEVER


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('speaker,text\nAnn,Hi\nBob,"never closed\nEve,Hi\n', "line 3: its quotes do not match"),
        ('speaker,text\nAnn,Hi\nBob,"He said "no", then left"\nEve,Hi\n', "line 3: its quotes do not match"),
        ("speaker,text\nAnn," + "a" * 140_000 + "\n", "line 2: a cell is longer than 131,072 characters"),
        ("speaker,text\nAnn,\n", "line 1: no row has anything in the column 'text'"),
        ("speaker,text\n" + "A,b\n" * 400_001, "line 400002: holds more than 400,000 turns"),
        ("speaker,text\n" + ",\n" * 1_048_576, "line 1048577: holds more than 1,048,576 rows"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_line(text, why):
    assert reason_of(FORMAT.parse, text).startswith(why)


def test_more_places_than_a_hundred_are_summed_up():
    found = mended("speaker,text\nAnn,Hi\n" + "Bob,\n" * 130)

    assert len(found) == 101
    assert found[-1] == (0, "30 more places: has no text and was left out")


@pytest.mark.parametrize(
    "text",
    [
        "| Speaker | Text |\n|---|---|\n| Ann | Hi |\n",
        "Ann: text, time, and speaker.\nBob: Yes.\n",
        "speaker, text\nThis is prose.\nIt goes on\nand on.\n",
        '{"speaker": "Ann", "text": "Hi"}\n',
        "WEBVTT\n\n00:01.000 --> 00:02.000\nHi\n",
    ],
)
def test_other_formats_are_left_alone(text):
    assert FORMAT.sniff(text) == NEVER


def test_a_table_in_the_encoding_of_a_council_is_read_under_any_name():
    transcript = read_transcript(COUNCIL.encode("cp949"), Hints(file_name="minutes.txt"))

    assert transcript.format_name == "csv"
    assert [len(each.utterances) for each in transcript.meetings] == [2, 1]


WORDS = st.text(st.sampled_from('가나다 abc,;|"\t\n'), min_size=1, max_size=20).map(str.strip).filter(bool)
OFFSETS = st.integers(0, 9_000_000)


@st.composite
def utterances(draw):
    start_ms = draw(OFFSETS)
    return Utterance(draw(st.sampled_from(["김철수", "Ann", ""])), draw(WORDS), start_ms, start_ms + draw(OFFSETS))


MEETINGS = st.builds(
    Meeting,
    title=st.sampled_from(["주간 회의", "Budget, part 2"]),
    held_on=st.dates(date(1990, 1, 1), date(2090, 1, 1)),
    attributes=st.just({"room": "3"}),
    utterances=st.lists(utterances(), min_size=1, max_size=12).map(tuple),
)


def written(meeting, delimiter):
    """A meeting as a table: what it can carry is the title, the day, attributes, and turns that have times."""
    output = io.StringIO()
    writer = csv.writer(output, delimiter=delimiter, lineterminator="\n")
    writer.writerow(["title", "date", "speaker", "text", "start", "end", "room"])
    for each in meeting.utterances:
        times = (f"{each.start_ms / 1_000:.3f}", f"{each.end_ms / 1_000:.3f}")
        writer.writerow([meeting.title, meeting.held_on, each.speaker, each.text, *times, "3"])
    return output.getvalue()


@given(MEETINGS, st.sampled_from(",;\t|"))
@settings(max_examples=200, deadline=None)
def test_a_meeting_that_is_written_is_read_again(meeting, delimiter):
    text = written(meeting, delimiter)

    assert FORMAT.sniff(text) == CERTAIN
    assert FORMAT.parse(text).meetings == (meeting,)


@given(st.text(max_size=200), st.sampled_from(["", "speaker,text\n", "start\ttext\n", "발언자;발언내용;시작\n"]))
@settings(max_examples=300, deadline=None)
def test_any_text_is_read_or_refused(text, header):
    try:
        meetings, violations = FORMAT.parse(header + text).meetings, ()
    except InvalidRequest as refused:
        meetings, violations = (), refused.violations

    assert bool(meetings) != bool(violations)
