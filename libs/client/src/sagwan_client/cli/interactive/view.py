"""A session as rows of styled text for a terminal. Pure."""

from collections.abc import Sequence

from rich.cells import cell_len

from sagwan.search.v1 import search_pb2
from sagwan_client.cli.console import printable
from sagwan_client.cli.corrections import correction_lines
from sagwan_client.cli.interactive.session import Session
from sagwan_client.cli.render import clock, legs_text

# A style and the text that has it.
Fragment = tuple[str, str]
Row = list[Fragment]

ROWS_OF_A_HIT = 2
_KEYS_OF_THE_LIST = "↑↓ select   Enter read   PgUp/PgDn page   Esc leave"
_KEYS_AFTER_A_FAILURE = "↑↓ select   Enter ask again   Esc leave"
_KEYS_OF_A_HIT = "↑↓ PgUp/PgDn move   Enter/Esc back   Ctrl-C leave"
_MARK, _NO_MARK = "❯ ", "  "


def list_rows(session: Session, *, width: int) -> list[Row]:
    """Two rows a hit: which meeting and which legs, then who said it, when, and the words around the first match."""
    if session.answer and not session.hits:
        return [[("class:faint", "  Nothing found.")]]
    return [row for index in range(len(session.hits)) for row in _hit_rows(session, index, width)]


def meeting_row(session: Session) -> Row:
    """The meeting of the opened hit."""
    return [("", _NO_MARK), *_meeting(session.hit.meeting)] if session.hit else []


def line_rows(session: Session) -> list[Row]:
    """The opened hit, a row a line; lines around it are faint."""
    if session.hit is None:
        return []
    first = len(session.hit.lines_before)
    last = first + len(session.hit.lines)
    rows = []
    for index, line in enumerate(session.lines):
        mark = ("class:mark", _MARK) if index == session.line else ("", _NO_MARK)
        words = "" if first <= index < last else "class:faint"
        rows.append([mark, *_who(line), *_words(line, words)])
    return rows


def selected_row(session: Session) -> int:
    """The row that has to be seen."""
    return session.line if session.opened else session.selected * ROWS_OF_A_HIT


def status_row(session: Session) -> Row:
    """What is going on: a failure, a search under way, or how the answer came about."""
    if session.error:
        return [("class:error", session.error)]
    if session.waiting:
        return [("class:faint", "searching …")]
    if session.answer is None or session.answered is None:
        return [("class:faint", "Type what you want to find.")]
    count = len(session.hits)
    pages = f"page {session.answered.page + 1}" + (", more follow" if session.answer.next_page_token else "")
    row: Row = [("", f"{count} hit{'' if count == 1 else 's'}, {pages}, {session.latency_ms:.0f} ms")]
    row += [("class:warning", f"  {line}") for line in correction_lines(session.answer.corrections)]
    if session.answer.degraded:
        reason = printable(session.answer.degraded_reason) or "a leg did not answer"
        row.append(("class:warning", f"  Degraded: {reason}"))
    if session.answer.partial:
        reason = printable(session.answer.partial_reason) or "part of the question was left out"
        row.append(("class:warning", f"  Partial: {reason}"))
    return row


def keys_row(session: Session) -> Row:
    """Which keys do what."""
    if session.error:
        return [("class:faint", _KEYS_AFTER_A_FAILURE)]
    return [("class:faint", _KEYS_OF_A_HIT if session.opened else _KEYS_OF_THE_LIST)]


def excerpt(line: search_pb2.Line, *, cells: int) -> Row:
    """The words of a line, from shortly before its first highlight where that would otherwise lie far to the right.

    Args:
        line: A marked line.
        cells: Columns that there are; what lies beyond is for the terminal to cut.
    """
    text = printable(line.text)
    first = line.highlights[0].start if line.highlights else 0
    if cell_len(text) <= cells or cell_len(text[:first]) <= cells // 2:
        return _words(line, "")
    start = first
    while start and cell_len(text[start - 1 : first]) <= cells // 3:
        start -= 1
    shifted = search_pb2.Line(text=text[start:])
    for highlight in line.highlights:
        shifted.highlights.add(start=highlight.start - start, end=highlight.end - start)
    return [("class:faint", "…"), *_words(shifted, "")]


def _hit_rows(session: Session, index: int, width: int) -> Sequence[Row]:
    hit = session.hits[index]
    mark = ("class:mark", _MARK) if index == session.selected else ("", _NO_MARK)
    heading = [mark, *_meeting(hit.meeting), ("class:faint", f"  {legs_text(hit.legs)}")]
    if not hit.lines:
        return heading, []
    best = hit.lines[hit.best_line if 0 <= hit.best_line < len(hit.lines) else 0]
    who = [("", "    "), *_who(best)]
    taken = sum(cell_len(text) for _, text in who)
    return heading, [*who, *excerpt(best, cells=width - taken)]


def _meeting(meeting: search_pb2.MeetingSummary) -> Row:
    return [("class:title", printable(meeting.title or meeting.name)), ("class:time", f"  {printable(meeting.date)}")]


def _who(line: search_pb2.Line) -> Row:
    row: Row = [("class:speaker", f"{printable(line.speaker)}  ")] if line.speaker else []
    if line.HasField("start_offset"):
        row.append(("class:time", f"{clock(line.start_offset)}  "))
    return row


def _words(line: search_pb2.Line, style: str) -> Row:
    text = printable(line.text)
    row: Row = []
    end = 0
    for highlight in line.highlights:
        row += [(style, text[end : highlight.start]), ("class:highlight", text[highlight.start : highlight.end])]
        end = highlight.end
    return [fragment for fragment in (*row, (style, text[end:])) if fragment[1]]
