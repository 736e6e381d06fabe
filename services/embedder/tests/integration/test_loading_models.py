import sys

import pytest

from sagwan_embedder.__main__ import main
from sagwan_embedder.backends import Backend, load_model
from sagwan_embedder.domain.batching import padded
from sagwan_embedder.domain.model import Kind, ModelUnusable

pytestmark = pytest.mark.integration


def loaded(model, backend=Backend.ONNX):
    return load_model(backend=backend, model=str(model), threads=1, device="")


@pytest.fixture
def no_torch(monkeypatch):
    """As on a machine with the default installation."""
    monkeypatch.setitem(sys.modules, "torch", None)
    for name in ("sagwan_embedder.adapters.sentence_transformers_model", "sagwan_embedder.build.export"):
        monkeypatch.delitem(sys.modules, name, raising=False)


def test_the_default_model_is_loaded_from_its_folder(model_dir):
    model = loaded(model_dir)
    (tokens,) = model.tokenizer.tokens([model.card.prompts[Kind.QUERY] + "예산"])
    (vector,) = model.encoder.run(padded([tokens]))
    assert vector.shape == (model.card.dimension,)


def test_a_name_says_how_to_get_a_folder(tmp_path):
    with pytest.raises(ModelUnusable, match=r"sagwan-embedder export some/model"):
        loaded("some/model")
    with pytest.raises(ModelUnusable, match=r"python -m sagwan_embedder\.build"):
        loaded(tmp_path)


@pytest.mark.parametrize("files", [["modules.json"], ["modules.json", "model.json"]])
def test_a_folder_for_sentence_transformers_says_how_to_export_it(tmp_path, files):
    for name in files:
        (tmp_path / name).write_text("[]")
    with pytest.raises(ModelUnusable, match=f"sagwan-embedder export {tmp_path}"):
        loaded(tmp_path)


def test_a_backend_that_is_not_installed_says_which_extra_brings_it(no_torch, tmp_path):
    with pytest.raises(ModelUnusable, match=r"pip install 'sagwan-embedder\[sentence-transformers\]'"):
        loaded(tmp_path, Backend.SENTENCE_TRANSFORMERS)


def test_the_export_command_that_is_not_installed_says_so_in_a_line(no_torch, monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(sys, "argv", ["sagwan-embedder", "export", "some/model", "--output", str(tmp_path / "out")])
    assert main() == 1
    said = capsys.readouterr()
    assert "pip install 'sagwan-embedder[export]'" in said.err
    assert (said.out, said.err.count("\n")) == ("", 1)


def test_a_model_that_is_not_there_ends_the_service_with_a_line(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(sys, "argv", ["sagwan-embedder"])
    monkeypatch.setenv("SAGWAN_EMBEDDER_MODEL", str(tmp_path))
    monkeypatch.setenv("SAGWAN_EMBEDDER_METRICS_PORT", "0")
    assert main() == 1
    said = capsys.readouterr().err
    assert said.startswith(f"sagwan-embedder: {tmp_path} is no folder with a model.json")
    assert said.count("\n") == 1
