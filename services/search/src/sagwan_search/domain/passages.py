"""Passages for a language model: the best chunks that a budget of tokens holds, merged where they meet, each cited."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from sagwan_search.domain.answer import MeetingSummary, StoredChunk
from sagwan_search.domain.lines import Span, Utterance, cut_to_span
from sagwan_text.speakers import speaker_key
from sagwan_text.tokens import estimate_tokens

_SPEAKERS_CITED_MAX = 5


@dataclass(frozen=True, slots=True)
class Passage:
    """A run of lines of one meeting.

    Attributes:
        meeting: The meeting it is from.
        lines: In order, the first and the last cut to the passage.
        citation: How to cite it, in words.
        token_count: About how many tokens its lines have.
    """

    meeting: MeetingSummary
    lines: Sequence[Utterance]
    citation: str
    token_count: int


class Selection:
    """Takes chunks, offered best first, until a budget of tokens is spent.

    The first chunk that no longer fits is cut to the run of whole lines around its best one that does.

    Args:
        token_budget: Tokens that all lines taken may have together.
        best_of: Index of the line that answers best, of at least one.

    Attributes:
        chunks: What was taken, best first.
        spent: Whether nothing more will be taken.
    """

    def __init__(self, token_budget: int, best_of: Callable[[Sequence[Utterance]], int]) -> None:
        self.chunks: list[StoredChunk] = []
        self.spent = False
        self._tokens_left = token_budget
        self._best_of = best_of

    def offer(self, chunk: StoredChunk) -> None:
        """Takes a chunk, or the part of it that fits; nothing when the budget is spent."""
        if self.spent:
            return
        lines = cut_to_span(chunk.utterances, chunk.span)
        token_counts = [line_tokens(each) for each in lines]
        run = range(len(lines))
        if sum(token_counts) > self._tokens_left:
            run = self._fitting(lines, token_counts)
            # A budget that is too small for any line of the best chunks may still hold one of a later chunk.
            self.spent = bool(self.chunks or run)
            if run:
                chunk = _cut_to_lines(chunk, lines[run.start].ordinal, lines[run.stop - 1].ordinal)
        if run:
            self.chunks.append(chunk)
            self._tokens_left -= sum(token_counts[run.start : run.stop])

    def _fitting(self, lines: Sequence[Utterance], token_counts: Sequence[int]) -> range:
        """The lines around the best of those that fit, what follows before what precedes; empty when none fits."""
        left = self._tokens_left
        fitting = [index for index, token_count in enumerate(token_counts) if token_count <= left]
        if not fitting:
            return range(0)
        first = last = fitting[self._best_of([lines[index] for index in fitting])]
        left -= token_counts[first]
        while True:
            if last + 1 < len(lines) and token_counts[last + 1] <= left:
                last += 1
                left -= token_counts[last]
            elif first > 0 and token_counts[first - 1] <= left:
                first -= 1
                left -= token_counts[first]
            else:
                return range(first, last + 1)


def line_tokens(line: Utterance) -> int:
    """About how many tokens a line has, written as `speaker: text`."""
    return estimate_tokens(f"{line.speaker}: {line.text}" if line.speaker.strip() else line.text)


def merged_passages(chunks: Iterable[StoredChunk]) -> list[Passage]:
    """Chunks as passages: those of a meeting that overlap, or that nothing was said between, become one.

    Args:
        chunks: Best first.

    Returns:
        Meetings in the order of their best chunk, each with its passages in the order in which they were said. No
        visible character of a meeting is in two passages, and no line has more tokens than its parts in the chunks.
    """
    by_meeting: dict[str, list[StoredChunk]] = {}
    for chunk in chunks:
        by_meeting.setdefault(chunk.meeting.meeting_id, []).append(chunk)
    return [passage for group in by_meeting.values() for passage in _passages_of_meeting(group)]


def citation(meeting: MeetingSummary, lines: Sequence[Utterance]) -> str:
    """How to cite lines of a meeting: `Weekly (2026-01-12): Ann, Bob, 0:12:05–0:14:30`, without what is not known.

    Speakers stand in the order in which they first speak; from the sixth on, only their number.
    """
    cited = " ".join(meeting.title.split()) or meeting.meeting_id
    if meeting.held_on:
        cited += f" ({meeting.held_on.isoformat()})"
    speakers: dict[str, str] = {}
    for line in lines:
        speakers.setdefault(speaker_key(line.speaker), " ".join(line.speaker.split()))
    speakers.pop("", None)
    details = list(speakers.values())[:_SPEAKERS_CITED_MAX]
    if len(speakers) > len(details):
        details.append(f"{len(speakers) - len(details)} more")
    moments = [moment for line in lines for moment in (line.start_ms, line.end_ms) if moment is not None]
    if moments:
        # The same second is written once.
        details.append("–".join(dict.fromkeys([_clock(min(moments)), _clock(max(moments))])))
    return f"{cited}: {', '.join(details)}" if details else cited


def _passages_of_meeting(chunks: Sequence[StoredChunk]) -> list[Passage]:
    utterances = {each.ordinal: each for chunk in chunks for each in chunk.utterances}
    runs: list[Span] = []
    for span in sorted((chunk.span for chunk in chunks), key=_begin):
        if runs and _meet(runs[-1], span, utterances):
            last, end = runs[-1], max(_end(runs[-1]), _end(span))
            runs[-1] = Span(last.first_utterance, last.first_character, *end)
        else:
            runs.append(span)
    passages = []
    for run in runs:
        touched = [utterances[ordinal] for ordinal in range(run.first_utterance, run.last_utterance + 1)]
        lines = cut_to_span(touched, run)
        token_count = sum(line_tokens(each) for each in lines)
        passages.append(Passage(chunks[0].meeting, lines, citation(chunks[0].meeting, lines), token_count))
    return passages


def _meet(span: Span, later: Span, utterances: Mapping[int, Utterance]) -> bool:
    """Whether a span reaches one that begins no earlier, white space between them aside."""
    if _begin(later) <= _end(span):
        return True
    between = range(span.last_utterance, later.first_utterance + 1)
    if not all(ordinal in utterances for ordinal in between):
        return False
    return not cut_to_span([utterances[ordinal] for ordinal in between], Span(*_end(span), *_begin(later)))


def _cut_to_lines(chunk: StoredChunk, first: int, last: int) -> StoredChunk:
    """The part of a chunk from one of its utterances to another, both included."""
    span = chunk.span
    begin = span.first_character if first == span.first_utterance else 0
    ends = {each.ordinal: len(each.text) for each in chunk.utterances} | {span.last_utterance: span.last_character}
    return replace(chunk, span=Span(first, begin, last, ends[last]))


def _begin(span: Span) -> tuple[int, int]:
    return span.first_utterance, span.first_character


def _end(span: Span) -> tuple[int, int]:
    return span.last_utterance, span.last_character


def _clock(time_ms: int) -> str:
    minutes, seconds = divmod(time_ms // 1_000, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}"
