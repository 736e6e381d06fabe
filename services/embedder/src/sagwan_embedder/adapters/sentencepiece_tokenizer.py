"""Cuts texts into tokens with sentencepiece."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import sentencepiece

from sagwan_embedder.adapters.model_folder import TOKENIZER_FILE
from sagwan_embedder.ports import Encoded


class SentencePieceTokenizer:
    """The tokenizer of a model's folder.

    White space around a text and runs of it inside do not count, and compatibility characters are folded (NFKC): a
    decomposed Hangul syllable gives the tokens of the composed one.
    """

    def __init__(self, folder: Path) -> None:
        self._processor = sentencepiece.SentencePieceProcessor(model_file=str(folder / TOKENIZER_FILE))
        self._bos: int = self._processor.bos_id()
        self._eos: int = self._processor.eos_id()

    def encode(self, texts: Sequence[str], tokens_max: int) -> list[Encoded]:
        """The tokens of each text between the two markers, at most `tokens_max` with them."""
        return [self._encoded(text, tokens_max - 2) for text in texts]

    def _encoded(self, text: str, pieces_max: int) -> Encoded:
        pieces = self._processor.encode(text)
        ids = np.array([self._bos, *pieces[:pieces_max], self._eos], np.int32)
        return Encoded(ids, truncated=len(pieces) > pieces_max)
