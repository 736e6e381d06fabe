"""The plain way to int8: the model as torch exports it, through ONNX Runtime's dynamic quantization."""

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnxruntime.quantization import QuantType, quantize_dynamic

from embedder_bench.batches import by_count
from embedder_bench.raw import RawTokenizer
from embedder_bench.reference import finished, reference_folder, scratch_folder
from embedder_bench.run import Run
from sagwan_embedder.domain.batching import PaddedBatch, padded
from sagwan_embedder.domain.model import Kind

_EXPORT = Path(__file__).with_name("plain_export.py")
_EXPORT_TIMEOUT_S = 300


def exported_graph(run: Run) -> Path:
    """The quantized graph; made when it is not there yet.

    Raises:
        ReferenceMissing: There is nothing to export from, or no interpreter that can.
    """
    graph = scratch_folder(run) / "plain-int8.onnx"
    if not graph.exists():
        reference = reference_folder(run)
        with tempfile.TemporaryDirectory(dir=graph.parent) as name:
            plain, quantized = Path(name) / "float32.onnx", Path(name) / "int8.onnx"
            finished(run, (str(_EXPORT), str(reference), str(plain)), timeout_s=_EXPORT_TIMEOUT_S)
            quantize_dynamic(
                plain,
                quantized,
                weight_type=QuantType.QInt8,
                per_channel=True,
                op_types_to_quantize=["MatMul", "Gather"],
            )
            quantized.rename(graph)
    return graph


class ExportedSession:
    """That graph under the runtime's own defaults.

    Attributes:
        options: Batch sizes that are worth trying.
    """

    options = (8, 16, 32)

    def __init__(self, graph: Path, tokenizer: RawTokenizer) -> None:
        self._session = onnxruntime.InferenceSession(str(graph), providers=["CPUExecutionProvider"])
        self._tokenizer = tokenizer

    def seconds(self, texts: Sequence[str], option: int) -> float:
        """Time of a loop over texts that were cut into tokens, sorted and padded before."""
        ids = self._tokenizer.ids(texts, Kind.PASSAGE)
        batches = [padded([ids[index] for index in batch]) for batch in by_count(list(map(len, ids)), option)]
        started = time.perf_counter()
        for batch in batches:
            self._run(batch)
        return time.perf_counter() - started

    def vectors(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """One unit vector a text: [texts, dimension]."""
        return np.concatenate([self._run(padded([ids])) for ids in self._tokenizer.ids(texts, Kind.PASSAGE)])

    def _run(self, batch: PaddedBatch) -> NDArray[np.float32]:
        (embeddings,) = self._session.run(
            ["embeddings"], {"input_ids": batch.input_ids, "attention_mask": batch.attention_mask}
        )
        vectors: NDArray[np.float32] = embeddings
        return vectors
