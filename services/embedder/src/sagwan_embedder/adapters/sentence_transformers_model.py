"""Any sentence-transformers model: what its files say of it, and how torch runs it, on the CPU or a GPU.

The one module that imports torch; it is imported only where that backend, or an export, was asked for.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import cast

import huggingface_hub
import numpy as np
import torch
from huggingface_hub.errors import HFValidationError
from numpy.typing import NDArray
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Transformer
from sentence_transformers.sentence_transformer.modules import Pooling as PoolingModule

from sagwan_embedder.adapters.json_tokenizer import JsonTokenizer
from sagwan_embedder.adapters.model_folder import CARD_FILE, read_card, sha256_of
from sagwan_embedder.domain.batching import PaddedBatch
from sagwan_embedder.domain.model import Kind, ModelCard, ModelUnusable, Pooling, identity
from sagwan_runtime.cores import available_cores

_ORGANIZATION = "sentence-transformers"
_SAFE_WEIGHTS = "*.safetensors"
_PICKLED_WEIGHTS = "*.bin"
_DESCRIPTIONS = ("*.json", "*.txt", "*.model")
# The same model once more, for other runtimes.
_OTHER_RUNTIMES = ("onnx", "openvino")
_HASH_DIGITS = 12
# What tokenizers say who know no limit is far above this.
_TOKENS_MAX = 1 << 20
_PROMPT_NAMES = {Kind.QUERY: ("query",), Kind.PASSAGE: ("passage", "document", "corpus")}


class SentenceTransformersModel:
    """A loaded model.

    Args:
        model: Name on a hub, or folder.
        device: Where torch computes, `cpu` or `cuda` for instance; empty: a GPU where there is one.

    Raises:
        ModelUnusable: The model is not to be had, or is not one that turns texts into vectors by way of tokens.
    """

    def __init__(self, model: str, *, device: str = "") -> None:
        self.folder = _folder_of(model)
        self.modules = _loaded(self.folder, device or None)
        self.transformer = _transformer_of(self.modules)
        self.card = self._described(model)

    def tokenizer(self) -> JsonTokenizer:
        """The model's tokenizer, as the library has set it up."""
        return JsonTokenizer(self.transformer.tokenizer.backend_tokenizer.to_str())

    def _described(self, model: str) -> ModelCard:
        files = {path.relative_to(self.folder).as_posix(): sha256_of(path) for path in _files_of(self.folder)}
        sha256 = identity(files)
        name, revision = _origin(model, self.folder, sha256)
        return ModelCard(
            name=name,
            revision=revision,
            quantization=str(self.modules.dtype).removeprefix("torch."),
            sha256=sha256,
            dimension=cast("int", self.modules.get_embedding_dimension()),
            tokens_max=_tokens_max(self.transformer),
            pooling=_pooling_of(self.modules),
            prompts=_prompts_of(self.modules.prompts, self.modules.default_prompt_name),
            files=files,
        )


class TorchEncoder:
    """Runs a model with torch.

    Args:
        model: The model.
        threads: Threads that share the work of a batch on the CPU; 0 for one a core that the process may use.
    """

    def __init__(self, model: SentenceTransformersModel, *, threads: int) -> None:
        torch.set_num_threads(threads or available_cores())
        self._modules = model.modules.eval()
        self._dimension = model.card.dimension
        self.runs_at_once = 1

    def run(
        self,
        batch: PaddedBatch,
        *,
        alone: bool = True,  # noqa: ARG002  # torch has one pool of threads for all batches
    ) -> NDArray[np.float32]:
        """One unit vector a text: [texts, dimension]."""
        with torch.inference_mode():
            features = {
                "input_ids": torch.from_numpy(batch.input_ids).to(self._modules.device),
                "attention_mask": torch.from_numpy(batch.attention_mask).to(self._modules.device),
            }
            vectors = self._modules(features)["sentence_embedding"][:, : self._dimension].float()
            return cast("NDArray[np.float32]", torch.nn.functional.normalize(vectors, dim=1).cpu().numpy())


def _folder_of(model: str) -> Path:
    """The folder itself, or the hub's snapshot, downloaded where it is not here yet.

    Weights are taken as safetensors; only where a model has none as pickles, which torch reads without running them.
    """
    if Path(model).is_dir():
        return Path(model)
    name = model if "/" in model else f"{_ORGANIZATION}/{model}"
    ignored = [f"{folder}/*" for folder in _OTHER_RUNTIMES]
    try:
        folder = Path(_snapshot(name, [*_DESCRIPTIONS, _SAFE_WEIGHTS], ignored))
        if not any(folder.rglob(_SAFE_WEIGHTS)):
            folder = Path(_snapshot(name, [*_DESCRIPTIONS, _PICKLED_WEIGHTS], ignored))
    except (OSError, HFValidationError) as error:
        reason = str(error).partition("\n")[0]
        raise ModelUnusable(f"{model} is no folder here, and the hub gives no such model: {reason}") from error
    return folder


def _snapshot(name: str, allowed: list[str], ignored: list[str]) -> str:
    return huggingface_hub.snapshot_download(name, allow_patterns=allowed, ignore_patterns=ignored)


def _loaded(folder: Path, device: str | None) -> SentenceTransformer:
    try:
        return SentenceTransformer(str(folder), device=device)
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        raise ModelUnusable(f"{folder} cannot be loaded as a sentence-transformers model: {error}") from error


def _transformer_of(modules: SentenceTransformer) -> Transformer:
    first = modules[0]
    tokenizer = getattr(first, "tokenizer", None)
    if not isinstance(first, Transformer) or not getattr(tokenizer, "is_fast", False):
        raise ModelUnusable(
            f"the model begins with {type(first).__name__}: only transformers with a tokenizer of the `tokenizers`"
            " library are supported"
        )
    return first


def _pooling_of(modules: SentenceTransformer) -> Pooling:
    for module in modules:
        if isinstance(module, PoolingModule):
            if not module.include_prompt:
                raise ModelUnusable("the model leaves its prompt out of pooling, which is not supported")
            if not isinstance(module.pooling_mode, str):
                raise ModelUnusable(
                    f"the model joins poolings ({', '.join(module.pooling_mode)}), which is not supported"
                )
            return Pooling(module.pooling_mode)
    raise ModelUnusable("the model has no pooling: it does not make one vector of a text's tokens")


def _tokens_max(transformer: Transformer) -> int:
    """What the model's files state, and no more than it has positions for."""
    limits = [transformer.max_seq_length or _TOKENS_MAX]
    for name, module in transformer.model.named_modules():
        if name.endswith("position_embeddings") and isinstance(module, torch.nn.Embedding):
            # Models of RoBERTa's family count positions from the one after that of padding.
            unused = 0 if module.padding_idx is None else module.padding_idx + 1
            limits.append(module.num_embeddings - unused)
    limit = min(limits)
    if limit >= _TOKENS_MAX:
        raise ModelUnusable("the model states no maximum length: set max_seq_length in its sentence_bert_config.json")
    return limit


def _prompts_of(prompts: Mapping[str, str], default: str | None) -> dict[Kind, str]:
    """The prompt of each kind: the first of its names that is not empty, else the model's default prompt."""
    of_kinds = {name for names in _PROMPT_NAMES.values() for name in names}
    otherwise = prompts[default] if default and default not in of_kinds else ""
    return {
        kind: next((prompts[name] for name in names if prompts.get(name)), otherwise)
        for kind, names in _PROMPT_NAMES.items()
    }


def _origin(model: str, folder: Path, sha256: str) -> tuple[str, str]:
    """Name and revision: of the card of a folder that the build wrote, of the hub, or of a folder by its content."""
    if (folder / CARD_FILE).exists():
        card = read_card(folder)
        return card.name, card.revision
    if Path(model).is_dir():
        return folder.resolve().name, f"sha256-{sha256[:_HASH_DIGITS]}"
    return model, folder.name  # the hub's cache names a snapshot after its commit


def _files_of(folder: Path) -> Iterable[Path]:
    """The files that make the model what it is, whatever else lies beside them."""
    weights = _SAFE_WEIGHTS if any(folder.rglob(_SAFE_WEIGHTS)) else _PICKLED_WEIGHTS
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        foreign = inside.parts[0] in _OTHER_RUNTIMES or inside.parts[0].startswith(".") or inside.name == CARD_FILE
        if not foreign and path.is_file() and any(inside.match(pattern) for pattern in (*_DESCRIPTIONS, weights)):
            yield path
