"""Questions from a file, and the requests that ask them."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from random import Random

from sagwan.search.v1.search_pb2 import Filter, SearchRequest

# A question without filters of its own gets a range that every dated meeting passes: it takes the filtered path.
_OPEN_RANGE: Mapping[str, str] = {"after": "1900-01-01"}


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked.

    Attributes:
        text: The words.
        filters: Any of `speaker`, `after` and `before`, as in samples/questions.jsonl.
    """

    text: str
    filters: Mapping[str, str] = field(default_factory=dict)


class Asker:
    """Draws questions, a share of them with a filter. The same seed asks the same questions in the same order."""

    def __init__(self, questions: Iterable[Question], *, filtered_share: float, seed: int) -> None:
        self._questions = tuple(questions)
        self._filtered_share = filtered_share
        self._random = Random(seed)

    def next_request(self) -> SearchRequest:
        """The next search."""
        question = self._random.choice(self._questions)
        request = SearchRequest(query=question.text)
        if self._random.random() < self._filtered_share:
            request.filter.CopyFrom(_filter(question.filters or _OPEN_RANGE))
        return request


def parse_questions(lines: Iterable[str]) -> list[Question]:
    """Questions of a JSON lines file: `text`, and `filters` where there are any.

    Raises:
        ValueError: No line holds a question, or one is not an object with a text.
    """
    questions: list[Question] = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        entry = json.loads(line)
        text = entry.get("text") if isinstance(entry, dict) else None
        if not text or not isinstance(text, str):
            raise ValueError(f"line {number} has no text")
        questions.append(Question(text, entry.get("filters") or {}))
    if not questions:
        raise ValueError("the file holds no question")
    return questions


def _filter(filters: Mapping[str, str]) -> Filter:
    return Filter(
        start_date=filters.get("after", ""),
        end_date=filters.get("before", ""),
        speakers=[filters["speaker"]] if "speaker" in filters else [],
    )
