"""What a format is, and what reading a transcript gives."""

from collections.abc import Callable
from dataclasses import dataclass

from sagwan_ingest.domain.meeting import Meeting
from sagwan_runtime.errors import InvalidRequest

# The field that a transcript travels in, named in every refusal of one.
CONTENT = "content"

# What `sniff` answers, and anything between: content that is this format and no other, and content that is not.
CERTAIN = 1.0
LIKELY = 0.5
NEVER = 0.0

# Places of one sort that are reported one by one; the rest is summed up.
MENDINGS_MAX = 100


@dataclass(frozen=True, slots=True)
class Mending:
    """Something wrong in a transcript that was mended rather than refused.

    Attributes:
        line: Where, from 1; 0 when it concerns the whole.
        what: What was wrong and what was done about it.
    """

    line: int
    what: str


@dataclass(frozen=True, slots=True)
class Parsed:
    """A transcript that was read.

    Attributes:
        meetings: At least one. What the transcript does not say is left empty, the id too.
        mended: In the order of the lines.
    """

    meetings: tuple[Meeting, ...]
    mended: tuple[Mending, ...] = ()


@dataclass(frozen=True, slots=True)
class Format:
    r"""A format of transcripts.

    Attributes:
        name: As callers write it.
        description: What it is and who writes it, in a line.
        suffixes: Of file names, with the dot, in lower case.
        sniff: From the first characters, how likely the content is in this format: NEVER to CERTAIN.
        parse: Reads a whole text whose lines end in "\n"; raises InvalidRequest about the field `content`.
    """

    name: str
    description: str
    suffixes: tuple[str, ...]
    sniff: Callable[[str], float]
    parse: Callable[[str], Parsed]


@dataclass(frozen=True, slots=True)
class BinaryFormat:
    """A format whose files are not text.

    Attributes:
        name: As callers write it.
        description: What it is and who writes it, in a line.
        suffixes: Of file names, with the dot, in lower case.
        matches: Whether the bytes are of this format; decides before anything is decoded.
        parse: Reads the whole file; raises InvalidRequest about the field `content`.
    """

    name: str
    description: str
    suffixes: tuple[str, ...]
    matches: Callable[[bytes], bool]
    parse: Callable[[bytes], Parsed]


def refused(line: int, reason: str) -> InvalidRequest:
    """The error for content that cannot be read from `line` (from 1) on."""
    return InvalidRequest.field(CONTENT, f"line {line}: {reason}")
