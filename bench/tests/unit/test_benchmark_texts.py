import itertools

import pytest
from embedder_bench.texts import Cutter, EvaluationTexts, endless_passages, ten_word_queries

KOREAN = [f"{number}번째 회의록 예산 심의 결과 보고 그리고 다음 일정 확정 완료" for number in range(40)]
ENGLISH = [f"item {number} the committee agreed to look at it once more in spring" for number in range(40)]


@pytest.fixture
def texts():
    return EvaluationTexts({"ko_mrc": KOREAN, "qmsum/val": ENGLISH}, {"ko_mrc": [], "qmsum/val": []})


@pytest.fixture
def cutter(texts):
    return Cutter(texts, counts)


def counts(texts):
    """A token a word, and one more for each that begins with a vowel."""
    return [sum(1 + (word[0] in "aeiou") for word in text.split()) for text in texts]


def taken(count, stream):
    return list(itertools.islice(stream, count))


def test_passages_never_repeat_and_keep_their_words(texts):
    passages = taken(400, endless_passages(texts, seed=1))
    assert len(set(passages)) == 400
    originals = {tuple(sorted(text.split())) for text in KOREAN + ENGLISH}
    assert {tuple(sorted(text.split())) for text in passages} == originals


def test_the_first_passages_are_those_of_the_sets(texts):
    assert sorted(taken(80, endless_passages(texts, seed=1))) == sorted(KOREAN + ENGLISH)


def test_queries_have_ten_words_and_never_repeat(texts):
    queries = taken(300, ten_word_queries(texts, seed=1))
    assert {len(query.split()) for query in queries} == {10}
    assert len(set(queries)) == 300


@pytest.mark.parametrize("tokens", [1, 7, 100])
def test_a_cut_text_has_the_wanted_tokens_to_within_its_last_word(cutter, tokens):
    for count in counts(taken(60, cutter.texts_of(tokens, seed=1))):
        assert tokens <= count <= tokens + 1


def test_mixed_texts_have_every_length_between_the_two_and_more_short_than_long(cutter):
    lengths = counts(taken(2_000, cutter.mixed(1, 400, seed=1)))
    assert min(lengths) == 1
    assert 300 < max(lengths) <= 401
    assert sum(length < 20 for length in lengths) > sum(length >= 20 for length in lengths)


@pytest.mark.parametrize("stream", ["endless_passages", "ten_word_queries"])
def test_a_seed_gives_the_same_texts_again(texts, stream):
    make = {"endless_passages": endless_passages, "ten_word_queries": ten_word_queries}[stream]
    assert taken(100, make(texts, seed=5)) == taken(100, make(texts, seed=5)) != taken(100, make(texts, seed=6))
