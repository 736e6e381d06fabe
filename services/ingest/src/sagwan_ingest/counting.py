"""Tokens of words, as the embedder's tokenizer counts them; most words of a meeting are known from the ones before."""

from collections.abc import Mapping

from cachetools import LRUCache

from sagwan_ingest.ports import PassageEmbedder
from sagwan_runtime.deadline import Deadline

_WORDS_A_CALL = 1_000
# Of one letter, so that the tokenizer cannot join them: together they have what each has, less one overhead.
_ONCE, _TWICE = "a", "a a"


class WordCounts:
    """Asks the embedder for what it does not remember.

    Args:
        embedder: Counts.
        words_max: Words that are remembered.
    """

    def __init__(self, embedder: PassageEmbedder, *, words_max: int) -> None:
        self._embedder = embedder
        self._model_sha256 = ""
        self._words_max = words_max
        self._known: LRUCache[str, int] = LRUCache(words_max)

    async def of(self, words: set[str], model_sha256: str, deadline: Deadline) -> Mapping[str, int]:
        """Tokens of each word, without the markers and the prompt that the embedder counts along.

        Args:
            words: As from `words_to_count`.
            model_sha256: The serving model; what was counted by another one's tokenizer is forgotten.
            deadline: When nobody waits any more.

        Raises:
            DependencyUnavailable: The embedder cannot be reached or refuses.
            DeadlineExceeded: It did not answer in time.
        """
        if model_sha256 != self._model_sha256:
            # A new one, and not this one emptied: calls that are under way go on writing into the old one.
            self._known = LRUCache(self._words_max)
            self._model_sha256 = model_sha256
        known = self._known
        counts = {word: known[word] for word in words if word in known}
        unknown = sorted(words - counts.keys())
        for first in range(0, len(unknown), _WORDS_A_CALL):
            asked = unknown[first : first + _WORDS_A_CALL]
            once, twice, *with_overhead = await self._embedder.count_tokens(
                [_ONCE, _TWICE, *asked], model_sha256, deadline
            )
            overhead = 2 * once - twice
            counted = {word: count - overhead for word, count in zip(asked, with_overhead, strict=True)}
            known.update(counted)
            counts |= counted
        return counts
