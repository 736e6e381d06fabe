import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sagwan_ingest.domain.formats.encoding import decode
from sagwan_ingest.domain.formats.registry import Hints, read_transcript
from sagwan_runtime.errors import InvalidRequest

KOREAN = "위원장: 다음 안건을 상정하겠습니다.\n김철수: 네, 예산안부터 살펴보고 결정하면 좋겠습니다.\n"
ENGLISH = "Ann: Let us move on to the budget.\nBob: The draft is ready, and nobody objected to it.\n"
WIDE = ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")

# Words and not random syllables: what tells Korean from mojibake is that its syllables are usual ones.
SAID = (
    "회의를 시작하겠습니다 안건은 예산 심의 결과 보고 다음 주까지 검토해 주세요 네 알겠습니다 감사합니다 위원장님 질의 "
    "답변 드리겠습니다 일정 변경 서버 배포 고객 문의 처리 방안 논의 필요합니다 좋습니다 그렇게 하죠 "
    "the budget was approved and we move on to next item please review it by Friday thanks everyone"
)


def reason(content):
    with pytest.raises(InvalidRequest) as refused:
        decode(content)
    (violation,) = refused.value.violations
    assert violation.field == "content"
    return violation.reason


def mended(content):
    return [(each.line, each.what) for each in decode(content).mended]


@st.composite
def texts(draw):
    """Turns of at least 20 words, most of them Korean."""
    words = st.sampled_from(SAID.split())
    lines = draw(st.lists(st.lists(words, min_size=4, max_size=12).map(" ".join), min_size=5, max_size=12))
    return "".join(f"{name}: {line}.\n" for name, line in zip("김이박최정Ann Bob Eve", lines, strict=False))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", *WIDE, "euc_kr", "cp949", "johab"])
@given(text=texts())
@settings(max_examples=200, deadline=None)
def test_what_was_written_is_read_whatever_the_encoding(encoding, text):
    assert decode(text.encode(encoding)).text == text


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be", "euc_kr", "johab"])
@pytest.mark.parametrize("text", [KOREAN, KOREAN + ENGLISH, "똠방각하: 뷁이라고 적힌 것은 회의록에서 지워 주십시오.\n"])
def test_an_encoding_other_than_utf_8_is_reported(encoding, text):
    if encoding == "euc_kr" and "뷁" in text:
        encoding = "cp949"
    content = text.encode(encoding)

    assert decode(content).text == text
    assert mended(content) == [(0, f"is not in UTF-8; it was read as {encoding.upper().replace('_', '-')}")] or (
        encoding == "johab" and mended(content) == [(0, "is not in UTF-8; it was read as Johab")]
    )


@pytest.mark.parametrize("encoding", WIDE)
def test_english_without_a_byte_order_mark_is_read(encoding):
    assert decode(ENGLISH.encode(encoding)).text == ENGLISH


@pytest.mark.parametrize("text", [KOREAN, ENGLISH, ""])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_utf_8_needs_no_mending(encoding, text):
    assert mended(text.encode(encoding)) == []


@pytest.mark.parametrize(
    ("text", "encoding", "name"),
    [
        ("Ann: “It’s fine” – she said.\n", "cp1252", "Windows-1252"),
        ("Jürgen: Über die Änderung müssen wir später sprechen.\n", "cp1252", "Windows-1252"),
        ("Иван: Добрый день, начинаем совещание. Первый вопрос о бюджете.\n", "cp1251", "Windows-1251"),
        ("田中: 次の議題に移ります。予算について説明します。\n", "cp932", "CP932"),
        ("王伟: 我们开始讨论下一个议题，请大家发表意见。\n", "gb18030", "GB18030"),
    ],
)
def test_other_encodings_are_told_too(text, encoding, name):
    assert decode(text.encode(encoding)).text == text
    assert mended(text.encode(encoding)) == [(0, f"is not in UTF-8; it was read as {name}")]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])  # the last two write a byte order mark
def test_text_with_and_without_a_byte_order_mark_is_read(encoding):
    assert decode("김: 네 😀\n".encode(encoding)).text == "김: 네 😀\n"


@pytest.mark.parametrize(
    ("mark", "encoding"),
    [(b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"), (b"\x00\x00\xfe\xff", "utf-32-be")],
)
def test_both_byte_orders_are_read(mark, encoding):
    assert decode(mark + "한글".encode(encoding)).text == "한글"


def test_lines_end_alike_whatever_the_file_had():
    assert decode(b"a\r\nb\rc\nd").text == "a\nb\nc\nd"


def test_lines_in_another_encoding_are_read_and_each_is_reported():
    lines = KOREAN.splitlines(keepends=True) * 3
    content = b"".join(line.encode("cp949" if number == 3 else "utf-8") for number, line in enumerate(lines))

    assert decode(content).text == KOREAN * 3
    assert mended(content) == [(4, "was read as CP949, the lines around it as UTF-8")]


def test_lines_of_utf_8_in_a_korean_encoding_are_read_too():
    lines = KOREAN.splitlines(keepends=True) * 3
    content = b"".join(line.encode("utf-8" if number == 3 else "cp949") for number, line in enumerate(lines))

    assert decode(content).text == KOREAN * 3
    assert mended(content) == [
        (0, "is not in UTF-8; it was read as CP949"),
        (4, "was read as UTF-8, the lines around it as CP949"),
    ]


def test_many_lines_in_another_encoding_are_summed_up():
    content = (KOREAN * 100).encode() + ("네, 알겠습니다.\n" * 150).encode("cp949")

    found = mended(content)

    assert len(found) == 101
    assert found[-1] == (0, "50 more lines were not in UTF-8 like the others")


@pytest.mark.parametrize("encoding", ["utf-8", "cp949"])
def test_a_file_that_is_cut_within_a_character_loses_only_that(encoding):
    content = (KOREAN + "위원장: 네").encode(encoding)[:-1]

    assert decode(content).text == KOREAN + "위원장: \ufffd"
    assert mended(content)[-1] == (3, f"holds bytes that are not {encoding.upper()}; each became U+FFFD")


def test_too_many_broken_lines_are_refused_with_the_first_place():
    content = KOREAN.encode() * 200 + b"\xff\xff broken\n" * 101

    why = reason(content)

    assert f"byte {len(KOREAN.encode()) * 200} (0xff, line 401)" in why
    assert "save it as UTF-8" in why


def test_bytes_in_no_encoding_are_refused_with_their_place():
    assert "not UTF-8 at byte 5 (0x81, line 1)" in reason(b"Ann: \x81\x81\x81\xff\xff\xff")


def test_half_a_character_at_the_end_of_wide_text_is_refused_with_its_offset():
    assert "UTF-16-LE at byte 4" in reason(b"\xff\xfea\x00\x3d\xd8")


@pytest.mark.parametrize("encoding", ["utf-8", "cp949", "utf-8-sig"])
def test_a_nul_character_is_refused_with_its_offset(encoding):
    content = KOREAN.encode(encoding) + b"\0\n"

    assert f"NUL character at byte {len(content) - 2}" in reason(content)


def test_a_nul_character_in_wide_text_is_refused_with_its_offset():
    assert "NUL character at byte 6" in reason("ab\0c".encode("utf-16"))


@pytest.mark.parametrize(
    ("head", "what", "instead"),
    [
        (b"%PDF-1.5", "a PDF", "save it as DOCX or as text"),
        (b"PK\x03\x04" + b"\0" * 26 + b"mimetypeapplication/hwp+zip", "an HWPX document", "save it as DOCX"),
        (b"PK\x03\x04" + b"\0" * 26 + b"a.txt", "a ZIP archive", "unpack it"),
        (b"\xd0\xcf\x11\xe0" + b"\0" * 600 + b"HWP Document File", "an HWP document", "save it as DOCX"),
        (b"\xd0\xcf\x11\xe0" + b"\0" * 600, "an old Office document", "save it as DOCX"),
        (b"\x1f\x8b\x08", "gzip-compressed", "unpack it"),
        (b"\x89PNG\r\n\x1a\n", "a PNG image", "send the text"),
        (b"\0\0\0\x20ftypisom", "an MP4 recording", "transcribe it first"),
        (b"{\\rtf1\\ansi", "RTF", "save it as DOCX or as text"),
    ],
)
def test_what_is_not_text_is_called_what_it_is_and_what_to_do_is_said(head, what, instead):
    why = reason(head + b"\0" * 100)

    assert why.startswith(f"is {what}")
    assert instead in why


@pytest.mark.parametrize("encoding", ["cp949", "utf-16"])
def test_a_transcript_reports_its_encoding_with_what_else_was_mended(encoding):
    transcript = read_transcript(KOREAN.encode(encoding), Hints())

    assert [each.speaker for each in transcript.meetings[0].utterances] == ["위원장", "김철수"]
    assert [each.line for each in transcript.mended] == [0]


@given(st.binary(max_size=400))
@settings(max_examples=300, deadline=None)
def test_any_bytes_are_text_or_refused(content):
    try:
        text, fields = decode(content).text, ["content"]
    except InvalidRequest as refused:
        text, fields = "", [each.field for each in refused.violations]

    assert fields == ["content"]
    assert not {"\0", "\r"} & set(text)
