"""The parts of a DOCX that are XML, read out of its ZIP within bounds before anything opens the file.

A ZIP says itself how many entries it has and how large they are, and may lie. Nothing here believes it: the directory
is measured before it is read, parts are decompressed up to a limit, and what is not XML is never decompressed.
"""

import io
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator, Sequence

from sagwan_ingest.domain.formats.format import CONTENT
from sagwan_runtime.errors import InvalidRequest

_ENTRIES_MAX = 4_000
_DIRECTORY_BYTES_MAX = 1024 * 1024
_PART_BYTES_MAX = 16 * 1024 * 1024
_PARTS_BYTES_MAX = 24 * 1024 * 1024
# Word's XML is repetitive: 20 times smaller when compressed, seldom 60. A megabyte may be anything.
_RATIO_MAX = 200
_RATIO_FREE_BYTES = 1024 * 1024
# Each element and attribute becomes a node; 160,000 short paragraphs, 480,000 elements, took 140 MB and 12 seconds.
_NODES_MAX = 700_000

_END = b"PK\x05\x06"
_END_BYTES = 22
_END_64 = b"PK\x06\x07"
_COMMENT_BYTES_MAX = 65_535
_ENCRYPTED = 0x1

_MAIN = "word/document.xml"
_OTHERS = (
    ("xl/workbook.xml", "is an Excel workbook, not a DOCX; export the sheet as CSV"),
    ("ppt/presentation.xml", "is a PowerPoint file, not a DOCX; save its notes as DOCX or text"),
    ("Contents/content.hpf", "is an HWPX document, not a DOCX; save it as DOCX or text"),
    ("content.xml", "is an OpenDocument file, not a DOCX; save it as DOCX or text"),
    ("word/document.bin", "is a binary Word file, not a DOCX; save it as DOCX"),
)
_COMPRESSIONS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
_DECLARED_ENCODING = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*<\?xml[^>]{0,200}?encoding\s*=\s*[\"'](?P<name>[^\"']{0,40})[\"']"
)
_PLAIN_ENCODINGS = frozenset({b"utf-8", b"utf8", b"us-ascii", b"ascii"})


def without_media(content: bytes) -> bytes:
    """The same document with nothing in it but its XML, uncompressed; pictures and the like are empty.

    Raises:
        InvalidRequest: When it is no DOCX, is cut short, encrypted, or larger than minutes can be when decompressed.
    """
    _check_directory(content)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as package:
            entries = package.infolist()
            _check_entries(entries)
            out = io.BytesIO()
            with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as bare:
                for name, part in _parts(package, entries):
                    bare.writestr(name, part)
            return out.getvalue()
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        OSError,
        NotImplementedError,
        RuntimeError,
        ValueError,
        struct.error,
    ):
        # What zipfile says names offsets and CRCs, which nobody can act on.
        raise _refused("is a damaged ZIP container, or one that is cut short; export the DOCX again") from None


def _check_directory(content: bytes) -> None:
    tail = max(0, len(content) - _END_BYTES - _COMMENT_BYTES_MAX)
    # zipfile takes a record at the very end, or else the last that it finds: both must be what they should be.
    places = {content.rfind(_END, tail), len(content) - _END_BYTES}
    ends = [place for place in places if place >= 0 and content[place : place + 4] == _END]
    ends = [place for place in ends if place + _END_BYTES <= len(content)]
    if not ends:
        raise _refused(
            "is a ZIP container such as DOCX or HWPX that is cut short; copy or download it again, or export it anew"
        )
    for place in ends:
        entries, size = struct.unpack_from("<HI", content, place + 10)
        if content[max(0, place - 20) : place].startswith(_END_64) or entries == 0xFFFF or size == 0xFFFFFFFF:
            raise _refused("is a ZIP64 container, which no DOCX needs to be; save it again with a word processor")
        if entries > _ENTRIES_MAX or size > _DIRECTORY_BYTES_MAX:
            raise _refused(
                f"is a ZIP container of more than {_ENTRIES_MAX:,} entries; a DOCX of minutes has some dozens"
            )


def _check_entries(entries: Sequence[zipfile.ZipInfo]) -> None:
    names = {each.filename for each in entries}
    if _MAIN not in names:
        for sign, reason in _OTHERS:
            if sign in names:
                raise _refused(reason)
        raise _refused("is a ZIP container but no DOCX; send the minutes themselves, as DOCX or text")
    if len(entries) > _ENTRIES_MAX:
        raise _refused(f"is a ZIP container of more than {_ENTRIES_MAX:,} entries; a DOCX of minutes has some dozens")
    if len(names) < len(entries):
        raise _refused("has two parts of the same name; save it again with a word processor")
    if any(each.flag_bits & _ENCRYPTED for each in entries):
        raise _refused("is encrypted; save it without a password")
    if any(each.compress_type not in _COMPRESSIONS for each in entries):
        # Only of these two does zipfile unpack no more at once than it is asked for.
        raise _refused("has parts that are compressed as in no DOCX; save it again with a word processor")
    end = -1
    for each in sorted(entries, key=lambda each: each.header_offset):
        if each.header_offset < end:
            raise _refused("has parts that overlap, as no word processor writes them; save it again with one")
        end = each.header_offset + 30 + len(each.orig_filename) + each.compress_size


def _parts(package: zipfile.ZipFile, entries: Sequence[zipfile.ZipInfo]) -> Iterator[tuple[str, bytes]]:
    """Every part by its name; those that are not XML are empty."""
    left = _PARTS_BYTES_MAX
    nodes = _NODES_MAX
    for each in entries:
        if each.is_dir():
            continue
        if not each.filename.lower().endswith((".xml", ".rels")):
            yield each.filename, b""
            continue
        limit = min(_PART_BYTES_MAX, left, max(_RATIO_FREE_BYTES, each.compress_size * _RATIO_MAX))
        with package.open(each) as part:
            data = part.read(limit + 1)
        if len(data) > limit or each.file_size > limit:
            raise _refused(
                f"decompresses to more than minutes can be ({each.filename} alone to over {limit // 1024:,} KiB);"
                " save its text as a smaller DOCX"
            )
        nodes -= data.count(b"<") - data.count(b"</") + data.count(b'="') + data.count(b"='")
        if nodes < 0:
            raise _refused(f"has more than {_NODES_MAX:,} XML nodes; save its text as a smaller DOCX")
        declared = _DECLARED_ENCODING.match(data)
        hidden = declared is not None and declared["name"].lower() not in _PLAIN_ENCODINGS
        if b"<!DOCTYPE" in data or b"<!ENTITY" in data or b"\0" in data or hidden:
            # Office Open XML forbids declarations of types, and has no use for encodings in which they could hide.
            raise _refused(f"has a document type or an encoding in {each.filename} that no DOCX has; save it again")
        left -= len(data)
        yield each.filename, data


def _refused(reason: str) -> InvalidRequest:
    return InvalidRequest.field(CONTENT, reason)
