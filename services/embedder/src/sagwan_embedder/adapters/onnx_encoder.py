"""Runs the model's graph on the CPU with ONNX Runtime."""

from pathlib import Path
from typing import cast

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from sagwan_embedder.adapters.cores import available_cores
from sagwan_embedder.adapters.model_folder import GRAPH_FILE
from sagwan_embedder.domain.batching import PaddedBatch

_INPUT_IDS = "input_ids"
_ATTENTION_MASK = "attention_mask"
_EMBEDDINGS = "embeddings"


class OnnxEncoder:
    """The encoder of a model's folder.

    Args:
        folder: A folder that `read_card` has found to be sound.
        threads: Threads that share the work of a batch; 0 for one a core that the process may use.
    """

    def __init__(self, folder: Path, *, threads: int = 0) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or available_cores()
        options.inter_op_num_threads = 1
        # A spinning pool saves a query a millisecond or two, and at ten queries a second burns five times the CPU.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        # The arena is bounded because batches are. Without it malloc keeps 300 MB more in holes between the buffers
        # of batches of other shapes; with a memory pattern each shape leaves one more block behind.
        options.enable_cpu_mem_arena = True
        options.enable_mem_pattern = False
        self._session = onnxruntime.InferenceSession(
            str(folder / GRAPH_FILE), options, providers=["CPUExecutionProvider"]
        )

    def run(self, batch: PaddedBatch) -> NDArray[np.float32]:
        """One unit vector a text: [texts, dimension]."""
        inputs = {_INPUT_IDS: batch.input_ids, _ATTENTION_MASK: batch.attention_mask}
        (embeddings,) = self._session.run([_EMBEDDINGS], inputs)
        return cast("NDArray[np.float32]", embeddings)

    def warm_up(self, *, tokens_max: int, batch_tokens_max: int) -> None:
        """Runs the largest batch that will come, so that its buffers are there before the first caller is."""
        shape = (max(1, batch_tokens_max // tokens_max), tokens_max)
        self.run(PaddedBatch(np.zeros(shape, np.int64), np.ones(shape, np.int64)))
