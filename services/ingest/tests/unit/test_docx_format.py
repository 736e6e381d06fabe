import io
import re
import struct
import zipfile
import zlib
from datetime import date
from xml.sax.saxutils import escape

import docx
import pytest
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls
from hypothesis import given, settings
from hypothesis import strategies as st

from sagwan_ingest.domain.formats.docx import FORMAT
from sagwan_ingest.domain.formats.format import Mending
from sagwan_ingest.domain.formats.registry import Hints, read_transcript
from sagwan_ingest.domain.marks import marked_kind
from sagwan_ingest.domain.meeting import Meeting, Utterance, UtteranceKind
from sagwan_runtime.errors import InvalidRequest

W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"


def saved(document):
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def meeting(document):
    (found,) = FORMAT.parse(saved(document)).meetings
    return found


def spoken(document):
    return [(each.speaker, each.text) for each in meeting(document).utterances]


def plain(*paragraphs):
    document = docx.Document()
    for each in paragraphs:
        document.add_paragraph(each)
    return document


def changed(content, parts=(), *, without=(), compression=zipfile.ZIP_DEFLATED):
    """The same package with some parts replaced or added, and some left out."""
    out = io.BytesIO()
    parts = dict(parts)
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w", compression) as new:
        for each in old.infolist():
            if each.filename not in parts and each.filename not in without:
                new.writestr(each.filename, old.read(each))
        for name, data in parts.items():
            new.writestr(name, data)
    return out.getvalue()


def body(inside):
    return f'<?xml version="1.0"?><w:document xmlns:w="{W}"><w:body>{inside}</w:body></w:document>'.encode()


def reason(content):
    with pytest.raises(InvalidRequest) as refused:
        read_transcript(content, Hints(file_name="x.docx"))
    (violation,) = refused.value.violations
    assert violation.field == "content"
    return violation.reason


WORD = saved(plain("Ann: Hello."))


def test_headings_lists_and_tables_come_in_the_order_of_the_document():
    document = docx.Document()
    document.add_heading("Search weekly, March 18, 2024", 0)
    document.add_heading("Attendees", 1)
    document.add_paragraph("Ann Lee", style="List Bullet")
    document.add_paragraph("Bo Kim", style="List Bullet")
    document.add_heading("Ranking", 1)
    document.add_paragraph("Ann: It is out.")
    document.add_paragraph("slower", style="List Bullet")
    table = document.add_table(2, 2)
    for place, text in enumerate(["Topic", "Decision", "Index", "[ ] rebuild"]):
        table.cell(*divmod(place, 2)).text = text
    document.add_heading("Action items", 2)
    document.add_paragraph("Bo measures", style="List Number")
    found = meeting(document)

    assert (found.title, found.held_on, found.participants) == (
        "Search weekly, March 18, 2024",
        date(2024, 3, 18),
        ("Ann Lee", "Bo Kim"),
    )
    assert [(each.speaker, each.text, each.kind.value) for each in found.utterances] == [
        ("", "Ranking", "speech"),
        ("Ann", "It is out.", "speech"),
        ("Ann", "slower", "speech"),
        ("", "Topic: Index\nDecision: [ ] rebuild", "decision"),
        ("", "Action items", "speech"),
        ("", "Bo measures", "action"),
    ]


def test_a_korean_form_is_labels_and_what_stands_beside_them():
    document = docx.Document()
    document.add_paragraph("회 의 록")
    rows = [
        ("일 시", "2024 년  3 월  18 일", "장 소", "본관 3층"),
        ("참석자", "김철수 이영희 팀장", "", ""),
        ("회의내용", "순위가 바뀌었다\n김철수: 언제부터?", "", ""),
        ("결정사항", "다음 주 배포\n없음", "", ""),
    ]
    table = document.add_table(len(rows), 4)
    for row, texts in zip(table.rows, rows, strict=True):
        if not texts[2]:
            row.cells[1].merge(row.cells[3])
        for cell, text in zip(row.cells, texts, strict=True):
            if text:
                first, *rest = text.split("\n")
                cell.text = first
                for each in rest:
                    cell.add_paragraph(each)
    found = meeting(document)

    assert (found.held_on, found.participants) == (date(2024, 3, 18), ("김철수", "이영희 팀장"))
    assert [(each.speaker, each.text, each.kind.value) for each in found.utterances] == [
        ("", "회 의 록", "speech"),
        ("", "일시: 2024 년 3 월 18 일", "speech"),
        ("", "장소: 본관 3층", "speech"),
        ("", "회의내용", "speech"),
        ("", "순위가 바뀌었다", "speech"),
        ("김철수", "언제부터?", "speech"),
        ("", "결정사항", "speech"),
        ("", "다음 주 배포", "decision"),
        ("", "없음", "speech"),
    ]


def test_the_older_transcripts_of_teams_give_speakers_and_times():
    document = plain("0:0:1.5 --> 0:0:3.270\nAnn Lee\nHello.\nAgain.", "0:0:9.0 --> 0:0:8.0\nBo Kim\nHi.")

    assert meeting(document).utterances == (
        Utterance("Ann Lee", "Hello.\nAgain.", 1_500, 3_270),
        Utterance("Bo Kim", "Hi.", 9_000),
    )


def test_the_newer_transcripts_of_teams_give_speakers_and_times():
    document = plain(
        "Weekly-20240318", "Ann Lee   0:03\nHello.\nAgain.", "김철수   1:02:03\n네.", "Ann Lee   1:02:05\nBye."
    )

    assert meeting(document).utterances[1:] == (
        Utterance("Ann Lee", "Hello.\nAgain.", 3_000),
        Utterance("김철수", "네.", 3_723_000),
        Utterance("Ann Lee", "Bye.", 3_725_000),
    )


def test_a_name_in_bold_is_a_speaker():
    document = docx.Document()
    for name, said in (("mnot", ": Hi."), ("mnot", ": Bye.")):
        paragraph = document.add_paragraph()
        paragraph.add_run(name).bold = True
        paragraph.add_run(said)

    assert spoken(document) == [("mnot", "Hi."), ("mnot", "Bye.")]


def test_headers_text_boxes_and_insertions_are_read_and_deletions_are_not():
    document = plain("body")
    document.sections[0].header.paragraphs[0].text = "Weekly minutes"
    document.sections[0].footer.paragraphs[0].text = "page 3"
    box = "<w:txbxContent><w:p><w:r><w:t>boxed</w:t></w:r></w:p></w:txbxContent>"
    mc = 'xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"'
    document.add_paragraph()._p.append(
        parse_xml(
            f"<w:r {nsdecls('w')} {mc}><mc:AlternateContent><mc:Choice><w:drawing>{box}</w:drawing></mc:Choice>"
            f"<mc:Fallback><w:pict>{box}</w:pict></mc:Fallback></mc:AlternateContent></w:r>"
        )
    )
    last = document.add_paragraph("a ")
    last._p.append(parse_xml(f"<w:ins {nsdecls('w')}><w:r><w:t>new</w:t></w:r></w:ins>"))
    last._p.append(parse_xml(f"<w:del {nsdecls('w')}><w:r><w:delText>old</w:delText></w:r></w:del>"))

    assert spoken(document) == [("", "Weekly minutes"), ("", "body"), ("", "boxed"), ("", "a new")]
    assert FORMAT.parse(saved(document)).mended == (Mending(0, "footers were left out"),)


def test_the_title_in_the_properties_counts_where_it_is_one():
    document = plain("Hello.")
    document.core_properties.title = "Budget 2024-03-18"
    assert (meeting(document).title, meeting(document).held_on) == ("Budget 2024-03-18", date(2024, 3, 18))

    for title in ("Word Document", "Microsoft Word - x.doc", "문서1", ""):
        document.core_properties.title = title
        assert meeting(document).title == ""


def test_styles_that_are_based_on_each_other_in_a_circle_end():
    document = plain("Hello.")
    one, two = (document.styles.add_style(name, 1) for name in "ab")
    one.base_style, two.base_style = two, one
    document.add_paragraph("x", style="a")

    assert spoken(document) == [("", "Hello."), ("", "x")]


@pytest.mark.parametrize(
    ("names", "what"),
    [
        (["xl/workbook.xml"], "Excel"),
        (["Contents/content.hpf", "mimetype"], "HWPX"),
        (["content.xml", "mimetype"], "OpenDocument"),
        (["ppt/presentation.xml"], "PowerPoint"),
        (["a.txt"], "no DOCX"),
    ],
)
def test_containers_of_something_else_are_called_what_they_are(names, what):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as package:
        for name in names:
            package.writestr(name, "x")

    assert what in reason(out.getvalue())


def test_an_encrypted_document_asks_for_one_without_a_password():
    assert "password" in reason(b"\xd0\xcf\x11\xe0" + bytes(500) + "EncryptedPackage".encode("utf-16-le"))
    content = bytearray(WORD)
    for at in [match.start() for match in re.finditer(b"PK\x01\x02", WORD)]:
        content[at + 8] |= 1
    assert "password" in reason(bytes(content))


@pytest.mark.parametrize("kept", [4, 100, len(WORD) // 2, len(WORD) - 30, len(WORD) - 1])
def test_a_document_that_is_cut_short_is_refused(kept):
    assert "cut short" in reason(WORD[:kept])


def test_a_bomb_is_refused_before_it_is_unpacked():
    assert "decompresses to more" in reason(changed(WORD, {"word/document.xml": bytes(60_000_000)}))
    many = {f"word/part{n}.xml": b" " * 15_000_000 + b"%d" % n for n in range(3)}
    assert "decompresses to more" in reason(changed(WORD, many))


def test_pictures_are_never_unpacked_however_large_they_become():
    content = changed(WORD, {"word/media/image1.png": bytes(100_000_000)})

    assert read_transcript(content, Hints()).meetings[0].utterances == (Utterance("Ann", "Hello."),)


def test_a_size_that_lies_is_found_out():
    packed = zlib.compressobj(9, zlib.DEFLATED, -15)
    data = packed.compress(bytes(40_000_000)) + packed.flush()
    content = bytearray(changed(WORD, {"word/document.xml": bytes(40_000_000)}))
    assert data in content
    for at in [match.start() for match in re.finditer(b"PK\x01\x02", bytes(content))]:
        if content[at + 46 :].startswith(b"word/document.xml"):
            struct.pack_into("<I", content, at + 24, 1_000)

    assert "damaged" in reason(bytes(content))


def test_more_entries_than_a_document_has_are_refused_by_the_directory_alone():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as package:
        for n in range(5_000):
            package.writestr(str(n), b"")

    assert "entries" in reason(out.getvalue())


def test_parts_that_overlap_or_come_twice_are_refused():
    content = bytearray(WORD)
    places = [match.start() for match in re.finditer(b"PK\x01\x02", WORD)]
    content[places[1] + 42 : places[1] + 46] = content[places[0] + 42 : places[0] + 46]
    assert "overlap" in reason(bytes(content))

    twice = io.BytesIO(WORD)
    with zipfile.ZipFile(twice, "a") as package, pytest.warns(UserWarning, match="Duplicate"):
        package.writestr("word/document.xml", b"x")
    assert "same name" in reason(twice.getvalue())


def test_entities_are_refused():
    laughs = '<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "ha">' + "".join(
        f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(9)
    )
    bomb = f'{laughs}]><w:document xmlns:w="{W}"><w:body><w:p><w:r><w:t>&j;</w:t></w:r></w:p></w:body></w:document>'

    assert "document type" in reason(changed(WORD, {"word/document.xml": bomb.encode()}))
    assert "document type" in reason(changed(WORD, {"word/document.xml": bomb.encode("utf-16")}))


def test_xml_that_is_broken_deep_or_too_much_is_refused_in_bounded_time():
    assert "save it again" in reason(changed(WORD, {"word/document.xml": b"<w:p>"}))
    deep = "<w:sdt><w:sdtContent>" * 5_000 + "</w:sdtContent></w:sdt>" * 5_000
    assert "save it again" in reason(changed(WORD, {"word/document.xml": body(deep)}))
    assert "nodes" in reason(
        changed(WORD, {"word/document.xml": body("<w:p/>" * 1_600_000)}, compression=zipfile.ZIP_STORED)
    )
    assert "save it again" in reason(changed(WORD, without=["word/styles.xml", "[Content_Types].xml"]))


def test_tables_in_tables_are_read_down_to_a_depth_and_reported_below():
    nested = "<w:tbl><w:tr><w:tc>" * 30 + "<w:p><w:r><w:t>deep</w:t></w:r></w:p>" + "</w:tc></w:tr></w:tbl>" * 30
    content = changed(WORD, {"word/document.xml": body(f"<w:p><w:r><w:t>x</w:t></w:r></w:p>{nested}")})

    assert "tables deep" in FORMAT.parse(content).mended[0].what


@given(st.integers(0, len(WORD) - 1), st.binary(min_size=1, max_size=8))
@settings(max_examples=200, deadline=None)
def test_a_damaged_document_is_read_or_refused(place, data):
    try:
        found = FORMAT.parse(WORD[:place] + data + WORD[place + len(data) :]).meetings
    except InvalidRequest:
        return
    assert found


PEOPLE = ("Ann Lee", "Bo Kim", "김철수")
WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=8)
SAID = st.lists(WORDS, min_size=1, max_size=6).map(" ".join)
# What a DOCX of minutes can carry: a title, a day, single lines without times; everybody who speaks is in the list.
MEETINGS = st.builds(
    lambda day, turns: Meeting(
        title=f"Weekly {day}",
        held_on=day,
        participants=PEOPLE,
        utterances=tuple(Utterance(name, said, kind=marked_kind(f"- {said}")) for name, said in turns),
    ),
    st.dates(date(1990, 1, 1), date(2099, 12, 31)),
    st.lists(
        st.tuples(
            st.sampled_from(PEOPLE), SAID.filter(lambda t: not t.isdigit() and not re.match(r"https?://|[:：]", t))
        ),
        min_size=1,
        max_size=6,
    ),
)


def written(found):
    title, *lines = [
        found.title,
        f"Attendees: {', '.join(found.participants)}",
        *(f"{each.speaker}: {each.text}" for each in found.utterances),
    ]
    run = '<w:r><w:t xml:space="preserve">{}</w:t></w:r>'
    heading = f'<w:p><w:pPr><w:pStyle w:val="Heading1"/></w:pPr>{run.format(escape(title))}</w:p>'
    paragraphs = "".join(f"<w:p>{run.format(escape(line))}</w:p>" for line in lines)
    return changed(WORD, {"word/document.xml": body(heading + paragraphs)}, compression=zipfile.ZIP_STORED)


@given(MEETINGS)
@settings(max_examples=200, deadline=None)
def test_a_meeting_that_is_written_is_read_again(found):
    assert FORMAT.parse(written(found)).meetings == (found,)


def test_kinds_are_marked_in_documents_as_in_markdown():
    document = plain("ACTION: Ann measures", "결정: 배포한다", "Ann")
    document.add_paragraph("[ ] call Bo", style="List Bullet")

    assert [each.kind for each in meeting(document).utterances] == [
        UtteranceKind.ACTION,
        UtteranceKind.DECISION,
        UtteranceKind.SPEECH,
        UtteranceKind.ACTION,
    ]


@pytest.mark.parametrize("compression", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_compressions_that_unpack_more_than_is_asked_for_are_refused(compression):
    bomb = changed(WORD, {"word/document.xml": body(" " * 50_000_000)}, compression=compression)
    assert len(bomb) < 1_000_000
    assert reason(bomb).startswith("has parts that are compressed as in no DOCX")


def test_an_encoding_in_which_declarations_could_hide_is_refused():
    hidden = b'<?xml version="1.0" encoding="UTF-7"?>' + body("").partition(b"?>")[2]
    assert "an encoding in word/document.xml that no DOCX has" in reason(changed(WORD, {"word/document.xml": hidden}))


def test_a_header_that_names_no_part_is_a_contradiction():
    section = "<w:p/><w:sectPr><w:headerReference w:type='default'/></w:sectPr>"
    assert reason(changed(WORD, {"word/document.xml": body(section)})).startswith("is a DOCX whose parts contradict")
