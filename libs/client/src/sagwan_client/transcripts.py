"""Files, folders and standard input as items of an import."""

import fnmatch
import glob
import hashlib
import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from sagwan.ingest.v1 import ingest_pb2
from sagwan_client.errors import FieldViolation

SUFFIXES = (".csv", ".docx", ".json", ".jsonl", ".md", ".ndjson", ".srt", ".tsv", ".txt", ".vtt")
STANDARD_INPUT = "-"
# What the service takes at most; more is not worth sending.
CONTENT_BYTES_MAX = 32 << 20

_TOO_LARGE = FieldViolation("content", f"is larger than {CONTENT_BYTES_MAX >> 20} MiB; split it into several files")
# Files that hold a meeting a line can be of any size, because a line is sent at a time.
_LINES_SUFFIXES = (".jsonl", ".ndjson")
# These can hold several meetings, which cannot all have the id that a file's name gives.
_SEVERAL_SUFFIXES = (*_LINES_SUFFIXES, ".csv", ".tsv")

_MEETING_ID_CHARACTERS_MAX = 128
_NOT_IN_MEETING_ID = re.compile(r"[^A-Za-z0-9._~-]+")
_ID_HASH_CHARACTERS = 8
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an item is from.

    Attributes:
        source: The file as it was given; `-` for standard input.
        line: Line of the source at which the item begins, from 1; 0 when it is the whole source.
        size_bytes: Of the item in the source.
    """

    source: str
    line: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class TranscriptItem:
    """One item of an import: where it is from and what is sent."""

    origin: Origin
    request: ingest_pb2.IngestTranscriptRequest


@dataclass(frozen=True, slots=True)
class UnsendableItem:
    """Something that was given and cannot be sent: where it is from and why."""

    origin: Origin
    violation: FieldViolation


Item = TranscriptItem | UnsendableItem


def found_files(paths: Iterable[Path], *, exclude: Sequence[str] = ()) -> list[Path]:
    """The transcripts among files and folders, each once, those of a folder in order of name.

    A file that is named, by itself or by a pattern such as `minutes/**/*.vtt`, is taken whatever its suffix. In
    folders, searched to any depth, those with one of SUFFIXES are, unless hidden or a README. Names that match a
    pattern of `exclude` are left out everywhere.

    Raises:
        FileNotFoundError: A path does not exist, or nothing matches it.
    """
    found: dict[Path, None] = {}
    for path in paths:
        for match in _matches(path):
            for file in _transcripts_below(match) if match.is_dir() else (match,):
                if not any(fnmatch.fnmatch(file.name, pattern) for pattern in exclude):
                    found[file] = None
    return list(found)


def items_of_files(files: Iterable[Path], *, meeting_id: str = "", format_name: str = "") -> Iterator[Item]:
    """The items of files, read one at a time.

    A file of JSON lines that hold a meeting each becomes an item a line, so that a file of any size can be sent and one
    bad line costs one meeting; any other that is too large is not even read. Every other file is one item, whose
    meeting takes its id from the file's name unless there can be several; a second file that would take the same id is
    not sent, because it would silently replace the first.

    Args:
        files: As from `found_files`.
        meeting_id: The id to use instead; for a single file.
        format_name: As in IngestTranscriptRequest; left out, the service finds out.
    """
    sources_by_id: dict[str, str] = {}
    for file in files:
        own_id = meeting_id or ("" if file.suffix.lower() in _SEVERAL_SUFFIXES else meeting_id_of(file.stem))
        taken_by = sources_by_id.setdefault(own_id, str(file)) if own_id else str(file)
        if taken_by != str(file):
            reason = f"{own_id} is the id of {taken_by} too; rename one of the files"
            yield _unsendable(file, FieldViolation("meeting_id", reason))
            continue
        template = ingest_pb2.IngestTranscriptRequest(
            meeting_id=own_id, format=format_name, file_name=_composed(file.name)
        )
        try:
            size_bytes = file.stat().st_size
            if size_bytes > CONTENT_BYTES_MAX and (meeting_id or file.suffix.lower() not in _LINES_SUFFIXES):
                yield UnsendableItem(Origin(str(file), 0, size_bytes), _TOO_LARGE)
                continue
            with file.open("rb") as stream:
                yield from _items(stream, str(file), template, whole=bool(meeting_id))
        except OSError as error:
            yield _unsendable(file, FieldViolation("content", error.strerror or str(error)))


def items_of_stream(stream: BinaryIO, *, meeting_id: str = "", format_name: str = "") -> Iterator[Item]:
    """The items of standard input. Without `meeting_id` a meeting takes an id from its content."""
    template = ingest_pb2.IngestTranscriptRequest(meeting_id=meeting_id, format=format_name)
    return _items(stream, STANDARD_INPUT, template, whole=bool(meeting_id))


def meeting_id_of(stem: str) -> str:
    """A meeting's id from a file name without its suffix.

    Runs of characters that an id cannot hold become `-`. That loses letters outside ASCII, so a stem that has any gets
    the beginning of its SHA-256 behind it: two Korean names never become one id.
    """
    composed = _composed(stem)
    slug = _NOT_IN_MEETING_ID.sub("-", composed).strip("-._~")
    if composed.isascii() and slug and len(slug) <= _MEETING_ID_CHARACTERS_MAX:
        return slug
    digest = hashlib.sha256(composed.encode()).hexdigest()[:_ID_HASH_CHARACTERS]
    kept = slug[: _MEETING_ID_CHARACTERS_MAX - _ID_HASH_CHARACTERS - 1].rstrip("-._~")
    return f"{kept}-{digest}" if kept else digest


def _matches(path: Path) -> list[Path]:
    """What a path names: itself where it exists, else what matches it as a pattern, in order of name."""
    if path.exists():
        return [path]
    matches = []
    if glob.has_magic(str(path)):
        root = Path(path.anchor)
        matches = sorted(root.glob(str(path.relative_to(root))))
    if not matches:
        raise FileNotFoundError(f"{path} does not exist")
    return matches


def _transcripts_below(folder: Path) -> list[Path]:
    return sorted(
        file
        for file in folder.rglob("*")
        if file.suffix.lower() in SUFFIXES
        and file.stem.lower() != "readme"
        and not any(part.startswith(".") for part in file.relative_to(folder).parts)
        and file.is_file()
    )


def _items(
    stream: BinaryIO, source: str, template: ingest_pb2.IngestTranscriptRequest, *, whole: bool
) -> Iterator[Item]:
    first = stream.readline(CONTENT_BYTES_MAX + 1)
    if whole or not _is_meeting(first):
        content = first + stream.read(CONTENT_BYTES_MAX + 1 - len(first))
        yield _item(Origin(source, 0, len(content)), template, content)
        return
    for number, line in enumerate(_lines(first.removeprefix(_BYTE_ORDER_MARK), stream), start=1):
        if line.strip():
            yield _item(Origin(source, number, len(line)), _template_of_line(template, line), line)


def _item(
    origin: Origin, template: ingest_pb2.IngestTranscriptRequest, content: bytes
) -> TranscriptItem | UnsendableItem:
    if len(content) > CONTENT_BYTES_MAX:
        return UnsendableItem(origin, _TOO_LARGE)
    request = ingest_pb2.IngestTranscriptRequest(content=content)
    request.MergeFrom(template)
    return TranscriptItem(origin, request)


def _template_of_line(template: ingest_pb2.IngestTranscriptRequest, line: bytes) -> ingest_pb2.IngestTranscriptRequest:
    """What is sent with one of many meetings of a file: its own id and title, and the file only as where it is from."""
    own = ingest_pb2.IngestTranscriptRequest(format="jsonl")
    # In a JSON text these bytes can only be a key or a whole value, because a quote inside a string is escaped.
    if b'"source"' not in line:
        own.meeting.source = template.file_name
    return own


def _lines(first: bytes, stream: BinaryIO) -> Iterator[bytes]:
    """Lines of which an overlong one is cut just past CONTENT_BYTES_MAX; its rest is skipped."""
    line = first
    while line:
        yield line
        while len(line) > CONTENT_BYTES_MAX and not line.endswith(b"\n"):
            line = stream.readline(CONTENT_BYTES_MAX + 1)
        line = stream.readline(CONTENT_BYTES_MAX + 1)


def _is_meeting(line: bytes) -> bool:
    """Whether a line is a JSON object with a list of turns, and so a meeting by itself."""
    text = line.removeprefix(_BYTE_ORDER_MARK).strip()
    if not text.startswith(b"{"):
        return False
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict) and isinstance(value.get("turns"), list)


def _unsendable(file: Path, violation: FieldViolation) -> UnsendableItem:
    try:
        size_bytes = file.stat().st_size
    except OSError:
        size_bytes = 0
    return UnsendableItem(Origin(str(file), 0, size_bytes), violation)


def _composed(name: str) -> str:
    """A file name as people write it: composed, and without the stray bytes that some file systems allow."""
    return unicodedata.normalize("NFC", name).encode(errors="replace").decode()
