"""Writes the default model as sentence-transformers loads it: the same weights in float32, and the same token ids.

It is what parity is measured against, what the service is compared with, and how a GPU serves the default model.
"""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

from sagwan_embedder.adapters.model_folder import JSON_TOKENIZER_FILE
from sagwan_embedder.build.vocabulary import MASK_PIECE, reference_tokenizer
from sagwan_embedder.build.weights import Shape, Vocabulary, Weights
from sagwan_embedder.domain.model import Kind, Pooling

_PARTS = {
    "attention.self.query": "q",
    "attention.self.key": "k",
    "attention.self.value": "v",
    "attention.output.dense": "ao",
    "intermediate.dense": "fi",
    "output.dense": "fo",
}
_NORMS = {"attention.output.LayerNorm": "aln", "output.LayerNorm": "oln"}
_POOLING_FOLDER = "1_Pooling"


def write_reference(weights: Weights, prompts: Mapping[Kind, str], folder: Path) -> None:
    """Writes every file that sentence-transformers reads."""
    save_file(_tensors(weights), folder / "model.safetensors", {"format": "pt"})
    reference_tokenizer(weights.vocabulary).save(str(folder / JSON_TOKENIZER_FILE))
    (folder / _POOLING_FOLDER).mkdir()
    for name, content in _descriptions(weights, prompts).items():
        (folder / name).write_text(json.dumps(content, indent=2) + "\n")


def _tensors(weights: Weights) -> dict[str, NDArray[np.float32]]:
    """The tensors of a BertModel by the names that transformers gives them."""
    shape = weights.shape
    hidden = shape.hidden
    tensors = {
        "embeddings.word_embeddings.weight": weights.matrix("emb.word", hidden),
        "embeddings.position_embeddings.weight": weights.vector("emb.pos").reshape(shape.positions, hidden),
        "embeddings.token_type_embeddings.weight": weights.vector("emb.type").reshape(-1, hidden),
        **_weight_and_bias("embeddings.LayerNorm", weights.vector("emb.ln.w"), weights.vector("emb.ln.b")),
        # Unused: the mean over tokens is taken instead. Where they are missing, loading makes some up and warns.
        **_weight_and_bias("pooler.dense", np.zeros((hidden, hidden), np.float32), np.zeros(hidden, np.float32)),
    }
    for layer in range(shape.layers):
        for name, part in _PARTS.items():
            matrix = weights.matrix(f"l{layer}.{part}.w", shape.feed_forward if part == "fo" else hidden)
            tensors |= _weight_and_bias(f"encoder.layer.{layer}.{name}", matrix, weights.vector(f"l{layer}.{part}.b"))
        for name, part in _NORMS.items():
            scale, shift = (weights.vector(f"l{layer}.{part}.{kind}") for kind in "wb")
            tensors |= _weight_and_bias(f"encoder.layer.{layer}.{name}", scale, shift)
    return tensors


def _weight_and_bias(
    name: str, weight: NDArray[np.float32], bias: NDArray[np.float32]
) -> dict[str, NDArray[np.float32]]:
    return {f"{name}.weight": weight, f"{name}.bias": bias}


def _descriptions(weights: Weights, prompts: Mapping[Kind, str]) -> dict[str, object]:
    shape, vocabulary = weights.shape, weights.vocabulary
    roles = {"bos": vocabulary.bos, "eos": vocabulary.eos, "pad": vocabulary.pad, "unk": vocabulary.unknown}
    marked = {f"{role}_token": vocabulary.pieces[index] for role, index in roles.items()}
    modules = [("", "Transformer"), (_POOLING_FOLDER, "Pooling"), ("2_Normalize", "Normalize")]
    return {
        "modules.json": [
            {"idx": index, "name": str(index), "path": path, "type": f"sentence_transformers.models.{kind}"}
            for index, (path, kind) in enumerate(modules)
        ],
        "sentence_bert_config.json": {"max_seq_length": shape.positions, "do_lower_case": False},
        f"{_POOLING_FOLDER}/config.json": {
            "word_embedding_dimension": shape.hidden,
            f"pooling_mode_{Pooling.MEAN}_tokens": True,
        },
        "config_sentence_transformers.json": {
            "prompts": {str(kind): prompt for kind, prompt in prompts.items()},
            "similarity_fn_name": "cosine",
        },
        "config.json": _bert_config(shape, vocabulary),
        "tokenizer_config.json": {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "model_max_length": shape.positions,
            **marked,
            "cls_token": marked["bos_token"],
            "sep_token": marked["eos_token"],
            "mask_token": MASK_PIECE,
        },
    }


def _bert_config(shape: Shape, vocabulary: Vocabulary) -> dict[str, object]:
    return {
        "architectures": ["BertModel"],
        "model_type": "bert",
        "hidden_act": "gelu",
        "hidden_size": shape.hidden,
        "intermediate_size": shape.feed_forward,
        "num_attention_heads": shape.heads,
        "num_hidden_layers": shape.layers,
        "max_position_embeddings": shape.positions,
        "vocab_size": shape.vocabulary,
        "type_vocab_size": 2,
        "layer_norm_eps": shape.layer_norm_epsilon,
        "pad_token_id": vocabulary.pad,
        "torch_dtype": "float32",
        # Without the version that wrote it, transformers suspects a tokenizer of Mistral and warns.
        "transformers_version": "4.57.0",
    }
