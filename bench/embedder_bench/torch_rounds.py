"""Run by the interpreter that has torch: one round of `encode` for each line of JSON on standard input.

Prints its versions once the model is loaded, then an answer a line.
"""

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import sentence_transformers
import torch


def main() -> None:
    """Loads the folder that is its argument, and answers until its input ends."""
    # Libraries print: the answers get a channel of their own and everything else goes to the log.
    with os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8") as answers:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        model = sentence_transformers.SentenceTransformer(str(Path(sys.argv[1])), device="cpu", backend="torch")
        _tell(answers, {"torch": torch.__version__, "sentence-transformers": sentence_transformers.__version__})
        for line in sys.stdin:
            command = json.loads(line)
            started = time.perf_counter()
            vectors = model.encode(
                command["texts"],
                batch_size=command["batch_size"],
                normalize_embeddings=True,
                show_progress_bar=False,
            )
            seconds = time.perf_counter() - started
            _tell(answers, {"seconds": seconds, "vectors": vectors.tolist() if command["vectors"] else None})


def _tell(answers: Any, answer: dict[str, Any]) -> None:
    answers.write(json.dumps(answer) + "\n")
    answers.flush()


if __name__ == "__main__":
    main()
