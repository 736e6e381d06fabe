"""Compiles the normalisation that the model was trained with.

The source names what becomes of each single code point. Sequences, such as a syllable in jamo or a letter and its
accent, it does not name: their rules are taken from sentencepiece's nmt_nfkc, which is in no file that it installs but
in every model that it trains by that rule. Its rules for single code points are of a newer Unicode, 174 of them
different: the zero width joiner of emoji, which the model knows as a space, would become an unknown token.
"""

import io
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import sentencepiece
from numpy.typing import NDArray
from sentencepiece import sentencepiece_model_pb2

_NODES_AT_ONCE = 4_096
_LABELS = np.arange(1, 256, dtype=np.uint32)
_IS_VALUE = np.uint32(1 << 31)
_IN_STEPS = np.uint32(1 << 9)
_OWN_RULE = "nmt_nfkc"
_SILENT = 2
# Its classes are made when it is imported, where a type checker does not see them.
_schema: Any = sentencepiece_model_pb2


def compiled_normalization(single: Mapping[str, str]) -> bytes:
    """The map that sentencepiece and the `tokenizers` library read, longest match first.

    Args:
        single: What becomes of each code point that does not stay as it is.
    """
    known = rules_of(_trained_map(normalization_rule_name=_OWN_RULE))
    rules = {key: becomes for key, becomes in known if len(key) > 1} | dict(single)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rules.tsv"
        path.write_text("".join(f"{_code_points(key)}\t{_code_points(becomes)}\n" for key, becomes in rules.items()))
        return _trained_map(normalization_rule_tsv=str(path))


def rules_of(compiled: bytes) -> Iterator[tuple[str, str]]:
    """Every rule of a compiled map.

    The map is the length of a trie, the trie, and the texts that its values point to, each ended by a zero byte. The
    trie is the double array of Darts-clone: a unit is a label in its low 8 bits, whether a value follows in bit 8, and
    from bit 10 how far its children lie (in steps of 256 where bit 9 is set).
    """
    trie_bytes = int.from_bytes(compiled[:4], "little")
    units = np.frombuffer(compiled, "<u4", trie_bytes // 4, 4)
    texts = compiled[4 + trie_bytes :]
    nodes = np.zeros(1, np.uint32)
    keys = np.zeros((1, 0), np.uint8)
    while len(nodes):
        steps = (units[nodes] & _IN_STEPS) >> np.uint32(6)
        first = nodes ^ ((units[nodes] >> np.uint32(10)) << steps)
        ends = np.flatnonzero(units[nodes] >> 8 & 1)
        for key, value in zip(keys[ends], (units[first[ends]] & ~_IS_VALUE).tolist(), strict=True):
            yield key.tobytes().decode(), texts[value : texts.index(0, value)].decode()
        nodes, keys = _children(units, first, keys)


def _children(
    units: NDArray[np.uint32], first: NDArray[np.uint32], keys: NDArray[np.uint8]
) -> tuple[NDArray[np.uint32], NDArray[np.uint8]]:
    """The units below some, and the bytes that lead to each: where a label stands, the unit there bears that label."""
    found, grown = [], []
    for start in range(0, len(first), _NODES_AT_ONCE):
        candidates = first[start : start + _NODES_AT_ONCE, None] ^ _LABELS
        bearing = units[np.minimum(candidates, len(units) - 1)] & (_IS_VALUE | 0xFF)
        parents, labels = np.nonzero((candidates < len(units)) & (bearing == _LABELS))
        found.append(candidates[parents, labels])
        grown.append(np.column_stack([keys[start + parents], _LABELS[labels].astype(np.uint8)]))
    return np.concatenate(found), np.concatenate(grown)


def _trained_map(**rule: Any) -> bytes:
    trained = io.BytesIO()
    sentencepiece.SentencePieceTrainer.Train(
        sentence_iterator=iter(["a b c d", "e f g h"]),
        model_writer=trained,
        vocab_size=16,
        hard_vocab_limit=False,
        minloglevel=_SILENT,
        **rule,
    )
    return bytes(_schema.ModelProto.FromString(trained.getvalue()).normalizer_spec.precompiled_charsmap)


def _code_points(text: str) -> str:
    return " ".join(f"{ord(character):X}" for character in text)
