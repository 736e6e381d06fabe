"""sentence-transformers with the same weights, in an interpreter of its own that has torch.

The embedder's environment has none, so everything here is asked of a child process, and may be missing.
"""

import json
import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import sagwan_embedder
import sagwan_runtime
from embedder_bench.run import Run
from sagwan_embedder.build.folder import source_revision

_HERE = Path(__file__).parent
_BUILD_TIMEOUT_S = 300
_HASHES_TIMEOUT_S = 300
_EXIT_TIMEOUT_S = 30
_LOG_TAIL_CHARACTERS = 600


class ReferenceMissing(Exception):
    """Why something cannot be compared with."""


def scratch_folder(run: Run) -> Path:
    """Where what is built for comparisons is kept; another one for other weights."""
    folder = run.scratch / source_revision()
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def reference_folder(run: Run) -> Path:
    """The default model as a sentence-transformers folder, float32; built when it is not there yet.

    Raises:
        ReferenceMissing: There is no interpreter with sentence-transformers, or it cannot build the folder.
    """
    folder = scratch_folder(run) / "sentence-transformers"
    if not (folder / "modules.json").exists():
        module = ("-m", "sagwan_embedder.build", "--output", str(folder), "--format", "sentence-transformers")
        finished(run, module, timeout_s=_BUILD_TIMEOUT_S)
    return folder


def finished(run: Run, arguments: Sequence[str], *, timeout_s: float, given: str = "") -> str:
    """What the other interpreter prints until it has ended well.

    Args:
        run: Names the interpreter.
        arguments: What it runs.
        timeout_s: Longest that it may take.
        given: Its standard input.

    Raises:
        ReferenceMissing: It is not there, fails, or takes too long.
    """
    try:
        done = subprocess.run(
            [str(run.torch_python), *arguments],
            input=given,
            capture_output=True,
            check=True,
            encoding="utf-8",
            env=_environment(),
            timeout=timeout_s,
        )
    except OSError as error:
        raise ReferenceMissing(f"{run.torch_python} cannot be run: {error.strerror}") from error
    except subprocess.CalledProcessError as error:
        raise ReferenceMissing(f"{arguments[0]} failed: {error.stderr[-_LOG_TAIL_CHARACTERS:].strip()}") from error
    except subprocess.TimeoutExpired as error:
        raise ReferenceMissing(f"{arguments[0]} takes longer than {timeout_s:g} s") from error
    return done.stdout


def token_hashes(run: Run, folder: Path, texts: Sequence[str]) -> list[str]:
    """A hash of each text's uncut token ids, as the reference tokenizer gives them.

    Raises:
        ReferenceMissing: The tokenizer cannot be run.
    """
    arguments = (str(_HERE / "token_hashes.py"), str(folder / "tokenizer.json"))
    printed = finished(run, arguments, timeout_s=_HASHES_TIMEOUT_S, given=json.dumps(texts))
    hashes: list[str] = json.loads(printed)
    return hashes


class TorchSession:
    """sentence-transformers in a child process that waits between its rounds.

    Attributes:
        options: Batch sizes that are worth trying.
    """

    options = (8, 16, 32)

    def __init__(self, child: subprocess.Popen[str], log: Path, prompt: str) -> None:
        self._child = child
        self._log = log
        self._prompt = prompt
        self.versions: dict[str, str] = self._answer()

    def seconds(self, texts: Sequence[str], option: int) -> float:
        """Time of its `encode`, from texts to vectors."""
        return float(self._asked(texts, option)["seconds"])

    def vectors(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """One unit vector a text: [texts, dimension]."""
        return np.array(self._asked(texts, self.options[0], vectors=True)["vectors"], np.float32)

    def _asked(self, texts: Sequence[str], batch_size: int, *, vectors: bool = False) -> dict[str, Any]:
        assert self._child.stdin is not None
        prompted = [self._prompt + text for text in texts]
        command = {"texts": prompted, "batch_size": batch_size, "vectors": vectors}
        try:
            self._child.stdin.write(json.dumps(command) + "\n")
            self._child.stdin.flush()
        except BrokenPipeError as error:
            raise self._ended() from error
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._child.stdout is not None
        line = self._child.stdout.readline()
        if not line:
            raise self._ended()
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _ended(self) -> ReferenceMissing:
        tail = self._log.read_text(encoding="utf-8", errors="replace")[-_LOG_TAIL_CHARACTERS:].strip()
        return ReferenceMissing(f"sentence-transformers ended: {tail}")


@contextmanager
def torch_session(run: Run, folder: Path, prompt: str) -> Iterator[TorchSession]:
    """Starts the child, and ends it on leaving.

    Raises:
        ReferenceMissing: It cannot be started, or ends before it has loaded the model.
    """
    log = run.scratch / "torch.log"
    with log.open("wb") as sink:
        try:
            child = subprocess.Popen(
                [str(run.torch_python), str(_HERE / "torch_rounds.py"), str(folder)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=sink,
                encoding="utf-8",
                env=_environment(),
            )
        except OSError as error:
            raise ReferenceMissing(f"{run.torch_python} cannot be run: {error.strerror}") from error
    with child:
        try:
            yield TorchSession(child, log, prompt)
        finally:
            assert child.stdin is not None
            child.stdin.close()
            try:
                child.wait(_EXIT_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                child.kill()


def _environment() -> dict[str, str]:
    """The packages of this repository that the builder needs, and nothing else of this interpreter's."""
    roots = [str(Path(str(package.__file__)).parents[1]) for package in (sagwan_embedder, sagwan_runtime)]
    # Models are read from disk; a hub that is not there must not be waited for.
    return {**os.environ, "PYTHONPATH": os.pathsep.join(roots), "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "true"}
