"""DOCX minutes: paragraphs, headings, lists and tables in the order of the document, as `minutes` reads them.

Places are counted in paragraphs, from 1: a DOCX has no lines. Tables are of two kinds: those with a head, and forms, in
which labels stand beside what they are about (일시, 장소, 참석자, 회의내용), as Korean minutes are.
"""

import io
import re
from collections.abc import Iterator, Sequence

import docx
from docx.document import Document
from docx.exceptions import PythonDocxError
from docx.oxml.exceptions import XmlchemyError
from docx.oxml.ns import qn
from lxml.etree import LxmlError, _Element  # type: ignore[import-untyped]  # lxml ships no types

from sagwan_ingest.domain.formats.attendance import closed_up, is_attendance
from sagwan_ingest.domain.formats.docx_package import without_media
from sagwan_ingest.domain.formats.format import CONTENT, BinaryFormat, Parsed
from sagwan_ingest.domain.formats.mendings import Mendings
from sagwan_ingest.domain.formats.minute_blocks import Block, Heading, Known, Row, Text, Turn
from sagwan_ingest.domain.formats.minute_names import Line
from sagwan_ingest.domain.formats.minutes import read_minutes
from sagwan_ingest.domain.meeting import Utterance
from sagwan_ingest.domain.validation import TITLE_CHARACTERS_MAX
from sagwan_runtime.errors import InvalidRequest

_ZIP = b"PK\x03\x04"
_OLE = b"\xd0\xcf\x11\xe0"
_ENCRYPTED_PACKAGE = "EncryptedPackage".encode("utf-16-le")

_NESTED_MAX = 20
_STYLES_DEEP_MAX = 16
_BODY_LEVEL = 9
_HEADING_STYLE = re.compile(r"(?:heading|제목|개요) ?(?P<level>[1-9])", re.IGNORECASE)
_TITLE_STYLES = frozenset({"title", "제목"})
# The level of a label in a form, below every heading.
_LABEL_LEVEL = 10
_LABEL_CHARACTERS_MAX = 20
_HEAD_CHARACTERS_MAX = 40

# fmt: off
_FORM_LABELS = frozenset({
    "absent", "action items", "agenda", "apologies", "attendees", "chair", "date", "decisions", "location", "minutes",
    "next meeting", "participants", "place", "present", "secretary", "subject", "time", "venue", "결과", "결과물",
    "결정사항", "날짜", "내용", "목적", "부서", "불참자", "비고", "안건", "일시", "일자", "작성일", "작성자", "장소",
    "주제", "차수", "참석인원", "참석자", "특이사항", "팀명", "향후일정", "회의내용", "회의명", "회의안건",
    "회의일시", "회의장소", "회의주제",
})
# fmt: on
_NO_TITLES = re.compile(
    r"(?:word document|microsoft word\b.*|untitled|document ?\d*|문서 ?\d*|제목 ?없음|powerpoint.*|.*\.docx?)|\s*",
    re.IGNORECASE,
)

# As the older transcripts of Teams are: `0:0:0.0 --> 0:0:3.270`, a name, what was said.
_CUE = re.compile(
    r"(\d{1,3}):(\d{1,2}):(\d{1,2})(?:\.(\d{1,3}))?\s*-->\s*(\d{1,3}):(\d{1,2}):(\d{1,2})(?:\.(\d{1,3}))?\s*"
)


def _matches(content: bytes) -> bool:
    return content.startswith(_ZIP) or (content.startswith(_OLE) and _ENCRYPTED_PACKAGE in content)


def _parse(content: bytes) -> Parsed:
    if content.startswith(_OLE):
        raise InvalidRequest.field(CONTENT, "is an Office document that is encrypted; save it without a password")
    if not content.startswith(_ZIP):
        raise InvalidRequest.field(CONTENT, "is no DOCX: it does not begin as a ZIP container; name its real format")
    bare = without_media(content)
    try:
        document = docx.Document(io.BytesIO(bare))
        mended = Mendings()
        blocks = list(_Reading(document, mended).blocks())
        title = _property_title(document)
    except (
        LxmlError,
        PythonDocxError,
        XmlchemyError,
        RecursionError,
        KeyError,
        ValueError,
        AttributeError,
        TypeError,
        IndexError,
    ):
        # python-docx raises what it happens to meet in a document that breaks its expectations.
        raise InvalidRequest.field(
            CONTENT, "is a DOCX whose parts contradict each other; open it in a word processor and save it again"
        ) from None
    known = Known() if any(isinstance(each, Heading) and each.level == 1 for each in blocks) else Known(title=title)
    return read_minutes(blocks, mended, known)


def _property_title(document: Document) -> str:
    title = (document.core_properties.title or "").strip()
    return "" if _NO_TITLES.fullmatch(title) or len(title) > TITLE_CHARACTERS_MAX else title


class _Reading:
    """A document becoming blocks."""

    def __init__(self, document: Document, mended: Mendings) -> None:
        self._document = document
        self._mended = mended
        self._levels = _heading_levels(document)
        self._lists = _list_depths(document)
        self._number = 0

    def blocks(self) -> Iterator[Block]:
        yield from self._header()
        yield from self._inside(self._document.element.body, 0)

    def _header(self) -> Iterator[Block]:
        """The first page's header, where some keep the title; what stands below every page is left out."""
        seen: set[str] = set()
        for section in self._document.sections:
            for header in (section.first_page_header, section.header):
                if not header.is_linked_to_previous:
                    for block in self._inside(header._element, 0):  # noqa: SLF001 (python-docx has no public way in)
                        text = block.lines[0].text if isinstance(block, Text) else ""
                        if any(map(str.isalpha, text)) and text not in seen:
                            seen.add(text)
                            yield block
            if not section.footer.is_linked_to_previous and any(
                each.text.strip() for each in section.footer.paragraphs
            ):
                self._mended.add(0, "footers were left out")

    def _inside(self, container: _Element, nested: int) -> Iterator[Block]:
        for child in container:
            if child.tag == qn("w:p"):
                yield from self._paragraph(child, nested)
            elif child.tag == qn("w:tbl") and nested < _NESTED_MAX:
                yield from self._table(child, nested)
            elif child.tag == qn("w:tbl"):
                self._mended.add(self._number, f"table stands more than {_NESTED_MAX} tables deep; it was left out")
            elif child.tag in _WRAPPERS and nested < _NESTED_MAX:
                yield from self._inside(child, nested + 1)

    def _paragraph(self, paragraph: _Element, nested: int) -> Iterator[Block]:
        self._number += 1
        number = self._number
        lines = [line.rstrip() for line in _text(paragraph).split("\n")]
        said = tuple(Line(number, line.strip(), bold) for line, bold in _with_bold(lines, paragraph) if line.strip())
        if said:
            yield from self._said(paragraph, said)
        if nested < _NESTED_MAX:
            for box in _text_boxes(paragraph):
                yield from self._inside(box, nested + 1)

    def _said(self, paragraph: _Element, said: tuple[Line, ...]) -> Iterator[Block]:
        cue = _CUE.fullmatch(said[0].text)
        if cue and len(said) > 1:
            yield Turn(said[0].number, _turn(cue, [line.text for line in said[1:]]))
            return
        style = paragraph.find(f"{qn('w:pPr')}/{qn('w:pStyle')}")
        style_id = style.get(qn("w:val"), "") if style is not None else ""
        level = _outline(paragraph.find(qn("w:pPr")))
        level = self._levels.get(style_id) if level is None else level
        if level and len(said) == 1:
            yield Heading(said[0], level)
            return
        depth = _list_depth(paragraph.find(qn("w:pPr")))
        depth = self._lists.get(style_id) if depth is None else depth
        yield Text(said, depth or 0, item=bool(depth))

    def _table(self, table: _Element, nested: int) -> Iterator[Block]:
        rows = [_cells(row) for row in _rows(table)]
        texts = [[_cell_text(cell) for cell in row] for row in rows]
        if _is_form(texts):
            for row in rows:
                yield from self._form_row(row, nested)
        elif _has_head(table, texts):
            head = tuple(" ".join(cell.split()) for cell in texts[0])
            self._number += len(texts[0])
            for cells in texts[1:]:
                self._number += 1
                # A row of fewer or more cells than the head has is read without it.
                yield Row(self._number, head if len(cells) == len(head) else (), tuple(cells))
        elif all(len(row) == 1 for row in rows):
            # A frame around text.
            for row in rows:
                yield from self._inside(row[0], nested + 1)
        else:
            for cells in texts:
                self._number += 1
                yield Row(self._number, (), tuple(cells))

    def _form_row(self, cells: Sequence[_Element], nested: int) -> Iterator[Block]:
        texts = [_cell_text(cell) for cell in cells]
        place = 0
        while place < len(cells):
            label = closed_up(texts[place]) if len(texts[place]) <= _LABEL_CHARACTERS_MAX else ""
            if not label or place + 1 == len(cells):
                yield from self._inside(cells[place], nested + 1)
                place += 1
                continue
            value = texts[place + 1].strip()
            self._number += 1
            if is_attendance(label) or ("\n" not in value and not _has_table(cells[place + 1])):
                yield Text((Line(self._number, f"{label}: {' '.join(value.split())}".rstrip(": ")),))
            else:
                yield Heading(Line(self._number, label), _LABEL_LEVEL)
                yield from self._inside(cells[place + 1], nested + 1)
            place += 2


def _turn(cue: re.Match[str], lines: Sequence[str]) -> Utterance:
    start_ms, end_ms = (
        ((int(cue[n]) * 60 + int(cue[n + 1])) * 60 + int(cue[n + 2])) * 1_000 + int((cue[n + 3] or "0").ljust(3, "0"))
        for n in (1, 5)
    )
    speaker, said = (lines[0], lines[1:]) if len(lines) > 1 else ("", lines)
    return Utterance(speaker, "\n".join(said), start_ms, end_ms if end_ms >= start_ms else None)


_WRAPPERS = frozenset(map(qn, ("w:sdt", "w:sdtContent", "w:ins", "w:smartTag", "w:customXml")))
_SKIPPED = frozenset(map(qn, ("w:txbxContent", "w:del", "w:moveFrom", "w:pPr", "w:rPr"))) | {
    "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
}
_BREAKS = {qn("w:tab"): "\t", qn("w:br"): "\n", qn("w:cr"): "\n", qn("w:noBreakHyphen"): "-"}


def _text(paragraph: _Element) -> str:
    """The text of a paragraph: with what was inserted, without what was deleted or stands in text boxes."""
    return "".join(_pieces(paragraph))


def _pieces(element: _Element) -> Iterator[str]:
    waiting = [iter(element)]
    while waiting:
        child = next(waiting[-1], None)
        if child is None:
            waiting.pop()
        elif child.tag == qn("w:t"):
            yield child.text or ""
        elif child.tag in _BREAKS:
            yield _BREAKS[child.tag]
        elif child.tag not in _SKIPPED:
            waiting.append(iter(child))


def _with_bold(lines: Sequence[str], paragraph: _Element) -> Iterator[tuple[str, str]]:
    """Each line, the first with what it begins with in bold type."""
    bold = ""
    for run in paragraph.iterchildren(qn("w:r")):
        mark = run.find(f"{qn('w:rPr')}/{qn('w:b')}")
        if mark is None or mark.get(qn("w:val")) in {"0", "false"}:
            break
        bold += "".join(_pieces(run))
    bold = bold.strip() if "\n" not in bold.strip() else ""
    yield from (
        (line, bold if place == 0 and line.strip().startswith(bold) else "") for place, line in enumerate(lines)
    )


def _text_boxes(paragraph: _Element) -> Iterator[_Element]:
    """The text boxes anchored in a paragraph, once: older readers are given each a second time."""
    for box in paragraph.iter(qn("w:txbxContent")):
        above = [each.tag for each in box.iterancestors()]
        if not any(tag.endswith("}Fallback") for tag in above) and above.count(qn("w:txbxContent")) == 0:
            yield box


def _rows(table: _Element) -> Iterator[_Element]:
    for child in table:
        if child.tag == qn("w:tr"):
            yield child
        elif child.tag == qn("w:sdt"):
            yield from child.iterfind(f"{qn('w:sdtContent')}/{qn('w:tr')}")


def _cells(row: _Element) -> list[_Element]:
    """The cells of a row that have content of their own: one that goes on from the row above has none."""
    cells = [*row.iterchildren(qn("w:tc")), *row.iterfind(f"{qn('w:sdt')}/{qn('w:sdtContent')}/{qn('w:tc')}")]
    return [cell for cell in cells if not _goes_on(cell)]


def _goes_on(cell: _Element) -> bool:
    merged = cell.find(f"{qn('w:tcPr')}/{qn('w:vMerge')}")
    return merged is not None and merged.get(qn("w:val"), "continue") == "continue"


def _cell_text(cell: _Element) -> str:
    return "\n".join(text for each in cell.iter(qn("w:p")) if (text := _text(each).strip()))


def _has_table(cell: _Element) -> bool:
    return cell.find(qn("w:tbl")) is not None


def _is_form(texts: Sequence[Sequence[str]]) -> bool:
    """Whether the first cells of a table's rows are labels that forms of minutes have."""
    labels = [closed_up(row[0]).rstrip(": ").casefold() for row in texts if len(row) > 1]
    known = sum(1 for label in labels if label in _FORM_LABELS or is_attendance(label))
    return known >= max(2, len(labels) / 3) or (known == 1 and len(labels) == 1)


def _has_head(table: _Element, texts: Sequence[Sequence[str]]) -> bool:
    if len(texts) < 2 or len(texts[0]) < 2:
        return False
    said = table.find(f"{qn('w:tr')}/{qn('w:trPr')}/{qn('w:tblHeader')}") is not None
    cells = [cell.strip() for cell in texts[0]]
    return said or (all(cell and len(cell) <= _HEAD_CHARACTERS_MAX for cell in cells) and len(set(cells)) == len(cells))


def _outline(properties: _Element | None) -> int | None:
    """The level of a heading that properties give; None when they give none, 0 for text of the body."""
    level = properties.find(qn("w:outlineLvl")) if properties is not None else None
    value = level.get(qn("w:val"), "") if level is not None else ""
    return (int(value) + 1) % (_BODY_LEVEL + 1) if value.isdecimal() and int(value) <= _BODY_LEVEL else None


def _list_depth(properties: _Element | None) -> int | None:
    """How many lists a paragraph stands in; None when its properties do not say."""
    numbering = properties.find(qn("w:numPr")) if properties is not None else None
    if numbering is None:
        return None
    number, level = numbering.find(qn("w:numId")), numbering.find(qn("w:ilvl"))
    if number is not None and number.get(qn("w:val")) == "0":
        return 0
    value = level.get(qn("w:val"), "0") if level is not None else "0"
    return int(value) + 1 if value.isdecimal() and len(value) < 3 else 1


def _styles(document: Document) -> dict[str, _Element]:
    return {each.get(qn("w:styleId"), ""): each for each in document.styles.element.iterchildren(qn("w:style"))}


def _ancestry(style_id: str, styles: dict[str, _Element]) -> Iterator[_Element]:
    """A style and those that it is based on, nearest first; a document may base them on each other in a circle."""
    for _ in range(_STYLES_DEEP_MAX):
        style = styles.get(style_id)
        if style is None:
            return
        yield style
        base = style.find(qn("w:basedOn"))
        style_id = base.get(qn("w:val"), "") if base is not None else ""


def _heading_levels(document: Document) -> dict[str, int]:
    styles = _styles(document)
    levels = {}
    for style_id in styles:
        for style in _ancestry(style_id, styles):
            name = style.find(qn("w:name"))
            named = (name.get(qn("w:val"), "") if name is not None else "").strip()
            match = _HEADING_STYLE.fullmatch(named)
            level = int(match["level"]) if match else _outline(style.find(qn("w:pPr")))
            level = 1 if named.casefold() in _TITLE_STYLES else level
            if level is not None:
                levels[style_id] = level
                break
    return levels


def _list_depths(document: Document) -> dict[str, int]:
    styles = _styles(document)
    depths = {}
    for style_id in styles:
        found = (_list_depth(style.find(qn("w:pPr"))) for style in _ancestry(style_id, styles))
        depth = next((each for each in found if each is not None), None)
        if depth:
            depths[style_id] = depth
    return depths


FORMAT = BinaryFormat(
    name="docx",
    description="Minutes and Teams transcripts in DOCX: headings, lists, tables, Korean forms",
    suffixes=(".docx",),
    matches=_matches,
    parse=_parse,
)
