"""The model without a service around it: its own tokenizer and session, called in a loop.

The one place of the benchmark that cuts texts with the service's tokenizer.
"""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from embedder_bench.batches import by_tokens
from sagwan_embedder.backends import Backend, LoadedModel, load_model
from sagwan_embedder.domain.batching import PaddedBatch, padded
from sagwan_embedder.domain.model import Kind
from sagwan_embedder.ports import Encoder

TokenIds = NDArray[np.int32]


def loaded(folder: Path) -> LoadedModel:
    """A model as the service loads it, with the service's own session options."""
    return load_model(backend=Backend.ONNX, model=str(folder), threads=0, device="")


class RawTokenizer:
    """The served model's tokenizer with its prompts and markers."""

    def __init__(self, model: LoadedModel) -> None:
        self._card = model.card
        self._tokenizer = model.tokenizer

    def prompted(self, texts: Sequence[str], kind: Kind) -> list[str]:
        """Texts with the prompt that the service puts before them."""
        return [self._card.prompts[kind] + text for text in texts]

    def ids(self, texts: Sequence[str], kind: Kind, *, cut: bool = True) -> list[TokenIds]:
        """Token ids with prompt and markers, cut to what the model takes unless told otherwise."""
        prefix, suffix = self._tokenizer.prefix, self._tokenizer.suffix
        tokens_max = self._card.tokens_max - len(prefix) - len(suffix) if cut else None
        return [
            np.concatenate([prefix, tokens[:tokens_max], suffix])
            for tokens in self._tokenizer.tokens(self.prompted(texts, kind))
        ]

    def counts(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text itself, without prompt and markers."""
        return [len(tokens) for tokens in self._tokenizer.tokens(texts)]


class RawSession:
    """A graph called in a loop, one batch after the other or several at once.

    Args:
        encoder: The graph's session.
        tokenizer: Cuts its texts.
        at_once: Batches that run at once.

    Attributes:
        options: Budgets of padded tokens a batch that are worth trying.
    """

    options = (512, 1_024, 2_048, 4_096)

    def __init__(self, encoder: Encoder, tokenizer: RawTokenizer, *, at_once: int = 1) -> None:
        self._encoder = encoder
        self._tokenizer = tokenizer
        self._at_once = at_once

    def seconds(self, texts: Sequence[str], option: int) -> float:
        """Time of a loop over texts that were cut into tokens, sorted and padded before."""
        ids = self._tokenizer.ids(texts, Kind.PASSAGE)
        batches = [padded([ids[index] for index in batch]) for batch in by_tokens(list(map(len, ids)), option)]
        run = partial(self._encoder.run, alone=self._at_once == 1)
        with ThreadPoolExecutor(self._at_once) as threads:
            started = time.perf_counter()
            # The longest first, so that no thread is left with one when the others are done.
            for _ in threads.map(run, reversed(batches)):
                pass
            return time.perf_counter() - started

    def vectors(self, texts: Sequence[str], kind: Kind = Kind.PASSAGE) -> NDArray[np.float32]:
        """One unit vector a text: [texts, dimension]."""
        ids = self._tokenizer.ids(texts, kind)
        batches = by_tokens(list(map(len, ids)), self.options[0])
        rows = np.concatenate([self.run(padded([ids[index] for index in batch])) for batch in batches])
        return rows[np.argsort(np.concatenate(batches))]

    def run(self, batch: PaddedBatch) -> NDArray[np.float32]:
        """The vectors of one batch."""
        return self._encoder.run(batch)
