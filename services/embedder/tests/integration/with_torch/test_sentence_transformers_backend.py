import shutil

import numpy as np
import pytest

pytest.importorskip("sentence_transformers", reason="torch and sentence-transformers are an extra: see make torch")

from sentence_transformers import SentenceTransformer

from sagwan_embedder.backends import Backend, load_model
from sagwan_embedder.domain.batching import padded
from sagwan_embedder.domain.model import Kind, ModelUnusable, Pooling

pytestmark = pytest.mark.integration

TEXTS = ["The budget was the meeting.", "다음 회의", "예산안은 다음 meeting, next week?", "week " * 30]
COMMIT = "0123456789abcdef0123456789abcdef01234567"


def loaded(model):
    return load_model(backend=Backend.SENTENCE_TRANSFORMERS, model=str(model), threads=1, device="cpu")


def vectors_of(model, texts, kind=Kind.PASSAGE):
    """As the service embeds: prompt, tokens, markers, one padded batch."""
    pieces_max = model.card.tokens_max - len(model.tokenizer.prefix) - len(model.tokenizer.suffix)
    tokens = model.tokenizer.tokens([model.card.prompts[kind] + text for text in texts])
    rows = [np.concatenate([model.tokenizer.prefix, row[:pieces_max], model.tokenizer.suffix]) for row in tokens]
    return model.encoder.run(padded(rows))


def test_the_card_is_what_the_models_files_say(prompted_model):
    card = loaded(prompted_model).card
    assert (card.name, card.quantization, card.dimension, card.tokens_max) == ("prompted", "float32", 32, 48)
    assert card.pooling is Pooling.MEAN
    assert card.prompts == {Kind.QUERY: "query: ", Kind.PASSAGE: "passage: "}
    assert card.revision == f"sha256-{card.sha256[:12]}"
    assert {"model.safetensors", "tokenizer.json", "modules.json", "1_Pooling/config.json"} <= card.files.keys()


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("pooling", Pooling)
def test_vectors_are_those_that_sentence_transformers_gives_by_itself(new_model, pooling, kind):
    folder = new_model(pooling, pooling=str(pooling), prompts={"query": "query: ", "passage": "passage: "})
    expected = SentenceTransformer(str(folder), device="cpu").encode(TEXTS, prompt_name=str(kind))
    vectors = vectors_of(loaded(folder), TEXTS, kind)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(vectors, expected, atol=1e-5)


def test_layers_after_pooling_are_run_too(new_model):
    folder = new_model("projected", projected_to=8)
    model = loaded(folder)
    assert model.card.dimension == 8
    expected = SentenceTransformer(str(folder), device="cpu").encode(TEXTS)
    np.testing.assert_allclose(vectors_of(model, TEXTS), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("prompts", "default", "query", "passage"),
    [
        ({"query": "query: ", "passage": "passage: "}, None, "query: ", "passage: "),
        ({"query": "query: ", "document": ""}, None, "query: ", ""),
        ({"sts": "meeting: "}, "sts", "meeting: ", "meeting: "),
        ({"query": "query: "}, "query", "query: ", ""),
        (None, None, "", ""),
    ],
)
def test_each_kind_gets_its_own_prompt_or_the_default_one(new_model, prompts, default, query, passage):
    card = loaded(new_model("prompts", prompts=prompts, default=default)).card
    assert card.prompts == {Kind.QUERY: query, Kind.PASSAGE: passage}


def test_a_model_never_takes_more_tokens_than_it_has_positions_for(new_model):
    assert loaded(new_model("long", tokens_max=100_000)).card.tokens_max == 64


def test_another_weight_is_another_model_and_a_readme_is_not(prompted_model, tmp_path):
    before = loaded(prompted_model).card
    copy = tmp_path / "prompted"
    shutil.copytree(prompted_model, copy)
    (copy / "README.md").write_text("about")
    (copy / "onnx").mkdir()
    (copy / "onnx" / "config.json").write_text("{}")
    assert loaded(copy).card == before
    (copy / "sentence_bert_config.json").write_text('{"max_seq_length": 20, "do_lower_case": false}')
    after = loaded(copy).card
    assert after.tokens_max == 20
    assert after.sha256 != before.sha256
    assert after.revision != before.revision


def test_a_model_is_found_by_its_name_and_known_by_its_commit(prompted_model, tmp_path, monkeypatch):
    repository = tmp_path / "models--some--model"
    shutil.copytree(prompted_model, repository / "snapshots" / COMMIT)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(COMMIT)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    card = loaded("some/model").card
    assert (card.name, card.revision) == ("some/model", COMMIT)
    assert card.sha256 == loaded(prompted_model).card.sha256
    with pytest.raises(ModelUnusable, match="another/model"):
        loaded("another/model")


def test_a_model_that_does_not_pool_its_prompt_is_refused(new_model):
    with pytest.raises(ModelUnusable, match="prompt"):
        loaded(new_model("without_prompt", include_prompt=False))


def test_a_model_that_joins_poolings_is_refused(new_model):
    with pytest.raises(ModelUnusable, match="cls, mean"):
        loaded(new_model("joined", pooling=("cls", "mean")))


def test_a_folder_of_something_else_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ModelUnusable, match=str(tmp_path)):
        loaded(tmp_path)


def test_the_name_of_a_marker_in_a_text_is_not_a_marker(prompted_model):
    tokenizer = loaded(prompted_model).tokenizer
    (tokens,) = tokenizer.tokens(["[SEP] [CLS]"])
    assert not {tokenizer.prefix.item(), tokenizer.suffix.item()} & set(tokens.tolist())
