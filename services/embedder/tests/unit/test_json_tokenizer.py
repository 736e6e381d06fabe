"""A tokenizer.json small enough to be written by hand."""

import numpy as np
import pytest
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from sagwan_embedder.adapters.json_tokenizer import JsonTokenizer

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "예산", "회의", "##록", "budget", "[", "]", "sep", ":"]
CLS, SEP = 2, 3


def described(*, template="[CLS] $A [SEP]", truncated_to=0):
    tokenizer = Tokenizer(models.WordPiece({word: index for index, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.add_special_tokens(WORDS[:4])
    if template:
        tokenizer.post_processor = processors.TemplateProcessing(
            single=template, special_tokens=[("[CLS]", CLS), ("[SEP]", SEP)]
        )
    if truncated_to:
        tokenizer.enable_truncation(truncated_to)
        tokenizer.enable_padding(length=truncated_to)
    return tokenizer.to_str()


def ids(description, text):
    return JsonTokenizer(description).tokens([text])[0].tolist()


@pytest.mark.parametrize(
    ("template", "prefix", "suffix"),
    [
        ("[CLS] $A [SEP]", [CLS], [SEP]),
        ("$A [SEP]", [], [SEP]),
        ("[CLS] [SEP] $A", [CLS, SEP], []),
        ("", [], []),
    ],
)
def test_the_markers_are_those_of_the_template(template, prefix, suffix):
    tokenizer = JsonTokenizer(described(template=template))
    assert (tokenizer.prefix.tolist(), tokenizer.suffix.tolist()) == (prefix, suffix)
    assert tokenizer.prefix.dtype == tokenizer.suffix.dtype == np.int32


def test_a_text_is_cut_into_its_pieces_without_markers():
    assert ids(described(), "예산: Budget 회의록") == [4, 11, 7, 5, 6]


def test_texts_come_back_in_order_and_each_by_itself():
    cut = JsonTokenizer(described()).tokens(["예산", "", "회의 budget"])
    assert [tokens.tolist() for tokens in cut] == [[4], [], [5, 7]]
    assert all(tokens.dtype == np.int32 for tokens in cut)


def test_nothing_is_cut_off_or_padded_whatever_the_file_says():
    description = described(truncated_to=4)
    assert ids(description, "예산 " * 9) == [4] * 9
    assert ids(description, "예산") == [4]


def test_the_name_of_a_marker_in_a_text_is_not_a_marker():
    assert ids(described(), "[SEP] 예산") == [8, 10, 9, 4]
