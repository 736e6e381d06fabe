"""Cuts texts into tokens with the `tokenizers` library."""

from collections.abc import Sequence
from pathlib import Path
from typing import Self

import numpy as np
import tokenizers
from numpy.typing import NDArray

from sagwan_embedder.adapters.model_folder import JSON_TOKENIZER_FILE

_PROBE = "a"


class JsonTokenizer:
    """A tokenizer as its `tokenizer.json` describes it, but without its cutting off, padding and markers.

    The name of a marker inside a text is no marker: nobody can smuggle one in.

    Args:
        description: The content of a `tokenizer.json`.
    """

    def __init__(self, description: str) -> None:
        self._tokenizer = tokenizers.Tokenizer.from_str(description)
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self._tokenizer.encode_special_tokens = True
        marked = self._tokenizer.encode(_PROBE)
        is_marker = np.array(marked.special_tokens_mask, np.bool_)
        inside = np.flatnonzero(~is_marker)
        ids = np.array(marked.ids, np.int32)
        self.prefix = ids[: inside[0]]
        self.suffix = ids[inside[-1] + 1 :]
        self._markers = np.unique(np.concatenate([self.prefix, self.suffix]))

    @classmethod
    def from_folder(cls, folder: Path) -> Self:
        """The tokenizer of a folder that `read_card` has found to be sound."""
        return cls((folder / JSON_TOKENIZER_FILE).read_text(encoding="utf-8"))

    def tokens(self, texts: Sequence[str]) -> list[NDArray[np.int32]]:
        """All tokens of each text, without markers."""
        # One text a call: the library's batches start threads of their own on all cores.
        return [self._unmarked(self._tokenizer.encode(text, add_special_tokens=False).ids) for text in texts]

    def _unmarked(self, ids: list[int]) -> NDArray[np.int32]:
        """A unigram vocabulary has the names of its markers among its pieces, and would take them for any other."""
        tokens = np.array(ids, np.int32)
        return tokens[~np.isin(tokens, self._markers)]
