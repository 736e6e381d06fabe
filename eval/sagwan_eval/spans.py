"""Questions whose answers are labelled as runs of turns, and how well chunks of any size find them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sagwan_eval.json_lines import records
from sagwan_ingest.domain.chunking import Chunk
from sagwan_ingest.domain.meeting import Utterance

COVERED_WORDS = 1_000
# Of a chunk's words: the shares from which it counts as relevant, and as very relevant.
_RELEVANT, _VERY_RELEVANT = 0.1, 0.5


@dataclass(frozen=True, slots=True)
class Question:
    """A question about one meeting.

    Attributes:
        text: As it is asked.
        meeting_id: Where the answer is.
        turns: The labelled turns, by their place in the meeting.
    """

    text: str
    meeting_id: str
    turns: frozenset[int]


@dataclass(frozen=True, slots=True)
class SpanSet:
    """Meetings and questions about them.

    Attributes:
        meetings: Turns by meeting.
        questions: Those that have a label, about these meetings.
    """

    meetings: Mapping[str, tuple[Utterance, ...]]
    questions: Sequence[Question]


def load_spans(folder: Path, *, meetings_max: int | None = None) -> SpanSet:
    """Reads a set with `spans.jsonl`; of its meetings every n-th, where only so many are wanted."""
    lines = list(records(folder / "meetings.jsonl"))
    step = 1 if meetings_max is None else max(1, len(lines) // meetings_max)
    meetings = {
        str(each["meeting_id"]): tuple(Utterance(turn["speaker"], turn["text"]) for turn in each["turns"])
        for each in lines[::step][:meetings_max]
    }
    texts = {each["_id"]: str(each["text"]) for each in records(folder / "queries.jsonl")}
    questions = [
        Question(texts[each["query_id"]], each["meeting_id"], frozenset(turns))
        for each in records(folder / "spans.jsonl")
        if each["meeting_id"] in meetings
        and (turns := [turn for first, last in each["spans"] for turn in range(first, last + 1)])
    ]
    return SpanSet(meetings, questions)


def grades(question: Question, meeting_id: str, chunks: Sequence[Chunk], words: Sequence[int]) -> list[int]:
    """2 for a chunk of which at least half of the words lie in labelled turns, 1 for a tenth, 0 for less.

    Args:
        question: What is asked.
        meeting_id: The chunks' meeting.
        chunks: Its chunks.
        words: Words of each of its turns. A turn that is cut counts for each of its chunks.
    """
    if meeting_id != question.meeting_id:
        return [0] * len(chunks)
    shares = []
    for each in chunks:
        turns = range(each.first_utterance, each.last_utterance + 1)
        labelled = sum(words[turn] for turn in turns if turn in question.turns)
        shares.append(labelled / max(1, sum(words[turn] for turn in turns)))
    return [2 if share >= _VERY_RELEVANT else int(share >= _RELEVANT) for share in shares]


def coverage(question: Question, found: Iterable[tuple[str, Chunk]], words: Mapping[str, Sequence[int]]) -> float:
    """Share of the labelled turns' words that lie in the first 1,000 words returned, a turn counted once.

    Args:
        question: What is asked.
        found: Meeting and chunk of what was found, best first.
        words: Words of each turn, by meeting.
    """
    left = COVERED_WORDS
    seen: set[tuple[str, int]] = set()
    covered = 0
    for meeting_id, chunk in found:
        for turn in range(chunk.first_utterance, chunk.last_utterance + 1):
            if left <= 0:
                break
            if (meeting_id, turn) in seen:
                continue
            seen.add((meeting_id, turn))
            count = min(left, words[meeting_id][turn])
            left -= count
            if meeting_id == question.meeting_id and turn in question.turns:
                covered += count
    return covered / max(1, sum(words[question.meeting_id][turn] for turn in question.turns))
