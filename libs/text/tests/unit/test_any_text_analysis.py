"""Properties that hold for every text, sane or not."""

from hypothesis import given, settings
from hypothesis import strategies as st

from sagwan_text.folding import fold

any_character = st.characters(codec=None)
troublesome_character = st.sampled_from(
    "가각ㄱㅏᄀ\u1161\u11a8힣회의록했다줄였 \t\n\0aA'’-_.,0１½㈜ﬁ㎏e\u0301\u0316\u200b\u200d\u00ad"
    "ｶﾞ漢字かなไทยЖßİ\ud800\udfff😀𝐀\U000e0001"
)
any_text = st.text(any_character | troublesome_character, max_size=60)
spaced_text = st.text(st.sampled_from("abzABZ019'’-_., ЖжßéΣσςＡ１ﬁ㎏½e\u0301\u00ad"), max_size=40)

many = settings(max_examples=300, deadline=None)


@many
@given(text=any_text)
def test_every_text_has_terms_in_order_and_within_it(analyzer, text):
    terms = analyzer.terms(text)
    assert all(term.text and 0 <= term.start < term.end <= len(text) for term in terms)
    assert [term.start for term in terms] == sorted(term.start for term in terms)


@many
@given(text=any_text)
def test_the_same_text_has_the_same_terms(analyzer, text):
    assert analyzer.terms(text) == analyzer.terms(text)


@many
@given(text=spaced_text)
def test_what_a_term_cuts_from_the_text_has_that_term_by_itself(analyzer, text):
    for term in analyzer.terms(text):
        assert term.text in [again.text for again in analyzer.terms(text[term.start : term.end])]


@many
@given(text=st.text(st.sampled_from("ЖжяΣσςéÉßﬃＡ０１٣ \u0301\u0323\u00ad,"), max_size=40))
def test_a_word_that_is_not_english_is_its_slice_folded(analyzer, text):
    for term in analyzer.terms(text):
        folded = fold(text[term.start : term.end]).text.casefold()
        assert term.text in folded.replace(",", "")


@many
@given(text=any_text)
def test_folding_maps_every_character_to_a_span_of_the_original(text):
    folded = fold(text)
    assert len(folded.text) == len(folded.starts) == len(folded.ends)
    spans = list(zip(folded.starts, folded.ends, strict=True))
    assert spans == sorted(spans)
    assert all(0 <= start < end <= len(text) for start, end in spans)


@many
@given(text=any_text)
def test_folding_twice_is_folding_once(text):
    once = fold(text).text
    assert fold(once).text == once
