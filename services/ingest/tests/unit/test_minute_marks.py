"""What minutes mark as decisions and action items."""

import pytest

from sagwan_ingest.domain.marks import marked_kind, section_kind
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


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("- Agreed to defer it", UtteranceKind.DECISION),
        ("* (consensus) Yes", UtteranceKind.DECISION),
        ("RESOLVED - the chair signs", UtteranceKind.DECISION),
        ("▶ 결정 내용: 출시를 미룬다", UtteranceKind.DECISION),
        ("ACTION – Kim writes it up", UtteranceKind.ACTION),
        ("   * Next steps: measure again", UtteranceKind.ACTION),
        ("→ 후속 작업: 견적", UtteranceKind.ACTION),
        ("Agreed to defer it", UtteranceKind.SPEECH),
        ("- agreement is far", UtteranceKind.SPEECH),
        ("NOTE - nothing", UtteranceKind.SPEECH),
        ("합의는 없었다: 다음에", UtteranceKind.SPEECH),
    ],
)
def test_marks_without_a_colon_need_a_list_or_capitals(line, kind):
    assert marked_kind(line) is kind


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("## Action items", UtteranceKind.ACTION),
        ("**Next steps:**", UtteranceKind.ACTION),
        ("■ 결정 사항", UtteranceKind.DECISION),
        ("3. 할 일", UtteranceKind.ACTION),
        ("#### Conclusion/Resolution", UtteranceKind.DECISION),
        ("결정 및 합의사항:", UtteranceKind.DECISION),
        ("Decisions and action items", UtteranceKind.SPEECH),
        ("Decision: ship it", UtteranceKind.SPEECH),
        ("Agenda", UtteranceKind.SPEECH),
        ("", UtteranceKind.SPEECH),
    ],
)
def test_a_heading_tells_what_the_list_under_it_is(line, kind):
    assert section_kind(line) is kind
