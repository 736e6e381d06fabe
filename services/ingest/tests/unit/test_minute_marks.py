"""What minutes mark as decisions and action items."""

import pytest

from sagwan_ingest.domain.marks import marked_kind
from sagwan_ingest.domain.meeting import UtteranceKind


@pytest.mark.parametrize(
    "line",
    [
        "결정: 예산을 10% 삭감한다",
        "결정사항: 다음 회의는 금요일",
        "RESOLUTION: merge #12",
        "- **Decision:** ship it",
        "* Decision (all): ship it",
        "[결정] 출시를 미룬다",
        "1. Resolved: the chair signs",
        "AGREED: no change",
        "Decision 3: keep the name",
    ],
)
def test_decisions_are_recognized(line):
    assert marked_kind(line) is UtteranceKind.DECISION


@pytest.mark.parametrize(
    "line",
    [
        "ACTION: Kim writes it up",
        "- [ ] Kim writes it up",
        "* [x] done already",
        "Action item: call the vendor",
        "**ACTION** (Kim): write it up",
        "TODO: measure",
        "할 일: 견적 받기",
        "조치 사항: 김철수 확인",
        "- Action #4: measure",
    ],
)
def test_action_items_are_recognized(line):
    assert marked_kind(line) is UtteranceKind.ACTION


@pytest.mark.parametrize(
    "line",
    [
        "We made a decision: later",
        "결정을 내리기 어렵습니다",
        "Kim: ACTION is needed",
        "action",
        "[1] a footnote",
        "- [link](https://example.org)",
        "",
        "The action: movie night",
    ],
)
def test_other_lines_are_speech(line):
    assert marked_kind(line) is UtteranceKind.SPEECH
