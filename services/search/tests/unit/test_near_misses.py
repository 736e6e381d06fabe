"""Words that occur nowhere: which they are, and what is looked for in their place."""

import time
import unicodedata
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from sagwan_runtime.deadline import Deadline
from sagwan_runtime.metrics import SearchMetrics
from sagwan_search.domain.lexical import match_share
from sagwan_search.domain.near_misses import Correction, Nearness, compound_split, compound_terms, question_words
from sagwan_search.domain.near_names import edit_distance, nearest_values, nearest_words, word_halves
from sagwan_search.domain.query import Mode, Query
from sagwan_search.domain.syntax import parse_text
from sagwan_search.searching import Searching, SearchLimits
from sagwan_text.analysis import Term

LETTERS = "abcde"
NAMES = ["김철수", "남궁민지", "Sarah Whitfield", "Wen Harrow", "Christopher Lee", "John", "주간 회의"]


def reference_distance(one, other):
    """The distance by its definition, one letter at a time from the end."""
    if not one or not other:
        return len(one) + len(other)
    ways = [
        reference_distance(one[:-1], other) + 1,
        reference_distance(one, other[:-1]) + 1,
        reference_distance(one[:-1], other[:-1]) + (one[-1] != other[-1]),
    ]
    if len(one) > 1 and len(other) > 1 and one[-1] == other[-2] and one[-2] == other[-1]:
        ways.append(reference_distance(one[:-2], other[:-2]) + 1)
    return min(ways)


class TestDistance:
    @given(st.text("ab", max_size=5), st.text("abc", max_size=5), st.integers(0, 3))
    def test_it_is_the_optimal_string_alignment(self, one, other, at_most):
        expected = reference_distance(one, other)
        assert edit_distance(one, other, at_most=at_most) == (expected if expected <= at_most else None)

    @given(st.text(LETTERS, min_size=4, max_size=14), st.data())
    def test_a_word_an_edit_away_shares_a_half(self, word, data):
        place = data.draw(st.integers(0, len(word) - 1))
        letter = data.draw(st.sampled_from(LETTERS))
        edited = data.draw(
            st.sampled_from(
                [
                    word[:place] + word[place + 1 :],
                    word[:place] + letter + word[place:],
                    word[:place] + letter + word[place + 1 :],
                    word[:place] + word[place : place + 2][::-1] + word[place + 2 :],
                ]
            )
        )
        heads, tails = word_halves([word])
        middle = len(edited) // 2
        assert edited[:middle] in heads or edited[middle:] in tails


class TestNames:
    @pytest.mark.parametrize(
        ("word", "name"),
        [
            ("김철소", "김철수"),
            ("김찰수는", "김철수"),
            ("남궁만지가", "남궁민지"),
            ("Whitfeld", "Whitfield"),
            ("ＷＨＩＴＦＩＥＬＤＳ", "Whitfield"),
            ("Harorw", "Harrow"),
            ("Whitifeld", "Whitfield"),
            ("Jhon", "John"),
            ("Christofer", "Christopher"),
            ("김철수", "김철수"),
        ],
    )
    def test_the_nearest_is_found(self, word, name):
        assert nearest_words(word, NAMES) == [name]
        heads, tails = word_halves([word])
        letters = unicodedata.normalize("NFD", name.casefold())
        assert letters[: len(letters) // 2] in heads or letters[len(letters) // 2 :] in tails

    @pytest.mark.parametrize("word", ["주건", "We", "Wan", "harvest", "김영수", "2026", "Christina", "", "x" * 30])
    def test_what_is_too_short_or_too_far_is_not(self, word):
        assert nearest_words(word, NAMES) == []

    def test_whole_values_are_compared_without_spaces(self):
        assert nearest_values("sara whitfield", NAMES) == ["Sarah Whitfield"]
        assert nearest_values("김 철소", NAMES) == ["김철수"]


class TestCompounds:
    @pytest.mark.parametrize(
        ("word", "occurring", "pieces"),
        [
            ("예산삭감안", "예산 삭감 안", ["예산", "삭감", "안"]),
            ("예산삭감을", "예산 삭감", ["예산", "삭감"]),
            ("예산삭감", "예산 삭감 예산삭감", ["예산삭감"]),
            ("그랜드캐니언을", "그랜드 캐니언 을", ["그랜드", "캐니언"]),
            ("도시재생사업", "도시 재생 사업 도시재생", ["도시재생", "사업"]),
        ],
    )
    def test_the_fewest_terms_that_occur(self, word, occurring, pieces):
        assert set(pieces) <= compound_terms(word)
        assert compound_split(word, set(occurring.split())) == pieces

    @pytest.mark.parametrize(
        ("word", "occurring"),
        [
            ("예산삭감안", "예산 안"),
            ("가나다라", "가 나 다 라"),
            ("시오자키", "시 오자키"),
            ("히로토시가", "히로 토 시가"),
            ("budgetcut", "budget cut"),
        ],
    )
    def test_none_where_a_piece_is_missing_or_too_many_are_single(self, word, occurring):
        assert compound_split(word, set(occurring.split())) is None

    def test_a_word_is_missing_when_all_of_it_is_or_a_piece_of_a_shattered_one(self, analyze):
        text = "“김철소”의 budget 회의록"
        name, budget, minutes = question_words(text, analyze(text))
        assert name.text == "김철소”의"
        assert name.is_missing({"철소"})
        assert not name.is_missing(set())
        assert budget.is_missing({"budget"})
        # The compound as a whole is no piece.
        assert not minutes.is_missing({"회의록"})

    @given(st.lists(st.tuples(st.integers(0, 12), st.integers(1, 6)), max_size=12))
    def test_pieces_are_the_terms_in_which_no_shorter_one_lies(self, spans):
        terms = [Term(f"{begin}-{length}", begin, begin + length) for begin, length in spans]
        terms.sort(key=lambda each: (each.start, -each.end))
        (word,) = question_words("x" * 20, terms)
        assert word.terms == tuple(each.text for each in terms)
        assert word.pieces == tuple(
            each.text
            for each in terms
            if not any(
                each.start <= o.start and o.end <= each.end and o.end - o.start < each.end - each.start for o in terms
            )
        )

    @pytest.mark.parametrize("text", ["예산삭감안" * 2_000, "예산 삭감 " * 1_666, "q z " * 2_500])
    def test_long_questions_take_no_longer_than_their_analysis(self, text, analyze):
        terms = analyze(text)
        begun = time.perf_counter()
        words = question_words(text, terms)
        # Each word with each term took six seconds.
        assert time.perf_counter() - begun < 1
        assert sum(len(each.terms) for each in words) == len(terms)


TURNS = [
    ("김철수", "홍보 예산을 삭감하는 안을 냅니다."),
    ("Wen Harrow", "The quarterly budget is late, said 김철수."),
    ("박영희", "쿠버플로 설치는 다음 주입니다."),
]


class TestSearching:
    @pytest.fixture
    def ask(self, memory_store, sample_meeting, analyze):
        tenant_id = uuid4()
        said = [(speaker, f"{speaker}: {text}") for speaker, text in TURNS]
        memory_store.add(tenant_id, sample_meeting("m", said))
        limits = SearchLimits(leg_depth=10, match_candidates_max=100, embed_timeout_s=1, terms_max=20)
        searching = Searching(memory_store, None, analyze, SearchMetrics(CollectorRegistry()), limits)

        async def asked(text):
            parsed = parse_text(text)
            query = Query(parsed.words, Mode.LEXICAL, syntax=parsed.without_words)
            return await searching.search(tenant_id, query, Deadline.after(5))

        return asked

    async def test_a_name_is_looked_for_instead_and_counts_half(self, ask):
        answer = await ask("김철소")
        assert list(answer.ranking.corrections) == [Correction("김철소", "김철수", Nearness.SPELLING)]
        (term,) = answer.ranking.terms
        assert term.text == "김철수"
        assert term.weight == pytest.approx(0.5 * term.idf)
        assert {hit.fused.chunk_id for hit in answer.hits} == {1, 2}
        assert all(hit.lines[0].highlights for hit in answer.hits)

    async def test_a_compound_is_cut(self, ask):
        answer = await ask("예산삭감안")
        assert [(each.replacement, each.nearness) for each in answer.ranking.corrections] == [
            ("예산 삭감 안", Nearness.SPLIT)
        ]
        assert answer.hits[0].fused.chunk_id == 1

    async def test_words_written_apart_are_put_together(self, ask):
        answer = await ask("bud get 이야기")
        assert [(each.written, each.replacement) for each in answer.ranking.corrections] == [("bud get", "budget")]
        assert answer.hits[0].fused.chunk_id == 2

    async def test_words_that_are_written_apart_again_and_again_are_told_once(self, ask):
        answer = await ask("bud get " * 100)
        assert [(each.written, each.replacement) for each in answer.ranking.corrections] == [
            ("bud get", "budget"),
        ]

    @pytest.mark.parametrize("text", ["김철수", "budget", "budgets", "예산", "zebra", "speaker:김철수 예산", "the"])
    async def test_what_is_known_or_near_nothing_stays_as_it_is(self, ask, text):
        assert not (await ask(text)).ranking.corrections

    async def test_other_words_keep_their_weight(self, ask):
        answer = await ask("김철소 예산")
        weights = {term.text: term.weight / term.idf for term in answer.ranking.terms}
        assert weights == {"예산": 1, "김철수": 0.5}
        assert answer.ranking.match_share == match_share(answer.hits[0].fused.legs[0].score, answer.ranking.terms)

    async def test_a_speaker_that_nobody_is_is_only_suggested(self, ask):
        answer = await ask('speaker:"wen harow" budget')
        assert list(answer.ranking.corrections) == [
            Correction("wen harow", "Wen Harrow", Nearness.SPELLING, applied=False)
        ]

    async def test_conditions_without_words_list_what_passes(self, ask):
        answer = await ask("-budget")
        assert {each.chunk_id for each in answer.ranking.chunks} == {1, 3}
        assert not answer.ranking.terms
        assert not answer.ranking.candidate_counts

    async def test_what_a_phrase_demands_is_not_looked_for_otherwise(self, ask):
        answer = await ask('"김철소"의 "a bud get h" harow')
        assert [each.written for each in answer.ranking.corrections] == ["harow"]
