"""What embedding needs from the outside."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from sagwan_embedder.domain.batching import PaddedBatch


class Tokenizer(Protocol):
    """Cuts texts into tokens. Called from the event loop and from the thread that cuts long texts."""

    @property
    def prefix(self) -> NDArray[np.int32]:
        """The markers before the tokens of a text; may be empty."""
        ...

    @property
    def suffix(self) -> NDArray[np.int32]:
        """The markers after them; may be empty."""
        ...

    def tokens(self, texts: Sequence[str]) -> list[NDArray[np.int32]]:
        """All tokens of each text, without markers."""
        ...


class Encoder(Protocol):
    """Runs the model. Called from several threads at once."""

    @property
    def runs_at_once(self) -> int:
        """How many batches should run at once, where that many wait, to get the most of the machine."""
        ...

    def run(self, batch: PaddedBatch, *, alone: bool = True) -> NDArray[np.float32]:
        """One unit vector a text: [texts, dimension].

        Args:
            batch: The texts.
            alone: Whether the batch should have every core, or its share because others run beside it.
        """
        ...
