"""What embedding needs from the outside. Implementations are called from one thread at a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from sagwan_embedder.domain.batching import PaddedBatch


@dataclass(frozen=True, slots=True, eq=False)
class Encoded:
    """The tokens of one text.

    Attributes:
        ids: Token ids with the model's markers around them.
        truncated: Whether the text had more tokens than were asked for, and lost its tail.
    """

    ids: NDArray[np.int32]
    truncated: bool


class Tokenizer(Protocol):
    """Cuts texts into tokens."""

    def encode(self, texts: Sequence[str], tokens_max: int) -> list[Encoded]:
        """The tokens of each text, at most `tokens_max` of each with the markers."""
        ...


class Encoder(Protocol):
    """Runs the model."""

    def run(self, batch: PaddedBatch) -> NDArray[np.float32]:
        """One unit vector a text: [texts, dimension]."""
        ...
