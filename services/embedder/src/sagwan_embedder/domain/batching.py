"""Which texts go through the model together.

The memory and the time of a batch follow its padded tokens: its longest text times its number of texts. Sorted by
length, neighbours differ little and little is padded.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Batch:
    """Texts that go through the model together.

    Attributes:
        indices: Positions of the texts in the list that was planned.
        longest: Tokens of the longest of them.
    """

    indices: tuple[int, ...]
    longest: int

    @property
    def tokens_padded(self) -> int:
        """Tokens that the model computes, padding included."""
        return self.longest * len(self.indices)


@dataclass(frozen=True, slots=True, eq=False)
class PaddedBatch:
    """What the model takes, each int64 of shape [texts, longest]; the mask is 1 where there is a token."""

    input_ids: NDArray[np.int64]
    attention_mask: NDArray[np.int64]


def plan_batches(lengths: Sequence[int], *, tokens_max: int) -> list[Batch]:
    """Batches of at most `tokens_max` padded tokens, the shortest texts first.

    Every text is in exactly one batch. A text that is longer than the budget gets a batch of its own.

    Args:
        lengths: Tokens of each text.
        tokens_max: Budget of padded tokens of a batch.
    """
    batches: list[Batch] = []
    current: list[int] = []
    longest = 0
    for index in sorted(range(len(lengths)), key=lengths.__getitem__):
        # Lengths only grow, so the text at hand is the longest of the batch that it would join.
        if current and lengths[index] * (len(current) + 1) > tokens_max:
            batches.append(Batch(tuple(current), longest))
            current = []
        current.append(index)
        longest = lengths[index]
    if current:
        batches.append(Batch(tuple(current), longest))
    return batches


def padded(token_ids: Sequence[NDArray[np.int32]]) -> PaddedBatch:
    """One rectangle of all texts. What stands in the padding does not matter: the mask hides it."""
    shape = (len(token_ids), max(map(len, token_ids)))
    input_ids = np.zeros(shape, np.int64)
    attention_mask = np.zeros(shape, np.int64)
    for row, ids in enumerate(token_ids):
        input_ids[row, : len(ids)] = ids
        attention_mask[row, : len(ids)] = 1
    return PaddedBatch(input_ids, attention_mask)
