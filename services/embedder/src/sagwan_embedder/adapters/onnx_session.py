"""Opens a graph with ONNX Runtime on the CPU."""

from pathlib import Path

import onnxruntime

from sagwan_embedder.adapters.cores import available_cores


def new_session(graph: Path, *, threads: int) -> onnxruntime.InferenceSession:
    """A session for batches that are bounded in padded tokens.

    Args:
        graph: The graph's file.
        threads: Threads that share the work of a batch; 0 for one a core that the process may use.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or available_cores()
    options.inter_op_num_threads = 1
    # A spinning pool saves a query a millisecond or two, and at ten queries a second burns five times the CPU.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # The arena is bounded because batches are. Without it malloc keeps 300 MB more in holes between the buffers of
    # batches of other shapes; with a memory pattern each shape leaves one more block behind.
    options.enable_cpu_mem_arena = True
    options.enable_mem_pattern = False
    return onnxruntime.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])
