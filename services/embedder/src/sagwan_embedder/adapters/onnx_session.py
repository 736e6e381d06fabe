"""Opens a graph with ONNX Runtime on the CPU."""

from functools import cache
from pathlib import Path

import onnxruntime

from sagwan_runtime.cores import available_cores


def new_session(graph: Path, *, threads: int) -> onnxruntime.InferenceSession:
    """A session for batches that are bounded in padded tokens, with buffers from the shared arena.

    Args:
        graph: The graph's file.
        threads: Threads that share the work of a batch; 0 for one a core that the process may use.
    """
    _share_arena()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or available_cores()
    options.inter_op_num_threads = 1
    # Threads that sleep between two operators make a chunk a sixth slower. By default they would go on spinning after
    # the run too, and take twice the processor for a query.
    options.add_session_config_entry("session.intra_op.allow_spinning", "1")
    options.add_session_config_entry("session.force_spinning_stop", "1")
    # With a memory pattern each shape of batch leaves one more block behind.
    options.enable_mem_pattern = False
    options.add_session_config_entry("session.use_env_allocators", "1")
    return onnxruntime.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])


@cache
def _share_arena() -> None:
    """Gives all sessions one arena for their buffers; the runtime keeps it for as long as the process lives.

    The arena is bounded because batches are. Without one malloc keeps 300 MB more in holes between the buffers of
    batches of other shapes; one for each session takes 25 MB more; one that grows by no more than is asked for cannot
    join what it frees, and ends larger.
    """
    memory = onnxruntime.OrtMemoryInfo(
        "Cpu", onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, onnxruntime.OrtMemType.DEFAULT
    )
    onnxruntime.create_and_register_allocator(memory, onnxruntime.OrtArenaCfg({}))
