"""From the bytes of a transcript to its text. The encoding is found from the bytes, never assumed.

The order: a byte order mark; UTF-8; UTF-16 and UTF-32 by their zero bytes; the Korean encodings by the syllables that
come out; UTF-8 or EUC-KR in which some lines are in the other or are broken; and last what charset-normalizer finds.
"""

import codecs
import re
from collections import Counter
from dataclasses import dataclass
from functools import cache
from itertools import islice

from charset_normalizer import from_bytes

from sagwan_ingest.domain.formats.format import CONTENT, MENDINGS_MAX, Mending
from sagwan_ingest.domain.formats.signatures import refuse_what_is_not_text
from sagwan_runtime.errors import InvalidRequest

# UTF-32 before UTF-16: the little-endian mark of the one begins with that of the other.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_WIDE = ("utf-32-le", "utf-32-be", "utf-16-le", "utf-16-be")
# EUC-KR is part of CP949; trying it first gives the narrower name, and reads syllables that it writes in four parts.
_KOREAN = ("euc_kr", "cp949", "johab")
# What is left to charset-normalizer, which tells these well apart but not the Korean ones in short texts: it took two
# of three single sentences in Johab for CP949.
_OTHER = ["cp1252", "cp1251", "cp932", "euc_jp", "gb18030", "big5"]
_NAMES = {"euc_kr": "EUC-KR", "johab": "Johab", "cp1252": "Windows-1252", "cp1251": "Windows-1251", "euc_jp": "EUC-JP"}

# Accents, quotes and dashes are few among Western letters. For anything else, fewer characters than this tell nothing.
_ACCENTED_SHARE_MAX = 0.25
_BEYOND_ASCII_MIN = 12

# A judgement needs no more of a file than this.
_SAMPLE_BYTES = 1 << 16
_SAMPLE_CHARACTERS = 1 << 14
# Of a file that is looked at line by line; a meeting has at most half as many utterances.
_LINES_MAX = 400_000
# In Korean read rightly nearly all syllables are among the 2,350 of KS X 1001; read wrongly they are a fifth of the
# 11,172 there are, and Chinese read as Korean gives as many Hanja as Hangul.
_COMMON_SHARE_MIN = 0.75
# Wide text read in the right order has this share of ASCII and common Hangul, in the wrong one next to none.
_PLAIN_SHARE_MIN = 0.8

_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]+")
_CONTROL = re.compile(r"[\x01-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ufffe\uffff]")
_PRIVATE = re.compile(r"[\ue000-\uf8ff\ufffd]")
_LETTERS_OF_THE_WEST = re.compile(r"[!-~À-ɏ“”‘’–—…·○◯]")


@dataclass(frozen=True, slots=True)
class Decoded:
    r"""The text of a file.

    Attributes:
        text: Its lines end in "\n".
        mended: That it was not in UTF-8, as of line 0, and each line that was in another encoding or is broken.
    """

    text: str
    mended: tuple[Mending, ...] = ()


def decode(content: bytes) -> Decoded:
    """The text of `content`, whatever it is encoded in.

    Raises:
        InvalidRequest: When it is not text, or in no encoding that can be told, naming the place that does not fit.
    """
    refuse_what_is_not_text(content)
    mark, encoding = next((each for each in _MARKS if content.startswith(each[0])), (b"", "utf-8"))
    body = content[len(mark) :]
    try:
        text = body.decode(encoding)
    except UnicodeDecodeError as error:
        if not mark:
            return _found(content, error)
        if encoding == "utf-8":
            by_line = _decoded_by_line(body)
            if by_line:
                return by_line
        raise _does_not_fit(content, encoding, len(mark) + error.start) from None
    if "\0" in text:
        wide = None if mark else _wide(content)
        if wide:
            return wide
        raise _has_nul(len(mark) + len(text[: text.index("\0")].encode(encoding)))
    return _decoded(text, encoding)


def _found(content: bytes, not_utf_8: UnicodeDecodeError) -> Decoded:
    """The text of content that is not UTF-8 and has no byte order mark."""
    if b"\0" in content:
        wide = _wide(content)
        if wide:
            return wide
        raise _has_nul(content.index(b"\0"))
    decoded = _korean(content) or _decoded_by_line(content) or _other(content)
    if decoded:
        return decoded
    raise _does_not_fit(content, "utf-8", not_utf_8.start)


def _wide(content: bytes) -> Decoded | None:
    """UTF-16 or UTF-32 without a byte order mark, told by the characters that come out."""
    for encoding in _WIDE:
        width = 4 if encoding.startswith("utf-32") else 2
        # A sample may end in half a surrogate pair; the whole is decoded strictly.
        sample = content[:_SAMPLE_BYTES].decode(encoding, errors="ignore")
        if len(content) % width or "\0" in sample or _CONTROL.search(sample) or _PRIVATE.search(sample):
            continue
        letters = "".join(sample.split())
        plain = len(_LETTERS_OF_THE_WEST.findall(letters)) + sum(1 for each in letters if each in _common_syllables())
        if not letters or plain < len(letters) * _PLAIN_SHARE_MIN:
            continue
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError as error:
            raise _does_not_fit(content, encoding, error.start) from None
        if "\0" in text:
            raise _has_nul(text.index("\0") * width)
        return _decoded(text, encoding)
    return None


def _korean(content: bytes) -> Decoded | None:
    """The Korean encoding in which the whole decodes to the most usual syllables."""
    best, found = 0.0, None
    for encoding in _KOREAN:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        share = _common_share(text)
        if share >= _COMMON_SHARE_MIN and share > best:
            best, found = share, _decoded(text, encoding)
    return found


def _common_share(text: str) -> float:
    """Of the letters that are not ASCII, those among the common syllables; 0 where some mean nothing."""
    beyond = "".join(islice((each[0] for each in _BEYOND_ASCII.finditer(text)), _SAMPLE_CHARACTERS))
    sample = beyond[:_SAMPLE_CHARACTERS]
    letters = [each for each in sample if each.isalpha()]
    if not letters or _CONTROL.search(text) or _PRIVATE.search(sample):
        return 0.0
    return sum(1 for each in letters if each in _common_syllables()) / len(letters)


@cache
def _common_syllables() -> frozenset[str]:
    """The 2,350 syllables of KS X 1001, in its rows 16 to 40."""
    codes = (bytes((row, cell)) for row in range(0xB0, 0xC9) for cell in range(0xA1, 0xFF))
    return frozenset(each.decode("euc_kr") for each in codes)


def _decoded_by_line(content: bytes) -> Decoded | None:
    """Text most of whose lines are UTF-8 or CP949 and some the other, or broken; None when that is not what it is.

    A broken character becomes U+FFFD. Each line that is not in the encoding of most is reported.
    """
    if content.count(b"\n") + content.count(b"\r") > _LINES_MAX:
        return None
    lines = content.splitlines(keepends=True)
    encodings = []
    broken = 0
    for line in lines:
        encodings.append(_encoding_of_line(line))
        broken += encodings[-1] == "broken"
        if broken > MENDINGS_MAX:
            return None
    known = Counter(each for each in encodings if each not in ("ascii", "broken"))
    if broken > known.total() or not known:
        return None
    (usual, _), *_ = known.most_common(1)
    text: list[str] = []
    mended: list[Mending] = []
    others = 0
    for number, (line, encoding) in enumerate(zip(lines, encodings, strict=True), start=1):
        if encoding == "broken":
            text.append(line.decode(usual, errors="replace"))
            what = f"holds bytes that are not {_name(usual)}; each became U+FFFD"
            mended.append(Mending(number, what))
            continue
        text.append(line.decode(encoding))
        if encoding not in ("ascii", usual):
            others += 1
            if others <= MENDINGS_MAX:
                mended.append(Mending(number, f"was read as {_name(encoding)}, the lines around it as {_name(usual)}"))
    if others > MENDINGS_MAX:
        mended.append(Mending(0, f"{others - MENDINGS_MAX} more lines were not in {_name(usual)} like the others"))
    decoded = _decoded("".join(text), usual)
    return Decoded(decoded.text, (*decoded.mended, *mended))


def _encoding_of_line(line: bytes) -> str:
    if line.isascii():
        return "ascii"
    for encoding in ("utf-8", "cp949"):
        try:
            text = line.decode(encoding)
        except UnicodeDecodeError:
            continue
        if encoding == "utf-8" or _common_share(text) >= _COMMON_SHARE_MIN:
            return encoding
    return "broken"


def _other(content: bytes) -> Decoded | None:
    """What charset-normalizer finds in a sample, when the whole is that and there is enough to tell it by."""
    sample = content[:_SAMPLE_BYTES]
    if len(content) > _SAMPLE_BYTES:
        sample = sample[: sample.rfind(b"\n") + 1] or sample
    match = from_bytes(sample, cp_isolation=_OTHER).best()
    if not match:
        return None
    beyond = sum(map(len, _BEYOND_ASCII.findall(str(match))))
    for encoding in ("cp1252", match.encoding):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        # Where quotes and dashes are all there is, several encodings say the same, and the first is what people have.
        if _CONTROL.search(text) or not text.startswith(str(match)):
            continue
        is_western = encoding == "cp1252" and beyond <= len(str(match)) * _ACCENTED_SHARE_MAX
        if is_western or beyond >= _BEYOND_ASCII_MIN:
            return _decoded(text, encoding)
    return None


def _decoded(text: str, encoding: str) -> Decoded:
    mended = () if encoding == "utf-8" else (Mending(0, f"is not in UTF-8; it was read as {_name(encoding)}"),)
    return Decoded(text.replace("\r\n", "\n").replace("\r", "\n"), mended)


def _name(encoding: str) -> str:
    return _NAMES.get(encoding, encoding.upper())


def _does_not_fit(content: bytes, encoding: str, offset: int) -> InvalidRequest:
    line = content.count(b"\n", 0, offset) + 1
    what = f"is not {_name(encoding)} at byte {offset} (0x{content[offset]:02x}, line {line})"
    if encoding == "utf-8":
        what += ", nor in another encoding that can be told from its bytes"
    return InvalidRequest.field(CONTENT, f"{what}; save it as UTF-8")


def _has_nul(offset: int) -> InvalidRequest:
    return InvalidRequest.field(CONTENT, f"has a NUL character at byte {offset}, so it is not text")
