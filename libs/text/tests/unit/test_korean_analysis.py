import unicodedata

import pytest


@pytest.mark.parametrize("inflected", ["번역을", "번역이", "번역에서도", "번역했습니다", "번역된"])
def test_a_noun_is_found_whatever_particle_or_ending_follows_it(words, inflected):
    assert words("번역") == ["번역"]
    assert "번역" in words(f"오늘 {inflected} 검토")


def test_particles_and_endings_are_no_terms(cuts):
    assert cuts("번역을 검토했습니다.") == [("번역", "번역"), ("검토", "검토")]


def test_a_compound_gives_the_whole_and_then_its_parts_each_where_it_stands(analyzer):
    terms = analyzer.terms("그 회의록을 작성")
    assert [(term.text, term.start, term.end) for term in terms] == [
        ("회의록", 2, 5),
        ("회의", 2, 4),
        ("록", 4, 5),
        ("작성", 7, 9),
    ]


def test_nouns_written_together_or_apart_have_the_same_terms(words):
    assert words("검색시스템") == words("검색 시스템") == ["검색", "시스템"]


@pytest.mark.parametrize(
    ("inflected", "stem"),
    [("줄였다", "줄이"), ("느려서", "느리"), ("도왔습니다", "돕"), ("걸어갔고", "걸어가")],
)
def test_an_inflected_verb_gives_its_stem(words, inflected, stem):
    assert words(inflected) == [stem]


def test_a_stem_that_is_not_in_the_text_stands_where_its_inflected_form_does(cuts):
    assert cuts("비용을 줄였다") == [("비용", "비용"), ("줄이", "줄였")]


@pytest.mark.parametrize("text", ["하고 있습니다", "그렇게 됩니다", "이것은 무엇입니까", "네, 어"])
def test_light_verbs_pronouns_and_interjections_are_no_terms(words, text):
    assert words(text) == []


def test_verbs_that_work_as_particles_are_no_terms(words):
    assert words("예산에 대해서 절차에 따라") == ["예산", "절차"]


def test_a_negating_prefix_is_kept_apart_from_its_noun(words):
    assert words("비공개") == ["비", "공개"]


def test_plural_and_honorific_suffixes_are_dropped(words):
    assert words("의원님들이") == words("의원") == ["의원"]


def test_numbers_and_their_units_are_terms(cuts):
    assert cuts("3억 원을 배정") == [("3", "3"), ("억", "억"), ("원", "원"), ("배정", "배정")]


def test_an_english_name_with_a_particle_is_found_by_its_name(cuts):
    assert cuts("API가 느리다") == [("api", "API"), ("느리", "느리")]


def test_korean_and_english_keep_the_order_they_are_written_in(words):
    assert words("Budget 회의에서 roadmap을 공유") == ["budget", "회의", "roadmap", "공유"]


def test_a_word_that_the_dictionary_lacks_is_a_term(words):
    assert words("쀍뚫쩳") == ["쀍뚫쩳"]


def test_an_empty_part_in_the_dictionary_gives_no_empty_term(words):
    assert words("데스노트") == ["데스노트", "노트"]


def test_laughter_in_jamo_is_no_term_and_leaves_its_neighbour_alone(cuts):
    assert cuts("ㅋㅋㅋ 예산ㅠㅠ") == [("예산", "예산")]


def test_decomposed_hangul_has_the_terms_of_composed_and_offsets_of_its_own(analyzer, words):
    composed = "😀 번역을 검토했다"
    decomposed = unicodedata.normalize("NFD", composed)
    assert words(decomposed) == words(composed)
    first = analyzer.terms(decomposed)[0]
    assert unicodedata.normalize("NFC", decomposed[first.start : first.end]) == "번역"


@pytest.mark.parametrize("separator", ["\0", "\ud800", "\u3000", "\u2028", "\u200b", "😀", "\n"])
def test_nul_surrogates_and_exotic_spaces_separate_words(cuts, separator):
    text = f"예산{separator}회의"
    assert cuts(text) == [("예산", "예산"), ("회의", "회의")]


@pytest.mark.parametrize("filler", [" ", "a", "가", "\n", "1.", "-", "👍"])
def test_offsets_hold_behind_a_run_longer_than_the_tagger_counts(analyzer, filler):
    text = filler * 30_000 + " 회의"
    last = analyzer.terms(text)[-1]
    assert (last.text, last.end) == ("회의", len(text))
