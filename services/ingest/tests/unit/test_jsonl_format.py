import json
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from refusals import reason_of

from sagwan_ingest.domain.formats.format import Mending
from sagwan_ingest.domain.formats.jsonl import FORMAT
from sagwan_ingest.domain.meeting import Meeting, Utterance
from sagwan_runtime.errors import InvalidRequest

KOREA = timezone(timedelta(hours=9))


def parsed(*records):
    return FORMAT.parse("\n".join(json.dumps(each, ensure_ascii=False) for each in records))


def test_a_line_is_a_meeting_with_all_it_can_say():
    record = {
        "meeting_id": "m-1",
        "title": "주간 회의",
        "date": "2024-03-05",
        "started_at": "2024-03-05T10:00:00+09:00",
        "language": "ko",
        "series": "weekly",
        "source": "minutes.example",
        "participants": ["김철수", "Ann"],
        "tags": ["budget"],
        "attributes": {"room": "3"},
        "duration_s": 3135.41,
        "n_turns": 2,
        "open": True,
        "split": None,
        "turns": [
            {"speaker": "김철수", "text": "시작합시다.", "start": 241.68, "end": 242.77},
            {"text": "Yes."},
        ],
    }

    assert parsed(record).meetings == (
        Meeting(
            meeting_id="m-1",
            title="주간 회의",
            started_at=datetime(2024, 3, 5, 10, tzinfo=KOREA),
            held_on=date(2024, 3, 5),
            language="ko",
            series="weekly",
            source="minutes.example",
            participants=("김철수", "Ann"),
            tags=("budget",),
            attributes={"room": "3", "duration_s": "3135.41", "n_turns": "2", "open": "true"},
            utterances=(Utterance("김철수", "시작합시다.", 241_680, 242_770), Utterance("", "Yes.")),
        ),
    )


def test_blank_lines_are_passed_over_and_numbers_of_lines_kept():
    line = '{"meeting_id": "m", "turns": [{"text": "Hi"}]}'

    assert len(FORMAT.parse(f"\n{line}\n\n").meetings) == 1
    assert reason_of(FORMAT.parse, f"\n{line}\n\n{line}") == "line 4: meeting_id 'm' is that of line 2 too"


def test_meetings_without_ids_can_be_several():
    assert len(parsed({"turns": [{"text": "a"}]}, {"turns": [{"text": "b"}]}).meetings) == 2


def test_a_blank_turn_stays_so_that_turns_keep_their_numbers():
    (meeting,) = parsed({"turns": [{"speaker": "A", "text": ""}, {"text": "b"}]}).meetings

    assert [each.text for each in meeting.utterances] == ["", "b"]


def test_what_cannot_be_kept_is_left_out_and_reported():
    record = {"topics": [{"topic": "x"}], "turns": [{"text": "a", "start": 2, "end": 1}]}

    transcript = parsed({"turns": []}, record)

    assert transcript.mended == (
        Mending(2, "field 'topics' holds a list or an object and was left out"),
        Mending(2, "turns[0] ended before it began; its end was left out"),
    )
    assert transcript.meetings[1].utterances == (Utterance("", "a", 2_000, None),)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ('{"turns": [', "is not one whole JSON value"),
        ('{"turns": []} {}', "is not one whole JSON value: Extra data at column 15"),
        ("[]", "is not a JSON object"),
        ('"turns"', "is not a JSON object"),
        ('{"a": 1}', 'has no list "turns"'),
        ('{"turns": {}}', 'has no list "turns"'),
        ('{"turns": ["a"]}', 'turns[0] is not an object with a "text"'),
        ('{"turns": [{"text": "a"}, {"text": 1}]}', 'turns[1] is not an object with a "text"'),
        ('{"turns": [{"text": "a", "speaker": 1}]}', "turns[0].speaker is not text"),
        ('{"turns": [{"text": "a", "start": "1"}]}', "turns[0].start is not a number of seconds"),
        ('{"turns": [{"text": "a", "start": true}]}', "turns[0].start is not a number of seconds"),
        ('{"turns": [{"text": "a", "end": -1}]}', "turns[0].end is not a number of seconds from 0"),
        ('{"turns": [{"text": "a", "end": 1e999}]}', "turns[0].end is not a number of seconds from 0"),
        ('{"turns": [{"text": "a", "end": NaN}]}', "holds NaN"),
        ('{"meeting_id": 7, "turns": []}', "meeting_id is not text"),
        ('{"date": "5.3.2024", "turns": []}', "date '5.3.2024' is not a day written YYYY-MM-DD"),
        ('{"started_at": "10:00", "turns": []}', "started_at '10:00' is not an ISO 8601 time"),
        ('{"started_at": "2024-03-05T10:00:00", "turns": []}', "has no offset from UTC"),
        ('{"tags": "a", "turns": []}', "tags is not a list"),
        ('{"tags": ["a", 1], "turns": []}', "tags[1] is not text"),
        ('{"attributes": "a", "turns": []}', "attributes is not an object"),
        ('{"n": ' + "9" * 5_000 + ', "turns": []}', "too many digits"),
        ('{"n": ' + "[" * 100_000, "nests too deeply"),
    ],
)
def test_a_line_that_is_wrong_is_refused_with_its_number_and_what_is_wrong(line, why):
    found = reason_of(FORMAT.parse, '{"turns": []}\n' + line)

    assert found.startswith("line 2: ")
    assert why in found


names = st.text(min_size=1, max_size=8).map(str.strip)
offsets = st.none() | st.integers(0, 2**31 - 1)


@st.composite
def meetings(draw):
    def utterance():
        start_ms, end_ms = draw(offsets), draw(offsets)
        if start_ms is not None and end_ms is not None:
            start_ms, end_ms = sorted((start_ms, end_ms))
        return Utterance(draw(names), draw(st.text(max_size=20)), start_ms, end_ms)

    return Meeting(
        meeting_id=draw(st.from_regex(r"[a-z0-9-]{1,12}", fullmatch=True)),
        title=draw(names),
        started_at=draw(st.none() | st.datetimes(timezones=st.just(UTC))),
        held_on=draw(st.none() | st.dates()),
        language=draw(st.sampled_from(["", "ko", "en"])),
        participants=tuple(draw(st.lists(names, max_size=3))),
        tags=tuple(draw(st.lists(names, max_size=3))),
        series=draw(names),
        source=draw(names),
        attributes=draw(st.dictionaries(names, st.text(max_size=5), max_size=3)),
        utterances=tuple(utterance() for _ in range(draw(st.integers(0, 5)))),
    )


def written(meeting):
    turns = [
        {
            "speaker": each.speaker,
            "text": each.text,
            "start": None if each.start_ms is None else each.start_ms / 1_000,
            "end": None if each.end_ms is None else each.end_ms / 1_000,
        }
        for each in meeting.utterances
    ]
    return {
        "meeting_id": meeting.meeting_id,
        "title": meeting.title,
        "started_at": meeting.started_at and meeting.started_at.isoformat(),
        "date": meeting.held_on and meeting.held_on.isoformat(),
        "language": meeting.language,
        "participants": meeting.participants,
        "tags": meeting.tags,
        "series": meeting.series,
        "source": meeting.source,
        "attributes": dict(meeting.attributes),
        "turns": turns,
    }


@settings(max_examples=200, deadline=None)
@given(meetings())
def test_a_meeting_that_is_written_reads_as_itself(meeting):
    transcript = FORMAT.parse(json.dumps(written(meeting)))

    assert transcript.meetings == (meeting,)
    assert transcript.mended == ()


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda each: (
            st.lists(each)
            | st.dictionaries(st.sampled_from(["turns", "text", "date", "tags", "attributes", "start"]), each)
        ),
        max_leaves=8,
    )
)
def test_any_json_value_is_read_or_refused(value):
    try:
        meetings, violations = FORMAT.parse(json.dumps(value)).meetings, ()
    except InvalidRequest as refused:
        meetings, violations = (), refused.violations

    assert bool(meetings) != bool(violations)
    assert all(each.reason.startswith("line 1: ") for each in violations)


@pytest.mark.parametrize("instant", ["0001-01-01T00:00:00+09:00", "9999-12-31T23:59:59-09:00"])
def test_a_start_that_utc_has_no_year_for_is_refused_with_its_line(instant):
    text = json.dumps({"started_at": instant, "turns": [{"text": "hello"}]})
    assert reason_of(FORMAT.parse, text).startswith("line 1: started_at")
