"""Whether int8 and our tokenizer say what the float32 model and the reference tokenizer say."""

import hashlib
import statistics
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from embedder_bench.calls import all_answered, batched, closed_loop
from embedder_bench.raw import RawSession, RawTokenizer, loaded
from embedder_bench.reference import ReferenceMissing, reference_folder, token_hashes
from embedder_bench.run import Run
from embedder_bench.service import running
from embedder_bench.texts import SETS
from sagwan.embedder.v1 import embedder_pb2
from sagwan_bench.results import Figure, at_least, exactly
from sagwan_embedder.adapters.model_folder import GRAPH_FILE
from sagwan_embedder.adapters.onnx_encoder import OnnxEncoder
from sagwan_embedder.build.graph import write_graph
from sagwan_embedder.build.weights import Weights
from sagwan_embedder.domain.model import Kind

_TEXTS = 1_000
_CALLERS = 2
_BATCH = 32
_COSINE_MIN = at_least(0.99)


def parity_figures(run: Run) -> Iterator[Figure]:
    """Cosines of the service's vectors to float32, and texts whose token ids differ."""
    share = run.count(_TEXTS) // len(SETS)
    texts = [text for name in SETS for text in _spread(run.texts.passages[name], share)]
    tokenizer = RawTokenizer(loaded(run.model))
    cosines = (_of_the_service(run, texts) * _in_float32(run, tokenizer, texts)).sum(axis=1).tolist()
    yield Figure("parity_texts", len(texts), "texts")
    yield Figure("parity_cosine_min", min(cosines), "cosine", _COSINE_MIN)
    yield Figure("parity_cosine_p50", statistics.median(cosines), "cosine")
    yield from _token_figures(run, tokenizer)


def _spread(texts: Sequence[str], count: int) -> list[str]:
    """So many of a set, taken at even distances."""
    return [texts[number * len(texts) // count] for number in range(count)]


def _of_the_service(run: Run, texts: Sequence[str]) -> NDArray[np.float32]:
    with running(run) as service:
        answers = all_answered(closed_loop(service.address, batched(texts, _BATCH), callers=_CALLERS))
    bodies = [answer.body for answer in sorted(answers, key=lambda each: each.request)]
    embeddings = [each for body in bodies for each in embedder_pb2.EmbedResponse.FromString(body).embeddings]
    return np.stack([np.frombuffer(each.packed, "<f4") for each in embeddings])


def _in_float32(run: Run, tokenizer: RawTokenizer, texts: Sequence[str]) -> NDArray[np.float32]:
    with tempfile.TemporaryDirectory(dir=run.scratch) as name:
        write_graph(Weights.from_installed_package(), Path(name) / GRAPH_FILE, quantized=False)
        return RawSession(OnnxEncoder(Path(name)), tokenizer).vectors(texts)


def _token_figures(run: Run, tokenizer: RawTokenizer) -> Iterator[Figure]:
    """All passages and queries of the sets, uncut, with their prompts."""
    texts = {
        Kind.PASSAGE: [text for name in SETS for text in run.texts.passages[name]],
        Kind.QUERY: [text for name in SETS for text in run.texts.queries[name]],
    }
    prompted = [text for kind in texts for text in tokenizer.prompted(texts[kind], kind)]
    ids = [each for kind in texts for each in tokenizer.ids(texts[kind], kind, cut=False)]
    yield Figure("parity_token_texts", len(ids), "texts")
    differing = None
    try:
        expected = token_hashes(run, reference_folder(run), prompted)
        found = [hashlib.sha256(each.astype("<i4").tobytes()).hexdigest() for each in ids]
        differing = sum(one != other for one, other in zip(found, expected, strict=True))
    except ReferenceMissing as missing:
        run.tell(f"token ids were not compared: {missing}")
    yield Figure("parity_token_ids_differing", differing, "texts", exactly(0))
