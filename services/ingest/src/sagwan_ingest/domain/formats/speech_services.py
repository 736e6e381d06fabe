"""What speech services answer, where their shape is beyond doubt: AssemblyAI, Deepgram, AWS Transcribe, Google."""

from collections.abc import Iterator, Mapping, Sequence

from sagwan_ingest.domain.formats.json_document import object_in, objects_in, text_in
from sagwan_ingest.domain.formats.mendings import Mendings
from sagwan_ingest.domain.formats.rows import Row, utterances_of
from sagwan_ingest.domain.meeting import Meeting

_OF_ASSEMBLYAI = frozenset({"acoustic_model", "audio_duration", "audio_url", "language_code", "speech_model"})


def meeting_of(document: object, mendings: Mendings) -> Meeting | None:
    """The meeting in the answer of a speech service; None when it is none of those that are known."""
    record = object_in(document)
    for read in (_assemblyai, _deepgram, _aws, _google):
        rows, milliseconds, language = read(record)
        utterances = utterances_of(rows, mendings, milliseconds=milliseconds)
        if utterances:
            return Meeting(language=language.replace("_", "-"), utterances=tuple(utterances))
    return None


def _assemblyai(record: Mapping[str, object]) -> tuple[Sequence[Row], bool, str]:
    if not _OF_ASSEMBLYAI & set(record):
        return [], True, ""
    turns = objects_in(record.get("utterances"))
    rows = [
        Row(0, f"utterances[{place}]", _speaker(each), text_in(each, "text"), each.get("start"), each.get("end"))
        for place, each in enumerate(turns)
    ]
    return rows or [Row(0, "text", "", text_in(record, "text"))], True, text_in(record, "language_code")


def _deepgram(record: Mapping[str, object]) -> tuple[Sequence[Row], bool, str]:
    results = object_in(record, "results")
    turns = objects_in(results.get("utterances"))
    if turns and all("transcript" in each for each in turns):
        rows = [
            Row(0, f"utterances[{n}]", _speaker(each), text_in(each, "transcript"), each.get("start"), each.get("end"))
            for n, each in enumerate(turns)
        ]
        return rows, False, ""
    channels = objects_in(results.get("channels"))
    rows = [row for each in channels for row in _deepgram_channel(each)]
    return rows, False, next((text_in(each, "detected_language") for each in channels), "")


def _deepgram_channel(channel: Mapping[str, object]) -> Iterator[Row]:
    for best in objects_in(channel.get("alternatives"))[:1]:
        paragraphs = objects_in(object_in(best, "paragraphs").get("paragraphs"))
        for place, each in enumerate(paragraphs):
            said = " ".join(text_in(sentence, "text") for sentence in objects_in(each.get("sentences")))
            yield Row(0, f"paragraphs[{place}]", _speaker(each), said, each.get("start"), each.get("end"))
        if not paragraphs:
            words = [
                (_speaker(each), text_in(each, "punctuated_word", "word"), each.get("start"), each.get("end"))
                for each in objects_in(best.get("words"))
            ]
            yield from _rows_of_words(words) if words else [Row(0, "transcript", "", text_in(best, "transcript"))]


def _aws(record: Mapping[str, object]) -> tuple[Sequence[Row], bool, str]:
    results = object_in(record, "results")
    transcripts = objects_in(results.get("transcripts"))
    if not transcripts:
        return [], False, ""
    language = text_in(results, "language_code")
    segments = objects_in(results.get("audio_segments"))
    if segments:
        rows = [
            Row(0, f"audio_segments[{n}]", text_in(each, "speaker_label"), text_in(each, "transcript"),
                each.get("start_time"), each.get("end_time"))
            for n, each in enumerate(segments)
        ]  # fmt: skip
        return rows, False, language
    # Before 2021 the words' speakers stood apart from the words.
    labelled = {
        text_in(word, "start_time"): text_in(word, "speaker_label")
        for segment in objects_in(object_in(results, "speaker_labels").get("segments"))
        for word in objects_in(segment.get("items"))
    }
    rows = list(_rows_of_words(list(_aws_words(objects_in(results.get("items")), labelled))))
    return rows or [Row(0, "transcripts[0]", "", text_in(transcripts[0], "transcript"))], False, language


_Word = tuple[str, str, object, object]


def _aws_words(items: Sequence[Mapping[str, object]], labelled: Mapping[str, str]) -> Iterator[_Word]:
    word: _Word | None = None
    for item in items:
        said = "".join(text_in(each, "content") for each in objects_in(item.get("alternatives"))[:1])
        if item.get("type") == "punctuation" and word:
            word = (word[0], word[1] + said, word[2], word[3])
            continue
        if word:
            yield word
        start = item.get("start_time")
        speaker = text_in(item, "speaker_label") or labelled.get(text_in(item, "start_time"), "")
        word = (speaker, said, start, item.get("end_time"))
    if word:
        yield word


def _google(record: Mapping[str, object]) -> tuple[Sequence[Row], bool, str]:
    results = objects_in(record.get("results"))
    best = [objects_in(each.get("alternatives"))[:1] for each in results]
    if not any("transcript" in each for alternatives in best for each in alternatives):
        return [], False, ""
    language = next((text_in(each, "languageCode", "language_code") for each in results), "")
    words = [
        [
            (_tag(each), text_in(each, "word"), each.get("startTime", each.get("startOffset")),
             each.get("endTime", each.get("endOffset")))
            for each in objects_in(alternatives[0].get("words"))
        ]
        if alternatives else []
        for alternatives in best
    ]  # fmt: skip
    # With speakers told apart, the last result repeats all the words with a speaker each.
    if words[-1] and all(speaker for speaker, *_ in words[-1]):
        return list(_rows_of_words(words[-1])), False, language
    rows = [
        Row(0, f"results[{n}]", "", text_in(each[0], "transcript"), said[0][2] if said else None,
            said[-1][3] if said else results[n].get("resultEndTime"))
        for n, (each, said) in enumerate(zip(best, words, strict=True))
        if each
    ]  # fmt: skip
    return rows, False, language


def _rows_of_words(words: Sequence[_Word]) -> Iterator[Row]:
    """A row for each run of words by one speaker."""
    begin = 0
    for place in range(1, len(words) + 1):
        if place == len(words) or words[place][0] != words[begin][0]:
            run = words[begin:place]
            said = " ".join(word for _, word, _, _ in run)
            yield Row(0, f"words[{begin}]", run[0][0], said, run[0][2], run[-1][3])
            begin = place


def _speaker(record: Mapping[str, object]) -> str:
    """A name as it is; a number as "Speaker 0"."""
    written = text_in(record, "speaker")
    return f"Speaker {written}" if written.isdigit() or len(written) == 1 else written


def _tag(word: Mapping[str, object]) -> str:
    written = text_in(word, "speakerTag", "speakerLabel", "speaker_tag")
    return f"Speaker {written}" if written.isdigit() else written
