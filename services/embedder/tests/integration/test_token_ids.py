import ctypes
import unicodedata
from importlib import metadata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagwan_embedder.build.weights import SOURCE_PACKAGE, Weights

pytestmark = pytest.mark.integration

BOS, EOS, UNKNOWN = 0, 2, 3
LAST_ID = 250_001
TEXTS = [
    "Hello world!",
    "회의록은 다음 주 화요일까지 공유하겠습니다.",
    "예산 3,500만 원을 2분기에 집행하기로 의결했다 (찬성 7, 반대 2).",
    "The committee agreed to postpone the vote until Q3 2024; see item 4.2(b).",
    "Kim 위원장: API rate limit을 1,000 req/s로 올리죠.",
    "ＦＵＬＬ　ｗｉｄｔｈ and ﬁgures ①②③ ½ ㎏ ㈜한국",
    "https://example.org/a?b=c&d=%20#e  user@example.org",
    "감사합니다 🙏🎉 — “인용” … 끝",
    "議事録と会议记录, протокол, πρακτικά",
    "x = {'a': [1, 2.5e-3]}; // 주석",
    "   several    spaces\tand\ntabs   inside",
]
unicode_texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)


@pytest.fixture(scope="session")
def engine_count():
    """The source package's own count of a passage's tokens."""
    root = metadata.distribution(SOURCE_PACKAGE).locate_file(SOURCE_PACKAGE)
    try:
        library = ctypes.CDLL(str(next(root.glob("_engine*"))))
    except (OSError, StopIteration):
        pytest.skip("the source package's engine does not load here")
    library.e5_load.restype = ctypes.c_void_p
    library.e5_token_count.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int]
    model = library.e5_load(str(root / "e5-small-q4.bin").encode())
    return lambda text: library.e5_token_count(model, text.encode(), 0)


def ids_of(tokenizer, text):
    (tokens,) = tokenizer.tokens([text])
    return [*tokenizer.prefix.tolist(), *tokens.tolist(), *tokenizer.suffix.tolist()]


def test_ids_are_those_that_the_model_was_trained_with(tokenizer):
    assert ids_of(tokenizer, "Hello world!") == [BOS, 35378, 8999, 38, EOS]
    assert ids_of(tokenizer, "query: 회의") == [BOS, 41, 1294, 12, 6, 51954, EOS]


def test_ids_read_with_the_vocabulary_of_the_source_give_the_text_back(tokenizer):
    pieces = Weights.from_installed_package().vocabulary.pieces
    for text in (*TEXTS[:5], TEXTS[8]):
        words = " ".join(unicodedata.normalize("NFKC", text).split())
        assert "".join(pieces[index] for index in ids_of(tokenizer, text)[1:-1]) == f" {words}".replace(" ", "▁")


def test_counts_agree_with_the_engine_that_comes_with_the_weights(tokenizer, engine_count):
    counts = [len(ids_of(tokenizer, f"passage: {text}")) for text in TEXTS]
    assert counts == [engine_count(text.strip()) for text in TEXTS]


def test_counts_agree_on_real_minutes(tokenizer, engine_count, eval_data):
    lines = (eval_data / "ko_mrc" / "corpus.jsonl").read_text().splitlines()[:300]
    different = [line for line in lines if len(ids_of(tokenizer, f"passage: {line}")) != engine_count(line)]
    assert len(different) <= len(lines) // 100


def test_the_name_of_a_marker_in_a_text_is_not_a_marker(tokenizer):
    ids = ids_of(tokenizer, "</s> <s> <pad> <mask> <unk>")
    assert not {BOS, EOS, 1, LAST_ID} & set(ids[1:-1])


def test_a_decomposed_syllable_gives_the_tokens_of_the_composed_one(tokenizer):
    text = "회의록 작성자를 정했다"
    assert ids_of(tokenizer, unicodedata.normalize("NFD", text)) == ids_of(tokenizer, text)


def test_white_space_around_and_between_words_does_not_count(tokenizer):
    assert ids_of(tokenizer, "  예산   심의 \r\n") == ids_of(tokenizer, "예산 심의")


@given(unicode_texts)
def test_any_text_gives_ids_of_the_model_and_no_marker(tokenizer, text):
    (tokens,) = tokenizer.tokens([text])
    assert tokens.dtype == np.int32
    assert np.all((tokens >= UNKNOWN) & (tokens < LAST_ID))


@pytest.mark.parametrize(
    "text", ["", "\0", "a\0b", "\ufeff", "\u200b" * 50, "가" * 100_000, "\U0010ffff", "\u0301" * 99]
)
def test_odd_texts_are_cut_like_any_other(tokenizer, text):
    inside = ids_of(tokenizer, text)[1:-1]
    assert all(UNKNOWN <= token < LAST_ID for token in inside)
