import time
import unicodedata

from sagwan_text.folding import fold


def test_text_that_is_plain_already_maps_onto_itself():
    folded = fold("회의 notes")
    assert folded.text == "회의 notes"
    assert list(folded.starts) == list(range(8))
    assert list(folded.ends) == list(range(1, 9))


def test_decomposed_syllables_compose_and_remember_their_jamo():
    folded = fold(unicodedata.normalize("NFD", "한글"))
    assert folded.text == "한글"
    assert list(zip(folded.starts, folded.ends, strict=True)) == [(0, 3), (3, 6)]


def test_one_character_that_becomes_several_lends_each_its_span():
    folded = fold("a㎏")
    assert folded.text == "akg"
    assert list(zip(folded.starts, folded.ends, strict=True)) == [(0, 1), (1, 2), (1, 2)]


def test_format_characters_vanish_and_a_zero_width_space_becomes_a_space():
    assert fold("\ufeffbud\u00adget\u200bplan").text == "budget plan"


def test_jamo_written_by_themselves_do_not_become_syllables():
    assert fold("ㅋㅋ ㄱㅏ").text == "ㅋㅋ ㄱㅏ"


def test_every_canonical_composition_is_found_in_decomposed_text():
    for code_point in range(0x110000):
        char = chr(code_point)
        decomposed = unicodedata.normalize("NFD", char)
        if len(decomposed) > 1:
            assert fold(decomposed).text == unicodedata.normalize("NFKC", char), hex(code_point)


def test_a_flood_of_marks_takes_linear_time():
    started = time.process_time()
    fold("a" + "\u0301\u0316" * 100_000)
    assert time.process_time() - started < 2.0
