import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from sagwan_embedder.adapters.model_folder import (
    CARD_FILE,
    TOKENIZER_FILE,
    ModelFolderInvalid,
    read_card,
    sha256_of,
    write_card,
)
from sagwan_embedder.build.folder import build_folder, current_card
from sagwan_embedder.build.placing import FolderInTheWay
from sagwan_embedder.domain.model import Kind, identity

pytestmark = pytest.mark.integration


@pytest.fixture
def linked_folder(model_dir, tmp_path):
    """A folder of the model's files that a test may spoil."""
    folder = tmp_path / "model"
    folder.mkdir()
    for path in model_dir.iterdir():
        (folder / path.name).symlink_to(path)
    return folder


def spoil(path):
    path.unlink()
    path.write_bytes(b"other")


def test_the_card_names_the_model_and_each_of_its_files(model_dir, card):
    assert card.name == "intfloat/multilingual-e5-small"
    assert (card.quantization, card.dimension, card.tokens_max, card.pooling) == ("int8", 384, 512, "mean")
    assert card.prompts == {Kind.QUERY: "query: ", Kind.PASSAGE: "passage: "}
    assert {path.name for path in model_dir.iterdir()} == {*card.files, CARD_FILE}
    assert card.files[TOKENIZER_FILE] == sha256_of(model_dir / TOKENIZER_FILE)
    assert card.sha256 == identity(card.files)


def test_a_folder_with_another_file_than_the_card_names_is_refused(linked_folder):
    spoil(linked_folder / TOKENIZER_FILE)
    with pytest.raises(ModelFolderInvalid, match=TOKENIZER_FILE):
        read_card(linked_folder)


def test_a_folder_that_lacks_a_file_is_refused(linked_folder):
    (linked_folder / TOKENIZER_FILE).unlink()
    with pytest.raises(ModelFolderInvalid, match="build"):
        read_card(linked_folder)


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"files": {"../../etc/hostname": "0"}}', '{"files": {"/etc/hostname": "0"}}']
)
def test_a_card_that_is_none_is_refused(tmp_path, content):
    (tmp_path / CARD_FILE).write_text(content)
    with pytest.raises(ModelFolderInvalid):
        read_card(tmp_path)


def test_a_folder_without_a_card_says_how_to_build_one(tmp_path):
    with pytest.raises(ModelFolderInvalid, match=r"python -m sagwan_embedder\.build"):
        read_card(tmp_path)


def test_building_again_does_nothing_and_says_so_in_a_line(model_dir):
    before = {path.name: path.stat().st_mtime_ns for path in model_dir.iterdir()}
    command = [sys.executable, "-m", "sagwan_embedder.build", "--output", str(model_dir)]
    said = subprocess.run(command, check=True, capture_output=True, text=True)
    assert "already holds" in said.stdout
    assert said.stdout.count("\n") == 1
    assert {path.name: path.stat().st_mtime_ns for path in model_dir.iterdir()} == before


def test_a_damaged_build_is_replaced_by_the_very_same_model(card):
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent) / "model"
        folder.mkdir()
        (folder / CARD_FILE).write_text("half a card")
        assert current_card(folder) is None
        built = build_folder(folder)
        assert built == current_card(folder) == card
        assert [path.name for path in Path(parent).iterdir()] == ["model"]


def test_a_folder_of_something_else_is_left_alone(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(FolderInTheWay):
        build_folder(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_another_sound_model_is_left_alone(linked_folder, card):
    other = {name: getattr(card, name) for name in card.__slots__} | {"name": "another/model"}
    (linked_folder / CARD_FILE).unlink()
    write_card(type(card)(**other), linked_folder)
    with pytest.raises(FolderInTheWay, match="another/model"):
        build_folder(linked_folder)
