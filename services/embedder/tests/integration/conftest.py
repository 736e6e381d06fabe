"""The real model, loaded once."""

import tempfile
from pathlib import Path

import numpy as np
import pytest

from sagwan_embedder.adapters.model_folder import GRAPH_FILE, read_card
from sagwan_embedder.adapters.onnx_encoder import OnnxEncoder
from sagwan_embedder.adapters.sentencepiece_tokenizer import SentencePieceTokenizer
from sagwan_embedder.build.graph import write_graph
from sagwan_embedder.build.weights import Weights
from sagwan_embedder.domain.batching import padded
from sagwan_embedder.domain.model import Kind


@pytest.fixture(scope="session")
def card(model_dir):
    return read_card(model_dir)


@pytest.fixture(scope="session")
def tokenizer(model_dir):
    return SentencePieceTokenizer(model_dir)


@pytest.fixture(scope="session")
def encoder(model_dir):
    return OnnxEncoder(model_dir)


@pytest.fixture(scope="session")
def exact_encoder():
    """The same weights in float32, to compare with."""
    with tempfile.TemporaryDirectory() as folder:
        write_graph(Weights.from_installed_package(), Path(folder) / GRAPH_FILE, quantized=False)
        yield OnnxEncoder(Path(folder))


@pytest.fixture(scope="session")
def vectors_of(card, tokenizer, encoder):
    """Vectors of texts that go through the model in one batch."""

    def vectors(texts, kind=Kind.PASSAGE, encoder=encoder) -> np.ndarray:
        prompted = [card.prompts[kind] + text for text in texts]
        room = card.tokens_max - len(tokenizer.prefix) - len(tokenizer.suffix)
        rows = [[*tokenizer.prefix, *tokens[:room], *tokenizer.suffix] for tokens in tokenizer.tokens(prompted)]
        return encoder.run(padded([np.array(row, np.int32) for row in rows]))

    return vectors
