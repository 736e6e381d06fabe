"""Texts to vectors: what is known already, then cutting, then the lane, then pooling.

Equal texts of a call are computed once, and vectors of recent queries are kept. Texts are cut into tokens before they
stand in line, so that what waits has its real length.
"""

import asyncio
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace

import numpy as np
from cachetools import LRUCache
from numpy.typing import NDArray

from sagwan_embedder.domain.model import Kind, ModelCard
from sagwan_embedder.domain.windows import Overlong, pooled, windows
from sagwan_embedder.lanes import Lane
from sagwan_embedder.ports import Tokenizer
from sagwan_runtime.errors import DeadlineExceeded, Violation, refuse_if_any
from sagwan_runtime.metrics import EmbedderMetrics

# Cutting more takes longer than the event loop should stand still: 8,192 characters take about a millisecond.
_CHARACTERS_CUT_AT_ONCE = 8_192
# A token is about four bytes of English or of Korean. Only an estimate for admission: what waits is counted exactly.
_BYTES_A_TOKEN = 4
_CHARACTERS_REMEMBERED = 1_024


@dataclass(frozen=True, slots=True)
class Request:
    """Texts to be embedded.

    Attributes:
        texts: At least one; any that encode to UTF-8.
        kind: What they are for: decides the prompt that goes before each, and the lane.
        overlong: What happens to those of more tokens than the model takes.
        caller: Whose share of the model they take.
        deadline_s: `time.monotonic()` after which nobody waits for the answer.
    """

    texts: Sequence[str]
    kind: Kind
    overlong: Overlong
    caller: str
    deadline_s: float


@dataclass(frozen=True, slots=True)
class Timings:
    """Where the time of a call went. What is neither of the other two is `queue_s`."""

    tokenize_s: float
    queue_s: float
    inference_s: float


@dataclass(frozen=True, slots=True, eq=False)
class Vector:
    """What a text became.

    Attributes:
        values: float32, of the model's dimension and of unit length.
        token_count: Tokens that the model saw: with markers, with the prompt, of all windows together.
        truncated: Whether the text lost its tail.
    """

    values: NDArray[np.float32]
    token_count: int
    truncated: bool


@dataclass(frozen=True, slots=True, eq=False)
class Embedded:
    """The vectors of a request's texts, in their order, and where the time went."""

    vectors: list[Vector]
    timings: Timings


@dataclass(frozen=True, slots=True, eq=False)
class _Cut:
    rows: list[NDArray[np.int32]]
    truncated: bool


class Embedding:
    """Embeds texts with one model.

    Args:
        card: The model.
        tokenizer: Its tokenizer.
        lanes: Where texts of each kind go through it.
        cutter: The one thread in which long texts are cut.
        metrics: Where it counts.
        query_cache_entries: Queries whose vectors are kept.
    """

    def __init__(
        self,
        card: ModelCard,
        tokenizer: Tokenizer,
        lanes: Mapping[Kind, Lane],
        cutter: Executor,
        metrics: EmbedderMetrics,
        *,
        query_cache_entries: int,
    ) -> None:
        self._card = card
        self._tokenizer = tokenizer
        self._lanes = lanes
        self._cutter = cutter
        self._metrics = metrics
        self._known: LRUCache[tuple[str, Overlong], Vector] = LRUCache(query_cache_entries)
        self._tokens_max = card.tokens_max - len(tokenizer.prefix) - len(tokenizer.suffix)
        prompts = [card.prompts[kind].rstrip() for kind in Kind]
        self._prompts = dict(zip(Kind, tokenizer.tokens(prompts), strict=True))

    async def embed(self, request: Request) -> Embedded:
        """Embeds texts of one kind.

        Raises:
            InvalidRequest: A text has too many tokens and the request says to refuse it.
            Overloaded: Too much waits already.
            DeadlineExceeded: The deadline has passed. What was not yet computed never is.
        """
        begun = time.monotonic()
        if request.deadline_s <= begun:
            raise DeadlineExceeded("the deadline passed before the texts were queued")
        known = self._recall(request)
        unknown = [text for text in dict.fromkeys(request.texts) if text not in known]
        tokenize_s = inference_s = 0.0
        if unknown:
            lane = self._lanes[request.kind]
            with lane.reserved(
                self._estimated_tokens(unknown, request.overlong),
                caller=request.caller,
                deadline_s=request.deadline_s,
            ):
                pieces, tokenize_s = await self._tokens(unknown, request.kind)
            cuts = self._cuts(request, dict(zip(unknown, pieces, strict=True)))
            rows = [row for cut in cuts for row in cut.rows]
            encoded = await lane.encode(rows, caller=request.caller, deadline_s=request.deadline_s)
            inference_s = encoded.inference_s
            known |= zip(unknown, _vectors(cuts, encoded.vectors), strict=True)
            self._remember(request, known)
        queue_s = time.monotonic() - begun - tokenize_s - inference_s
        timings = Timings(tokenize_s, max(0.0, queue_s), inference_s)
        return Embedded([known[text] for text in request.texts], timings)

    async def count_tokens(self, texts: Sequence[str], kind: Kind, *, caller: str, deadline_s: float) -> list[int]:
        """Tokens of each text as the model would see it, markers and prompt included, nothing cut off.

        Raises:
            Overloaded: Too much waits already: the rule is that of `embed`.
        """
        estimate = self._estimated_tokens(texts, Overlong.WINDOW)
        with self._lanes[kind].reserved(estimate, caller=caller, deadline_s=deadline_s):
            pieces, _ = await self._tokens(texts, kind)
        return [len(each) + self._card.tokens_max - self._tokens_max for each in pieces]

    async def _tokens(self, texts: Sequence[str], kind: Kind) -> tuple[list[NDArray[np.int32]], float]:
        """All tokens of each text with its prompt, and the seconds that it took."""
        prompted = [self._card.prompts[kind] + text for text in texts]
        started = time.monotonic()
        if sum(map(len, prompted)) <= _CHARACTERS_CUT_AT_ONCE:
            pieces = self._tokenizer.tokens(prompted)
        else:
            loop = asyncio.get_running_loop()
            pieces = await loop.run_in_executor(self._cutter, self._tokenizer.tokens, prompted)
        return pieces, time.monotonic() - started

    def _cuts(self, request: Request, pieces: Mapping[str, NDArray[np.int32]]) -> list[_Cut]:
        if request.overlong is Overlong.REFUSE:
            refuse_if_any(
                Violation(f"texts[{index}]", f"has {len(pieces[text]):,} tokens; the model takes {self._tokens_max:,}")
                for index, text in enumerate(request.texts)
                if text in pieces and len(pieces[text]) > self._tokens_max
            )
        prompt = self._prompts[request.kind]
        cuts: list[_Cut] = []
        for tokens in pieces.values():
            if request.overlong is Overlong.WINDOW:
                parts = windows(tokens, prompt, tokens_max=self._tokens_max)
                cuts.append(_Cut([self._marked(part) for part in parts], truncated=False))
            else:
                row = self._marked(tokens[: self._tokens_max])
                cuts.append(_Cut([row], truncated=len(tokens) > self._tokens_max))
        return cuts

    def _marked(self, tokens: NDArray[np.int32]) -> NDArray[np.int32]:
        return np.concatenate([self._tokenizer.prefix, tokens, self._tokenizer.suffix])

    def _estimated_tokens(self, texts: Iterable[str], overlong: Overlong) -> int:
        estimates = (len(text.encode()) // _BYTES_A_TOKEN + 1 for text in texts)
        return sum(estimates if overlong is Overlong.WINDOW else (min(each, self._tokens_max) for each in estimates))

    def _recall(self, request: Request) -> dict[str, Vector]:
        if request.kind is not Kind.QUERY:
            return {}
        found = {text: self._known.get((text, request.overlong)) for text in request.texts}
        known = {text: vector for text, vector in found.items() if vector is not None}
        self._metrics.query_cache.labels("hit").inc(len(known))
        self._metrics.query_cache.labels("miss").inc(len(found) - len(known))
        return known

    def _remember(self, request: Request, vectors: Mapping[str, Vector]) -> None:
        if request.kind is Kind.QUERY:
            for text, vector in vectors.items():
                # Longer ones are pasted documents, which nobody asks twice, and entries must be of a bounded size.
                if len(text) <= _CHARACTERS_REMEMBERED:
                    # A copy: what came from the lane is a view that would keep its whole batch.
                    self._known[text, request.overlong] = replace(vector, values=vector.values.copy())


def _vectors(cuts: Iterable[_Cut], encoded: Iterable[NDArray[np.float32]]) -> list[Vector]:
    rows = iter(encoded)
    vectors = []
    for cut in cuts:
        counts = [len(row) for row in cut.rows]
        vectors.append(Vector(pooled([next(rows) for _ in counts], counts), sum(counts), cut.truncated))
    return vectors
