"""Markdown minutes: headings, lists, tables and `**Name:** text`, as working groups and teams keep them.

The blocks are found by markdown-it; what they say is in `minutes`. Front matter gives title, date and participants.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import date

from markdown_it import MarkdownIt
from markdown_it.token import Token

from sagwan_ingest.domain.formats.attendance import attendance
from sagwan_ingest.domain.formats.format import NEVER, Format, Parsed, refused
from sagwan_ingest.domain.formats.inline_markdown import bold_and_rest, plain
from sagwan_ingest.domain.formats.mendings import Mendings
from sagwan_ingest.domain.formats.minute_blocks import Block, Heading, Known, Row, Text
from sagwan_ingest.domain.formats.minute_dates import days_in
from sagwan_ingest.domain.formats.minute_names import Line
from sagwan_ingest.domain.formats.minutes import read_minutes
from sagwan_ingest.domain.validation import (
    ATTRIBUTE_KEY_CHARACTERS_MAX,
    ATTRIBUTE_VALUE_CHARACTERS_MAX,
    ATTRIBUTES_MAX,
    TAG_CHARACTERS_MAX,
    TAGS_MAX,
    TITLE_CHARACTERS_MAX,
)

# Far above what anybody writes. Each level costs a pass over what it holds, and some frames of the stack.
_NESTING_MAX = 60

# Minutes are kept a meeting or a year of them a file. A line takes some 110 microseconds and 3 KB.
_CHARACTERS_MAX = 8 * 1024 * 1024
_LINES_MAX = 50_000

# Below CERTAIN: a format that is Markdown and more than that knows better. Above what `Name:` lines alone can reach.
_STRUCTURED = 0.95
_LISTED = 0.55
_FOREIGN = re.compile(
    r"\A\s*(?:[{\[]\s*[{}\[\]\"]|WEBVTT|<(?!!--|(?:p|div|h[1-6]|img|center|a|br|details)\b)|\{\\rtf)|[0-9][ \t]*-->"
)
_HEADING = re.compile(r"^ {0,3}#{1,6}[ \t]+\S", re.MULTILINE)
_UNDERLINED = re.compile(r"^[^\s#>|-][^\n]{0,200}\n={3,}[ \t]*$", re.MULTILINE)
_BULLET = re.compile(r"^[ \t]{0,12}(?:[-*+]|\d{1,3}[.)])[ \t]+\S", re.MULTILINE)
_TASK = re.compile(r"^[ \t]{0,12}[-*+][ \t]+\[[ xX]\][ \t]", re.MULTILINE)
_BOLD_NAME = re.compile(r"^[ \t]{0,12}(?:[-*+][ \t]+)?\*\*[^*\n]{1,60}\*\*", re.MULTILINE)
_DELIMITERS = re.compile(r"^ {0,3}\|?[ \t]*:?-{3,}:?[ \t]*(?:\|[ \t]*:?-{2,}:?[ \t]*)+\|?[ \t]*$", re.MULTILINE)
_FRONT = re.compile(r"\A---[ \t]*\n(?=[^\s:][^:\n]{0,80}:)")


def _sniff(head: str) -> float:
    if _FOREIGN.search(head):
        return NEVER
    headings = len(_HEADING.findall(head)) + len(_UNDERLINED.findall(head))
    bullets = len(_BULLET.findall(head))
    others = bullets >= 2, len(_BOLD_NAME.findall(head)) >= 2, bool(_TASK.search(head)), bool(_DELIMITERS.search(head))
    lines = sum(1 for line in head.split("\n") if line.strip())
    if (
        headings >= 2
        or (headings and any(others))
        or any(others[1:])
        or re.match(r"\s*#{1,2} \S", head)
        or _FRONT.match(head)
    ):
        return _STRUCTURED
    return _LISTED if bullets >= 3 and 2 * bullets >= lines else NEVER


def _parse(text: str) -> Parsed:
    if len(text) > _CHARACTERS_MAX or text.count("\n") > _LINES_MAX:
        raise refused(
            0,
            f"is longer than Markdown minutes may be ({_CHARACTERS_MAX:,} characters, {_LINES_MAX:,} lines); send one"
            " file a meeting",
        )
    mended = Mendings()
    known, line = _front_matter(text, mended)
    source = text.split("\n")
    source[:line] = [""] * line
    _without_comments(source, mended)
    blocks = sorted(_blocks(source, mended), key=_number)
    return read_minutes(blocks, mended, known)


def _number(block: Block) -> int:
    match block:
        case Heading(line=line):
            return line.number
        case Text(lines=lines):
            return lines[0].number
        case _:
            return block.number


_COMMENT_ENDS = re.compile(r"<!--|-->")


def _without_comments(source: list[str], mended: Mendings) -> None:
    """Blanks out what stands in HTML comments; a comment that is never closed is text."""
    if not any("<!--" in line for line in source):
        return
    last = max((n for n, line in enumerate(source) if "-->" in line), default=-1)
    inside = fenced = False
    for n, line in enumerate(source):
        if not inside and line.lstrip().startswith(("```", "~~~")):
            fenced = not fenced
        if n > last or fenced or (not inside and "<!--" not in line):
            continue
        shown = []
        place = 0
        for end in _COMMENT_ENDS.finditer(line):
            if not inside and end[0] == "<!--" and (n < last or "-->" in line[end.end() :]):
                shown.append(line[place : end.start()])
                mended.add(n + 1, "HTML comment was left out")
                inside = True
            elif inside and end[0] == "-->":
                place = end.end()
                inside = False
        if not inside:
            shown.append(line[place:])
        source[n] = "".join(shown)


_DEPTH = {"bullet_list_open": 1, "ordered_list_open": 1, "bullet_list_close": -1, "ordered_list_close": -1}
_COVERING = frozenset({"table_open", "heading_open", "fence", "html_block", "hr", "inline"})


def _blocks(source: Sequence[str], mended: Mendings) -> Iterator[Block]:
    # Indented text is layout in minutes, not code; and `[rob]: yes` is no definition of a link.
    parser = MarkdownIt("commonmark", {"maxNesting": _NESTING_MAX}).enable("table").disable(["code", "reference"])
    parser.core.ruler.enableOnly(["normalize", "block"])
    tokens = parser.parse("\n".join(source))
    covered = bytearray(len(source) + 1)
    depth = 0
    item = False
    for place, token in enumerate(tokens):
        depth += _DEPTH.get(token.type, 0)
        if token.type in {"list_item_open", "list_item_close"}:
            item = token.type == "list_item_open"
        if token.map and token.type in _COVERING:
            begin, end = token.map
            covered[begin:end] = b"\1" * (end - begin)
        if token.type == "table_open":
            yield from _rows(tokens, place)
        elif token.type in {"fence", "html_block", "inline"} and not _in_table(tokens, place):
            for block in _leaf(tokens, place, depth, item=item, mended=mended):
                yield block
                item = False
    yield from _too_deep(source, covered, mended)


def _too_deep(source: Sequence[str], covered: bytearray, mended: Mendings) -> Iterator[Block]:
    for n, line in enumerate(source):
        text = line.lstrip("> \t*+-0123456789.)")
        if text and not covered[n]:
            mended.add(n + 1, f"stands more than {_NESTING_MAX} levels deep; it was kept as a paragraph")
            yield Text((_line(n + 1, text),))


def _in_table(tokens: Sequence[Token], place: int) -> bool:
    return tokens[place - 1].type in {"th_open", "td_open"}


def _leaf(tokens: Sequence[Token], place: int, depth: int, *, item: bool, mended: Mendings) -> Iterator[Block]:
    token = tokens[place]
    number = (token.map or [0])[0] + 1
    if token.type == "fence":
        code = token.content.rstrip("\n").split("\n")
        if any(code):
            yield Text(
                tuple(Line(number + 1 + n, line) for n, line in enumerate(code)), depth, item=item, verbatim=True
            )
        return
    lines = [_line(number + n, line) for n, line in enumerate(token.content.split("\n"))]
    said = tuple(line for line in lines if line.text.strip())
    if not said or all(_PICTURES.fullmatch(line) for line in token.content.split("\n") if line.strip()):
        if _PICTURE.search(token.content):
            mended.add(number, "picture was left out")
        return
    opened = tokens[place - 1]
    # A paragraph of several lines over a rule reads as a heading to Markdown, and is none.
    if opened.type == "heading_open" and len(said) == 1:
        yield Heading(said[0], int(opened.tag[1]))
    else:
        yield Text(said, depth, item=item)


_PICTURE = re.compile(r"!\[|<img\b", re.IGNORECASE)
_PICTURES = re.compile(r"\s*(?:(?:!\[[^\[\]]*+\]\([^()]*+\)|<img\b[^<>]*+>)\s*)+", re.IGNORECASE)


def _line(number: int, source: str) -> Line:
    # Two spaces or a backslash at the end break a line, which lines here do anyway.
    bold, rest = bold_and_rest(source.rstrip().removesuffix("\\"))
    shown = plain(bold)
    return Line(number, (shown + plain(rest)).strip(), shown)


def _rows(tokens: Sequence[Token], place: int) -> Iterator[Row]:
    header: tuple[str, ...] = ()
    cells: list[str] = []
    number = (tokens[place].map or [0])[0] + 1
    for token in tokens[place + 1 :]:
        if token.type == "table_close":
            return
        if token.type == "tr_open":
            cells, number = [], (token.map or [number])[0] + 1
        elif token.type == "inline":
            cells.append(plain(token.content).strip())
        elif token.type == "tr_close" and not header:
            header = tuple(cells)
        elif token.type == "tr_close":
            yield Row(number, header, tuple(cells))


_FRONT_LINES_MAX = 500
_PAIR = re.compile(r"(?P<key>[^\s:#-][^:]{0,127}?)\s*:(?:\s+(?P<value>.*))?")
_FRONT_ITEM = re.compile(r"\s*-\s+(?P<value>.*)")


def _front_matter(text: str, mended: Mendings) -> tuple[Known, int]:
    """What stands between two lines of dashes at the top, and how many lines that takes.

    Pairs, quoted or not, and lists of text are read, which is what front matter has; anything deeper is reported.
    """
    if not _FRONT.match(text):
        return Known(), 0
    lines = text.split("\n", _FRONT_LINES_MAX)[:_FRONT_LINES_MAX]
    end = next((n for n, line in enumerate(lines) if n and line.rstrip() in {"---", "..."}), None)
    if end is None:
        return Known(), 0
    values: dict[str, list[str]] = {}
    current: list[str] | None = None
    for n, line in enumerate(lines[1:end], start=2):
        pair, item = _PAIR.fullmatch(line.rstrip()), _FRONT_ITEM.fullmatch(line)
        if item and current is not None:
            current.append(_unquoted(item["value"]))
        elif pair:
            current = values[pair["key"].strip()] = list(_listed(pair["value"] or ""))
        elif line.strip() and not line.lstrip().startswith("#"):
            mended.add(n, "line of the front matter is no `key: value` and was left out")
    return _known({key: [each for each in value if each] for key, value in values.items()}, mended), end + 1


def _listed(value: str) -> Iterator[str]:
    value = value.strip()
    if value.startswith("[") and value.endswith("]"):
        yield from (_unquoted(each) for each in value[1:-1].split(","))
    elif value:
        yield _unquoted(value)


def _unquoted(value: str) -> str:
    value = value.strip()
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'" else value


def _known(values: dict[str, list[str]], mended: Mendings) -> Known:
    fields = {key.casefold(): " ".join(value) for key, value in values.items()}
    title, day = (
        fields.get("title", fields.get("제목", "")),
        fields.get("date", fields.get("일시", fields.get("날짜", ""))),
    )
    days = days_in(day)
    held_on: date | None = days.pop() if len(days) == 1 else None
    people: list[str] = []
    tags: list[str] = []
    attributes: dict[str, str] = {}
    for key, value in values.items():
        name, joined = key.casefold(), ", ".join(value)
        if name in {"participants", "attendees", "present", "참석자"}:
            found = [attendance(each) for each in value]
            people += [person for each in found if each for person in each.names]
            if all(each and each.whole for each in found):
                continue
        elif (
            name in {"tags", "태그"}
            and all(len(each) <= TAG_CHARACTERS_MAX for each in value)
            and len(value) <= TAGS_MAX
        ):
            tags += value
            continue
        elif (name in {"title", "제목"} and len(title) <= TITLE_CHARACTERS_MAX) or (
            name in {"date", "일시", "날짜"} and held_on
        ):
            continue
        if not joined or len(joined) > ATTRIBUTE_VALUE_CHARACTERS_MAX or len(key) > ATTRIBUTE_KEY_CHARACTERS_MAX:
            mended.add(1, f"field {key[:60]!r} of the front matter is empty or too long and was left out")
        elif len(attributes) < ATTRIBUTES_MAX:
            attributes[key] = joined
        else:
            mended.add(1, f"front matter has more than {ATTRIBUTES_MAX} fields; the rest was left out")
    shown = title if len(title) <= TITLE_CHARACTERS_MAX else ""
    return Known(shown, held_on, tuple(people), tuple(tags), "", attributes)


FORMAT = Format(
    name="markdown",
    description="Minutes in Markdown: headings, speakers, lists, tables, task boxes",
    suffixes=(".md", ".markdown"),
    sniff=_sniff,
    parse=_parse,
)
