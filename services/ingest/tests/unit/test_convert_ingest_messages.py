import json
from collections.abc import Callable
from datetime import UTC, date, datetime

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.timestamp_pb2 import Timestamp

from sagwan.ingest.v1 import ingest_pb2, meeting_pb2
from sagwan_ingest.convert import (
    changes_of,
    formats_response,
    ingest_response,
    item_error,
    meeting_id_of,
    meeting_message,
    meeting_of,
    overridden,
    page_request,
    page_response,
    request_key,
    transcript_of,
    transcript_response,
)
from sagwan_ingest.domain.formats.format import Mending
from sagwan_ingest.domain.formats.registry import Hints, format_names, formats
from sagwan_ingest.domain.meeting import Meeting, Utterance, UtteranceKind
from sagwan_ingest.ingestion import Ingested
from sagwan_ingest.ports import KeptMeeting, Outcome
from sagwan_runtime.errors import InvalidRequest, NotFound, Violation
from sagwan_runtime.tokens import page_token

CREATED_AT = datetime(2024, 3, 6, 1, 2, 3, tzinfo=UTC)
UPDATED_AT = datetime(2024, 3, 7, 1, 2, 3, tzinfo=UTC)
FIELDS = {
    "title": "Weekly",
    "start_time": Timestamp(seconds=1_709_629_200),
    "date": "2024-03-05",
    "language": "ko",
    "participants": ["김철수", "Ann"],
    "tags": ["budget"],
    "series": "weekly",
    "source": "weekly.vtt",
    "attributes": {"room": "3"},
}
OWN = {
    "title": "Weekly",
    "started_at": datetime(2024, 3, 5, 9, 0, tzinfo=UTC),
    "held_on": date(2024, 3, 5),
    "language": "ko",
    "participants": ("김철수", "Ann"),
    "tags": ("budget",),
    "series": "weekly",
    "source": "weekly.vtt",
    "attributes": {"room": "3"},
}


def violated(call: Callable[..., object], *args: object) -> list[str]:
    with pytest.raises(InvalidRequest) as caught:
        call(*args)
    return [each.field for each in caught.value.violations]


def kept(meeting_id: str = "weekly-12", **fields) -> KeptMeeting:
    return KeptMeeting(Meeting(meeting_id=meeting_id, **fields), 61_500, "3-abc", CREATED_AT, UPDATED_AT, 7, 2)


def ingest(**fields) -> ingest_pb2.IngestMeetingRequest:
    one = [meeting_pb2.Utterance(text="Hello.")]
    return ingest_pb2.IngestMeetingRequest(**{"meeting_id": "weekly-12", "utterances": one, **fields})


class TestMeetings:
    def test_every_field_is_taken_over(self):
        utterances = [
            meeting_pb2.Utterance(
                speaker="Ann",
                text="Hello.",
                start_offset=Duration(seconds=1, nanos=500_000_000),
                end_offset=Duration(seconds=2),
                kind=meeting_pb2.UTTERANCE_KIND_DECISION,
            ),
            meeting_pb2.Utterance(text="네."),
        ]
        meeting = meeting_of(ingest(meeting=meeting_pb2.Meeting(**FIELDS), utterances=utterances))
        assert meeting == Meeting(
            meeting_id="weekly-12",
            utterances=(Utterance("Ann", "Hello.", 1_500, 2_000, UtteranceKind.DECISION), Utterance("", "네.")),
            **OWN,
        )

    def test_what_is_output_only_is_ignored(self):
        own = meeting_pb2.Meeting(
            name="meetings/other", etag="1-x", utterance_count=9, create_time=Timestamp(seconds=1)
        )
        assert meeting_of(ingest(meeting=own)) == meeting_of(ingest())

    def test_an_offset_of_zero_is_a_time_and_a_missing_one_is_none(self):
        (utterance,) = meeting_of(
            ingest(utterances=[meeting_pb2.Utterance(text="x", start_offset=Duration())])
        ).utterances
        assert (utterance.start_ms, utterance.end_ms) == (0, None)

    @pytest.mark.parametrize(
        ("fields", "named"),
        [
            ({"utterances": []}, ["utterances"]),
            ({"utterances": [meeting_pb2.Utterance(text="x", kind=9)]}, ["utterances[0].kind"]),
            ({"meeting": meeting_pb2.Meeting(date="5 March")}, ["meeting.date"]),
            ({"meeting": meeting_pb2.Meeting(date="2023-02-29")}, ["meeting.date"]),
            ({"meeting": meeting_pb2.Meeting(start_time=Timestamp(seconds=2**60))}, ["meeting.start_time"]),
            ({"meeting": meeting_pb2.Meeting(start_time=Timestamp(seconds=-(2**60)))}, ["meeting.start_time"]),
            (
                {"utterances": [], "meeting": meeting_pb2.Meeting(date="x", start_time=Timestamp(seconds=2**60))},
                ["meeting.date", "meeting.start_time", "utterances"],
            ),
        ],
    )
    def test_each_bad_field_is_named(self, fields, named):
        assert sorted(violated(meeting_of, ingest(**fields))) == named

    def test_offsets_beyond_any_meeting_reach_validation_unharmed(self):
        offset = Duration(seconds=2**62)
        (utterance,) = meeting_of(ingest(utterances=[meeting_pb2.Utterance(text="x", start_offset=offset)])).utterances
        assert utterance.start_ms == 2**62 * 1_000


class TestTranscripts:
    def test_bytes_and_hints_are_taken_over(self):
        request = ingest_pb2.IngestTranscriptRequest(
            meeting_id="weekly-12", content=b"\xef\xbb\xbfx", format="text", file_name="a/b.txt"
        )
        hints = Hints(meeting_id="weekly-12", file_name="a/b.txt", format_name="text")
        assert transcript_of(request) == (b"\xef\xbb\xbfx", hints)

    @pytest.mark.parametrize(
        ("fields", "named"),
        [
            ({"content": b""}, ["content"]),
            ({"content": bytes((32 << 20) + 1)}, ["content"]),
            ({"content": b"x", "meeting": meeting_pb2.Meeting(date="x")}, ["meeting.date"]),
            ({"meeting": meeting_pb2.Meeting(date="x")}, ["content", "meeting.date"]),
        ],
    )
    def test_each_bad_field_is_named(self, fields, named):
        assert violated(transcript_of, ingest_pb2.IngestTranscriptRequest(**fields)) == named

    def test_thirty_two_mebibytes_are_taken(self):
        request = ingest_pb2.IngestTranscriptRequest(content=bytes(32 << 20))
        assert len(transcript_of(request)[0]) == 32 << 20

    def test_fields_of_the_request_win_over_the_transcript_and_the_others_stay(self):
        said = Meeting(meeting_id="a", title="Old", series="weekly", tags=("x",), utterances=(Utterance("", "x"),))
        own = meeting_pb2.Meeting(title="New", tags=["y", "z"], date="2024-03-05")
        request = ingest_pb2.IngestTranscriptRequest(meeting=own)
        (one, two) = overridden([said, Meeting(meeting_id="b")], request)
        assert one == Meeting(
            meeting_id="a",
            title="New",
            series="weekly",
            tags=("y", "z"),
            held_on=date(2024, 3, 5),
            utterances=said.utterances,
        )
        assert (two.meeting_id, two.title) == ("b", "New")


@pytest.mark.parametrize(
    "message",
    [
        ingest_pb2.IngestMeetingRequest,
        ingest_pb2.IngestTranscriptRequest,
        ingest_pb2.UpdateMeetingRequest,
        ingest_pb2.DeleteMeetingRequest,
    ],
)
def test_requests_without_an_id_have_no_key_and_ids_must_be_uuids(message):
    assert request_key(message()) is None
    assert violated(request_key, message(request_id="1")) == ["request_id"]
    key = request_key(message(request_id="7f8c7c5e-8f0e-4b0e-9c5a-0c6f6b3b2b1a"))
    assert key == request_key(message(request_id="7F8C7C5E8F0E4B0E9C5A0C6F6B3B2B1A"))


class TestNames:
    def test_the_id_is_what_follows_the_collection(self):
        assert meeting_id_of("meetings/weekly-12") == "weekly-12"

    @pytest.mark.parametrize("name", ["", "meetings/", "weekly-12", "meetings/a/b", "Meetings/a", "meetings/a\x00"])
    def test_what_is_not_a_meetings_name_is_refused(self, name):
        assert violated(meeting_id_of, name) == ["name"]


def update(*paths: str, **fields) -> ingest_pb2.UpdateMeetingRequest:
    return ingest_pb2.UpdateMeetingRequest(
        meeting=meeting_pb2.Meeting(name="meetings/weekly-12", **fields), update_mask=FieldMask(paths=paths)
    )


class TestUpdates:
    @pytest.mark.parametrize(("path", "name"), list(zip(FIELDS, OWN, strict=True)))
    def test_only_what_the_mask_names_is_changed(self, path, name):
        assert changes_of(update(path, **FIELDS)) == {name: OWN[name]}

    def test_all_fields_can_be_changed_at_once(self):
        assert changes_of(update(*FIELDS, **FIELDS)) == OWN

    def test_a_field_that_is_named_and_not_given_is_emptied(self):
        empty = Meeting()
        assert changes_of(update(*FIELDS)) == {name: getattr(empty, name) for name in OWN}

    @pytest.mark.parametrize("path", ["name", "etag", "utterances", "duration", "*", "", "attributes.room", "held_on"])
    def test_a_mask_with_what_cannot_be_changed_is_refused(self, path):
        assert violated(changes_of, update("title", path, **FIELDS)) == ["update_mask"]

    def test_an_empty_mask_is_refused(self):
        assert violated(changes_of, update(**FIELDS)) == ["update_mask"]

    @pytest.mark.parametrize(
        ("path", "value", "named"),
        [
            ("title", "x" * 513, "meeting.title"),
            ("title", "a\x00b", "meeting.title"),
            ("date", "2024-13-01", "meeting.date"),
            ("start_time", Timestamp(seconds=2**60), "meeting.start_time"),
            ("language", "Korean please", "meeting.language"),
            ("participants", ["Ann", " "], "meeting.participants[1]"),
            ("tags", ["x"] * 101, "meeting.tags"),
            ("series", "x" * 257, "meeting.series"),
            ("source", "x" * 2_049, "meeting.source"),
            ("attributes", {"room": "a\x00"}, "meeting.attributes[room]"),
        ],
    )
    def test_each_bad_value_is_named(self, path, value, named):
        assert violated(changes_of, update(path, **{path: value})) == [named]


class TestPages:
    Request = ingest_pb2.ListMeetingsRequest
    KEY = b"secret of the tenant"

    def test_the_first_page_begins_anywhere_and_holds_fifty(self):
        assert page_request(self.Request(), self.KEY) == (None, 50)

    @pytest.mark.parametrize("page_size", [-1, 1_001])
    def test_a_bad_page_size_is_named(self, page_size):
        assert violated(page_request, self.Request(page_size=page_size), self.KEY) == ["page_size"]

    @pytest.mark.parametrize("held_on", [date(2024, 3, 5), None])
    def test_a_token_leads_to_the_meetings_after_the_page(self, held_on):
        meetings = [kept(f"m-{number}", held_on=held_on) for number in range(3)]
        response = page_response(self.Request(), self.KEY, meetings, 8, 2)
        assert [each.name for each in response.meetings] == ["meetings/m-0", "meetings/m-1"]
        assert response.total_size == 8
        following = self.Request(page_token=response.next_page_token, page_size=2)
        assert page_request(following, self.KEY) == ((held_on, "m-1"), 2)
        assert violated(page_request, following, b"secret of another tenant") == ["page_token"]

    def test_a_page_that_ends_the_list_has_no_token(self):
        assert page_response(self.Request(), self.KEY, [kept(), kept()], 2, 2).next_page_token == ""

    @pytest.mark.parametrize("position", [[], ["x"], [5, "a"], ["2024-01-01", "a", 1]])
    def test_a_position_that_another_version_signed_is_refused(self, position):
        token = page_token(self.Request(), self.KEY, json.dumps(position).encode())
        assert violated(page_request, self.Request(page_token=token), self.KEY) == ["page_token"]

    @pytest.mark.parametrize("token", ["x", "한글", "AAAA", "bnVsbA==", "NQ=="])
    def test_a_text_that_is_no_token_is_refused(self, token):
        assert violated(page_request, self.Request(page_token=token), self.KEY) == ["page_token"]


class TestAnswers:
    def test_a_meeting_is_shown_with_everything_that_is_kept_of_it(self):
        message = meeting_message(kept(**OWN))
        assert message == meeting_pb2.Meeting(
            name="meetings/weekly-12",
            duration=Duration(seconds=61, nanos=500_000_000),
            etag="3-abc",
            create_time=Timestamp(seconds=int(CREATED_AT.timestamp())),
            update_time=Timestamp(seconds=int(UPDATED_AT.timestamp())),
            utterance_count=7,
            chunk_count=2,
            **FIELDS,
        )

    def test_what_is_not_known_is_left_out(self):
        bare = KeptMeeting(Meeting(meeting_id="a"), None, "1-a", CREATED_AT, CREATED_AT, 1, 1)
        message = meeting_message(bare)
        assert (message.date, message.HasField("start_time"), message.HasField("duration")) == ("", False, False)

    @pytest.mark.parametrize(
        ("outcome", "named"),
        [
            (Outcome.CREATED, ingest_pb2.INGEST_OUTCOME_CREATED),
            (Outcome.UPDATED, ingest_pb2.INGEST_OUTCOME_UPDATED),
            (Outcome.UNCHANGED, ingest_pb2.INGEST_OUTCOME_UNCHANGED),
        ],
    )
    def test_an_ingest_answers_what_it_did(self, outcome, named):
        response = ingest_response(Ingested(outcome, kept(), 4))
        assert (response.outcome, response.embedded_chunk_count) == (named, 4)
        assert response.meeting.name == "meetings/weekly-12"

    def test_a_transcript_answers_its_format_and_what_was_mended(self):
        response = transcript_response([Ingested(Outcome.CREATED, kept(), 4)], "webvtt", [Mending(3, "cue was cut")])
        assert (len(response.meetings), response.format) == (1, "webvtt")
        assert list(response.mendings) == [meeting_pb2.Mending(line=3, description="cue was cut")]

    def test_a_refused_item_says_what_to_change(self):
        error = item_error(InvalidRequest(Violation("meeting.title", "is too long"), Violation("utterances", "none")))
        assert error.code == grpc.StatusCode.INVALID_ARGUMENT.value[0]
        assert [(each.field, each.description) for each in error.field_violations] == [
            ("meeting.title", "is too long"),
            ("utterances", "none"),
        ]

    def test_an_item_that_failed_otherwise_has_its_code(self):
        error = item_error(NotFound("meetings/a"))
        assert (error.code, list(error.field_violations)) == (grpc.StatusCode.NOT_FOUND.value[0], [])
        assert "meetings/a" in error.message


def test_every_format_is_listed_with_what_it_is():
    answer = formats_response(formats())

    assert [each.name for each in answer.formats] == format_names()
    assert all(0 < len(each.description) <= 110 and "\n" not in each.description for each in answer.formats)
    assert {"webvtt": [".vtt"], "json": [".json"]}.items() <= {
        each.name: list(each.suffixes) for each in answer.formats
    }.items()
