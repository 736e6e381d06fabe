"""From the cues of a caption file to utterances, whatever the format, and what had to be mended.

A cue stays an utterance, so that a line of a search result has the times of that line. Cues keep the order of the
file: where a clock jumps back (two recordings in one file, a transcriber's slip), the file still reads on, and sorting
by time would tear its sentences apart.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import accumulate, pairwise

from sagwan_ingest.domain.formats.cue import Cue, Said
from sagwan_ingest.domain.formats.cue_speakers import with_speakers
from sagwan_ingest.domain.formats.format import Mending, refused
from sagwan_ingest.domain.meeting import Utterance

# More of them, or of what voices say in them, are no meeting: at one a second, five days.
CUES_MAX = 500_000

# What is reported of one sort; the rest is summed up in one.

_ENDED_BEFORE_IT_BEGAN = "cue ended before it began; it now ends where it begins"
_EMPTY = "cue has no text and was left out"
_REPEATED = "cue repeats the one before it and was joined with it"
_ROLLED = "cue begins with the end of the one before it; the repeated words were left out"
_BACKWARDS = "cue begins before the one above it; it was kept in the order of the file"
_OVERLAPPING = "cue begins before an earlier one ends; both were kept with their times"

# Two cues touch when no more than this is between them.
_TOUCHING_MS_MAX = 100
# Captions that roll repeat a line or two of the cue before; people repeat a word or two of what was said.
_ROLLED_WORDS_MAX = 40
_ROLLED_WORDS_CERTAIN = 3
# In a file that rolls every other cue grows out of the one before it; in others hardly any does.
_ROLLING_CUES_PER_GROWING_CUE_MAX = 4

_LINE_BREAKS = re.compile(r"[\r\n]+")
_WORD = re.compile(r"\S+")


def utterances_of(cues: Iterable[Cue], mended: list[Mending]) -> tuple[Utterance, ...]:
    """The utterances of a file's cues, mended; what was mended is added to `mended`.

    Raises:
        InvalidRequest: When there are more than CUES_MAX, or more than so many voices in them.
    """
    read: list[Cue] = []
    voices = 0
    for cue in cues:
        voices += len(cue.said)
        if voices > CUES_MAX:
            raise refused(cue.line, f"holds more than {CUES_MAX} cues; split the file")
        read.append(_forwards(cue, mended))
    once = _without_repeats(_with_text(read, mended), mended)
    kept = _with_text(with_speakers(once), mended)
    _report_order(kept, mended)
    return tuple(
        Utterance(each.speaker, _LINE_BREAKS.sub(" ", each.text).strip(), cue.start_ms, cue.end_ms)
        for cue in kept
        for each in cue.said
    )


def _with_text(cues: Iterable[Cue], mended: list[Mending]) -> list[Cue]:
    kept = []
    for cue in cues:
        said = tuple(each for each in cue.said if each.text.strip())
        if said:
            kept.append(replace(cue, said=said))
        else:
            mended.append(Mending(cue.line, _EMPTY))
    return kept


def _forwards(cue: Cue, mended: list[Mending]) -> Cue:
    if cue.start_ms is None or cue.end_ms is None or cue.end_ms >= cue.start_ms:
        return cue
    mended.append(Mending(cue.line, _ENDED_BEFORE_IT_BEGAN))
    return replace(cue, end_ms=cue.start_ms)


def _without_repeats(cues: Sequence[Cue], mended: list[Mending]) -> list[Cue]:
    """The cues with every word once, where a cue repeats the one before it at the same time or the captions roll.

    The same words a moment later are no repeat: people say "Yeah." twice, and each time is a cue.
    """
    rolled = [_words_rolled(before, cue) for before, cue in pairwise(cues)]
    growing = sum(0 < words < _words(cue) for cue, words in zip(cues[1:], rolled, strict=True))
    rolling = growing > 0 and growing * _ROLLING_CUES_PER_GROWING_CUE_MAX >= len(rolled)
    once = list(cues[:1])
    for (before, cue), words in zip(pairwise(cues), rolled, strict=True):
        if _is_same_moment(before, cue) or (rolling and words == _words(cue)):
            mended.append(Mending(cue.line, _REPEATED))
            once[-1] = replace(once[-1], end_ms=max(filter(None, (once[-1].end_ms, cue.end_ms)), default=0))
        elif rolling and words:
            mended.append(Mending(cue.line, _ROLLED))
            once.append(replace(cue, said=(_without_first(cue.said[0], words),)))
        else:
            once.append(cue)
    return once


def _is_same_moment(before: Cue, cue: Cue) -> bool:
    if before.start_ms is None or before.end_ms is None or cue.start_ms is None or before.said != cue.said:
        return False
    return before.start_ms <= cue.start_ms < max(before.end_ms, before.start_ms + 1)


def _words(cue: Cue) -> int:
    return sum(len(each.text.split()) for each in cue.said)


def _words_rolled(before: Cue, cue: Cue) -> int:
    """How many words at the beginning of a cue are those at the end of the one that it touches."""
    if before.start_ms is None or before.end_ms is None or cue.start_ms is None:
        return 0
    if not before.start_ms <= cue.start_ms <= before.end_ms + _TOUCHING_MS_MAX:
        return 0
    if len(before.said) > 1 or len(cue.said) > 1 or before.said[0].speaker != cue.said[0].speaker:
        return 0
    old, new = before.said[0].text, cue.said[0].text
    old_words, new_words = old.split(), new.split()
    if new_words[: len(old_words)] == old_words:
        return len(old_words)
    aligned = _line_ends(reversed(old.split("\n"))) & _line_ends(new.split("\n"))
    for count in range(min(len(old_words), len(new_words), _ROLLED_WORDS_MAX), 0, -1):
        if (count >= _ROLLED_WORDS_CERTAIN or count in aligned) and old_words[-count:] == new_words[:count]:
            return count
    return 0


def _line_ends(lines: Iterable[str]) -> set[int]:
    """After how many words a line ends."""
    return set(accumulate(len(line.split()) for line in lines))


def _without_first(said: Said, words: int) -> Said:
    for place, word in enumerate(_WORD.finditer(said.text)):
        if place == words:
            return Said(said.speaker, said.text[word.start() :])
    return Said(said.speaker, "")


def _report_order(cues: Sequence[Cue], mended: list[Mending]) -> None:
    began_ms, ended_ms = 0, 0
    for cue in cues:
        if cue.start_ms is None or cue.end_ms is None:
            continue
        if cue.start_ms < began_ms:
            mended.append(Mending(cue.line, _BACKWARDS))
            ended_ms = cue.end_ms  # The clock may have been set back: what came before says nothing of what comes now.
        elif cue.start_ms < ended_ms:
            mended.append(Mending(cue.line, _OVERLAPPING))
        began_ms, ended_ms = cue.start_ms, max(ended_ms, cue.end_ms)
