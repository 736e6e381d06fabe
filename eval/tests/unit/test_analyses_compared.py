"""Documents in memory by the terms of any analysis."""

from sagwan_eval.analyses import Bm25Index, bigrams, spaced_words


def test_spaces_alone_part_words_and_case_and_width_do_not_count():
    assert spaced_words("Ｂｕｄｇｅｔ 예산을\t삭감") == ["budget", "예산을", "삭감"]


def test_bigrams_stay_within_words_and_a_lone_character_is_one():
    assert bigrams("예산을 또 API") == ["예산", "산을", "또", "ap", "pi"]


def test_the_document_that_says_more_of_the_question_comes_first_and_one_that_says_nothing_is_not_found():
    documents = [("b", "예산 삭감"), ("a", "예산 편성"), ("c", "급식"), ("d", "예산 삭감")]
    index = Bm25Index(documents, spaced_words)
    assert index.ranking("예산 삭감", depth=10) == ["b", "d", "a"]
    assert index.ranking("예산 삭감", depth=1) == ["b"]
    assert index.ranking("도서관", depth=10) == []
