"""From rows with fields of a turn, of a table or a list, to utterances."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sagwan_ingest.domain.formats.fields import are_milliseconds, clock_ms, number_of
from sagwan_ingest.domain.formats.mendings import Mendings
from sagwan_ingest.domain.meeting import Utterance
from sagwan_ingest.domain.validation import OFFSET_MS_MAX


@dataclass(frozen=True, slots=True)
class Row:
    """A turn as it is written.

    Attributes:
        line: From 1; 0 where only `where` tells the place.
        where: Its place where there are no lines, such as `turns[3]`.
        speaker: As written.
        text: As written.
        start: A number, or text with a number or a time of the clock; None when there is none.
        end: As `start`.
    """

    line: int
    where: str
    speaker: str
    text: str
    start: object = None
    end: object = None


def utterances_of(rows: Sequence[Row], mendings: Mendings, *, milliseconds: bool | None = None) -> list[Utterance]:
    """The utterances of rows; a row without text is left out.

    Args:
        rows: In order.
        mendings: Told of what is mended.
        milliseconds: Whether bare numbers are milliseconds; found out when None.
    """
    if milliseconds is None:
        milliseconds = are_milliseconds((len(row.text), row.start, row.end) for row in rows)
    return list(_utterances(rows, mendings, 1 if milliseconds else 1_000))


def _utterances(rows: Sequence[Row], mendings: Mendings, ms_per_unit: int) -> Iterator[Utterance]:
    for row in rows:
        if not row.text.strip():
            mendings.add(row.line, "has no text and was left out", row.where)
            continue
        start_ms, end_ms = (_offset_ms(row, value, ms_per_unit, mendings) for value in (row.start, row.end))
        if start_ms is not None and end_ms is not None and end_ms < start_ms:
            mendings.add(row.line, "ended before it began; its end was left out", row.where)
            end_ms = None
        yield Utterance(row.speaker.strip(), row.text.strip(), start_ms, end_ms)


def _offset_ms(row: Row, value: object, ms_per_unit: int, mendings: Mendings) -> int | None:
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    number = number_of(value)
    offset_ms = clock_ms(value) if number is None else round(number * ms_per_unit)
    if offset_ms is None or offset_ms > OFFSET_MS_MAX:
        mendings.add(row.line, "has a time that cannot be read; it was left out", row.where)
        return None
    return offset_ms
