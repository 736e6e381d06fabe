"""Cuts texts into tokens with sentencepiece."""

from collections.abc import Sequence
from functools import lru_cache
from itertools import chain
from pathlib import Path

import numpy as np
import sentencepiece
from numpy.typing import NDArray

from sagwan_embedder.adapters.model_folder import TOKENIZER_FILE

# Some 1 MB; with it most words of a text are cut already, and cutting takes a third of the time.
_WORDS_REMEMBERED = 8_192
_WORD_CHARACTERS_MAX = 32


class SentencePieceTokenizer:
    """The tokenizer of a model's folder.

    White space around a text and runs of it inside do not count, and compatibility characters are folded (NFKC): a
    decomposed Hangul syllable gives the tokens of the composed one.

    Texts are cut word by word, as the `tokenizers` library does. sentencepiece would take a whole text, but adds the
    scores of its pieces up in float32: some hundred tokens in, it no longer tells two ways to cut a word apart.
    """

    def __init__(self, folder: Path) -> None:
        self._processor = sentencepiece.SentencePieceProcessor(model_file=str(folder / TOKENIZER_FILE))
        self._remembered = lru_cache(_WORDS_REMEMBERED)(self._cut)
        self.prefix = np.array([self._processor.bos_id()], np.int32)
        self.suffix = np.array([self._processor.eos_id()], np.int32)

    def tokens(self, texts: Sequence[str]) -> list[NDArray[np.int32]]:
        """All tokens of each text, without the two markers."""
        return [np.fromiter(chain.from_iterable(map(self._word, text.split(" "))), np.int32) for text in texts]

    def _word(self, word: str) -> Sequence[int]:
        return self._remembered(word) if len(word) <= _WORD_CHARACTERS_MAX else self._cut(word)

    def _cut(self, word: str) -> Sequence[int]:
        return tuple(self._processor.encode(word))
