"""`sagwan models` against a service whose models the test chooses."""

import json
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from google.protobuf import empty_pb2

from sagwan.ingest.v1 import models_pb2, models_pb2_grpc
from sagwan_client.cli.main import main

OLD, NEW = "models/aaaa1111", "models/aabb2222"


class _Models(models_pb2_grpc.ModelServiceServicer):
    """An old model that serves and a new one; fills are cut off until `cuts` is used up."""

    def __init__(self) -> None:
        self.cuts = 0
        self.filled = 0
        self.calls: list[tuple[str, str]] = []

    def ListModels(self, request, context):  # noqa: N802  # the name is the contract's
        return models_pb2.ListModelsResponse(models=[self._model(OLD), self._model(NEW)])

    def AddModel(self, request, context):  # noqa: N802
        self.calls.append(("add", request.name))
        return self._model(NEW)

    def FillModel(self, request, context):  # noqa: N802
        self.calls.append(("fill", request.name))
        written = 0
        yield models_pb2.FillModelProgress(vector_count=self.filled, chunk_count=9)
        while self.filled < 9:
            self.filled += 3
            written += 3
            yield models_pb2.FillModelProgress(vector_count=self.filled, chunk_count=9, written_count=written, rate=1)
            if self.cuts:
                self.cuts -= 1
                context.abort(grpc.StatusCode.UNAVAILABLE, "restarting")
        yield models_pb2.FillModelProgress(vector_count=9, chunk_count=9, written_count=written, done=True)

    def SwitchModel(self, request, context):  # noqa: N802
        if self.filled < 9:
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, f"{request.name} has no vector of 9 of 9 chunks")
        self.calls.append(("switch", request.name))
        return self._model(request.name)

    def DropModel(self, request, context):  # noqa: N802
        self.calls.append(("drop", request.name))
        return empty_pb2.Empty()

    def _model(self, name: str) -> models_pb2.Model:
        if name == OLD:
            return models_pb2.Model(
                name=name, label="e5@1/int8", state=models_pb2.MODEL_STATE_SERVING, vector_count=9, chunk_count=9
            )
        state = models_pb2.MODEL_STATE_FILLING
        return models_pb2.Model(
            name=name, label="e5@2/int8", state=state, reachable=True, vector_count=self.filled, chunk_count=9
        )


@pytest.fixture
def service(monkeypatch, tmp_path):
    server = grpc.server(ThreadPoolExecutor(2))
    servicer = _Models()
    models_pb2_grpc.add_ModelServiceServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    monkeypatch.setenv("SAGWAN_INGEST_TARGET", f"127.0.0.1:{port}")
    monkeypatch.setenv("SAGWAN_HOME", str(tmp_path))
    monkeypatch.setenv("SAGWAN_API_KEY", "sk-test")
    yield servicer
    server.stop(None).wait()


def _run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as caught:
        main(["models", *arguments])
    return int(caught.value.code or 0)


def test_models_are_listed_with_how_far_they_are(service, capsys):
    service.filled = 3
    assert _run("list") == 0
    old, new = capsys.readouterr().out.splitlines()[1:]
    assert old.split() == ["aaaa1111", "e5@1/int8", "serving", "9", "of", "9", "none"]
    assert new.split() == ["aabb2222", "e5@2/int8", "filling", "3", "of", "9", "answers"]


def test_models_are_listed_for_scripts(service, capsys):
    assert _run("list", "--json") == 0
    old, _ = json.loads(capsys.readouterr().out)
    assert (old["name"], old["state"], old["reachable"]) == (OLD, "MODEL_STATE_SERVING", False)


def test_a_model_is_added_filled_switched_to_and_the_old_one_dropped(service, capsys):
    for arguments in (["add"], ["fill", "aab"], ["switch", NEW], ["drop", "aaaa1111"]):
        assert _run(*arguments) == 0
    assert service.calls == [("add", ""), ("fill", NEW), ("switch", NEW), ("drop", OLD)]
    assert "9 of 9 chunks" in capsys.readouterr().out


def test_a_fill_that_is_cut_off_is_taken_up_again_and_counts_on(service, capsys):
    service.cuts = 2
    assert _run("fill", "aab", "--json") == 0
    done = json.loads(capsys.readouterr().out)
    assert (done["written_count"], done["done"]) == ("9", True)
    assert [name for name, _ in service.calls] == ["fill"] * 3


def test_a_refused_switch_ends_with_1_and_the_reason(service, capsys):
    assert _run("switch", "aab") == 1
    assert "no vector of 9 of 9 chunks" in capsys.readouterr().err


@pytest.mark.parametrize(("beginning", "why"), [("aa", "2 models"), ("c", "no model")])
def test_a_beginning_that_does_not_tell_which_is_refused(service, capsys, beginning, why):
    assert _run("drop", beginning) == 2
    assert why in " ".join(capsys.readouterr().err.split())
    assert service.calls == []
