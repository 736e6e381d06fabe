"""Writes the tokenizer as a sentencepiece unigram model.

The pieces are written in the order of their ids, so an id needs no offset. Names of markers such as `<s>` are control
pieces: in a text they are ordinary characters, and nobody can smuggle a marker in.

Normalisation is nmt_nfkc, whose compiled map is in no file that we ship; sentencepiece puts it into every model that it
trains by that rule, so a tiny one is trained here and its map is taken. Against the map of the model's own time it
differs in some 180 rare code points, mostly ones that Unicode has added or that it composes, and the zero-width joiner.
"""

import io
from pathlib import Path
from typing import Any

import sentencepiece
from sentencepiece import sentencepiece_model_pb2

from sagwan_embedder.build.weights import Vocabulary

_NORMALIZATION = "nmt_nfkc"
_MASK_PIECE = "<mask>"
_SILENT = 2
# Its classes are made when it is imported, where a type checker does not see them.
_schema: Any = sentencepiece_model_pb2


def write_tokenizer(vocabulary: Vocabulary, path: Path) -> None:
    """Writes the model file that `SentencePieceProcessor` loads."""
    kinds = _schema.ModelProto.SentencePiece
    model = _schema.ModelProto()
    control = {vocabulary.bos, vocabulary.eos, vocabulary.pad}
    for index, (piece, score) in enumerate(zip(vocabulary.pieces, vocabulary.scores.tolist(), strict=True)):
        kind = kinds.NORMAL
        if index == vocabulary.unknown:
            kind = kinds.UNKNOWN
        elif index in control or piece == _MASK_PIECE:
            kind = kinds.CONTROL
        model.pieces.add(piece=piece, score=score, type=kind)
    trainer = model.trainer_spec
    trainer.model_type = _schema.TrainerSpec.UNIGRAM
    trainer.vocab_size = len(vocabulary.pieces)
    for role in ("bos", "eos", "pad"):
        setattr(trainer, f"{role}_id", getattr(vocabulary, role))
        setattr(trainer, f"{role}_piece", vocabulary.pieces[getattr(vocabulary, role)])
    trainer.unk_id = vocabulary.unknown
    trainer.unk_piece = vocabulary.pieces[vocabulary.unknown]
    normalizer = model.normalizer_spec
    normalizer.name = _NORMALIZATION
    normalizer.precompiled_charsmap = _compiled_normalization()
    normalizer.add_dummy_prefix = True
    normalizer.remove_extra_whitespaces = True
    normalizer.escape_whitespaces = True
    path.write_bytes(model.SerializeToString(deterministic=True))


def _compiled_normalization() -> bytes:
    trained = io.BytesIO()
    sentencepiece.SentencePieceTrainer.Train(
        sentence_iterator=iter(["a b c d", "e f g h"]),
        model_writer=trained,
        vocab_size=16,
        hard_vocab_limit=False,
        normalization_rule_name=_NORMALIZATION,
        minloglevel=_SILENT,
    )
    model = _schema.ModelProto.FromString(trained.getvalue())
    return bytes(model.normalizer_spec.precompiled_charsmap)
