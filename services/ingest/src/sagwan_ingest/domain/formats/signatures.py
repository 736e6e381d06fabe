"""What people send that is not text, told by the bytes that such files begin with, and what to do instead."""

from sagwan_ingest.domain.formats.format import CONTENT
from sagwan_runtime.errors import InvalidRequest

_SAVE = "open it and save it as DOCX or as text"
_TRANSCRIBE = "transcribe it first and send the transcript"
_UNPACK = "unpack it and send what is inside"

_SIGNATURES = (
    (b"%PDF-", "a PDF", f"{_SAVE}, or copy its text into a file"),
    (b"{\\rtf", "RTF", _SAVE),
    (b"\x1f\x8b", "gzip-compressed", _UNPACK),
    (b"BZh", "bzip2-compressed", _UNPACK),
    (b"\xfd7zXZ\0", "xz-compressed", _UNPACK),
    (b"\x28\xb5\x2f\xfd", "zstd-compressed", _UNPACK),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", _UNPACK),
    (b"Rar!\x1a\x07", "a RAR archive", _UNPACK),
    (b"\x89PNG\r\n", "a PNG image", "send the text that it shows"),
    (b"\xff\xd8\xff", "a JPEG image", "send the text that it shows"),
    (b"GIF8", "a GIF image", "send the text that it shows"),
    (b"RIFF", "a recording or an image", _TRANSCRIBE),
    (b"ID3", "an MP3 recording", _TRANSCRIBE),
    (b"OggS", "an Ogg recording", _TRANSCRIBE),
    (b"fLaC", "a FLAC recording", _TRANSCRIBE),
    (b"\x1aE\xdf\xa3", "a Matroska or WebM recording", _TRANSCRIBE),
)
_ZIP = b"PK\x03\x04"
_OLE = b"\xd0\xcf\x11\xe0"
# In the first entry of the one, which is stored and not compressed, and in the header stream of the other.
_HWPX_TYPE = b"application/hwp+zip"
_HWP_SIGNATURE = b"HWP Document File"
_OLD_HWP = b"HWP Document File V"
_HEAD_BYTES = 1 << 20


def refuse_what_is_not_text(content: bytes) -> None:
    """Refuses content that begins as a file of another kind does.

    Raises:
        InvalidRequest: Saying what it is and what to do.
    """
    what, instead = _kind(content)
    if what:
        raise InvalidRequest.field(CONTENT, f"is {what}, not text; {instead}")


def _kind(content: bytes) -> tuple[str, str]:
    if content.startswith(_ZIP):
        if _HWPX_TYPE in content[:128]:
            return "an HWPX document", _SAVE
        return "a ZIP archive and not a DOCX document", f"{_UNPACK}, or save the document as DOCX"
    if content.startswith(_OLE):
        is_hwp = content.find(_HWP_SIGNATURE, 0, _HEAD_BYTES) >= 0
        return ("an HWP document" if is_hwp else "an old Office document such as DOC, or an HWP one"), _SAVE
    if content.startswith(_OLD_HWP):
        return "an HWP document of before 2000", _SAVE
    if content[4:8] == b"ftyp":
        return "an MP4 recording", _TRANSCRIBE
    found = (each[1:] for each in _SIGNATURES if content.startswith(each[0]))
    return next(found, ("", ""))
