import os
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import grpc
import numpy as np
import pytest

pytest.importorskip("optimum.onnxruntime", reason="exporting is an extra: see make torch")

from sagwan.embedder.v1 import embedder_pb2, embedder_pb2_grpc
from sagwan_embedder.adapters.model_folder import CARD_FILE, read_card, write_card
from sagwan_embedder.backends import Backend, load_model
from sagwan_embedder.build.export import export_model
from sagwan_embedder.build.placing import FolderInTheWay
from sagwan_embedder.domain.batching import padded
from sagwan_embedder.domain.model import Kind, ModelUnusable, Pooling, Quantization, identity

pytestmark = pytest.mark.integration

TEXTS = ["The budget was the meeting.", "다음 회의", "예산안은 다음 meeting, next week?", "week " * 30]


def command(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "sagwan_embedder", "export", *map(str, arguments)], capture_output=True, text=True
    )


def vectors_by(backend, folder, kind=Kind.PASSAGE):
    model = load_model(backend=backend, model=str(folder), threads=1, device="")
    tokens = model.tokenizer.tokens([model.card.prompts[kind] + text for text in TEXTS])
    rows = [np.concatenate([model.tokenizer.prefix, row, model.tokenizer.suffix]) for row in tokens]
    return model.encoder.run(padded(rows))


@pytest.fixture(scope="module")
def exported(prompted_model, tmp_path_factory):
    """The model by the command, with the quantization that it takes when none is named."""
    folder = tmp_path_factory.mktemp("exported") / "model"
    said = command(prompted_model, "--output", folder)
    assert said.returncode == 0, said.stderr
    return folder, said


def test_the_command_says_in_a_line_what_it_wrote(exported):
    folder, said = exported
    assert said.stdout.count("\n") == 1
    assert "exported prompted (sha256-" in said.stdout
    assert str(folder) in said.stdout
    assert "Traceback" not in said.stderr


def test_the_card_carries_what_the_model_said_of_itself(exported, prompted_model):
    card = read_card(exported[0])
    of_torch = load_model(
        backend=Backend.SENTENCE_TRANSFORMERS, model=str(prompted_model), threads=1, device="cpu"
    ).card
    assert card.quantization == "int8-avx2"
    assert card.prompts == {Kind.QUERY: "query: ", Kind.PASSAGE: "passage: "}
    assert {"model.onnx", "tokenizer.json"} <= card.files.keys()
    same = {"quantization": card.quantization, "files": card.files, "sha256": card.sha256}
    assert replace(of_torch, **same) == card


@pytest.mark.parametrize("kind", Kind)
def test_int8_points_where_torch_does(exported, prompted_model, kind):
    folder, _ = exported
    cosines = np.sum(
        vectors_by(Backend.ONNX, folder, kind) * vectors_by(Backend.SENTENCE_TRANSFORMERS, prompted_model, kind), axis=1
    )
    assert cosines.min() >= 0.98


@pytest.mark.parametrize("pooling", [Pooling.CLS, Pooling.MAX])
def test_float32_is_what_torch_gives_through_pooling_and_projection(new_model, tmp_path, pooling):
    source = new_model("source", pooling=str(pooling), projected_to=8)
    made = export_model(str(source), tmp_path / "out", Quantization.FLOAT32)
    assert (made.card.pooling, made.card.dimension) == (pooling, 8)
    assert made.cosine_min >= 0.9999
    np.testing.assert_allclose(
        vectors_by(Backend.ONNX, tmp_path / "out"), vectors_by(Backend.SENTENCE_TRANSFORMERS, source), atol=1e-5
    )


@pytest.fixture
def served(exported):
    """A stub of the service in a process of its own, as it is started in production."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = {"MODEL": str(exported[0]), "PORT": str(port), "METRICS_PORT": "0", "THREADS": "1"}
    environment = os.environ | {f"SAGWAN_EMBEDDER_{name}": value for name, value in settings.items()}
    process = subprocess.Popen([sys.executable, "-m", "sagwan_embedder"], env=environment, stdout=subprocess.DEVNULL)
    try:
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            grpc.channel_ready_future(channel).result(timeout=60)
            yield process, embedder_pb2_grpc.EmbedderServiceStub(channel)
    finally:
        process.terminate()
        process.wait(timeout=30)


def test_an_exported_model_is_served_without_torch_and_names_itself(served, prompted_model):
    process, stub = served
    request = embedder_pb2.EmbedRequest(texts=TEXTS, kind=embedder_pb2.TEXT_KIND_QUERY)
    answer = stub.Embed(request, timeout=60)
    assert answer.model == stub.GetModel(embedder_pb2.GetModelRequest(), timeout=60)
    assert (answer.model.name, answer.model.quantization, answer.model.dimension) == ("prompted", "int8-avx2", 32)
    vectors = np.stack([np.frombuffer(each.packed, "<f4") for each in answer.embeddings])
    expected = vectors_by(Backend.SENTENCE_TRANSFORMERS, prompted_model, Kind.QUERY)
    assert np.sum(vectors * expected, axis=1).min() >= 0.98
    assert "libtorch" not in Path(f"/proc/{process.pid}/maps").read_text()


def test_a_folder_of_something_else_is_left_alone(prompted_model, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    said = command(prompted_model, "--output", tmp_path)
    assert (said.returncode, said.stderr.count("\n")) == (1, 1)
    assert str(tmp_path) in said.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_another_model_is_left_alone_and_an_older_export_is_replaced(exported, prompted_model, tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    write_card(replace(read_card(exported[0]), name="another/model", files={}, sha256=identity({})), folder)
    with pytest.raises(FolderInTheWay, match="another/model"):
        export_model(str(prompted_model), folder, Quantization.FLOAT32)
    (folder / CARD_FILE).write_text("half a card")
    export_model(str(prompted_model), folder, Quantization.FLOAT32)
    assert read_card(folder).name == "prompted"
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_a_part_that_cannot_be_carried_over_is_named_and_nothing_is_written(new_model, tmp_path):
    source = new_model("joined", pooling=("cls", "mean"))
    with pytest.raises(ModelUnusable, match="cls, mean"):
        export_model(str(source), tmp_path / "out", Quantization.FLOAT32)
    assert list(tmp_path.iterdir()) == []
