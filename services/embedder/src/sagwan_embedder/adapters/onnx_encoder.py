"""Runs the graph of a model's folder, which pools and normalizes, on the CPU with ONNX Runtime."""

from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray

from sagwan_embedder.adapters.model_folder import GRAPH_FILE
from sagwan_embedder.adapters.onnx_session import new_session
from sagwan_embedder.domain.batching import PaddedBatch
from sagwan_runtime.cores import available_cores

_INPUT_IDS = "input_ids"
_ATTENTION_MASK = "attention_mask"
_EMBEDDINGS = "embeddings"
# A batch this small, most queries among them, is done no sooner on two threads than on one.
_SHORT_TOKENS = 48


class OnnxEncoder:
    """The encoder of a model's folder.

    Two batches at once on half of the threads each are a fifth faster than one after the other on all of them, which
    wait for each other at every operator. A batch that is alone is done sooner on all threads. A session has one pool
    of threads, so there are two sessions.

    Args:
        folder: A folder that `read_card` has found to be sound.
        threads: Threads that run the model; 0 for one a core that the process may use.
    """

    def __init__(self, folder: Path, *, threads: int = 0) -> None:
        threads = threads or available_cores()
        self._wide = new_session(folder / GRAPH_FILE, threads=threads)
        self.runs_at_once = 2 if threads > 1 else 1
        self._narrow = new_session(folder / GRAPH_FILE, threads=threads // 2) if threads > 1 else self._wide

    def run(self, batch: PaddedBatch, *, alone: bool = True) -> NDArray[np.float32]:
        """One unit vector a text: [texts, dimension]; on all threads, or on half of them."""
        inputs = {_INPUT_IDS: batch.input_ids, _ATTENTION_MASK: batch.attention_mask}
        session = self._wide if alone and batch.input_ids.size > _SHORT_TOKENS else self._narrow
        (embeddings,) = session.run([_EMBEDDINGS], inputs)
        return cast("NDArray[np.float32]", embeddings)
