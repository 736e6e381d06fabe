"""The tokenizer against the one of the `tokenizers` library: another implementation, of the same vocabulary."""

import json
import unicodedata

import pytest

from sagwan_embedder.adapters.json_tokenizer import JsonTokenizer
from sagwan_embedder.adapters.sentencepiece_tokenizer import SentencePieceTokenizer
from sagwan_embedder.build.normalization import compiled_normalization, rules_of
from sagwan_embedder.build.vocabulary import reference_tokenizer
from sagwan_embedder.build.weights import Weights

pytestmark = pytest.mark.integration

SETS = ["ko_mrc", "qmsum/val"]
FILES = {"corpus": "passage: ", "queries": "query: "}
SMALL = {"Ａ": "A", "\N{ZERO WIDTH JOINER}": " ", "\N{SOFT HYPHEN}": "", "㎏": "kg"}


@pytest.fixture(scope="module")
def ours(model_dir):
    return SentencePieceTokenizer(model_dir)


@pytest.fixture(scope="module")
def reference():
    return JsonTokenizer(reference_tokenizer(Weights.from_installed_package().vocabulary).to_str())


def ids(tokenizer, texts):
    return [tokens.tolist() for tokens in tokenizer.tokens(texts)]


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("file", FILES)
def test_every_real_text_gives_the_ids_of_the_reference(ours, reference, eval_data, name, file):
    lines = (eval_data / name / f"{file}.jsonl").read_text().splitlines()
    texts = [FILES[file] + json.loads(line)["text"] for line in lines]
    different = [text for text in texts if ids(ours, [text]) != ids(reference, [text])]
    assert len(texts) > 200
    assert different == []


def test_the_markers_are_the_same(ours, reference):
    assert (ours.prefix.tolist(), ours.suffix.tolist()) == (reference.prefix.tolist(), reference.suffix.tolist())


@pytest.mark.parametrize(
    "text",
    [
        "👩‍💻 배포했습니다 🤷‍♂️",
        unicodedata.normalize("NFD", "회의록 작성자: café, naïve"),
        "ﬁnal ＦＵＬＬ　ｗｉｄｔｈ ①②③ ½ ㎏ ㈜",
        "soft\N{SOFT HYPHEN}hyphen zero\N{ZERO WIDTH SPACE}width",
        "ⴷⵣⴰⵢⴻⵔ 濊貊",
    ],
)
def test_rare_characters_give_the_ids_of_the_reference(ours, reference, text):
    assert ids(ours, [text]) == ids(reference, [text])


def test_the_name_of_a_marker_in_a_text_is_a_marker_to_neither(ours, reference):
    for tokenizer in (ours, reference):
        (tokens,) = ids(tokenizer, ["</s> <s>"])
        assert not {*tokenizer.prefix.tolist(), *tokenizer.suffix.tolist()} & set(tokens)


def test_single_characters_become_what_the_source_says_and_sequences_what_sentencepiece_says():
    rules = dict(rules_of(compiled_normalization(SMALL)))
    assert {key: becomes for key, becomes in rules.items() if len(key) == 1} == SMALL
    syllable = unicodedata.normalize("NFD", "회")
    assert rules[syllable] == "회"
    assert len(rules) > 200_000
