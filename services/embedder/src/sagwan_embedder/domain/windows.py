"""Texts of more tokens than the model takes: cut off, or cut into windows whose vectors are pooled."""

from collections.abc import Sequence
from enum import Enum

import numpy as np
from numpy.typing import NDArray


class Overlong(Enum):
    """What happens to a text of more tokens than the model takes."""

    TRUNCATE = "truncate"
    REFUSE = "refuse"
    WINDOW = "window"


def windows(tokens: NDArray[np.int32], prompt: NDArray[np.int32], *, tokens_max: int) -> list[NDArray[np.int32]]:
    """The tokens of a text in as few windows as can hold it, all of nearly the same length.

    Nearly equal, because a last window of a few words would say little and still be pooled with the others.

    Args:
        tokens: The prompt's and then the text's.
        prompt: What every further window begins with too, so that the model sees each as a text of its kind.
        tokens_max: Most tokens of a window, its prompt included.
    """
    if len(tokens) <= tokens_max:
        return [tokens]
    body = tokens[len(prompt) :]
    count = -(-len(body) // (tokens_max - len(prompt)))
    return [np.concatenate([prompt, part]) for part in np.array_split(body, count)]


def pooled(vectors: Sequence[NDArray[np.float32]], token_counts: Sequence[int]) -> NDArray[np.float32]:
    """One unit vector for the windows of a text: their mean weighted by tokens, at unit length again.

    For a model that takes the mean over tokens this weighs every token of the text the same.
    """
    if len(vectors) == 1:
        return vectors[0]
    mean = np.average(np.stack(vectors), axis=0, weights=token_counts).astype(np.float32)
    return mean / np.linalg.norm(mean)
