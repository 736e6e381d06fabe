"""Decisions and action items, as minutes mark them: by a word and a colon, or by a box to be ticked."""

import re

from sagwan_ingest.domain.meeting import UtteranceKind

_DECISION = re.compile(
    r"(?:decisions?|decided|resolutions?|resolved|agreed|agreement|consensus|conclusions?"
    r"|결정(?: ?사항)?|의결(?: ?사항)?|합의(?: ?사항)?|결론)",
    re.IGNORECASE,
)
_ACTION = re.compile(
    r"(?:actions?(?: items?)?|AI|to-?do|follow-?up"
    r"|액션(?: ?아이템)?|할 ?일|조치(?: ?사항)?|실행 ?(?:과제|항목)|후속 ?조치)",
    re.IGNORECASE,
)
# A mark may stand in a list, be numbered, be in brackets or in bold, and name whom it concerns: `- **ACTION** (Kim):`.
_LIST_ITEM = r"(?:[-*+•▪○·]\s+|\d{1,3}[.)]\s+)?"
_MARK = re.compile(
    rf"\s*{_LIST_ITEM}[*_\[(【<]*(?P<word>[^\W\d_][\w -]{{1,24}}?)(?:\s*[#-]?\d{{1,4}})?[*_\])】>]*"
    rf"(?:\s*\([^()\n]{{1,60}}\))?(?P<colon>[*_]*\s*[:：][*_]*)"
)
_BRACKETED = re.compile(rf"\s*{_LIST_ITEM}[\[【](?P<word>[^\W\d_][\w -]{{1,24}}?)[\]】]")
_BOX = re.compile(r"\s*(?:[-*+]|\d{1,3}[.)])\s+\[[ xX]\](?:\s|$)")


def marked_kind(line: str) -> UtteranceKind:
    """What a line of minutes is marked as; SPEECH when it bears no mark.

    Args:
        line: As written, list markers included. Only its beginning is looked at.
    """
    if _BOX.match(line):
        return UtteranceKind.ACTION
    for mark in (_MARK.match(line), _BRACKETED.match(line)):
        if mark is None:
            continue
        if _DECISION.fullmatch(mark["word"]):
            return UtteranceKind.DECISION
        if _ACTION.fullmatch(mark["word"]):
            return UtteranceKind.ACTION
    return UtteranceKind.SPEECH
