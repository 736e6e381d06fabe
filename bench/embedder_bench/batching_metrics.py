"""What the service's own metrics say of its batches: figures that explain others."""

from collections.abc import Iterator, Mapping

from sagwan_bench.pages import Page
from sagwan_bench.results import Figure

_TOKENS = "sagwan_embedder_batch_tokens_total"
_TEXTS = "sagwan_embedder_batch_texts"


def passage_tokens(page: Page) -> float:
    """Tokens of passages that went through the model since the start, without padding."""
    return page.total(_TOKENS, lambda labels: _of_passages(labels) and labels.get("what") == "real")


def batching_figures(page: Page, prefix: str) -> Iterator[Figure]:
    """Batches of passages since the start, their texts, and the share of padding; no value where there was none."""
    real = passage_tokens(page)
    padding = page.total(_TOKENS, lambda labels: _of_passages(labels) and labels.get("what") == "padding")
    batches = page.total(f"{_TEXTS}_count", _of_passages)
    texts = page.total(f"{_TEXTS}_sum", _of_passages)
    computed = real + padding
    yield Figure(f"{prefix}_batches", batches or None, "batches")
    yield Figure(f"{prefix}_texts_a_batch", texts / batches if batches else None, "texts")
    yield Figure(f"{prefix}_padding_share", padding / computed if computed else None, "of tokens")


def _of_passages(labels: Mapping[str, str]) -> bool:
    return labels.get("kind") == "passage"
