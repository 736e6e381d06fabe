"""What the use cases need from the outside."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from sagwan_runtime.deadline import Deadline
from sagwan_search.domain.answer import MeetingSummary, StoredChunk, Surroundings
from sagwan_search.domain.candidates import Selection
from sagwan_search.domain.facets import RankedMeeting, RankedSpeaker
from sagwan_search.domain.filters import Filter
from sagwan_search.domain.fusion import Candidate, Leg
from sagwan_search.domain.lexical import TermStatistics, WeightedTerm
from sagwan_search.domain.lines import Utterance
from sagwan_search.domain.neighbors import Place
from sagwan_search.domain.suggestions import Suggestion

Vector = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Model:
    """An embedding model.

    Attributes:
        sha256: What tells it from every other.
        label: `name@revision/quantization`, for people.
        dimension: Of its vectors.
    """

    sha256: str
    label: str
    dimension: int


@dataclass(frozen=True, slots=True)
class QueryVector:
    """A question as a vector.

    Attributes:
        vector: float32, of the model's dimension, of unit length.
        model: Who wrote it.
    """

    vector: Vector
    model: Model


class ExpectingEmbedder(Protocol):
    """An embedder among several."""

    def expect(self, model_sha256: str | None) -> None:
        """Says which model serves, as last seen. The vector says who wrote it: the caller must look."""
        ...


class QueryEmbedder(ExpectingEmbedder, Protocol):
    """Turns questions into vectors."""

    async def embed(self, text: str, deadline: Deadline) -> QueryVector:
        """The vector of a question.

        Raises:
            DependencyUnavailable: The embedder cannot be reached or refuses.
            DeadlineExceeded: It did not answer in time.
        """
        ...


class BatchEmbedder(Protocol):
    """Turns many questions into vectors at once."""

    async def embed_all(self, texts: Sequence[str], deadline: Deadline) -> list[QueryVector]:
        """The vectors of questions, in their order, by as few calls as leave room for others.

        Raises:
            DependencyUnavailable: The embedder cannot be reached or refuses.
            DeadlineExceeded: It did not answer in time.
        """
        ...


class PassageEmbedder(ExpectingEmbedder, Protocol):
    """Turns texts into vectors as documents are, to be compared with documents."""

    async def embed_passage(self, text: str, deadline: Deadline) -> QueryVector:
        """The vector of a text as a passage; of a text that is too long for the model, the mean of its parts.

        Raises:
            DependencyUnavailable: The embedder cannot be reached or refuses.
            DeadlineExceeded: It did not answer in time.
        """
        ...


class SearchSession(Protocol):
    """One consistent look at a tenant's meetings."""

    async def narrow(self, condition: Filter) -> None:
        """Restricts the legs to what passes a filter."""
        ...

    async def few_pass(self, most: int) -> bool:
        """Whether there is a filter that no more than so many chunks pass."""
        ...

    async def term_statistics(self, keys: Sequence[int]) -> TermStatistics:
        """How many chunks there are, and how many under each of these index keys: terms, or tiers of terms."""
        ...

    async def lexical(self, selection: Selection, scored: Sequence[WeightedTerm], depth: int) -> list[Candidate]:
        """Chunks that are candidates, by BM25 over the scored terms, best first."""
        ...

    async def serving_model(self) -> Model | None:
        """The model whose vectors are complete; None before the first ingest."""
        ...

    async def nearest(self, vector: Vector, depth: int) -> list[Candidate]:
        """Chunks of the serving model nearest to a vector, by cosine, best first."""
        ...

    async def newest(self, depth: int) -> list[int]:
        """Chunks that pass the filter, those of the newest meetings first, then as they were said."""
        ...

    async def choice(self, leg: Leg) -> str:
        """How a leg found what it did and why, in words; empty for a leg that took no part."""
        ...

    async def stored_vector(self, meeting_id: str, chunk_id: int) -> Vector | None:
        """The vector of a chunk by the serving model; None when the meeting has no such chunk."""
        ...

    async def chunk_of_utterance(self, meeting_id: str, ordinal: int) -> int | None:
        """The chunk that holds an utterance, or most of it; None when none does."""
        ...

    async def chunks(self, chunk_ids: Sequence[int]) -> dict[int, StoredChunk]:
        """The chunks that still exist, by id, with their utterances."""
        ...

    async def names_of(self, keys: Sequence[str]) -> list[Suggestion]:
        """Speakers, tags and titles that keys lead to, as `sagwan_text.completion` makes them."""
        ...

    async def names_near(self, heads: Sequence[str], tails: Sequence[str]) -> list[Suggestion]:
        """Speakers, tags and titles with a word of which one half or the other is given, the most frequent ones."""
        ...

    async def places(self, chunk_ids: Sequence[int]) -> dict[int, Place]:
        """Where each chunk stands, for the chunks that still exist."""
        ...

    async def ranked_meetings(self, chunk_ids: Sequence[int]) -> list[RankedMeeting]:
        """The meetings of the chunks that still exist."""
        ...

    async def ranked_speakers(self, chunk_ids: Sequence[int]) -> list[RankedSpeaker]:
        """Who speaks in the chunks that still exist, the most frequent first; speakers without a name are left out."""
        ...

    async def surroundings(self, chunk_ids: Sequence[int], neighbor_count: int) -> dict[int, Surroundings]:
        """What lies around the chunks that still exist, by id: up to so many chunks of the meeting on either side."""
        ...


@dataclass(frozen=True, slots=True)
class SpokenLine:
    """An utterance with the meeting it is from.

    Attributes:
        meeting: The meeting.
        utterance: The turn.
    """

    meeting: MeetingSummary
    utterance: Utterance


@dataclass(frozen=True, slots=True)
class UtterancePage:
    """A page of utterances.

    Attributes:
        lines: In order; one more than asked for when there is another page.
        total: On all pages.
        meeting_counts: Per meeting, most first; on the first page only.
    """

    lines: Sequence[SpokenLine]
    total: int
    meeting_counts: Sequence[tuple[str, int]]


class MeetingStore(Protocol):
    """Where meetings are kept."""

    def look(self, tenant_id: UUID, deadline: Deadline) -> AbstractAsyncContextManager[SearchSession]:
        """Opens a session."""
        ...

    async def utterances(
        self,
        tenant_id: UUID,
        condition: Filter,
        *,
        after: tuple[str, int] | None,
        lines_max: int,
        deadline: Deadline,
    ) -> UtterancePage:
        """Utterances that pass a filter, by meeting id and ordinal, from the one after `after`."""
        ...


class SuggestionStore(Protocol):
    """Where values are that can be completed."""

    async def completions(
        self,
        tenant_id: UUID,
        ranges: Sequence[tuple[str, str]],
        *,
        words_max: int,
        values_max: int,
        deadline: Deadline,
    ) -> list[Suggestion]:
        """Values with a word whose key lies in a range, by spelling, the most frequent first.

        Args:
            tenant_id: Whose.
            ranges: One or two, the first key and the first after it, as `sagwan_text.completion` gives them.
            words_max: Keys that are read of each range, from its first on.
            values_max: Values that are returned.
            deadline: When they must be there.
        """
        ...
