"""What minutes are made of, whatever document they stand in."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from sagwan_ingest.domain.formats.minute_names import Line
from sagwan_ingest.domain.meeting import Utterance


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading; level 1 is the highest."""

    line: Line
    level: int


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph, or what an item of a list says.

    Attributes:
        lines: At least one.
        depth: How many lists it stands in.
        item: Whether it begins an item.
        verbatim: Whether it is code, in which no names are looked for.
    """

    lines: tuple[Line, ...]
    depth: int = 0
    item: bool = False
    verbatim: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table under its header: as many cells as the header has, or no header."""

    number: int
    header: tuple[str, ...]
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Turn:
    """A turn whose speaker and times the document sets apart by itself."""

    number: int
    utterance: Utterance


Block = Heading | Text | Row | Turn


@dataclass(frozen=True, slots=True)
class Known:
    """What a document says of its meeting outside of its text: in front matter, in its properties."""

    title: str = ""
    held_on: date | None = None
    participants: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    language: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)
