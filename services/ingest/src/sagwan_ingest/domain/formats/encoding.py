"""From the bytes of a transcript to its text. An encoding more is one entry in `_MARKS`, or one step in `decode`."""

import codecs

from sagwan_ingest.domain.formats.format import CONTENT
from sagwan_runtime.errors import InvalidRequest

# UTF-32 before UTF-16: the little-endian mark of the one begins with that of the other.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)

# What people send by mistake, by the bytes that such files begin with.
_NOT_TEXT = (
    (b"%PDF-", "a PDF"),
    (b"PK\x03\x04", "a ZIP container such as DOCX or HWPX"),
    (b"\xd0\xcf\x11\xe0", "an OLE container such as DOC or HWP"),
    (b"\x1f\x8b", "gzip-compressed"),
)


def decode(content: bytes) -> str:
    r"""The text of `content`: UTF-8, or UTF-8, UTF-16 or UTF-32 with a byte order mark, with lines ending in "\n".

    Raises:
        InvalidRequest: When it is none of these, naming the offset of the first byte that does not fit.
    """
    for signature, what in _NOT_TEXT:
        if content.startswith(signature):
            raise _refused(f"is {what}, not text; export it as text, WebVTT or JSON lines")
    mark, encoding = next((each for each in _MARKS if content.startswith(each[0])), (b"", "utf-8"))
    try:
        text = content[len(mark) :].decode(encoding)
    except UnicodeDecodeError as error:
        offset = len(mark) + error.start
        raise _refused(
            f"is not {encoding.upper()} at byte {offset} (0x{content[offset]:02x}); save it as UTF-8"
        ) from None
    if "\0" in text:
        offset = len(mark) + len(text[: text.index("\0")].encode(encoding))
        raise _refused(f"has a NUL character at byte {offset}, so it is not text")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _refused(reason: str) -> InvalidRequest:
    return InvalidRequest.field(CONTENT, reason)
