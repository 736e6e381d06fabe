"""Questions that people asked of real meetings and passages, in one order for every run."""

import json
import re
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from random import Random

SETS = ("qmsum/train", "seoul_edu/dev/qa_weak", "ko_mrc")
"""Sets for development: nobody's results are judged by them."""

_SEED = 20_260_101
_HANGUL = re.compile("[가-힣]")


def load_questions(data: Path) -> list[str]:
    """The questions of all sets, each once, shuffled."""
    texts: dict[str, None] = {}
    for name in SETS:
        with (data / name / "queries.jsonl").open(encoding="utf-8") as lines:
            texts.update(dict.fromkeys(json.loads(line)["text"] for line in lines))
    questions = list(texts)
    Random(_SEED).shuffle(questions)
    return questions


def language_of(text: str) -> str:
    """`ko` with a Hangul syllable in it, else `en`."""
    return "ko" if _HANGUL.search(text) else "en"


class Questions:
    """Hands questions out one after the other, so that none is answered from a cache before all were asked."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._texts = texts
        self._next = 0

    def take(self, count: int) -> list[str]:
        """The next ones; from the beginning again after the last."""
        places = islice(range(self._next, self._next + count), count)
        self._next += count
        return [self._texts[place % len(self._texts)] for place in places]
