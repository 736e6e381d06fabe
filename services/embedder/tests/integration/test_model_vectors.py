"""What the vectors must be, whatever runs the model."""

import numpy as np
import pytest

from sagwan_embedder.domain.model import Kind

pytestmark = pytest.mark.integration

PAIRS = [
    ("다음 회의는 목요일 오후 세 시에 합니다.", "The next meeting is on Thursday at three in the afternoon."),
    ("예산안이 만장일치로 통과되었습니다.", "The budget was approved unanimously."),
    ("서버 이전 일정을 두 주 미루기로 했습니다.", "We decided to postpone the server migration by two weeks."),
    ("고객 불만이 지난달보다 두 배로 늘었습니다.", "Customer complaints doubled compared with last month."),
    ("학교 급식의 질을 높여야 한다는 지적이 있었다.", "It was pointed out that school meals must improve."),
    ("개인정보 보호 정책을 법무팀이 검토하고 있습니다.", "The legal team is reviewing the privacy policy."),
    ("신입 개발자 세 명을 채용할 계획입니다.", "We plan to hire three junior developers."),
    ("이 알고리즘은 메모리를 너무 많이 씁니다.", "This algorithm uses far too much memory."),
]
TEXTS = [
    *(text for pair in PAIRS for text in pair),
    "네.",
    "ok",
    "1,234,567원 (부가세 별도) / 2024-03-15",
    "def f(x): return {k: v for k, v in x.items() if v is not None}",
    "👍👍 ㅋㅋㅋ ㄴㄴ",
    " ".join(korean for korean, _ in PAIRS),
    " ".join(english for _, english in PAIRS),
]


@pytest.fixture(scope="module")
def passages(vectors_of):
    """The vectors of all texts as passages, in one batch."""
    return vectors_of(TEXTS)


def cosines(left, right):
    return np.sum(left * right, axis=1)


def test_int8_points_where_float32_does(passages, vectors_of, exact_encoder):
    assert cosines(passages, vectors_of(TEXTS, encoder=exact_encoder)).min() >= 0.998


def test_int8_points_where_float32_does_on_real_meetings(vectors_of, exact_encoder, eval_data):
    lines = (eval_data / "qmsum" / "val" / "corpus.jsonl").read_text().splitlines()[:400:80]
    assert cosines(vectors_of(lines), vectors_of(lines, encoder=exact_encoder)).min() >= 0.998


def test_vectors_are_of_unit_length_and_of_the_cards_dimension(passages, card):
    assert passages.dtype == np.float32
    assert passages.shape == (len(TEXTS), card.dimension)
    assert np.allclose(np.linalg.norm(passages, axis=1), 1, atol=1e-5)


def test_the_texts_that_share_a_batch_hardly_move_a_vector(passages, vectors_of):
    # The same to the last bit with AVX2 kernels; 0.999 leaves room for kernels that add in another order, and none
    # for a scale that the whole batch shares (0.992).
    alone = np.concatenate([vectors_of([text]) for text in TEXTS])
    assert cosines(passages, alone).min() >= 0.999


def test_the_same_batch_gives_the_same_vectors(passages, vectors_of):
    assert np.array_equal(passages, vectors_of(TEXTS))


def test_a_text_is_another_vector_as_a_query_than_as_a_passage(passages, vectors_of):
    assert cosines(vectors_of(TEXTS[:4], Kind.QUERY), passages[:4]).max() < 0.999


def test_a_sentence_is_nearest_to_its_translation(passages):
    korean, english = passages[0 : 2 * len(PAIRS) : 2], passages[1 : 2 * len(PAIRS) : 2]
    likeness = korean @ english.T
    assert likeness.argmax(axis=0).tolist() == likeness.argmax(axis=1).tolist() == list(range(len(PAIRS)))


def test_a_question_finds_its_answer_across_languages(passages, vectors_of):
    (question,) = vectors_of(["When do we meet again?"], Kind.QUERY)
    assert TEXTS[int(np.argmax(passages[0 : 2 * len(PAIRS) : 2] @ question)) * 2] == PAIRS[0][0]
