"""JSON as Whisper writes it, and WhisperX, whisper-timestamped, faster-whisper, whisper.cpp and Transformers after it.

Segments have `start`, `end`, `text` and perhaps a `speaker`; words may have speakers of their own. In silence and in
music Whisper says things that nobody said, again and again: what it repeats beyond doubt is kept once, what only looks
doubtful is kept, and both are reported.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby

from sagwan_ingest.domain.formats.fields import number_of
from sagwan_ingest.domain.formats.format import CERTAIN, LIKELY, NEVER, Format, Parsed
from sagwan_ingest.domain.formats.json_document import object_in, objects_in, read_json, refuse_shape, text_in
from sagwan_ingest.domain.formats.mendings import Mendings
from sagwan_ingest.domain.formats.rows import Row, utterances_of
from sagwan_ingest.domain.meeting import Meeting

_SIGNS = re.compile(r'"(?:segments|chunks|transcription)"\s*:\s*\[')
_BEGINS = re.compile(r'\s*\{\s*"text"\s*:\s*"')

# People say the same three times in a row; a recogniser that is stuck says it dozens of times.
_REPEATS_MAX = 3
# Whisper's own thresholds: of a text that repeats itself, and of a segment that is silence.
_COMPRESSION_RATIO_MAX = 2.4
_NO_SPEECH_PROBABILITY_MAX = 0.6

# What stands beside a text without segments.
_ONLY_TEXT = frozenset({"text", "segments", "language", "duration", "task", "usage", "x_groq"})

# OpenAI's service names languages in words.
_LANGUAGE_CODES = {
    "arabic": "ar", "chinese": "zh", "english": "en", "french": "fr", "german": "de", "hindi": "hi", "italian": "it",
    "japanese": "ja", "korean": "ko", "portuguese": "pt", "russian": "ru", "spanish": "es", "vietnamese": "vi",
}  # fmt: skip
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})?")


def _sniff(head: str) -> float:
    if not head.lstrip().startswith("{"):
        return NEVER
    if _SIGNS.search(head):
        return CERTAIN - 0.1
    # The whole text comes first and may be longer than the head.
    return LIKELY + 0.2 if _BEGINS.match(head) else NEVER


def _parse(text: str) -> Parsed:
    mendings = Mendings()
    meeting = meeting_of(read_json(text, mendings), mendings)
    if meeting is None:
        refuse_shape('is not what Whisper writes: it has no "segments", each with a "text" and times')
    return Parsed((meeting,), mendings.all())


def meeting_of(document: object, mendings: Mendings) -> Meeting | None:
    """The meeting in what Whisper wrote; None when it is of another shape.

    Raises:
        InvalidRequest: When it is of this shape and nothing is said in it.
    """
    rows = _rows(document, mendings)
    if rows is None:
        return None
    utterances = utterances_of(list(_without_repeats(rows, mendings)), mendings, milliseconds=False)
    if not utterances:
        refuse_shape("holds no segment with text")
    record = object_in(document)
    return Meeting(language=_language(record, mendings), utterances=tuple(utterances))


def _rows(document: object, mendings: Mendings) -> list[Row] | None:
    record = object_in(document)
    for name, row in (("segments", _segment), ("chunks", _chunk), ("transcription", _cpp_segment)):
        segments = objects_in(record.get(name))
        if segments and all(isinstance(each.get("text"), str) for each in segments):
            if row is not _segment:
                return [row(f"{name}[{place}]", each) for place, each in enumerate(segments)]
            if not any("start" in each or "seek" in each for each in segments):
                return None
            _report_doubts(segments, mendings)
            return [part for place, each in enumerate(segments) for part in _by_speaker(place, each)]
    text = record.get("text")
    if record.get("segments") in (None, []) and isinstance(text, str) and set(record) <= _ONLY_TEXT:
        if text.strip():
            mendings.add(0, "has no segments; the whole text is one utterance without times")
        return [Row(0, "text", "", text)]
    return None


def _by_speaker(place: int, segment: Mapping[str, object]) -> Iterator[Row]:
    """A row for a segment, or one for each run of words by one speaker."""
    where = f"segments[{place}]"
    whole = _segment(where, segment)
    runs = _runs(segment.get("words"), whole.speaker)
    if len(runs) < 2:
        yield Row(0, where, whole.speaker or (runs[0][0] if runs else ""), whole.text, whole.start, whole.end)
        return
    for (speaker, words), said in zip(runs, _cut(runs, whole.text), strict=True):
        starts, ends = ([word.get(key) for word in words] for key in ("start", "end"))
        start = next((each for each in starts if each is not None), whole.start)
        end = next((each for each in reversed(ends) if each is not None), whole.end)
        yield Row(0, where, speaker, said, start, end)


def _runs(words: object, speaker: str) -> list[tuple[str, list[Mapping[str, object]]]]:
    """The words of a segment by who says them; one without a speaker belongs to the one before it."""
    runs: list[tuple[str, list[Mapping[str, object]]]] = []
    for word in objects_in(words):
        speaker = text_in(word, "speaker") or speaker
        if not runs or runs[-1][0] != speaker:
            runs.append((speaker, []))
        runs[-1][1].append(word)
    return runs


def _cut(runs: Sequence[tuple[str, Sequence[Mapping[str, object]]]], text: str) -> list[str]:
    """The text of each run, as it stands in the text of the segment where its words are found there."""
    begins: list[int] = []
    place = 0
    for _, words in runs:
        for number, word in enumerate(words):
            written = text_in(word, "word", "text").strip()
            found = text.find(written, place)
            if found < 0:
                return ["".join(f" {text_in(word, 'word', 'text').strip()}" for word in words) for _, words in runs]
            if number == 0:
                begins.append(found)
            place = found + len(written)
    begins[0] = 0
    return [text[begin:end] for begin, end in zip(begins, [*begins[1:], len(text)], strict=True)]


def _without_repeats(rows: Sequence[Row], mendings: Mendings) -> Iterator[Row]:
    for (_, said), group in groupby(rows, key=lambda row: (row.speaker, row.text.strip().casefold())):
        same = list(group)
        if not said or len(same) <= _REPEATS_MAX:
            yield from same
            continue
        first, last = same[0], same[-1]
        mendings.add(0, "say the same; it was kept once", f"{first.where} to {last.where}")
        yield replace(first, end=last.end)


def _report_doubts(segments: Sequence[Mapping[str, object]], mendings: Mendings) -> None:
    """Says of segments what Whisper itself doubts; they are kept, because a person may have said it."""
    for doubt, group in groupby(range(len(segments)), key=lambda place: _doubt(segments[place])):
        first, *others = group
        if doubt:
            where = f"segments[{first}] to [{others[-1]}]" if others else f"segments[{first}]"
            mendings.add(0, doubt, where)


def _doubt(segment: Mapping[str, object]) -> str:
    ratio, no_speech = (number_of(segment.get(key)) for key in ("compression_ratio", "no_speech_prob"))
    if ratio is not None and ratio > _COMPRESSION_RATIO_MAX:
        return "may be said by a recogniser that is stuck, by compression_ratio"
    if no_speech is not None and no_speech > _NO_SPEECH_PROBABILITY_MAX:
        return "may be no speech, by no_speech_prob"
    return ""


def _language(record: Mapping[str, object], mendings: Mendings) -> str:
    written = text_in(record, "language") or text_in(object_in(record, "result"), "language")
    language = _LANGUAGE_CODES.get(written.casefold(), written)
    if not _LANGUAGE.fullmatch(language):
        if language:
            mendings.add(0, f"language {language[:40]!r} is no code such as ko; it was left out")
        return ""
    return language


def _segment(where: str, segment: Mapping[str, object]) -> Row:
    return Row(
        0, where, text_in(segment, "speaker"), text_in(segment, "text"), segment.get("start"), segment.get("end")
    )


def _chunk(where: str, chunk: Mapping[str, object]) -> Row:
    times = chunk.get("timestamp")
    start, end = times if isinstance(times, list) and len(times) == 2 else (None, None)
    return Row(0, where, text_in(chunk, "speaker"), text_in(chunk, "text"), start, end)


def _cpp_segment(where: str, segment: Mapping[str, object]) -> Row:
    times = object_in(segment, "timestamps")
    return Row(0, where, text_in(segment, "speaker"), text_in(segment, "text"), times.get("from"), times.get("to"))


FORMAT = Format(
    name="whisper",
    description="JSON of Whisper, WhisperX and their kin: segments with times, words and speakers",
    suffixes=(),
    sniff=_sniff,
    parse=_parse,
)
