import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagwan_text.completion import KEY_CHARACTERS_MAX, completion_keys, prefix_ranges

TEXTS = st.text(st.sampled_from("aB é1-_ 가기김깁ㄱㅊ철첤수힣😀") | st.characters(codec="utf-8"), max_size=20)


def completes(prefix: str, value: str) -> bool:
    return any(low <= key < high for low, high in prefix_ranges(prefix) for key in completion_keys(value))


@pytest.mark.parametrize(
    ("prefix", "value"),
    [
        ("wen", "Wen Harrow"),
        ("  WEN h", "Wen Harrow"),
        ("wenh", "Wen Harrow"),
        ("ｗｅｎ", "Wen Harrow"),
        ("harr", "Wen Harrow"),
        ("strasse", "Straße 7"),
        ("김철", "김철수"),
        ("김 철", "김철수"),
        ("김철수", "김 철수"),
        ("한기", "위원장 한기섭"),
        ("review", "Budget-review (Q3)"),
        ("q3", "Budget-review (Q3)"),
        ("(q3", "Budget-review (Q3)"),
        ("#op", "#ops"),
        ("2026", "예산 2026 상반기"),
        ("ㅋㅋ", "ㅋㅋㅋ 모임"),
    ],
)
def test_a_value_is_completed_from_the_beginning_of_any_word(prefix, value):
    assert completes(prefix, value)


@pytest.mark.parametrize("typed", ["ㄱ", "기", "김", "김ㅊ", "김처", "김철", "김첤", "김철ㅅ", "김철수"])
def test_a_korean_name_is_completed_at_every_stroke_of_its_writing(typed):
    assert completes(typed, "김철수")
    assert completes(unicodedata.normalize("NFD", typed), unicodedata.normalize("NFD", "김철수"))


@pytest.mark.parametrize(
    ("prefix", "value"),
    [
        ("arrow", "Wen Harrow"),
        ("wenx", "Wen Harrow"),
        ("철수", "김철수"),
        ("김", "기민수"),
        ("김ㅈ", "김철수"),
        ("긴", "김철수"),
        ("ㄲ", "김철수"),
        ("김처", "김차수"),
        ("김철수a", "김철수"),
    ],
)
def test_a_value_is_not_completed_from_what_none_of_its_words_begins_with(prefix, value):
    assert not completes(prefix, value)


def test_a_finished_syllable_keeps_its_two_finals():
    assert completes("값", "값싼 장비")


@pytest.mark.parametrize("text", ["", " \n", "—", "(#)"])
def test_without_letters_or_digits_nothing_is_completed(text):
    assert prefix_ranges(text) == []
    assert completion_keys(text) == {}


@given(TEXTS, st.integers(1, 20))
def test_every_beginning_of_a_value_with_a_word_in_it_completes_the_value(value, length):
    beginning = value[:length]
    # A cut through a cluster can change what its first half folds to.
    whole = unicodedata.is_normalized("NFKC", value) and value.casefold() == value and value.isalnum()
    assert not whole or completes(beginning, value)


@given(TEXTS)
def test_keys_and_ranges_are_short_and_can_be_stored_and_compared(text):
    for key in (*completion_keys(text * 30), *(bound for pair in prefix_ranges(text * 30) for bound in pair)):
        assert len(key) <= KEY_CHARACTERS_MAX + 1
        key.encode()
    for low, high in prefix_ranges(text):
        # By code point is by byte in UTF-8, as the database compares.
        assert low < high
        assert low.encode() < high.encode()
