"""Tokens of words against the real tokenizer: what a chunk is planned to have is what it has."""

import json

import numpy as np
import pytest

from sagwan_embedder.backends import Backend, load_model
from sagwan_ingest.counting import WordCounts
from sagwan_ingest.domain.tokens import counter, words_to_count
from sagwan_runtime.deadline import Deadline

pytestmark = pytest.mark.integration

TEXTS = [
    "Okay , so the question is whether we 're going to keep the old interface , or not .",
    "다음은 교육위원회 소관 예산안을 심사하겠습니다. 질의하실 위원님께서는 말씀해 주시기 바랍니다.",
    "배포는 2024년 3월 5일 화요일 오후 2시에 진행하고, API gateway 설정은 김철수 님이 바꾸기로 했습니다.",
    "김철수: ＦＵＬＬ　ｗｉｄｔｈ and ﬁgures ①②③ ½ ㎏ 🙏🎉",
]


class Tokenizer:
    """The default model's own, counting as the embedder's CountTokens does, and what it was asked for."""

    def __init__(self, model_dir) -> None:
        self._model = load_model(backend=Backend.ONNX, model=str(model_dir), threads=1, device="")
        self.asked: list[str] = []

    def length(self, text: str) -> int:
        (tokens,) = self._model.tokenizer.tokens([text])
        return len(tokens)

    async def count_tokens(self, texts, model_sha256, deadline):
        self.asked += texts
        overhead = np.size(self._model.tokenizer.prefix) + np.size(self._model.tokenizer.suffix)
        return [self.length(f"passage: {text}") + overhead for text in texts]


@pytest.fixture(scope="module")
def tokenizer(model_dir) -> Tokenizer:
    return Tokenizer(model_dir)


async def test_the_words_of_a_text_add_up_to_its_tokens(tokenizer):
    counts = await WordCounts(tokenizer, words_max=1_000).of(words_to_count(TEXTS), "sha", Deadline.after(10))
    assert [counter(counts)(text) for text in TEXTS] == [tokenizer.length(text) for text in TEXTS]


async def test_they_do_for_real_chunks(tokenizer, eval_data):
    texts = []
    for name in ("qmsum/val", "ko_mrc"):
        with (eval_data / name / "corpus.jsonl").open(encoding="utf-8") as lines:
            texts += [json.loads(line)["text"] for _, line in zip(range(200), lines, strict=False)]
    counts = await WordCounts(tokenizer, words_max=100_000).of(words_to_count(texts), "sha", Deadline.after(60))
    count = counter(counts)
    wrong = [text for text in texts if abs(count(text) - tokenizer.length(text)) > 1]
    assert wrong == []


async def test_a_word_is_asked_for_once_and_again_for_another_model(tokenizer):
    tokenizer.asked.clear()
    words = WordCounts(tokenizer, words_max=1_000)
    for sha256, asked in (("one", 1), ("one", 1), ("other", 2)):
        await words.of(words_to_count(["budget budget"]), sha256, Deadline.after(10))
        assert tokenizer.asked.count("budget") == asked
