"""The text of a line of Markdown: without the marks of emphasis, links, code and HTML, and with all of their words.

Not by markdown-it's inline rules: they take time that grows with the square of a line of brackets, and files come from
anywhere. Every pattern here stops where the next one of its kind begins, so a line takes time in proportion to it.
"""

import html
import re
from collections.abc import Callable

_HTML_NAMES = (
    "a abbr b big blockquote br center cite code col colgroup dd del details div dl dt em font h1 h2 h3 "
    "h4 h5 h6 hr i img ins kbd li mark ol p picture pre q s samp small source span strike strong sub "
    "summary sup table tbody td tfoot th thead tr tt u ul var video audio iframe "
)
_TAG = rf"</?(?i:{'|'.join(_HTML_NAMES.split())})(?=[\s/>])[^<>]*>"

_TOKEN = re.compile(
    r"\\(?P<escaped>[!-/:-@\[-`{-~])"
    r"|(?P<ticks>`{1,3})(?!`)(?P<code>[^`]+)(?P=ticks)(?!`)"
    r"|!\[(?P<alt>[^\[\]]*+)\]\((?:[^()\s]|\([^()\s]*+\))*+[^()\[\]]*+\)"
    r"|(?<!!)\[(?P<label>(?:[^\[\]\\]|\\.|\[[^\[\]]*+\])*+)\]\((?P<url><[^<>]*+>|(?:[^()\s]|\([^()\s]*+\))*+)(?:\s+[\"'(][^()\[\]]*+)?\)"
    r"|<(?P<auto>(?:https?://|mailto:)[^\s<>]+|[\w.+-]{1,64}@[\w.-]{1,255})>"
    rf"|(?P<break><br\s*/?>)|(?P<tag>{_TAG})"
    r"|(?P<reference>&#?\w{1,32};)",
    re.IGNORECASE,
)
# Emphasis between marks that touch what they emphasise; `snake_case` and `2 * 3` have none.
_STARS = re.compile(r"(?<![\w*])(?P<mark>\*{1,3})(?=[^\s*])(?P<text>[^*]*[^\s*])(?P=mark)(?!\*)")
_LINES = re.compile(r"(?<![\w_])(?P<mark>_{1,3})(?=[^\s_])(?P<text>[^_]*[^\s_])(?P=mark)(?![\w_])")
_STRUCK = re.compile(r"~~(?P<text>[^~]+)~~")
_NESTED_MAX = 3
_BOLD = re.compile(r"\s*(?:\*\*(?=[^\s*])(?P<a>[^*]{1,200})\*\*|__(?=[^\s_])(?P<b>[^_]{1,200})__(?!\w))")

# Text that must be left alone by the rules for emphasis travels as one of these, and comes back after them.
_HIDDEN = "*_~"
_HIDE = {ord(mark): 0xE000 + n for n, mark in enumerate(_HIDDEN)}
_SHOW = {0xE000 + n: mark for n, mark in enumerate(_HIDDEN)}


def plain(source: str) -> str:
    """The words of a piece of Markdown, lines kept."""
    if any(chr(code) in source for code in _SHOW):
        source = source.translate(dict.fromkeys(_SHOW, " "))
    text = _TOKEN.sub(_shown, source)
    for pattern, mark in ((_STARS, "*"), (_LINES, "_"), (_STRUCK, "~~")):
        for _ in range(_NESTED_MAX):
            if mark not in text:
                break
            text = pattern.sub(_inside, text)
    return text.translate(_SHOW)


def bold_and_rest(source: str) -> tuple[str, str]:
    """What a line begins with in bold type, and what follows; both as Markdown."""
    match = _BOLD.match(source)
    return (match["a"] or match["b"], source[match.end() :]) if match else ("", source)


def _inside(match: re.Match[str]) -> str:
    return match["text"]


def _shown(match: re.Match[str]) -> str:
    groups: dict[str, Callable[[str], str]] = {
        "escaped": _kept,
        "code": _kept,
        "alt": str,
        "auto": _kept,
        "break": lambda _: "\n",
        "tag": lambda _: "",
        "reference": lambda text: _kept(html.unescape(text)),
    }
    if match["label"] is not None:
        label = plain(match["label"]).strip() if len(match["label"]) < len(match[0]) else ""
        return _kept(label or match["url"].strip("<>"))
    return next(show(match[name]) for name, show in groups.items() if match[name] is not None)


def _kept(text: str) -> str:
    return text.translate(_HIDE)
