"""Tables of turns, one a row, as councils publish them and as Whisper writes them: CSV, TSV and their like.

The first row names the columns, in Korean or English. A table with a date, a title or a committee in each row can hold
several meetings; the columns that are the same throughout a meeting become its attributes.
"""

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sagwan_ingest.domain.formats.fields import Field, day_of, fields_of, parts_of_title, says_milliseconds
from sagwan_ingest.domain.formats.format import CERTAIN, NEVER, Format, Parsed, refused
from sagwan_ingest.domain.formats.mendings import Mendings
from sagwan_ingest.domain.formats.rows import Row, utterances_of
from sagwan_ingest.domain.meeting import Meeting, Utterance
from sagwan_ingest.domain.validation import ATTRIBUTE_VALUE_CHARACTERS_MAX

_DELIMITERS = ",\t;|"
# A title, an empty row or Excel's "sep=;" may stand above the names of the columns.
_HEADER_ROWS_MAX = 5
_HEAD_CHARACTERS = 16_384
_COLUMNS_MAX = 100
_TURNS_MAX = 400_000
# What Excel writes at most, empty ones included.
_ROWS_MAX = 1_048_576
# Rows of a table have as many cells as it has columns; lines of prose with commas do not.
_EVEN_ROWS_SHARE_MIN = 0.5

# Taken one by one: a list of all lines would take more room than the text many times over.
_LINE = re.compile(r"[^\n]*\n|[^\n]+")

_NEEDED = (
    "no row names the columns of a table of turns; the first row must name one for the text (text, content, 발언내용) "
    "and one for the speaker or the start (speaker, 발언자, start)"
)


@dataclass(frozen=True, slots=True)
class _Layout:
    """How a table is written.

    Attributes:
        delimiter: Between cells.
        header_row: How many rows stand above the first turn.
        names: Of the columns, each once.
        columns: Which column says what, from 0.
        parts: The columns that name the meeting together.
    """

    delimiter: str
    header_row: int
    names: tuple[str, ...]
    columns: Mapping[Field, int]
    parts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Record:
    """The cells of a row, one a column, and the line that it begins on."""

    line: int
    cells: Sequence[str]


def _sniff(head: str) -> float:
    return CERTAIN if _layout(head) else NEVER


def _parse(text: str) -> Parsed:
    layout = _layout(text[:_HEAD_CHARACTERS])
    if not layout:
        raise refused(1, _NEEDED)
    mendings = Mendings()
    meetings: dict[tuple[str, ...], list[_Record]] = {}
    keys = _keys(layout)
    for number, record in enumerate(_records(text, layout, mendings)):
        if number == _TURNS_MAX:
            raise refused(record.line, f"holds more than {_TURNS_MAX:,} turns; split it into several files")
        meetings.setdefault(tuple(record.cells[column] for column in keys), []).append(record)
    read = [_meeting(records, layout, mendings) for records in meetings.values()]
    kept = tuple(each for each in read if each.utterances)
    if not kept:
        raise refused(1, f"no row has anything in the column {layout.names[layout.columns[Field.TEXT]]!r}")
    return Parsed(kept, mendings.all())


def _layout(head: str) -> _Layout | None:
    """The layout by which most columns are understood."""
    # A table of Markdown has bars at the edges too.
    delimiters = "" if head.lstrip().startswith("|") else _DELIMITERS
    layouts = filter(None, (_layout_with(delimiter, head) for delimiter in delimiters))
    return max(layouts, key=lambda each: len(each.columns), default=None)


def _layout_with(delimiter: str, head: str) -> _Layout | None:
    rows = _rows(head, delimiter)
    for number, row in enumerate(rows[:_HEADER_ROWS_MAX], start=1):
        if not 2 <= len(row) <= _COLUMNS_MAX:
            continue
        names = tuple(_distinct(row))
        fields = fields_of(names)
        # The last row may be cut.
        below = [len(each) for each in rows[number:-1] if each]
        is_table = below.count(len(row)) >= len(below) * _EVEN_ROWS_SHARE_MIN
        if is_table and Field.TEXT in fields and (Field.SPEAKER in fields or Field.START in fields):
            columns = {field: names.index(name) for field, name in fields.items()}
            parts = tuple(map(names.index, parts_of_title(names)))
            return _Layout(delimiter, number, names, columns, parts)
    return None


def _rows(head: str, delimiter: str) -> list[list[str]]:
    try:
        return list(csv.reader(head.split("\n"), delimiter=delimiter))
    except csv.Error:
        return []


def _distinct(names: Sequence[str]) -> Iterator[str]:
    """The names of columns, each as written but for spaces around it; a second of the same name gets its number."""
    seen: set[str] = set()
    for number, name in enumerate(names, start=1):
        plain = name.strip()
        distinct = plain if plain and plain not in seen else f"{plain} {number}".strip()
        seen.add(distinct)
        yield distinct


def _records(text: str, layout: _Layout, mendings: Mendings) -> Iterator[_Record]:
    reader = csv.reader((line[0] for line in _LINE.finditer(text)), delimiter=layout.delimiter, strict=True)
    width = len(layout.names)
    before = 0
    try:
        for number, row in enumerate(reader, start=1):
            line, before = before + 1, reader.line_num
            if number > _ROWS_MAX:
                raise refused(line, f"holds more than {_ROWS_MAX:,} rows; split it into several files")
            if number <= layout.header_row or not any(cell.strip() for cell in row):
                continue
            if len(row) > width and layout.columns[Field.TEXT] == width - 1:
                mendings.add(line, "has more cells than there are columns; those beyond were taken as text")
                row[width - 1 :] = [layout.delimiter.join(row[width - 1 :])]
            elif len(row) > width and any(cell.strip() for cell in row[width:]):
                mendings.add(line, "has more cells than there are columns; those beyond were left out")
            elif len(row) < width:
                mendings.add(line, "has fewer cells than there are columns; the others are taken as empty")
            yield _Record(line, (row + [""] * (width - len(row)))[:width])
    except csv.Error as error:
        limit = csv.field_size_limit()
        reason = f"a cell is longer than {limit:,} characters" if "limit" in str(error) else "its quotes do not match"
        raise refused(before + 1, f"{reason}; a quote within a cell is written twice, and each is closed") from None


def _keys(layout: _Layout) -> list[int]:
    """The columns that tell meetings apart."""
    own = (Field.MEETING_ID, Field.DATE, Field.TITLE)
    return [*(layout.columns[field] for field in own if field in layout.columns), *layout.parts]


def _meeting(records: Sequence[_Record], layout: _Layout, mendings: Mendings) -> Meeting:
    first = records[0]
    written = {field: first.cells[column].strip() for field, column in layout.columns.items()}
    day = written.get(Field.DATE, "")
    held_on = day_of(day)
    attributes = _attributes(records, layout, mendings)
    if day and not held_on:
        mendings.add(first.line, "is no day with the year first; it was kept as an attribute", repr(day[:40]))
        attributes[layout.names[layout.columns[Field.DATE]]] = day
    parts = (first.cells[column].strip() for column in layout.parts)
    return Meeting(
        meeting_id=written.get(Field.MEETING_ID, ""),
        title=written.get(Field.TITLE) or " ".join(filter(None, parts)),
        held_on=held_on,
        attributes=attributes,
        utterances=tuple(_utterances(_ordered(records, layout, mendings), layout, mendings)),
    )


def _ordered(records: Sequence[_Record], layout: _Layout, mendings: Mendings) -> Sequence[_Record]:
    """In the order that a column gives, where it gives one."""
    column = layout.columns.get(Field.ORDER)
    numbers = [each.cells[column].strip() for each in records] if column is not None else []
    if not numbers or not all(each.isascii() and each.isdigit() and len(each) < 10 for each in numbers):
        return records
    order = [int(each) for each in numbers]
    if order == sorted(order) or len(set(order)) < len(order):
        return records
    name = layout.names[layout.columns[Field.ORDER]]
    mendings.add(records[0].line, f"turns were not in the order of the column {name!r}; they were put into it")
    return [record for _, record in sorted(zip(order, records, strict=True), key=lambda each: each[0])]


def _utterances(records: Sequence[_Record], layout: _Layout, mendings: Mendings) -> list[Utterance]:
    def cell(record: _Record, field: Field) -> str:
        return record.cells[layout.columns[field]] if field in layout.columns else ""

    fields = (Field.SPEAKER, Field.TEXT, Field.START, Field.END)
    rows = [Row(each.line, "", *(cell(each, field) for field in fields)) for each in records]
    start = layout.columns.get(Field.START)
    in_ms = start is not None and says_milliseconds(layout.names[start])
    return utterances_of(rows, mendings, milliseconds=in_ms or None)


def _attributes(records: Sequence[_Record], layout: _Layout, mendings: Mendings) -> dict[str, str]:
    """The columns that are no field of a turn and the same throughout."""
    used = {*layout.columns.values(), *layout.parts}
    kept: dict[str, str] = {}
    for column, name in enumerate(layout.names):
        value = records[0].cells[column]
        if column in used:
            continue
        if any(each.cells[column] != value for each in records):
            mendings.add(records[0].line, f"column {name!r} differs from turn to turn and was left out")
        elif value.strip():
            kept[name] = value.strip()[:ATTRIBUTE_VALUE_CHARACTERS_MAX]
    return kept


FORMAT = Format(
    name="csv",
    description="Tables of turns (CSV, TSV) with named columns, as councils publish them; Whisper's TSV",
    suffixes=(".csv", ".tsv"),
    sniff=_sniff,
    parse=_parse,
)
