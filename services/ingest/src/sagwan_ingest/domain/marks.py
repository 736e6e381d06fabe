"""Decisions and action items, as minutes mark them: by a word and a colon, a box to be ticked, or a heading above."""

import re

from sagwan_ingest.domain.meeting import UtteranceKind

_DECISION = re.compile(
    r"(?:decisions?(?: made| points?)?|decided|resolutions?|resolved|agreed|agreements?|consensus|conclusions?"
    r"|결정(?: ?(?:사항|내용))?|의결(?: ?(?:사항|내용))?|합의(?: ?(?:사항|내용))?|결론)",
    re.IGNORECASE,
)
_ACTION = re.compile(
    r"(?:actions?(?: (?:items?|points?|required))?|(?-i:AI)|to-?dos?|follow-?ups?|next steps?"
    r"|액션(?: ?(?:아이템|플랜))?|할 ?일|조치(?: ?(?:사항|계획))?|실행 ?(?:과제|항목)|후속 ?(?:조치|작업|과제))",
    re.IGNORECASE,
)
# A mark may stand in a list, be numbered, be in brackets or in bold, and name whom it concerns: `- **ACTION** (Kim):`.
_LIST_ITEM = r"(?:[-*+•▪■▶◆○·→⇒※]\s+|\d{1,3}[.)]\s+)?"
_MARK = re.compile(
    rf"\s*{_LIST_ITEM}[*_\[(【<]*(?P<word>[^\W\d_][\w -]{{1,24}}?)(?:\s*[#-]?\d{{1,4}})?[*_\])】>]*"
    rf"(?:\s*\([^()\n]{{1,60}}\))?(?P<colon>[*_]*\s*[:：][*_]*)"
)
_BRACKETED = re.compile(rf"\s*{_LIST_ITEM}[\[【](?P<word>[^\W\d_][\w -]{{1,24}}?)[\]】]")
_BOX = re.compile(r"\s*(?:[-*+]|\d{1,3}[.)])\s+\[[ xX]\](?:\s|$)")
# Without a colon: in capitals before a dash, or as the verb that a list item begins with ("- Agreed to wait").
_DASHED = re.compile(rf"\s*{_LIST_ITEM}[*_]*(?P<word>[A-Z]{{4,10}}(?: [A-Z]{{4,6}})?)[*_]*\s+[-–—]\s")
_LISTED_VERB = re.compile(
    r"\s*(?:[-*+•▪]|\d{1,3}[.)])\s+(?:(?:Agreed|Decided|Resolved)\s+(?:to|that)\b|\(consensus\))", re.IGNORECASE
)

_HEADING = re.compile(
    r"\s*(?:#{1,6}\s*)?(?:[-*+•▪■□▶◆◇○●▣·※]\s*|(?:\d{1,3}|[가-하ivxIVX]{1,4})[.)]\s*)?[*_\[(【<]*"
    r"(?P<words>[^\W\d_][\w /&·,-]{1,60}?)[*_\])】>]*\s*[:：]?[*_]*\s*"
)
_HEADING_CHARACTERS_MAX = 100
_AND = re.compile(r"\s*(?:[/&·,]|\band\b|및)\s*")


def marked_kind(line: str) -> UtteranceKind:
    """What a line of minutes is marked as; SPEECH when it bears no mark.

    Args:
        line: As written, list markers included. Only its beginning is looked at.
    """
    if _BOX.match(line):
        return UtteranceKind.ACTION
    if _LISTED_VERB.match(line):
        return UtteranceKind.DECISION
    for mark in (_MARK.match(line), _BRACKETED.match(line), _DASHED.match(line)):
        if mark is not None and (kind := _kind_of(mark["word"])) is not UtteranceKind.SPEECH:
            return kind
    return UtteranceKind.SPEECH


def section_kind(line: str) -> UtteranceKind:
    """What the items of a list are that stands under this line; SPEECH unless it is a heading of marked items alone.

    Args:
        line: As written: `## Action items`, `■ 결정 사항`, `Conclusion/Resolution:`.
    """
    heading = _HEADING.fullmatch(line) if len(line) <= _HEADING_CHARACTERS_MAX else None
    if not heading:
        return UtteranceKind.SPEECH
    kinds = {_kind_of(words) for words in _AND.split(heading["words"].strip())}
    return kinds.pop() if len(kinds) == 1 else UtteranceKind.SPEECH


def _kind_of(words: str) -> UtteranceKind:
    if _DECISION.fullmatch(words):
        return UtteranceKind.DECISION
    return UtteranceKind.ACTION if _ACTION.fullmatch(words) else UtteranceKind.SPEECH
