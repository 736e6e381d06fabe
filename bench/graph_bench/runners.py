"""Runs a graph over texts that were cut into tokens before."""

import importlib
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import onnxruntime
from embedder_bench.batches import by_count, by_tokens
from embedder_bench.raw import TokenIds
from embedder_bench.reference import TorchSession
from numpy.typing import NDArray

from sagwan_embedder.adapters.onnx_session import new_session
from sagwan_embedder.domain.batching import PaddedBatch, padded

Vectors = NDArray[np.float32]
RunBatch = Callable[[PaddedBatch], Vectors]


@dataclass(frozen=True, slots=True)
class Sample:
    """Passages and their token ids."""

    texts: list[str]
    ids: list[TokenIds]

    @property
    def tokens(self) -> int:
        """Tokens of all texts together, without padding."""
        return sum(map(len, self.ids))


class Runner(Protocol):
    """Something that embeds."""

    def seconds(self, sample: Sample) -> float:
        """Time to embed all texts, in the runner's own batches."""
        ...

    def vectors(self, sample: Sample) -> Vectors:
        """One unit vector a text: [texts, dimension]."""
        ...


class GraphRunner:
    """A graph, in batches sorted by length.

    Args:
        run: Runs one batch.
        tokens_max: Padded tokens of a batch.
        lanes: Batches that run at once.
        texts_max: Texts of a batch, where another batches by their number.
    """

    def __init__(self, run: RunBatch, *, tokens_max: int = 1_024, lanes: int = 1, texts_max: int | None = None) -> None:
        self._run = run
        self._tokens_max = tokens_max
        self._texts_max = texts_max
        self._lanes = ThreadPoolExecutor(lanes)

    def seconds(self, sample: Sample) -> float:
        """Time to embed all texts."""
        batches = [padded([sample.ids[index] for index in batch]) for batch in self._batches(sample)]
        started = time.perf_counter()
        list(self._lanes.map(self._run, batches))
        return time.perf_counter() - started

    def vectors(self, sample: Sample) -> Vectors:
        """One unit vector a text: [texts, dimension]."""
        batches = self._batches(sample)
        rows = self._lanes.map(lambda batch: self._run(padded([sample.ids[index] for index in batch])), batches)
        return np.concatenate(list(rows))[np.argsort(np.concatenate(batches))]

    def _batches(self, sample: Sample) -> list[list[int]]:
        lengths = list(map(len, sample.ids))
        return by_count(lengths, self._texts_max) if self._texts_max else by_tokens(lengths, self._tokens_max)


class TorchRunner:
    """sentence-transformers, in batches of a fixed number of texts."""

    def __init__(self, session: TorchSession, texts_max: int) -> None:
        self._session = session
        self._texts_max = texts_max

    def seconds(self, sample: Sample) -> float:
        """Time of its `encode`, tokenizing included: a twentieth or less."""
        return self._session.seconds(sample.texts, self._texts_max)

    def vectors(self, sample: Sample) -> Vectors:
        """One unit vector a text: [texts, dimension]."""
        return self._session.vectors(sample.texts)


def onnx_batches(graph: Path, *, threads: int) -> RunBatch:
    """The service's own session options."""
    return _of_session(new_session(graph, threads=threads))


def default_onnx_batches(graph: Path) -> RunBatch:
    """The runtime's own defaults."""
    return _of_session(onnxruntime.InferenceSession(str(graph), providers=["CPUExecutionProvider"]))


def openvino_batches(graph: Path) -> RunBatch:
    """OpenVINO, which must be installed."""
    openvino: Any = importlib.import_module("openvino")
    options = {"INFERENCE_NUM_THREADS": os.cpu_count(), "NUM_STREAMS": 1}
    request = openvino.Core().compile_model(str(graph), "CPU", options).create_infer_request()

    def run(batch: PaddedBatch) -> Vectors:
        outputs = request.infer({"input_ids": batch.input_ids, "attention_mask": batch.attention_mask})
        return np.array(outputs[0], np.float32)

    return run


def _of_session(session: onnxruntime.InferenceSession) -> RunBatch:
    def run(batch: PaddedBatch) -> Vectors:
        inputs = {"input_ids": batch.input_ids, "attention_mask": batch.attention_mask}
        (embeddings,) = session.run(["embeddings"], inputs)
        vectors: Vectors = embeddings
        return vectors

    return run
