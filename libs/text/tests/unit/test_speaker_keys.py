import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagwan_text.speakers import speaker_key


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Wen Harrow", "  wen   HARROW "),
        ("위원장 김생환", "위원장\u3000김생환"),
        ("김생환", unicodedata.normalize("NFD", "김생환")),
        ("ＡＤＡ", "ada"),
        ("Straße", "STRASSE"),
    ],
)
def test_spellings_that_differ_in_case_width_or_spacing_are_one_speaker(one, other):
    assert speaker_key(one) == speaker_key(other)


def test_different_names_stay_different():
    assert speaker_key("김철수") != speaker_key("김철호")


@given(st.text())
def test_a_key_is_its_own_key(name):
    assert speaker_key(speaker_key(name)) == speaker_key(name)
