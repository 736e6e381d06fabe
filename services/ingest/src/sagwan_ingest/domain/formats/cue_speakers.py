"""Who says what in captions that name their speakers in the text.

Zoom writes `Name: text`, WhisperX `[NAME]: text`, others `[Name] text`, all of them in every cue. Broadcasters write
`>> NAME: text` where the speaker changes, and whoever was named goes on until the next `>>`. A dash opens the remark of
another person, who is not named.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

from sagwan_ingest.domain.formats.cue import Cue, Said
from sagwan_ingest.domain.marks import marked_kind
from sagwan_ingest.domain.meeting import UtteranceKind

# One cue may be a remark with a colon or a bracket in it; most of a file's cues are not.
_NAMED_SHARE_MIN = 0.5
_NAME_WORDS_MAX = 6
# A cue of more lines is no dialogue.
_DIALOGUE_LINES_MAX = 100
_BRACKETED = re.compile(
    r"(?P<name>\[[^\[\]\n]{1,64}\]|【[^【】\n]{1,64}】|\([^()\n]{1,64}\))[:：]?\s*(?P<text>\S.*)", re.DOTALL
)
_BEFORE_A_COLON = re.compile(
    r"(?P<name>[^\s:：<>][^:：<>?!\n]{0,63}?)(?::(?=\s|$|[^\x00-\x7f])|：)\s*(?P<text>.*)", re.DOTALL
)
_DASH = re.compile(r"[-–—](?:\s+(?=\S)|(?=[^\s\d\-–—]))")
_CHANGE = re.compile(r">>>?\s*(?=\S)")
# "ACTION:" and "결정:" open a text as a name does.
_SPEECH = UtteranceKind.SPEECH
_MARK_CHARACTERS = 200
_SOUND = re.compile(r"\s*(?:\[[^\[\]]*\]|\([^()]*\)|♪.*)\s*", re.DOTALL)


def with_speakers(cues: Sequence[Cue]) -> Sequence[Cue]:
    """The cues with what each person says apart, and with the names that their texts open with as speakers."""
    split = [replace(cue, said=tuple(part for each in cue.said for part in _remarks(each))) for cue in cues]
    said = [each for cue in split for each in cue.said if each.text.strip()]
    named = _names([each for each in said if _CHANGE.match(each.text)], _BEFORE_A_COLON, _CHANGE)
    if named:
        return list(_named_at_changes(split, named))
    for style in (_BRACKETED, _BEFORE_A_COLON):
        names = _names(said, style, _DASH)
        if names:
            return [replace(cue, said=tuple(_named(each, style, names) for each in cue.said)) for cue in split]
    return split


def _remarks(said: Said) -> Iterator[Said]:
    """What each of several persons says in what the format takes for one voice."""
    lines = said.text.strip().split("\n", _DIALOGUE_LINES_MAX)
    if said.speaker or len(lines) > _DIALOGUE_LINES_MAX:
        yield said
        return
    dashes = [place for place, line in enumerate(lines) if _DASH.match(line)]
    changes = [place for place, line in enumerate(lines) if _CHANGE.match(line)]
    if not (changes or (len(dashes) > 1 and dashes[0] == 0)):
        yield said
        return
    for first, last in pairwise(sorted({0, *(changes or dashes), len(lines)})):
        yield Said("", "\n".join(lines[first:last]))


def _names(said: Sequence[Said], style: re.Pattern[str], mark: re.Pattern[str]) -> set[str]:
    """The names that open what is said, if they open most of it."""
    matches = filter(None, (_name_and_text(each, style, mark) for each in said))
    found = Counter(match["name"] for match in matches if marked_kind(match[0][:_MARK_CHARACTERS]) is _SPEECH)
    names = {name for name, times in found.items() if times > 1 or _looks_like_a_name(name)}
    return names if sum(found[name] for name in names) >= len(said) * _NAMED_SHARE_MIN else set()


def _named(said: Said, style: re.Pattern[str], names: set[str]) -> Said:
    match = _name_and_text(said, style, _DASH)
    if not match or match["name"] not in names:
        return said
    name = match["name"][1:-1] if style is _BRACKETED else match["name"]
    return Said(name.strip(), match["text"])


def _named_at_changes(cues: Sequence[Cue], names: set[str]) -> Iterator[Cue]:
    speaker = ""
    for cue in cues:
        said = []
        for each in cue.said:
            match = _name_and_text(each, _BEFORE_A_COLON, _CHANGE) if _CHANGE.match(each.text) else None
            if match and match["name"] in names:
                speaker = match["name"].strip()
                said.append(Said(speaker, match["text"]))
            elif each.speaker or _SOUND.fullmatch(each.text):
                said.append(each)
            else:
                speaker = "" if _CHANGE.match(each.text) else speaker
                said.append(Said(speaker, each.text))
        yield replace(cue, said=tuple(said))


def _name_and_text(said: Said, style: re.Pattern[str], mark: re.Pattern[str]) -> re.Match[str] | None:
    if said.speaker:
        return None
    text = said.text.strip()
    marked = mark.match(text)
    return style.fullmatch(text, marked.end() if marked else 0)


def _looks_like_a_name(name: str) -> bool:
    """Whether it is short and most of it is not in lower case: "Kasper van der Valk", but not "The answer is"."""
    words = name.split()
    lower = sum(word[0].islower() for word in words)
    return len(words) <= _NAME_WORDS_MAX and (len(words) == 1 or 2 * lower <= len(words))
