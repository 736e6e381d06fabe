import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagwan_text.tokens import estimate_tokens

# Texts with the tokens that the XLM-RoBERTa vocabulary makes of them.
COUNTED = [
    ("Let us move on to the next item, which is the budget for the second half of the year.", 21),
    ("I think we should wait until the tests have run; if they pass, we can ship the release on Thursday.", 23),
    ("Uh , so the question is whether we 're going to keep the old interface , or not . Okay .", 26),
    ("다음은 교육위원회 소관 예산안을 심사하겠습니다. 질의하실 위원님께서는 말씀해 주시기 바랍니다.", 26),
    ("네, 그 부분은 저희가 검토해서 다음 회의 때 자료로 보고드리도록 하겠습니다.", 21),
    ("배포는 2024년 3월 5일 화요일 오후 2시에 진행하고, API gateway 설정은 김철수 님이 바꾸기로 했습니다.", 34),
    ("See https://example.org/minutes/2024-03-05 for the 17 open issues.", 21),
    ("위원장 김철수: 의석을 정돈해 주시기 바랍니다.", 15),
]


@pytest.mark.parametrize(("text", "tokens"), COUNTED)
def test_the_estimate_is_near_and_rather_above(text, tokens):
    assert 0.95 * tokens <= estimate_tokens(text) <= 1.5 * tokens


@pytest.mark.parametrize("text", ["", " ", "\n\t\u3000"])
def test_blank_text_has_no_tokens(text):
    assert estimate_tokens(text) == 0


@given(st.text(), st.text())
def test_lines_add_up_to_within_the_rounding(one, other):
    together = estimate_tokens(f"{one}\n{other}")

    assert estimate_tokens(one) + estimate_tokens(other) - 1 <= together
    assert together <= estimate_tokens(one) + estimate_tokens(other)


@given(st.text(), st.text(max_size=5))
def test_more_text_never_has_fewer_tokens(text, more):
    assert estimate_tokens(text + more) >= estimate_tokens(text)
