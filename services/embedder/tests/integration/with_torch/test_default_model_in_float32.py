import tempfile
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sentence_transformers", reason="torch and sentence-transformers are an extra: see make torch")

from sentence_transformers import SentenceTransformer

from sagwan_embedder.backends import Backend, load_model
from sagwan_embedder.build.folder import Format, build_folder, current_card
from sagwan_embedder.build.placing import FolderInTheWay
from sagwan_embedder.domain.batching import padded
from sagwan_embedder.domain.model import Kind

pytestmark = pytest.mark.integration

TEXTS = [
    "예산안은 만장일치로 통과되었습니다.",
    "We decided to postpone the server migration by two weeks.",
    "네.",
    "위원장: 다음 안건은 학교 급식입니다. " * 12,
]


@pytest.fixture(scope="module")
def folder():
    """Half a gigabyte, so not in the folder whose last three copies pytest keeps."""
    with tempfile.TemporaryDirectory() as parent:
        built = build_folder(Path(parent) / "model", Format.SENTENCE_TRANSFORMERS)
        assert built == current_card(Path(parent) / "model", Format.SENTENCE_TRANSFORMERS)
        yield Path(parent) / "model"


@pytest.fixture(scope="module")
def float32(folder):
    return load_model(backend=Backend.SENTENCE_TRANSFORMERS, model=str(folder), threads=0, device="cpu")


@pytest.fixture(scope="module")
def int8(model_dir):
    return load_model(backend=Backend.ONNX, model=str(model_dir), threads=0, device="")


def rows_of(model, kind):
    tokens = model.tokenizer.tokens([model.card.prompts[kind] + text for text in TEXTS])
    return [np.concatenate([model.tokenizer.prefix, row, model.tokenizer.suffix]) for row in tokens]


def test_it_is_the_same_model_in_another_quantization(float32, int8):
    assert (float32.card.name, float32.card.revision) == (int8.card.name, int8.card.revision)
    assert (float32.card.quantization, int8.card.quantization) == ("float32", "int8")
    assert float32.card.sha256 != int8.card.sha256
    for field in ("dimension", "tokens_max", "pooling", "prompts"):
        assert getattr(float32.card, field) == getattr(int8.card, field)


@pytest.mark.parametrize("kind", Kind)
def test_sentence_transformers_by_itself_gives_the_tokens_and_vectors_that_we_do(folder, float32, int8, kind):
    alone = SentenceTransformer(str(folder), device="cpu")
    prompted = [int8.card.prompts[kind] + text for text in TEXTS]
    assert alone.tokenizer(prompted)["input_ids"] == [row.tolist() for row in rows_of(int8, kind)]
    vectors = float32.encoder.run(padded(rows_of(float32, kind)))
    np.testing.assert_allclose(vectors, alone.encode(TEXTS, prompt_name=str(kind)), atol=1e-5)


def test_int8_points_where_torch_does(float32, int8):
    batch = padded(rows_of(int8, Kind.PASSAGE))
    assert np.sum(int8.encoder.run(batch) * float32.encoder.run(batch), axis=1).min() >= 0.99


def test_one_format_does_not_replace_the_other(folder):
    with pytest.raises(FolderInTheWay, match="float32"):
        build_folder(folder)
