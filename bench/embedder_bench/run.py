"""What every measurement of a run shares."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from embedder_bench.texts import EvaluationTexts


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of the benchmark.

    Attributes:
        model: Folder of the model that is served.
        scratch: Folder for what the comparisons need; kept from run to run.
        torch_python: An interpreter that has sentence-transformers, which may not be there.
        texts: The evaluation sets.
        tell: Takes a remark that belongs to the figures.
        texts_max: Most texts of one measurement; None for as many as the claim says.
        seconds_max: Longest timed stretch; None for as long as the claim says.
    """

    model: Path
    scratch: Path
    torch_python: Path
    texts: EvaluationTexts
    tell: Callable[[str], None]
    texts_max: int | None
    seconds_max: float | None

    @property
    def is_whole(self) -> bool:
        """Whether it measures as many texts, for as long, as the claims say."""
        return self.texts_max is None and self.seconds_max is None

    def count(self, claimed: int) -> int:
        """How many texts to measure with where a claim says this many."""
        return claimed if self.texts_max is None else min(claimed, self.texts_max)

    def seconds(self, claimed: float) -> float:
        """How long to measure where a claim says this long."""
        return claimed if self.seconds_max is None else min(claimed, self.seconds_max)
