"""What is embedded: passages and queries of two evaluation sets, and texts of a wanted length cut from them."""

import itertools
import json
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

SETS = ("ko_mrc", "qmsum/val")
_QUERY_WORDS = 10
# With 1, twenty thousand texts of 1 to 2,000 tokens are 3.5 million tokens to embed; with this, 2.5 million.
_LEANING = 1.5

CountTokens = Callable[[Sequence[str]], list[int]]


@dataclass(frozen=True, slots=True)
class EvaluationTexts:
    """Different passages and queries by set, in the order of the files."""

    passages: dict[str, list[str]]
    queries: dict[str, list[str]]


def load(data: Path) -> EvaluationTexts:
    """Reads the two sets from the folder of evaluation data."""
    return EvaluationTexts(
        {name: _texts(data / name / "corpus.jsonl") for name in SETS},
        {name: _texts(data / name / "queries.jsonl") for name in SETS},
    )


def endless_passages(texts: EvaluationTexts, seed: int) -> Iterator[str]:
    """Passages of both sets in random order; no two are the same.

    When all have been given they come again with their words rotated: other texts of the same lengths, which no cache
    knows.
    """
    passages = [text for name in SETS for text in texts.passages[name]]
    random.Random(seed).shuffle(passages)
    yield from passages
    for shift in itertools.count(1):
        for passage in passages:
            words = passage.split()
            # Rotated all the way round it would be a text that was given before.
            if shift < len(words):
                yield " ".join(words[shift:] + words[:shift])


def ten_word_queries(texts: EvaluationTexts, seed: int) -> Iterator[str]:
    """Endless different runs of ten words of the passages, Korean and English in turn."""
    chooser = random.Random(seed)
    words_of = [" ".join(texts.passages[name]).split() for name in SETS]
    given: set[str] = set()
    for words in itertools.cycle(words_of):
        start = chooser.randrange(len(words) - _QUERY_WORDS)
        query = " ".join(words[start : start + _QUERY_WORDS])
        if query not in given:
            given.add(query)
            yield query


class Cutter:
    """Cuts texts of a wanted number of tokens from the joined passages of both sets.

    The tokenizer treats words one by one, so the tokens of a text are the sum of its words', and a length is met to
    within its last word.
    """

    def __init__(self, texts: EvaluationTexts, count_tokens: CountTokens) -> None:
        self._streams = [_Stream(texts.passages[name], count_tokens) for name in SETS]

    def texts_of(self, tokens: int, seed: int) -> Iterator[str]:
        """Endless texts of about this many tokens, Korean and English in turn."""
        chooser = random.Random(seed)
        for stream in itertools.cycle(self._streams):
            yield stream.cut(chooser, tokens)

    def mixed(self, shortest: int, longest: int, seed: int) -> Iterator[str]:
        """Endless texts of every length between two, Korean or English, more of them short than long.

        The logarithm of a length is that of a log-uniform one with its share raised to a power above 1, which keeps the
        mean down and every length in.
        """
        chooser = random.Random(seed)
        while True:
            share = chooser.random() ** _LEANING
            tokens = round(shortest * (longest / shortest) ** share)
            yield chooser.choice(self._streams).cut(chooser, tokens)


class _Stream:
    def __init__(self, passages: Sequence[str], count_tokens: CountTokens) -> None:
        self._words = " ".join(passages).split()
        different = list(dict.fromkeys(self._words))
        tokens_of = dict(zip(different, count_tokens(different), strict=True))
        self._ends = np.cumsum([tokens_of[word] for word in self._words])

    def cut(self, chooser: random.Random, tokens: int) -> str:
        """A run of words from a random place whose tokens come to the wanted number or just past it."""
        start_max = int(np.searchsorted(self._ends, self._ends[-1] - tokens))
        start = chooser.randrange(max(1, start_max))
        before = int(self._ends[start - 1]) if start else 0
        end = int(np.searchsorted(self._ends, before + tokens)) + 1
        return " ".join(self._words[start:end])


def _texts(file: Path) -> list[str]:
    lines = file.read_text(encoding="utf-8").splitlines()
    return list(dict.fromkeys(json.loads(line)["text"] for line in lines))
