"""Whole commands against real gRPC servers: output, exit codes, and the words for expected failures."""

import io
import json

import grpc
import pytest
from google.protobuf import empty_pb2
from google.protobuf.duration_pb2 import Duration
from small_services import refuse, require_key, served

from sagwan.embedder.v1 import embedder_pb2, embedder_pb2_grpc
from sagwan.ingest.v1 import ingest_pb2, ingest_pb2_grpc, meeting_pb2
from sagwan.search.v1 import search_pb2
from sagwan_client.cli.main import main

pytestmark = pytest.mark.usefixtures("environment")


class _Ingest(ingest_pb2_grpc.IngestServiceServicer):
    """Keeps everything except what says that it is bad; reads one format."""

    def __init__(self) -> None:
        self.transcripts: list[ingest_pb2.IngestTranscriptRequest] = []

    def ListFormats(self, request, context):  # noqa: N802
        require_key(context)
        webvtt = ingest_pb2.TranscriptFormat(name="webvtt", description="Captions of Zoom", suffixes=[".vtt"])
        whisper = ingest_pb2.TranscriptFormat(name="whisper", description="JSON of Whisper")
        return ingest_pb2.ListFormatsResponse(formats=[webvtt, whisper])

    def ImportMeetings(self, request_iterator, context):  # noqa: N802
        require_key(context)
        for request in request_iterator:
            self.transcripts.append(request.transcript)
            answer = ingest_pb2.ImportMeetingsResponse(sequence=request.sequence)
            if b"bad" in request.transcript.content:
                answer.error.code = grpc.StatusCode.INVALID_ARGUMENT.value[0]
                answer.error.message = "content: line 1: is bad"
                answer.error.field_violations.add(field="content", description="line 1: is bad")
            else:
                answer.transcript.meetings.add(outcome=ingest_pb2.INGEST_OUTCOME_CREATED)
            yield answer

    def ListMeetings(self, request, context):  # noqa: N802
        require_key(context)
        return ingest_pb2.ListMeetingsResponse(meetings=[meeting_pb2.Meeting(name="meetings/m1")], total_size=41)

    def DeleteMeeting(self, request, context):  # noqa: N802
        if request.name != "meetings/m1":
            refuse(context, grpc.StatusCode.NOT_FOUND, f"{request.name} does not exist")
        return empty_pb2.Empty()


class _Embedder(embedder_pb2_grpc.EmbedderServiceServicer):
    def GetModel(self, request, context):  # noqa: N802
        return embedder_pb2.Model(name="e5", revision="r1", quantization="int8")


@pytest.fixture
def ingest_service(environment):
    servicer = _Ingest()
    with served(ingest_pb2_grpc.add_IngestServiceServicer_to_server, servicer) as address:
        environment.setenv("SAGWAN_INGEST_TARGET", address)
        yield servicer


def _run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    return int(caught.value.code or 0)


def test_a_question_is_answered(search_service, capsys):
    options = ("--mode", "lexical", "-s", "봉현택", "-m", "m1", "--after", "2026-03-01", "-n", "3")
    assert _run("search", "열람실", *options) == 0
    shown = capsys.readouterr().out
    assert "예산  2026-03-04" in shown
    assert "열람실은 자정까지" in shown
    (request,) = search_service.requests
    assert request.query == "열람실"
    assert request.mode == search_pb2.SEARCH_MODE_LEXICAL
    assert request.page_size == 3
    assert request.filter == search_pb2.Filter(speakers=["봉현택"], meetings=["meetings/m1"], start_date="2026-03-01")


def test_every_filter_of_the_contract_has_an_option(search_service):
    options = ("--series", "주간", "--participant", "Ann", "--participant", "Bob", "--tag", "예산", "--language", "ko")
    places = ("--kind", "decision", "--kind", "action", "--before", "2026-04-01", "--from", "0:12:04", "--to", "75:00")
    assert _run("search", "열람실", *options, *places) == 0
    (request,) = search_service.requests
    assert request.filter == search_pb2.Filter(
        series=["주간"],
        participants=["Ann", "Bob"],
        tags=["예산"],
        languages=["ko"],
        utterance_kinds=["decision", "action"],
        end_date="2026-04-01",
        start_offset=Duration(seconds=724),
        end_offset=Duration(seconds=4_500),
    )


@pytest.mark.parametrize("offset", ["12", "1:60:00", "0:61", "-0:10", "١:٢٣", "1:2:03:04"])
def test_an_offset_that_is_none_is_a_usage_error(capsys, offset):
    assert _run("search", "x", f"--from={offset}") == 2
    assert "is not an offset" in capsys.readouterr().err


def test_json_is_the_answer_itself(search_service, capsys):
    assert _run("search", "열람실", "--json") == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["hits"][0]["lines"][0]["text"] == "열람실은 자정까지"
    assert answer["degraded"] is False


def test_a_refused_question_names_the_field(search_service, capsys):
    assert _run("search", " ") == 1
    assert "query: is empty" in capsys.readouterr().err


def test_a_day_that_is_none_is_a_usage_error(capsys):
    assert _run("search", "x", "--after", "yesterday") == 2
    assert "yesterday" in capsys.readouterr().err


def test_nobody_there_asks_whether_it_is_up(capsys):
    assert _run("search", "x") == 2
    shown = capsys.readouterr().err
    assert "Is it up?" in shown
    assert "make up" in shown


def test_a_wrong_key_says_where_keys_come_from(search_service, environment, capsys):
    environment.setenv("SAGWAN_API_KEY", "sgw_other")
    assert _run("search", "x") == 2
    shown = capsys.readouterr().err
    assert "the API key is not known" in shown
    assert "SAGWAN_API_KEY" in shown


def test_utterances_are_listed(search_service, capsys):
    assert _run("utterances", "--speaker", "Ann") == 0
    assert "1 utterance\n" in capsys.readouterr().out


def test_meetings_are_listed(ingest_service, capsys):
    assert _run("meetings") == 0
    assert "m1" in capsys.readouterr().out


def test_formats_are_listed_a_line_each(ingest_service, capsys):
    assert _run("formats") == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["webvtt", ".vtt", "Captions", "of", "Zoom"] in lines
    assert ["whisper", "by", "content", "JSON", "of", "Whisper"] in lines


def test_formats_are_listed_as_json(ingest_service, capsys):
    assert _run("formats", "--json") == 0
    assert [each["name"] for each in json.loads(capsys.readouterr().out)["formats"]] == ["webvtt", "whisper"]


def test_a_meeting_is_deleted_and_one_that_is_not_there_is_an_error(ingest_service, capsys):
    assert _run("delete", "m1") == 0
    assert _run("delete", "m2") == 1
    assert "meetings/m2 does not exist" in capsys.readouterr().err


def test_an_import_of_good_files_ends_with_0(ingest_service, tmp_path, capsys):
    (tmp_path / "a.txt").write_text("Ann: hello")
    (tmp_path / "b.vtt").write_text("WEBVTT")
    assert _run("ingest", str(tmp_path), "--json") == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["created"], result["refused"]) == (2, 0)
    assert [each.meeting_id for each in ingest_service.transcripts] == ["a", "b"]


def test_an_import_that_refuses_something_ends_with_1_and_keeps_the_rest(ingest_service, tmp_path, capsys):
    file = tmp_path / "many.jsonl"
    file.write_text('{"turns": []}\n{"turns": ["bad"]}\n{"turns": []}\n')
    assert _run("ingest", str(file)) == 1
    shown = capsys.readouterr().out
    assert f"{file}:2: content: is bad" in shown
    assert "2  created" in shown


def test_an_import_that_reaches_nobody_ends_with_2(tmp_path, capsys):
    (tmp_path / "a.txt").write_text("Ann: hello")
    assert _run("ingest", str(tmp_path)) == 2
    assert "Is it up?" in capsys.readouterr().err


def test_an_import_with_a_wrong_key_ends_with_2(ingest_service, environment, tmp_path, capsys):
    environment.setenv("SAGWAN_API_KEY", "sgw_other")
    (tmp_path / "a.txt").write_text("Ann: hello")
    assert _run("ingest", str(tmp_path)) == 2
    assert "the API key is not known" in capsys.readouterr().err


def test_standard_input_can_be_imported(ingest_service, environment, capsys):
    environment.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"Ann: hello")))
    assert _run("ingest", "-", "--id", "mine", "--format", "text") == 0
    (transcript,) = ingest_service.transcripts
    assert transcript.content == b"Ann: hello"
    assert (transcript.meeting_id, transcript.format) == ("mine", "text")


@pytest.mark.parametrize("arguments", [["nowhere.txt"], ["."], ["-", "."]])
def test_paths_that_hold_nothing_are_a_usage_error(environment, tmp_path, arguments):
    environment.chdir(tmp_path)
    assert _run("ingest", *arguments) == 2


def test_one_id_cannot_be_given_to_two_files(tmp_path, capsys):
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text("x")
    assert _run("ingest", str(tmp_path), "--id", "mine") == 2
    assert "single transcript" in capsys.readouterr().err


def test_a_whole_stack_is_well(search_service, ingest_service, environment, capsys):
    with served(embedder_pb2_grpc.add_EmbedderServiceServicer_to_server, _Embedder()) as address:
        environment.setenv("SAGWAN_EMBEDDER_TARGET", address)
        assert _run("status", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["well"] is True
    assert found["meetings"] == 41
    assert found["model"] == "e5@r1/int8"


def test_a_service_that_does_not_serve_is_not_well(search_service, ingest_service, environment, capsys):
    add = embedder_pb2_grpc.add_EmbedderServiceServicer_to_server
    with served(add, _Embedder(), serving=False) as address:
        environment.setenv("SAGWAN_EMBEDDER_TARGET", address)
        assert _run("status") == 1
    assert "NOT_SERVING" in capsys.readouterr().out


def test_a_command_that_needs_a_database_says_how_to_name_one(capsys):
    assert _run("migrate") == 1
    assert "SAGWAN_DATABASE_URL" in capsys.readouterr().err


def test_a_stack_without_a_model_says_how_to_build_it(capsys):
    assert _run("up") == 1
    assert "sagwan_embedder.build" in capsys.readouterr().err


def test_a_demo_without_questions_says_which_file_is_missing(tmp_path, capsys):
    assert _run("demo") == 1
    assert "questions.jsonl" in capsys.readouterr().err
