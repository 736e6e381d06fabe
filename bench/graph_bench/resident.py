"""Run in a process of its own: the most memory that a graph holds over mixed texts, in MB.

Arguments: the graph, a file of token ids as `save` writes it, padded tokens of a batch, threads of a run, runs at once.
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from embedder_bench.raw import TokenIds

from graph_bench.runners import GraphRunner, Sample, onnx_batches
from sagwan_bench.memory import peak_resident_mb

# As many as wait together when a caller sends two requests.
_WINDOW = 64


def save(file: Path, texts: Sequence[TokenIds]) -> None:
    """Writes the token ids of texts for the process to read."""
    np.savez(file, ids=np.concatenate(texts), lengths=np.array([len(text) for text in texts]))


def main() -> None:
    """Runs the texts and prints the peak."""
    graph, tokens, tokens_max, threads, lanes = Path(sys.argv[1]), Path(sys.argv[2]), *map(int, sys.argv[3:6])
    runner = GraphRunner(onnx_batches(graph, threads=threads), tokens_max=tokens_max, lanes=lanes)
    with np.load(tokens) as saved:
        texts = np.split(saved["ids"], np.cumsum(saved["lengths"])[:-1])
    for first in range(0, len(texts), _WINDOW):
        window = texts[first : first + _WINDOW]
        runner.seconds(Sample([""] * len(window), window))
    print(peak_resident_mb(os.getpid()))


if __name__ == "__main__":
    main()
