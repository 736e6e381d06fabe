"""Writes the tokenizer as a sentencepiece unigram model, and as the `tokenizers` library runs it.

The pieces are written in the order of their ids, so an id needs no offset. Names of markers such as `<s>` are control
pieces: in a text they are ordinary characters, and nobody can smuggle a marker in.
"""

from pathlib import Path
from typing import Any

import tokenizers
from sentencepiece import sentencepiece_model_pb2
from tokenizers import models, normalizers, pre_tokenizers, processors

from sagwan_embedder.build.normalization import compiled_normalization
from sagwan_embedder.build.weights import Vocabulary

MASK_PIECE = "<mask>"
_NORMALIZATION = "user_defined"
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
        elif index in control or piece == MASK_PIECE:
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
    normalizer.precompiled_charsmap = compiled_normalization(vocabulary.normalization)
    normalizer.add_dummy_prefix = True
    normalizer.remove_extra_whitespaces = True
    normalizer.escape_whitespaces = True
    path.write_bytes(model.SerializeToString(deterministic=True))


def reference_tokenizer(vocabulary: Vocabulary) -> tokenizers.Tokenizer:
    """The tokenizer as the `tokenizers` library runs it, word by word.

    It looks for a normalisation of one grapheme of up to five bytes or of one character, so it would not compose a
    syllable in jamo, as sentencepiece does by the same map. NFC before it does.
    """
    scored = list(zip(vocabulary.pieces, vocabulary.scores.tolist(), strict=True))
    tokenizer = tokenizers.Tokenizer(models.Unigram(scored, vocabulary.unknown, byte_fallback=False))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Precompiled(compiled_normalization(vocabulary.normalization))]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()])
    first, last = vocabulary.pieces[vocabulary.bos], vocabulary.pieces[vocabulary.eos]
    tokenizer.add_special_tokens([first, vocabulary.pieces[vocabulary.pad], last, MASK_PIECE])
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{first} $A {last}", special_tokens=[(first, vocabulary.bos), (last, vocabulary.eos)]
    )
    return tokenizer
