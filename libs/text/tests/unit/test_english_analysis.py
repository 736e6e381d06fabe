import pytest


@pytest.mark.parametrize("form", ["budget", "Budgets", "BUDGET", "budgeting", "budget's", "budget’s"])
def test_the_forms_of_a_word_share_a_term(words, form):
    assert words(form) == ["budget"]


def test_function_words_are_no_terms(words):
    assert words("What did they say about the budget?") == ["say", "budget"]


def test_the_sounds_of_thinking_are_no_terms(words):
    assert words("Uh, um, OK yeah, mm the, er, prototype") == ["prototyp"]


@pytest.mark.parametrize("text", ["don't", "don’t", "we're", "it's", "do n't", "we 're", "it 's"])
def test_contractions_of_function_words_are_no_terms_even_when_split_off(words, text):
    assert words(text) == []


def test_an_apostrophe_within_a_name_stays(words):
    assert words("O'Brien") == ["o'brien"]


def test_quotes_around_a_word_are_not_cut_with_it(cuts):
    assert cuts("the 'pivot' and ‘budget’") == [("pivot", "pivot"), ("budget", "budget")]


def test_a_function_word_in_capitals_is_a_name(words):
    assert words("IT and US and WHO's it us who") == ["it", "us", "who"]


@pytest.mark.parametrize(
    ("written", "number"),
    [("1,200", "1200"), ("1,234,567.5", "1234567.5"), ("3.5", "3.5"), ("007", "7"), ("0", "0")],
)
def test_a_number_is_one_term_without_its_commas(cuts, written, number):
    assert cuts(f"about {written}, or so") == [(number, written)]


@pytest.mark.parametrize("listed", ["1,2,3", "1, 2, 3", "1-2-3", "01.02.03", "1/2/3"])
def test_listed_numbers_are_terms_of_their_own(words, listed):
    assert words(listed) == ["1", "2", "3"]


@pytest.mark.parametrize("date", ["2026-03-04", "2026.03.04", "2026. 3. 4.", "2026/3/4"])
def test_a_date_gives_its_numbers_however_it_is_written(words, date):
    assert words(date) == ["2026", "3", "4"]


@pytest.mark.parametrize(
    ("identifier", "term"),
    [("v2.1", "v2.1"), ("HTTP2", "http2"), ("GPT4o", "gpt4o"), ("v1.2.3", "v1.2.3")],
)
def test_an_identifier_is_one_term(cuts, identifier, term):
    assert cuts(identifier) == [(term, identifier)]


def test_a_hyphenated_word_gives_its_closed_form_and_its_parts(cuts):
    assert cuts("COVID-19") == [("covid19", "COVID-19"), ("covid", "COVID"), ("19", "19")]


def test_a_word_in_snake_case_gives_its_closed_form_and_its_parts(cuts):
    assert cuts("__max_tokens") == [
        ("maxtoken", "max_tokens"),
        ("max", "max"),
        ("token", "tokens"),
    ]


@pytest.mark.parametrize("written", ["follow-up", "followup", "follow up"])
def test_spellings_with_and_without_a_hyphen_find_one_another(words, written):
    assert set(words(written)) & set(words("follow-ups"))


def test_a_dash_separates_words(words):
    assert words("budget--plan budget–plan budget — plan") == ["budget", "plan"] * 3


def test_a_date_has_no_closed_form(words):
    assert "20260304" not in words("2026-03-04")


def test_full_width_letters_ligatures_and_squared_units_are_plain_letters(cuts):
    assert cuts("ＡＰＩ ﬁnal 5㎏") == [("api", "ＡＰＩ"), ("final", "ﬁnal"), ("5kg", "5㎏")]


def test_letters_outside_the_basic_plane_keep_their_offsets(cuts):
    assert cuts("😀 𝐀𝐏𝐈 plan") == [("api", "𝐀𝐏𝐈"), ("plan", "plan")]


def test_a_soft_hyphen_is_part_of_its_word(cuts):
    assert cuts("bud\u00adget") == [("budget", "bud\u00adget")]


def test_a_word_of_machine_noise_is_no_term(words):
    assert words("x" * 128 + " " + "y" * 129) == ["x" * 128]


def test_other_scripts_with_spaces_give_case_folded_words(words):
    assert words("Привет МИР Straße हिन्दी") == ["привет", "мир", "strasse", "हिन्दी"]


def test_han_and_kana_give_pairs_of_neighbours(cuts):
    assert cuts("東京都, カナ") == [("東京", "東京"), ("京都", "京都"), ("カナ", "カナ")]


def test_a_lone_han_character_is_a_term(words):
    assert words("美 의회") == ["美", "의회"]
